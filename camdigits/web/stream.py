"""A browser's camera: pictures come in, what is read in them goes out, newest picture first, others never."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from starlette.websockets import WebSocket, WebSocketDisconnect

from camdigits.classify import Classifier
from camdigits.errors import PictureError
from camdigits.pictures import decode_picture
from camdigits.pipeline import trace_image
from camdigits.sinks import all_told
from camdigits.track import Tracker
from camdigits.types import Reading
from camdigits.unchanged import Unchanged
from camdigits.web.reading import Readers, TooLargeError, TooMuchError, checked_frame

MAX_PIXELS = 4_000_000
"""Of a camera's picture."""

FASTEST = 60.0
"""Pictures a second taken from one camera: more are left in the network, where only their sender waits for them."""

T = TypeVar("T")


class Newest(Generic[T]):
    """The newest of what was put; who takes waits for one that was not taken. None is the end."""

    def __init__(self) -> None:
        self._there = asyncio.Event()
        self._newest: T | None = None

    def put(self, newest: T | None) -> None:
        """Replace what was not taken."""
        self._newest = newest
        self._there.set()

    async def wait(self) -> None:
        """Wait until there is one that was not taken."""
        await self._there.wait()

    async def take(self) -> T | None:
        """Return the newest once there is one."""
        await self._there.wait()
        self._there.clear()
        return self._newest


async def listen(socket: WebSocket, take: Callable[[bytes], None], end: Callable[[], None]) -> None:
    """Hand over what a client sends until it goes, or says what nobody understands: text."""
    try:
        while True:
            began = time.monotonic()
            take(await socket.receive_bytes())
            await asyncio.sleep(began + 1 / FASTEST - time.monotonic())
    except (WebSocketDisconnect, KeyError):
        end()


async def follow_camera(socket: WebSocket, readers: Readers, classifier: Classifier, min_confidence: float) -> None:
    """Read the pictures of one camera until it goes; a number's text is what several pictures agree on.

    Each message is one picture; each answer is of the newest one then, counted from 0 in `frame`, and says what
    `camdigits live` would, or `error`.
    """
    newest: Newest[tuple[int, bytes]] = Newest()
    count = -1
    tracker, unchanged = Tracker(), Unchanged()
    readings: list[Reading] = []

    def take(encoded: bytes) -> None:
        nonlocal count
        count += 1
        newest.put((count, encoded))

    def read(encoded: bytes, at: float) -> dict[str, Any]:
        nonlocal readings
        checked_frame(encoded, "frame", MAX_PIXELS)
        image = decode_picture(encoded, "frame")
        start = time.perf_counter()
        if not unchanged.look(image, at):
            numbers = trace_image(image, classifier, min_confidence).numbers
            readings = tracker.update(numbers, at - unchanged.rested)
            unchanged.was_read(numbers, readings)
        height, width = image.shape[:2]
        elapsed = round(1000 * (time.perf_counter() - start), 1)
        said = {"time": round(at, 3), "width": width, "height": height, "elapsed_ms": elapsed}
        return {**said, "numbers": all_told(readings)}

    listening = asyncio.create_task(listen(socket, take, lambda: newest.put(None)))
    began = time.monotonic()
    try:
        while True:
            await newest.wait()
            async with readers.turn:
                # only now: while others were read, newer ones may have come
                taken = await newest.take()
                if taken is None:
                    break
                frame, encoded = taken
                try:
                    answer = await readers.frame(read, encoded, time.monotonic() - began)
                except (PictureError, TooLargeError, TooMuchError) as error:
                    answer = {"error": str(error).removeprefix("frame: ")}
            await socket.send_text(json.dumps({"frame": frame, **answer}))
    except WebSocketDisconnect:
        pass
    finally:
        listening.cancel()
