"""Where readings go: events, a table, a snapshot."""

import csv
import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import cv2

from camdigits.errors import SinkError
from camdigits.files import is_others, unused
from camdigits.types import Event, Frame, Reading


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


def all_told(readings: Sequence[Reading]) -> list[Event]:
    """Return what JSON says of readings, also of those that are not settled."""
    return [{"id": r.id, "settled": r.settled, **_why(r), **r.number.to_dict()} for r in readings]


def _when(frame: Frame) -> Event:
    return {"frame": frame.index, "time": round(frame.time, 3)}


def _why(reading: Reading) -> Event:
    """Return the region of a reading, what holds it back, what stands for it, and that it is stale, where it is so."""
    told = {"region": reading.region, "reason": reading.held, "stands": reading.stands, "stale": reading.stale}
    return {key: value for key, value in told.items() if value}


class NumberLog:
    """A CSV file to which each new number adds a row; one that is there is continued, if it is such a table.

    Raises SinkError.
    """

    COLUMNS = ("at", "time", "source", "region", "text", "confidence", "x", "y", "w", "h")

    def __init__(self, path: Path) -> None:
        """Open the file. Raises SinkError, also where it holds anything else."""
        self._path = path
        try:
            if is_others(path, self.COLUMNS):
                raise SinkError(f"{path}: holds something else than a table of this command; name another --csv")
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
            named = event.get("source", ""), event.get("region", "")
            self._write((now, event["time"], *named, event["text"], event["confidence"], *event["box"]))

    def close(self) -> None:
        """Close the file; may be called again."""
        self._file.close()

    def _write(self, row: Sequence[object]) -> None:
        try:
            self._writer.writerow(row)
            self._file.flush()
        except OSError as error:
            with suppress(OSError):  # closing tries to write it once more
                self._file.close()
            raise SinkError(f"{self._path}: cannot be written ({error.strerror}); make room") from error


def snapshot(frame: Frame, readings: Sequence[Reading], folder: str | Path = ".") -> Path:
    """Write the frame's picture, untouched, and beside it its readings as JSON; return the picture's path.

    Raises SinkError.
    """
    height, width = frame.image.shape[:2]
    told = {"source": frame.source, **_when(frame)}
    try:
        path = unused(folder, ".png", ".json")
        path.write_bytes(cv2.imencode(".png", frame.image)[1].tobytes())
        told |= {"width": width, "height": height, "numbers": all_told(readings)}
        path.with_suffix(".json").write_text(json.dumps(told, indent=1) + "\n")
    except OSError as error:
        raise SinkError(f"{folder}: a snapshot cannot be written ({error.strerror}); run in another folder") from error
    return path
