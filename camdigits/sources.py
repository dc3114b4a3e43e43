"""Cameras, addresses, the screen, video files and folders to frames.

A live source (camera, address, screen) is read by a thread of its own that keeps the newest frame only: a reader
slower than the camera skips frames but never falls behind. One that is lost, a cable pulled out, a sender that
stops, is opened again and again where that is asked for. A file is read whole, every frame, on its own clock.
"""

import atexit
import math
import re
import stat
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Self

import cv2
import numpy as np

from camdigits.cameras import SIZE, camera_named, given, open_camera, why_closed
from camdigits.errors import SourceError
from camdigits.screen import Capture, ScreenCapture, capture_size
from camdigits.types import PICTURE_SUFFIXES, Frame, Image

FPS = 30.0
"""Frames a second of a source that states none, or none to believe."""

STALLED = 5.0
"""A live source that gives no frame for so many seconds is lost."""

GRACE = 0.5
"""Seconds of failed reads (a corrupt picture, a restarting sender) that a live source is forgiven."""

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 1.5
"""Seconds between attempts to open a lost source again: each pause is twice the last, until the longest."""

TICK = 0.1
"""Seconds between two frames of a source while it is lost."""


class Source(ABC):
    """An open source: a context manager that iterates frames, once.

    name: what the user called it, without passwords. live: frames that are not taken in time are dropped.
    fps: frames a second as stated, or FPS. size: (width, height) of the frames, as far as known before the
    first. given: what a camera gives of what it was asked for, as a person reads it; "" of others. unread: pictures
    of a folder that could not be read, so far. arrival: time.monotonic() at which the newest frame handed out had
    arrived.
    """

    live = False
    given = ""
    unread = 0

    def __init__(self, name: str, fps: float, size: tuple[int, int]) -> None:
        self.name = name
        self.fps = fps if _believable(fps) else FPS
        self.size = size
        self.arrival = 0.0

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames. Raises SourceError where a live source is lost, unless it is to be opened again."""

    def close(self) -> None:  # noqa: B027 - a folder holds nothing open
        """Let go of what is open; may be called again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def open_source(source: int | str | Path = 0, size: tuple[int, int] = SIZE, *, reconnect: bool = False) -> Source:
    """Open what gives frames: a camera, a video file, a folder of pictures or an address.

    source: a camera's index, device or name (0, /dev/video0, part of "Logitech C920"), a path, an http(s) MJPEG or RTSP
    address, the screen (screen, screen:2 for the second monitor). size: (width, height) asked of a camera. reconnect: a
    live source that is lost after its first picture does not end the frames: its last one comes again and again, with
    its `lost` set, until the source is back. Raises SourceError, which says what to try.
    """
    text = str(source)
    if not text:
        raise SourceError("no source named; give a camera, file, folder or address")
    if _is_camera(text):
        return _open_camera(text, size, reconnect)
    if "://" in text:
        return _open_address(text, reconnect)
    if re.fullmatch(r"screen(:\d+)?", text):
        return _open_screen(text, reconnect)
    path = Path(text)
    try:
        kind = path.stat().st_mode
    except (OSError, ValueError):  # not there, too long, a zero byte
        kind = 0
    if stat.S_ISDIR(kind):
        return _Folder(path)
    if stat.S_ISREG(kind):
        return _open_file(path)
    if camera_named(text):
        return _open_camera(text, size, reconnect)
    raise SourceError(f"{text}: no such file, folder or camera; see `camdigits cameras` for cameras")


def _is_camera(text: str) -> bool:
    return text.isdigit() or text.startswith("/dev/")


def _open_camera(camera: str, size: tuple[int, int], reconnect: bool) -> "_Live":
    """Open a camera by index, device or name; one that is called by name may come back at another index."""
    name = f"camera {camera}" if camera.isdigit() else camera

    def connect() -> cv2.VideoCapture:
        index = camera if _is_camera(camera) else camera_named(camera)
        if not index:  # another camera is not the one that was meant
            raise SourceError(f"{name}: no camera of this name; plug it in, or see `camdigits cameras`")
        return open_camera(index, size)

    capture = connect()
    if not capture.isOpened():
        raise SourceError(f"{name}: {why_closed(camera if _is_camera(camera) else camera_named(camera))}")
    return _Live(name, capture, "was it unplugged?", connect if reconnect else None, given(capture))


def _open_screen(text: str, reconnect: bool) -> "_Live":
    monitor = int(text.partition(":")[2] or 1)

    def connect() -> Capture:
        return ScreenCapture(monitor)

    return _Live(text, connect(), "is the desktop gone?", connect if reconnect else None)


def _open_address(address: str, reconnect: bool) -> "_Live | _Video":
    name = re.sub(r"//[^/@]*@", "//", address)
    limit = int(STALLED * 1000)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit]

    def connect() -> cv2.VideoCapture:
        return cv2.VideoCapture(address, cv2.CAP_FFMPEG, limits)

    capture = connect()
    if not capture.isOpened():
        raise SourceError(f"{name}: no video there; check the address, the password and that the sender runs")
    if capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0:  # a file that lies there; of a stream FFmpeg knows no count
        return _Video(name, capture)
    return _Live(name, capture, "did the sender stop?", connect if reconnect else None)


def _open_file(path: Path) -> "_Video":
    if not path.stat().st_size:
        raise SourceError(f"{path}: the file is empty")
    # an absolute path: FFmpeg takes `a:b.mp4` for an address
    return _Video(str(path), cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG))


class _Live(Source):
    """A camera or an address, drained by a thread that alone touches the capture from then on.

    connect: opens it again once it is lost; None where its loss is the end. A thread that a driver holds is left
    behind: its turn is over, and another opens the source.
    """

    live = True

    def __init__(
        self,
        name: str,
        capture: Capture,
        question: str,
        connect: Callable[[], Capture] | None,
        given: str = "",
    ) -> None:
        super().__init__(name, capture.get(cv2.CAP_PROP_FPS), capture_size(capture))
        self.given = given
        self._connect = connect
        self._question = question
        self._news = threading.Condition()
        self._newest: tuple[Image, int, float] | None = None  # picture, index, arrival
        self._index = 0
        self._lost = ""  # why nothing comes
        self._ended = False
        self._turn = 0
        self._start(capture)
        # a thread that comes back from a driver while Python shuts down aborts the process
        atexit.register(self.close)

    def __iter__(self) -> Iterator[Frame]:
        first, last = 0.0, None
        while True:
            newest = self._next()
            if newest:
                image, index, self.arrival = newest
                first = first or self.arrival
                last = Frame(image, index, self.arrival - first, self.name)
                yield last
            elif not last and not self._lost.startswith("hangs"):
                raise SourceError(f"{self.name}: gives no picture; try another")
            elif not last or not self._connect:
                raise SourceError(f"{self.name}: {self._lost}")
            elif self._ended:
                break
            else:
                yield replace(last, time=time.monotonic() - first, lost=self._lost)

    def close(self) -> None:
        """Stop the thread; a driver that hangs is left behind."""
        self._ended = True
        self._turn += 1
        self._thread.join(timeout=1.0)
        atexit.unregister(self.close)

    def _next(self) -> tuple[Image, int, float] | None:
        """Return the newest picture once there is one, None where the source is lost."""
        with self._news:
            lost = self._lost
            came = self._news.wait_for(
                lambda: self._newest or self._ended or self._lost != lost, timeout=TICK if lost else STALLED
            )
            if not came and not lost:
                self._lost = f"hangs, no picture for {STALLED:.0f} seconds; connect it anew"
                if self._connect:
                    self._start(None)
            newest, self._newest = self._newest, None
            return newest

    def _start(self, capture: Capture | None) -> None:
        """Let a thread read, which opens the source first where there is no capture; another thread's turn is over."""
        self._turn += 1
        # a daemon: a hung driver must not keep the program from ending
        self._thread = threading.Thread(
            target=self._read_on, args=(self._turn, capture), name=f"reads {self.name}", daemon=True
        )
        self._thread.start()

    def _read_on(self, turn: int, capture: Capture | None) -> None:
        while self._turn == turn:
            capture = capture or self._opened_again(turn)
            if capture:
                self._drain(turn, capture)
                capture.release()
                capture = None
            with self._news:
                if self._turn == turn:
                    self._lost = f"lost; {self._question}"
                    self._ended = not self._connect
                    self._news.notify()
            if not self._connect:
                break

    def _drain(self, turn: int, capture: Capture) -> None:
        """Keep the newest picture until nothing comes any more, or the turn is over."""
        alive = time.monotonic()
        while self._turn == turn and time.monotonic() - alive < GRACE:
            image = _read(capture)
            if image is None:
                time.sleep(0.01)
                continue
            alive = time.monotonic()
            with self._news:
                if self._turn == turn:
                    self._newest = image, self._index, alive
                    self._index += 1
                    self._lost = ""
                    self._news.notify()

    def _opened_again(self, turn: int) -> Capture | None:
        """Return the source's capture as soon as it opens; None once the turn is over."""
        assert self._connect
        pause = FIRST_PAUSE
        while self._turn == turn:
            time.sleep(pause)
            with suppress(SourceError):  # as its screen or its name is not back yet
                capture = self._connect()
                if capture.isOpened():
                    return capture
                capture.release()
            pause = min(2 * pause, LONGEST_PAUSE)
        return None


class _Video(Source):
    """A video file, every frame."""

    def __init__(self, name: str, capture: cv2.VideoCapture) -> None:
        self._capture = capture
        codec = int(self._capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little", signed=True)
        # FFmpeg plays a text file as a film of letters
        self._first = None if codec == b"ansi" else _read(self._capture)
        if self._first is None:
            self._capture.release()
            raise SourceError(f"{name}: not a video that can be read; convert it, say to H.264 in .mp4")
        super().__init__(name, self._capture.get(cv2.CAP_PROP_FPS), _image_size(self._first))

    def __iter__(self) -> Iterator[Frame]:
        believable = _believable(self._capture.get(cv2.CAP_PROP_FPS))
        image, index, seconds = self._first, 0, 0.0
        while image is not None:
            self.arrival = time.monotonic()
            yield Frame(image, index, seconds, self.name)
            image, index = _read(self._capture), index + 1
            position = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            seconds = index / self.fps if believable else max(seconds, position)

    def close(self) -> None:
        """Close the file."""
        self._capture.release()


class _Folder(Source):
    """A folder of pictures, in the order of the numbers in their names, FPS a second."""

    def __init__(self, path: Path) -> None:
        self._paths = sorted((p for p in path.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES), key=_numbered)
        if not self._paths:
            raise SourceError(f"{path}: no pictures in this folder ({', '.join(sorted(PICTURE_SUFFIXES))})")
        first = next((image for image in map(_load, self._paths) if image is not None), None)
        if first is None:
            raise SourceError(f"{path}: none of the {len(self._paths)} pictures in this folder can be read")
        super().__init__(str(path), FPS, _image_size(first))

    def __iter__(self) -> Iterator[Frame]:
        for index, path in enumerate(self._paths):
            image = _load(path)
            if image is None:
                self.unread += 1
                continue
            self.arrival = time.monotonic()
            yield Frame(image, index, index / self.fps, self.name)


def _read(capture: Capture) -> Image | None:
    """Return the next picture, None where there is none, whichever way OpenCV says so."""
    try:
        ok, image = capture.read()
    except cv2.error:
        return None
    return np.asarray(image, np.uint8) if ok and image is not None and image.size else None


def _load(path: Path) -> Image | None:
    """Return a picture turned as its EXIF says; not by imread, which fails on non-ASCII paths on Windows."""
    try:
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except (cv2.error, OSError):
        return None
    return None if image is None else np.asarray(image, np.uint8)


def _numbered(path: Path) -> list[tuple[int, str]]:
    """Return a key that sorts frame2 before frame10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", path.name)]


def _believable(fps: float) -> bool:
    return math.isfinite(fps) and 0.5 <= fps <= 1000


def _image_size(image: Image) -> tuple[int, int]:
    return image.shape[1], image.shape[0]
