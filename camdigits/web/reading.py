"""Models that are open, and the threads that read with them: so many at once, so many waiting, so long at most."""

import asyncio
import math
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

from camdigits import pipeline
from camdigits.classify import Classifier, shipped_models
from camdigits.errors import PictureError
from camdigits.formats import heic_size, is_heic, is_pdf
from camdigits.pictures import EMPTY, KINDS
from camdigits.web.sizes import decoded_bytes

MAX_PIXELS = 50_000_000
"""Of a picture sent: decoded and read it takes half a gigabyte."""

LARGE = 10_000_000
"""Of pictures with more pixels, and of PDF files, one is read at a time."""

TIME_LIMIT = 10.0
"""Seconds after which nobody waits for a picture any more; the largest of noise takes two."""

MOST_THREADS = 8
"""Of each kind."""

MOST_WAITING = 32
"""Pictures that may wait for a thread; more are turned away."""

P = ParamSpec("P")
T = TypeVar("T")


class TooMuchError(Exception):
    """There is more to read than can be, for now."""


class TooLargeError(Exception):
    """A picture has more pixels than are decoded."""


class Models:
    """The models that a client may choose by name, opened when first asked for; the default one at once."""

    def __init__(self, default: str) -> None:
        """default: whatever Classifier takes; a file is then known by its stem. Raises ModelError."""
        pipeline.check()
        shipped = shipped_models()
        self.default = default if default in shipped else Path(default).stem
        # a file may have a shipped model's name, which then stands for the file
        self._files = {self.default: default} | {name: name for name in shipped if name != self.default}
        self._open = {self.default: Classifier(default)}
        self._opening = threading.Lock()

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, the default one first."""
        return tuple(self._files)

    def __getitem__(self, name: str) -> Classifier:
        """Return an open model. Raises KeyError where there is none of that name, ModelError where it is broken."""
        with self._opening:
            if name not in self._open:
                self._open[name] = Classifier(self._files[name])
            return self._open[name]


class Readers:
    """Threads that read. Frames and pictures have their own, so that neither waits for the other.

    turn: held by who has a frame read, in the order in which they asked; as many have it as there are threads.
    """

    def __init__(self) -> None:
        count = min(max(2, os.cpu_count() or 1), MOST_THREADS)
        self._frames = ThreadPoolExecutor(count, "reads frames")
        self._pictures = ThreadPoolExecutor(count, "reads pictures")
        self.turn = asyncio.Semaphore(count)
        self._large = asyncio.Lock()
        self._waiting = 0

    async def frame(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Return what a short work gives, for who has the turn. Raises TooMuchError."""
        try:
            async with asyncio.timeout(TIME_LIMIT):
                return await asyncio.wrap_future(self._frames.submit(work, *arguments, **named))
        except TimeoutError:
            raise TooMuchError(f"not read within {TIME_LIMIT:.0f} seconds") from None

    async def picture(self, size: int, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Return what is read in a picture of so many decoded bytes. Raises TooMuchError."""
        if self._waiting >= MOST_WAITING:
            raise TooMuchError("too many pictures wait; send it again in a moment")
        loop = asyncio.get_running_loop()
        is_large = size > 3 * LARGE

        def done(_: Future[T]) -> None:
            with suppress(RuntimeError):  # the server has ended meanwhile
                loop.call_soon_threadsafe(self._one_less, is_large)

        self._waiting += 1
        try:
            if is_large:
                async with asyncio.timeout(TIME_LIMIT):
                    await self._large.acquire()
        except TimeoutError:
            self._waiting -= 1
            raise TooMuchError("large pictures are being read; send it again in a moment") from None
        future = self._pictures.submit(work, *arguments, **named)
        future.add_done_callback(done)
        try:
            async with asyncio.timeout(TIME_LIMIT):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            if future.cancel():  # it has not begun
                raise TooMuchError("too many pictures wait; send it again in a moment") from None
            raise TooMuchError(f"not read within {TIME_LIMIT:.0f} seconds; send a smaller picture") from None

    def close(self) -> None:
        """Let what is being read end, and nothing begin."""
        self._frames.shutdown(wait=False, cancel_futures=True)
        self._pictures.shutdown(wait=False, cancel_futures=True)

    def _one_less(self, is_large: bool) -> None:
        self._waiting -= 1
        if is_large:
            self._large.release()


def checked_size(encoded: bytes, name: str) -> int:
    """Return how many bytes a picture will take. Raises PictureError where it is none, TooLargeError."""
    if not encoded:
        raise PictureError(f"{name}: {EMPTY}")
    if is_pdf(encoded):
        return 3 * MAX_PIXELS  # one at a time: it takes what time and memory a page is given
    if is_heic(encoded):
        return _checked(3 * math.prod(heic_size(encoded, name)), name, MAX_PIXELS)
    return _checked(decoded_bytes(encoded), name, MAX_PIXELS, KINDS)


def checked_frame(encoded: bytes, name: str, most: int) -> int:
    """Return how many bytes a picture will take that OpenCV decodes. Raises PictureError, TooLargeError."""
    return _checked(decoded_bytes(encoded), name, most)


def _checked(size: int | None, name: str, most: int, kinds: str = "JPEG, PNG, BMP, WebP and TIFF") -> int:
    if not size:
        raise PictureError(f"{name}: not a picture, or cut short; {kinds} are read")
    if size > 3 * most:
        raise TooLargeError(f"more than {most / 1e6:g} million pixels; reduce it first")
    return size
