"""How long a connection may take to say what it wants: uvicorn waits for ever, and has only so many."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE = 5.0
"""Seconds from a connection's beginning, or from the first byte of its next request, to the end of the headers."""


class PatientProtocol(H11Protocol):
    """HTTP/1.1 that hangs up on who does not come to the point."""

    _due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Wait on where that was not yet a whole request."""
        super().data_received(data)
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
