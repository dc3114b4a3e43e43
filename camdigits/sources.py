"""Cameras, addresses, video files and folders to frames.

A live source (camera, address) is read by a thread of its own that keeps the newest frame only: a reader
slower than the camera skips frames but never falls behind. One that is lost, a cable pulled out, a sender that
stops, is opened again and again where that is asked for. A file is read whole, every frame, on its own clock.
"""

import atexit
import errno
import math
import os
import re
import stat
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import cv2
import numpy as np

from camdigits.errors import SourceError
from camdigits.types import PICTURE_SUFFIXES, Frame, Image

SIZE = (1280, 720)
"""The (width, height) asked of a camera; it gives the nearest it has."""

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

# native lines on stderr help nobody: each failure becomes one SourceError; OPENCV_LOG_LEVEL leaves some of them
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


class Source(ABC):
    """An open source: a context manager that iterates frames, once.

    name: what the user called it, without passwords. live: frames that are not taken in time are dropped.
    fps: frames a second as stated, or FPS. size: (width, height) of the frames, as far as known before the
    first. arrival: time.monotonic() at which the newest frame handed out had arrived.
    """

    live = False

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

    source: a camera's index or device (0, /dev/video0), a path, an http(s) MJPEG or RTSP address. size: (width,
    height) asked of a camera. reconnect: a live source that is lost after its first picture does not end the frames:
    its last one comes again and again, with its `lost` set, until the source is back. Raises SourceError, which says
    what to try.
    """
    text = str(source)
    if not text:
        raise SourceError("no source named; give a camera, file, folder or address")
    if re.fullmatch(r"\d+", text) or text.startswith("/dev/"):
        return _open_camera(text, size, reconnect)
    if "://" in text:
        return _open_address(text, reconnect)
    path = Path(text)
    try:
        kind = path.stat().st_mode
    except (OSError, ValueError):  # not there, too long, a zero byte
        kind = 0
    if stat.S_ISDIR(kind):
        return _Folder(path)
    if not stat.S_ISREG(kind):
        raise SourceError(f"{text}: no such file, folder or camera; see `camdigits cameras` for cameras")
    return _open_file(path)


@dataclass(frozen=True, slots=True)
class CameraEntry:
    """A camera that is there: index, name, width and height of its frames (0 where it cannot be opened)."""

    index: int
    name: str
    width: int
    height: int

    def __str__(self) -> str:
        size = f"{self.width}x{self.height}" if self.width else "in use, or it does not open"
        return f"{self.index}  {self.name}  {size}"


def list_cameras() -> list[CameraEntry]:
    """Return the cameras of this machine, by index. Opens each of them for a moment."""
    entries = []
    for index, name, surely in _known_cameras():
        capture = _capture_camera(str(index))
        if capture.isOpened():
            entries.append(CameraEntry(index, name, *_size(capture)))
        elif surely:
            entries.append(CameraEntry(index, name, 0, 0))
        capture.release()
    return entries


def _known_cameras() -> list[tuple[int, str, bool]]:
    """Return (index, name, whether it is one even if it does not open now), or indices to try."""
    listed = []
    for device in Path("/sys/class/video4linux").glob("video*"):
        # a webcam has a second node, for its metadata, that counts from the first
        surely = _line(device / "index") == "0"
        listed.append((int(device.name.removeprefix("video")), _line(device / "name"), surely))
    indices = [i for i in range(10) if sys.platform != "linux" or Path(f"/dev/video{i}").exists()]
    return sorted(listed) or [(index, f"camera {index}", False) for index in indices]


def _line(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _capture_camera(camera: str) -> cv2.VideoCapture:
    # naming the system's own interface skips a search through all others: seconds on Windows, noise on Linux
    backends = {"linux": cv2.CAP_V4L2, "darwin": cv2.CAP_AVFOUNDATION, "win32": cv2.CAP_DSHOW}
    backend = backends.get(sys.platform, cv2.CAP_ANY)
    return cv2.VideoCapture(int(camera), backend) if camera.isdigit() else cv2.VideoCapture(camera, backend)


def _open_camera(camera: str, size: tuple[int, int], reconnect: bool) -> "_Live":
    name = f"camera {camera}" if camera.isdigit() else camera

    def connect() -> cv2.VideoCapture:
        capture = _capture_camera(camera)
        # the compressed format first: uncompressed, USB gives few frames a second at this size
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
        return capture

    capture = connect()
    if not capture.isOpened():
        raise SourceError(f"{name}: {_why_closed(camera)}")
    return _Live(name, capture, "was it unplugged?", connect if reconnect else None)


def _why_closed(camera: str) -> str:
    """Return cause and cure of a camera that does not open."""
    others = "try another --source index, `camdigits cameras` lists them"
    if sys.platform == "darwin":
        return f"not there, or not allowed; allow this terminal under Privacy > Camera, or {others}"
    if sys.platform != "linux":
        return f"not there, or in use by another program; {others}"
    device = f"/dev/video{camera}" if camera.isdigit() else camera
    try:
        os.close(os.open(device, os.O_RDWR | os.O_NONBLOCK))
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
            return f"no such camera; plug one in, or {others}"
        if error.errno in (errno.EACCES, errno.EPERM):
            return f"no permission for {device}; add yourself to its group (often `video`) and log in again"
        if error.errno != errno.EBUSY:
            return f"{(error.strerror or 'cannot be opened').lower()}; {others}"
    return f"in use by another program, or not a camera; close the other program, or {others}"


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
        self, name: str, capture: cv2.VideoCapture, question: str, connect: Callable[[], cv2.VideoCapture] | None
    ) -> None:
        super().__init__(name, capture.get(cv2.CAP_PROP_FPS), _size(capture))
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

    def _start(self, capture: cv2.VideoCapture | None) -> None:
        """Let a thread read, which opens the source first where there is no capture; another thread's turn is over."""
        self._turn += 1
        # a daemon: a hung driver must not keep the program from ending
        self._thread = threading.Thread(
            target=self._read_on, args=(self._turn, capture), name=f"reads {self.name}", daemon=True
        )
        self._thread.start()

    def _read_on(self, turn: int, capture: cv2.VideoCapture | None) -> None:
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

    def _drain(self, turn: int, capture: cv2.VideoCapture) -> None:
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

    def _opened_again(self, turn: int) -> cv2.VideoCapture | None:
        """Return the source's capture as soon as it opens; None once the turn is over."""
        assert self._connect
        pause = FIRST_PAUSE
        while self._turn == turn:
            time.sleep(pause)
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
            if image is not None:
                self.arrival = time.monotonic()
                yield Frame(image, index, index / self.fps, self.name)


def _read(capture: cv2.VideoCapture) -> Image | None:
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


def _size(capture: cv2.VideoCapture) -> tuple[int, int]:
    return int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))


def _image_size(image: Image) -> tuple[int, int]:
    return image.shape[1], image.shape[0]
