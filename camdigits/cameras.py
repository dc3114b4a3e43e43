"""The cameras of this machine: which there are, what they are called, how one is opened, why one does not open."""

import errno
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2

from camdigits.errors import SourceError
from camdigits.screen import capture_size

SIZE = (1280, 720)
"""The (width, height) asked of a camera; it gives the nearest it has."""

BACKENDS = {"linux": (cv2.CAP_V4L2,), "darwin": (cv2.CAP_AVFOUNDATION,), "win32": (cv2.CAP_DSHOW, cv2.CAP_MSMF)}
"""The system's own interfaces, in the order tried: naming one skips a search through all others, seconds on Windows."""

DEVICES = Path("/sys/class/video4linux")
"""Where Linux says what its cameras are called."""

# native lines on stderr help nobody: each failure becomes one SourceError; OPENCV_LOG_LEVEL leaves some of them
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


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
        capture = open_camera(str(index))
        if capture.isOpened():
            entries.append(CameraEntry(index, name, *capture_size(capture)))
        elif surely:
            entries.append(CameraEntry(index, name, 0, 0))
        capture.release()
    return entries


def camera_named(name: str) -> str:
    """Return the index of the camera with this name, or with this in its name, in whichever case; "" where none is.

    Opens none. Raises SourceError where several are meant.
    """
    known = [(index, known) for index, known, surely in _known_cameras() if surely]
    meant = [index for index, known in known if known.casefold() == name.casefold()]
    meant = meant or [index for index, known in known if name.casefold() in known.casefold()]
    if len(meant) > 1:
        raise SourceError(f"{name!r} names {len(meant)} cameras; give the index of one: {', '.join(map(str, meant))}")
    return str(meant[0]) if meant else ""


def open_camera(camera: str, size: tuple[int, int] | None = None) -> cv2.VideoCapture:
    """Return the capture of a camera by index or device, opened if it can be. size: (width, height) to ask of it."""
    for backend in BACKENDS.get(sys.platform, (cv2.CAP_ANY,)):
        # a number that OpenCV cannot hold is no camera's either
        capture = cv2.VideoCapture(min(int(camera), 2**31 - 1) if camera.isdigit() else camera, backend)
        if capture.isOpened():
            break
    if size:
        # the compressed format first: uncompressed, USB gives few frames a second at this size
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
    return capture


def given(capture: cv2.VideoCapture) -> str:
    """Return what a camera really gives: size, rate and format, as far as it says."""
    width, height = capture_size(capture)
    fps, code = capture.get(cv2.CAP_PROP_FPS), int(capture.get(cv2.CAP_PROP_FOURCC))
    letters = code.to_bytes(4, "little", signed=True).decode("ascii", "replace").strip("\0 ")
    rate = [f"{fps:.4g} frames a second"] if 0 < fps < 1000 else []
    return ", ".join([f"{width}x{height}", *rate, *([letters] if re.fullmatch(r"\w{3,4}", letters) else [])])


def why_closed(camera: str) -> str:
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


def _known_cameras() -> list[tuple[int, str, bool]]:
    """Return (index, name, whether it is one even if it does not open now), or indices to try."""
    listed = []
    for device in DEVICES.glob("video*"):
        # a webcam has a second node, for its metadata, that counts from the first
        surely = _line(device / "index") == "0"
        listed.append((int(device.name.removeprefix("video")), _line(device / "name"), surely))
    indices = [i for i in range(10) if sys.platform != "linux" or Path(f"/dev/video{i}").exists()]
    return sorted(listed or _enumerated()) or [(index, f"camera {index}", False) for index in indices]


def _enumerated() -> list[tuple[int, str, bool]]:
    """Return the same of a system that is not Linux, where cv2-enumerate-cameras is installed."""
    try:
        from cv2_enumerate_cameras import enumerate_cameras
    except ImportError:
        return []
    return [(found.index, found.name, True) for found in enumerate_cameras(BACKENDS.get(sys.platform, (0,))[0])]


def _line(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
