"""Uvicorn's HTTP/1.1 and WebSocket, with what they lack: patience that ends, and an end that is quiet."""

import asyncio
from contextlib import suppress

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

PATIENCE = 5.0
"""Seconds from a connection's beginning, or from the first byte of its next request, to the end of the headers."""


class PatientProtocol(H11Protocol):
    """HTTP/1.1 that hangs up on who does not come to the point: there are only so many connections."""

    _due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Wait on where that was not yet a whole request."""
        super().data_received(data)
        if self._due and not self._is_idle():  # the next request has a time of its own
            self._due.cancel()
            self._due = None
        if self._due is None and self._is_idle():
            self._wait()

    def _wait(self) -> None:
        self._due = self.loop.call_later(PATIENCE, self._hang_up)

    def _is_idle(self) -> bool:
        """Say whether no request is being answered; what has become a WebSocket is none of ours any more."""
        return self in self.connections and (self.cycle is None or self.cycle.response_complete)

    def _hang_up(self) -> None:
        self._due = None
        if self._is_idle():
            self.transport.close()


class QuietProtocol(WebSocketsSansIOProtocol):
    """WebSocket that can be shut down while it closes."""

    def shutdown(self) -> None:
        """Say that the server ends, to who is not leaving already."""
        with suppress(InvalidState):
            super().shutdown()
        self.transport.close()
