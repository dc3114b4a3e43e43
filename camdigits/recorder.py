"""Pictures to a video file, or to several, one after the other."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import cv2
import numpy as np

from camdigits.errors import SinkError
from camdigits.files import unused
from camdigits.types import Image

CODECS = {".mp4": "mp4v", ".m4v": "mp4v", ".mov": "mp4v", ".avi": "MJPG", ".mkv": "MJPG"}
"""What OpenCV's own wheel can write and players play, by the file's suffix."""

ROOM = 16 << 20
"""Bytes: a recording ends, playable, before the disk has less than this left."""


class Recorder:
    """Records pictures to a video that plays at their true speed; a context manager. paths: of its file.

    Pictures come with their times, a file has a fixed rate: a picture is repeated until the next is due, and one that
    comes sooner than the rate allows is left out. The file is finished on leaving, whatever the reason.
    """

    def __init__(self, path: str | Path, fps: float = 30.0) -> None:
        """Record to a path; its suffix chooses the format, fps the file's rate. Raises SinkError."""
        self.path = Path(path)
        self.paths = [self.path]
        self._fps = fps
        codec = CODECS.get(self.path.suffix.lower())
        if codec is None:
            raise SinkError(f"{path}: cannot record this format; name it {' or '.join(CODECS)}")
        try:  # OpenCV does not say why it cannot write
            self.path.open("wb").close()
        except OSError as error:
            raise SinkError(f"{path}: cannot be written ({error.strerror}); name another file") from error
        self._codec = cv2.VideoWriter.fourcc(*codec)
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._start = 0.0
        self._written = 0
        self._held: Image | None = None  # the newest picture: how often to write it, the next one tells

    def write(self, image: Image, time: float) -> None:
        """Record a (height, width, 3) BGR picture of `time` seconds; all get the first one's size. Raises SinkError."""
        if self._writer is None:
            self._start = time
            self._open(image)
        due = round((time - self._start) * self._fps)
        self._hold_until(due)
        if (image.shape[1], image.shape[0]) != self._size:
            image = _fitted(image, self._size)
        self._held = image

    def skip(self, seconds: float) -> None:
        """Leave out so many seconds before the next picture."""
        self._start += seconds

    def close(self) -> None:
        """Finish the file; may be called again. Raises SinkError where it did not come out whole."""
        if self._writer is None:
            if not self._written:
                self.path.unlink(missing_ok=True)  # nothing came: no empty file is left
            return
        try:
            self._hold_until(self._written + 1)
        finally:
            self._writer.release()
            self._writer = self._held = None
        if not _plays(self.path):
            raise SinkError(f"{self.path}: the recording is broken; is the disk full?")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _open(self, image: Image) -> None:
        height, width = image.shape[:2]
        self._size = max(2, width - width % 2), max(2, height - height % 2)  # MPEG-4 knows even sides only
        self._writer = cv2.VideoWriter(str(self.path.absolute()), self._codec, self._fps, self._size)
        if not self._writer.isOpened():
            self._writer = None
            raise SinkError(f"{self.path}: OpenCV cannot record {width}x{height} pictures in this format; try .avi")

    def _hold_until(self, due: int) -> None:
        """Write the held picture until the file has `due` frames."""
        if self._held is None or self._writer is None:
            return
        while self._written < due:
            if shutil.disk_usage(self.path.absolute().parent).free < ROOM:
                self._held = None
                raise SinkError(f"{self.path}: the disk is full; the recording ends here")
            self._writer.write(self._held)
            self._written += 1


UNITS = {"s": 1, "min": 60, "h": 3600, "MB": 10**6, "GB": 10**9}
"""Seconds or bytes."""


@dataclass(frozen=True, slots=True)
class Segment:
    """How long one file of a recording may become: seconds, bytes; None where there is no end to it."""

    seconds: float | None = None
    size: int | None = None

    @staticmethod
    def parse(text: str) -> "Segment":
        """Return what 30s, 10min, 1h, 500MB or 2GB mean. Raises ValueError."""
        match = re.fullmatch(rf"(\d+)({'|'.join(UNITS)})", text)
        if not match or not int(match[1]):
            raise ValueError(f"{text!r} is not a whole number of {', '.join(UNITS)}, as 10min or 500MB are")
        value = int(match[1]) * UNITS[match[2]]
        return Segment(size=value) if match[2].endswith("B") else Segment(seconds=value)


class Segments:
    """A recording in files that each end where a segment does: name-001.mp4, name-002.mp4 and on; none is replaced.

    paths: of all its files, the last of which is being written.
    """

    def __init__(self, path: Path, fps: float, segment: Segment) -> None:
        """path: the name, to which numbers are added. Raises SinkError."""
        self._whole, self._fps, self._segment = path, fps, segment
        self.paths: list[Path] = []
        self._recorder = self._next()
        self._start: float | None = None

    def write(self, image: Image, time: float) -> None:
        """As Recorder.write; from the first picture past the segment's end on in a new file."""
        start = self._start = time if self._start is None else self._start
        long = self._segment.seconds is not None and time - start >= self._segment.seconds
        large = self._segment.size is not None and self.paths[-1].stat().st_size >= self._segment.size
        if long or large:
            self._recorder.close()
            self._recorder, self._start = self._next(), time
        self._recorder.write(image, time)

    def skip(self, seconds: float) -> None:
        """As Recorder.skip."""
        self._recorder.skip(seconds)
        if self._start is not None:
            self._start += seconds

    def close(self) -> None:
        """As Recorder.close."""
        self._recorder.close()

    def _next(self) -> Recorder:
        recorder = Recorder(unused(self._whole.parent, self._whole.suffix, name=self._whole.stem), self._fps)
        self.paths += recorder.paths
        return recorder


def _fitted(image: Image, size: tuple[int, int]) -> Image:
    """Return the picture as (width, height) `size`: cut where a pixel is too many, else scaled onto black."""
    width, height = size
    if 0 <= image.shape[1] - width <= 1 and 0 <= image.shape[0] - height <= 1:
        return np.ascontiguousarray(image[:height, :width])
    scale = min(width / image.shape[1], height / image.shape[0])
    inside = max(1, int(image.shape[1] * scale)), max(1, int(image.shape[0] * scale))
    left, top = (width - inside[0]) // 2, (height - inside[1]) // 2
    fitted = np.zeros((height, width, 3), np.uint8)
    fitted[top : top + inside[1], left : left + inside[0]] = cv2.resize(image, inside, interpolation=cv2.INTER_AREA)
    return fitted


def _plays(path: Path) -> bool:
    capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
    plays = capture.isOpened() and capture.read()[0]
    capture.release()
    return plays
