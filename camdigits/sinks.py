"""Where readings and pictures go: a recording, events, a table, a snapshot."""

import csv
import json
import shutil
from collections.abc import Sequence
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Self

import cv2
import numpy as np

from camdigits.errors import SinkError
from camdigits.types import Event, Frame, Image, Reading

CODECS = {".mp4": "mp4v", ".m4v": "mp4v", ".mov": "mp4v", ".avi": "MJPG", ".mkv": "MJPG"}
"""What OpenCV's own wheel can write and players play, by the file's suffix."""

ROOM = 16 << 20
"""Bytes: a recording ends, playable, before the disk has less than this left."""


class Recorder:
    """Records pictures to a video that plays at their true speed; a context manager.

    Pictures come with their times, a file has a fixed rate: a picture is repeated until the next is due, and one that
    comes sooner than the rate allows is left out. The file is finished on leaving, whatever the reason.
    """

    def __init__(self, path: str | Path, fps: float = 30.0) -> None:
        """Record to a path; its suffix chooses the format, fps the file's rate. Raises SinkError."""
        self.path = Path(path)
        self._fps = fps
        codec = CODECS.get(self.path.suffix.lower())
        if codec is None:
            raise SinkError(f"{path}: cannot record this format; name it {' or '.join(CODECS)}")
        try:  # OpenCV does not say why it cannot write
            self.path.open("wb").close()
        except OSError as error:
            raise SinkError(f"{path}: cannot be written ({error.strerror}); name another --output") from error
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


class Events:
    """Tells what happened from frame to frame: a number was accepted or changed, was held back, is gone."""

    def __init__(self) -> None:
        self._accepted: dict[int, Reading] = {}
        self._held: dict[int, str] = {}  # the reason told, by id

    def update(self, frame: Frame, readings: Sequence[Reading]) -> list[Event]:
        """Take a frame's readings and return the events: what is gone, what is held back, what is new."""
        accepted = {reading.id: reading for reading in readings if reading.accepted}
        before, self._accepted = self._accepted, accepted
        held = [reading for reading in readings if reading.held and self._held.get(reading.id) != reading.held]
        self._held = {reading.id: reading.held for reading in readings if reading.held}
        gone = [reading for reading in before.values() if reading.id not in accepted]
        new = [r for r in accepted.values() if r.id not in before or before[r.id].number.text != r.number.text]
        told = ("gone", gone), ("held", held), ("number", new)
        return [_event(event, reading, frame) for event, those in told for reading in those]


def _event(event: str, reading: Reading, frame: Frame) -> Event:
    number = reading.number.to_dict()
    told = {key: number[key] for key in ("text", "confidence", "box")}
    return {"event": event, "id": reading.id, **_why(reading), **told, **_when(frame)}


def source_event(frame: Frame) -> Event:
    """Return the event that a frame's source was lost, and why, or that it is back."""
    told = {"event": "lost", "reason": frame.lost} if frame.lost else {"event": "back"}
    return {**told, "source": frame.source, **_when(frame)}


def frame_object(frame: Frame, readings: Sequence[Reading]) -> Event:
    """Return one frame's settled readings, whole, as JSON has them."""
    numbers = [{"id": r.id, **_why(r), **r.number.to_dict()} for r in readings if r.settled]
    return {**_when(frame), "numbers": numbers}


def _when(frame: Frame) -> Event:
    return {"frame": frame.index, "time": round(frame.time, 3)}


def _why(reading: Reading) -> Event:
    """Return the region of a reading and what holds it back, where there is one."""
    return {key: value for key, value in (("region", reading.region), ("reason", reading.held)) if value}


class NumberLog:
    """A CSV file to which each new number adds a row; a file that is there is continued. Raises SinkError."""

    COLUMNS = ("at", "time", "region", "text", "confidence", "x", "y", "w", "h")

    def __init__(self, path: Path) -> None:
        """Open the file."""
        self._path = path
        try:
            self._file = path.open("a", newline="", encoding="utf-8")
            self._writer = csv.writer(self._file)
            if not self._file.tell():
                self._write(self.COLUMNS)
        except OSError as error:
            raise SinkError(f"{path}: cannot be written ({error.strerror}); name another --csv") from error

    def put(self, event: Event) -> None:
        """Add a row, where an event is a new number; it is in the file at once."""
        if event["event"] == "number":
            now = datetime.now().astimezone().isoformat(timespec="milliseconds")
            row = now, event["time"], event.get("region", ""), event["text"], event["confidence"], *event["box"]
            self._write(row)

    def close(self) -> None:
        """Close the file; may be called again."""
        self._file.close()

    def _write(self, row: Sequence[object]) -> None:
        try:
            self._writer.writerow(row)
            self._file.flush()
        except OSError as error:
            raise SinkError(f"{self._path}: cannot be written ({error.strerror}); make room") from error


def snapshot(frame: Frame, readings: Sequence[Reading], folder: str | Path = ".") -> Path:
    """Write the frame's picture, untouched, and beside it its readings as JSON; return the picture's path.

    Raises SinkError.
    """
    height, width = frame.image.shape[:2]
    numbers = [{"id": r.id, "settled": r.settled, **r.number.to_dict()} for r in readings]
    told = {"source": frame.source, "frame": frame.index, "time": round(frame.time, 3)}
    try:
        path = unused(folder, ".png", ".json")
        path.write_bytes(cv2.imencode(".png", frame.image)[1].tobytes())
        told |= {"width": width, "height": height, "numbers": numbers}
        path.with_suffix(".json").write_text(json.dumps(told, indent=1) + "\n")
    except OSError as error:
        raise SinkError(f"{folder}: a snapshot cannot be written ({error.strerror}); run in another folder") from error
    return path


def unused(folder: str | Path, *suffixes: str) -> Path:
    """Return the first of camdigits-001, -002, … that exists with none of the suffixes, with the first of them."""
    for number in count(1):
        path = Path(folder) / f"camdigits-{number:03d}{suffixes[0]}"
        if not any(path.with_suffix(suffix).exists() for suffix in suffixes):
            break
    return path


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
