"""What a source on the server sees: read once, by a thread of its own, and shown to everyone who watches."""

import asyncio
import json
import math
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import cv2
from starlette.websockets import WebSocket, WebSocketDisconnect

from camdigits.classify import Classifier
from camdigits.errors import SourceError
from camdigits.pipeline import trace_parts
from camdigits.settings import LiveSettings
from camdigits.sinks import all_told
from camdigits.sources import open_source
from camdigits.types import Box, Image, Trace
from camdigits.watch import Watch as Follower
from camdigits.web.stream import Newest, listen

RATE = 15.0
"""Pictures a second, at most."""

WIDEST = 960
"""Pixels of a picture's longer side as it is sent; it is read as it came."""

QUALITY = 80
"""Of its JPEG."""

PATIENCE = 3.0
"""Seconds in which the thread ends; a driver that hangs is left behind."""

PAUSED = 2.0
"""A film that is so many seconds late was not watched: it goes on from where it is, else from where it should be."""

News = tuple[str, bytes]
"""What was read, as JSON, and the picture it was read in, as JPEG."""


class Watch:
    """A source, and those who watch it. A film begins anew where it ends; nothing is read while nobody watches."""

    def __init__(self, source: str, classifier: Classifier, min_confidence: float) -> None:
        """Open a source. Raises SourceError."""
        self._source = open_source(source, reconnect=True)
        self._asked_for = source
        self.name = self._source.name
        self._classifier, self._min_confidence = classifier, min_confidence
        self._viewers: set[Newest[News]] = set()
        self._watched = threading.Event()
        self._ended = False
        self._last: dict[str, Any] = {"numbers": []}
        self._picture = b""
        self._due = 0.0  # when the next picture may be shown
        self._thread = threading.Thread(target=self._run, name=f"watches {self.name}", daemon=True)

    def start(self) -> None:
        """Begin; called in the event loop that the viewers are served in."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def close(self) -> None:
        """End, and let the viewers go."""
        self._ended = True
        self._watched.set()
        self._publish(None)
        self._thread.join(PATIENCE)  # inside OpenCV while Python shuts down it would abort the process

    async def show(self, socket: WebSocket) -> None:
        """Send a viewer what was read, as text, then its picture, as bytes, until it goes; the newest only."""
        newest: Newest[News] = Newest()
        self._viewers.add(newest)
        self._watched.set()
        listening = asyncio.create_task(listen(socket, lambda _: None, lambda: newest.put(None)))
        try:
            while news := await newest.take():
                await socket.send_text(news[0])
                await socket.send_bytes(news[1])
        except WebSocketDisconnect:
            pass
        finally:
            listening.cancel()
            self._viewers.discard(newest)
            if not self._viewers and not self._ended:
                self._watched.clear()

    def _publish(self, news: News | None) -> None:
        for viewer in self._viewers:
            viewer.put(news)

    def _hand_over(self, said: dict[str, Any], picture: bytes) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._publish, (json.dumps(said), picture))

    def _run(self) -> None:
        try:
            while not self._ended:
                self._play()
                time.sleep(max(0.0, self._due - time.monotonic()))  # a film may be a single picture
                if not self._ended:
                    self._source = open_source(self._asked_for, reconnect=True)
        except Exception as error:  # whatever it is, who watches is told
            unforeseen = f"{self.name}: cannot be read ({type(error).__name__}: {error}); start camdigits serve again"
            self._last = {**self._last, "lost": str(error) if isinstance(error, SourceError) else unforeseen}
            while not self._ended:  # whoever comes now is told, too
                self._watched.wait()
                self._hand_over(self._last, self._picture)
                time.sleep(1)

    def _play(self) -> None:
        """Read the source once, a film at its own speed."""
        began = -math.inf
        with self._source as source:
            follower = Follower(source, LiveSettings())
            for frame in source:
                is_held = not self._watched.is_set()
                self._watched.wait()
                if self._ended:
                    return
                if is_held:  # what was seen before nobody watched says nothing about now
                    follower = Follower(source, LiveSettings())
                    if source.live:
                        continue
                if not source.live:
                    late = time.monotonic() - began - frame.time
                    if late > PAUSED:
                        began = time.monotonic() - frame.time
                    elif late > 1 / RATE:
                        continue
                    time.sleep(max(0.0, -late))
                if time.monotonic() < self._due:
                    continue
                self._due = time.monotonic() + 1 / RATE
                follower.take(frame, self._read)
                self._last = _said(follower)
                self._picture = _jpeg(frame.image)
                self._hand_over(self._last, self._picture)

    def _read(self, image: Image, parts: Sequence[Box]) -> Trace:
        return trace_parts(image, parts, self._classifier, self._min_confidence)


def _said(follower: Follower) -> dict[str, Any]:
    """Return what JSON says of the newest frame, and why its source is lost, where it is."""
    frame = follower.frame
    assert frame
    height, width = frame.image.shape[:2]
    lost = {"lost": frame.lost} if frame.lost else {}
    when = {"frame": frame.index, "time": round(frame.time, 3), **lost}
    return {**when, "width": width, "height": height, "numbers": all_told(follower.readings)}


def _jpeg(image: Image) -> bytes:
    scale = min(1.0, WIDEST / max(image.shape[:2]))
    size = Box(0, 0, *image.shape[1::-1]).scaled(scale)[2:]
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
    return cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
