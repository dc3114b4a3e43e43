"""Many pictures, read in parallel: what `camdigits image` does, without its printing."""

import csv
import json
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import cv2

from camdigits.advice import why_nothing
from camdigits.classify import Classifier
from camdigits.errors import CamdigitsError, PictureError, SinkError
from camdigits.explain import explain
from camdigits.files import is_others
from camdigits.overlay import draw_numbers
from camdigits.pictures import STANDARD_INPUT, load_picture
from camdigits.pipeline import trace_image
from camdigits.types import PICTURE_SUFFIXES, Box, Image, Number, Trace
from camdigits.window import Window


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """One picture, read: image as loaded, part of it that was read, trace with boxes in the whole picture's pixels.

    elapsed_ms: from image to numbers. why: there are none, and what to change; empty where there are numbers.
    """

    source: str
    image: Image
    part: Image
    trace: Trace
    elapsed_ms: float
    why: str

    @property
    def numbers(self) -> tuple[Number, ...]:
        """The numbers in reading order."""
        return self.trace.numbers

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON output says: source, width, height, elapsed_ms, numbers, and why where there are none."""
        height, width = self.image.shape[:2]
        row = {"source": self.source, "width": width, "height": height, "elapsed_ms": round(self.elapsed_ms, 1)}
        row |= {"numbers": [number.to_dict() for number in self.numbers]}
        return row | {"why": self.why} if self.why else row

    def to_json(self) -> str:
        """Return that as one line."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    def to_text(self) -> str:
        """Return the numbers as a person reads the page: one line of text for each written line."""
        lines: dict[int, list[str]] = {}
        for number in self.numbers:
            lines.setdefault(number.line, []).append(number.text)
        return "\n".join(" ".join(words) for words in lines.values())


@dataclass(frozen=True, slots=True)
class Unread:
    """A picture that could not be read, and why."""

    source: str
    error: str

    def to_json(self) -> str:
        """Return one line of JSON: source, error."""
        return json.dumps({"source": self.source, "error": self.error}, ensure_ascii=False)


def read_pictures(
    names: Iterable[str], classifier: Classifier, min_confidence: float, roi: Box | None = None
) -> Iterator[Still | Unread]:
    """Yield what was read in each picture, in order; several are read at once.

    names: files, or `-` for standard input. roi: only this part of every picture is read.
    """
    workers = os.cpu_count() or 1
    pending: deque[Future[Still | Unread]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for name in names:
            pending.append(pool.submit(_read, name, classifier, min_confidence, roi))
            # decoded pictures are large: no more of them are held than keep the workers busy
            if len(pending) > 2 * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)  # whoever has seen enough need not wait for the rest


def _read(name: str, classifier: Classifier, min_confidence: float, roi: Box | None) -> Still | Unread:
    try:
        return read_still(load_picture(name), name, classifier, min_confidence, roi)
    except CamdigitsError as error:
        return Unread(name, str(error).removeprefix(f"{name}: "))


def read_still(image: Image, name: str, classifier: Classifier, min_confidence: float, roi: Box | None = None) -> Still:
    """Read one picture, or only its roi. Raises PictureError where that lies outside."""
    start = time.perf_counter()
    part = image if roi is None else _crop(image, roi, name)
    trace = trace_image(part, classifier, min_confidence)
    elapsed = time.perf_counter() - start
    why = "" if trace.numbers else why_nothing(part, trace, classifier.labels, min_confidence)
    if roi is not None:
        trace = trace.moved(roi.x, roi.y)
    return Still(name, image, part, trace, 1000 * elapsed, why)


def _crop(image: Image, roi: Box, name: str) -> Image:
    part = image[roi.y : roi.bottom, roi.x : roi.right]
    if not part.size:
        height, width = image.shape[:2]
        raise PictureError(
            f"{name}: the roi {','.join(map(str, roi))} lies outside the picture, {width}x{height} pixels"
        )
    return part


class Table:
    """A CSV file of numbers, one a row; a context manager. Raises SinkError."""

    COLUMNS = ("source", "line", "text", "confidence", "angle", "x", "y", "w", "h")

    def __init__(self, path: Path) -> None:
        """Create the file, or write an earlier table anew.

        What holds anything else is refused, and what has a picture's suffix, since --csv may have lost its FILE.
        """
        if path.suffix.lower() in PICTURE_SUFFIXES:
            raise SinkError(f"{path}: is named like a picture; name a file for the table, such as numbers.csv")
        self._path = path
        with self._failures():
            if is_others(path, self.COLUMNS):
                raise SinkError(f"{path}: holds something else than a table of this command; name another --csv")
            self._file = path.open("w", newline="", encoding="utf-8")
            self._writer = csv.writer(self._file)
            self._writer.writerow(self.COLUMNS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._failures():
            self._file.close()

    def write(self, still: Still) -> None:
        """Add a picture's numbers."""
        with self._failures():
            for n in still.numbers:
                self._writer.writerow([still.source, n.line, n.text, f"{n.confidence:.4f}", f"{n.angle:.1f}", *n.box])

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SinkError(f"{self._path}: cannot write the table: {error.strerror}") from error


class AnnotatedFolder:
    """A folder for copies of pictures with their numbers drawn on them; originals are never written over."""

    def __init__(self, folder: Path, originals: Iterable[str]) -> None:
        """Create the folder where it is missing. Raises SinkError."""
        self._folder = folder
        self._originals = {Path(name).resolve() for name in originals}
        if any(path.parent == folder.resolve() for path in self._originals):
            raise SinkError(f"{folder}: would overwrite pictures that are read; choose another folder for --output")
        self._written: set[Path] = set()
        _make(folder)

    def write(self, still: Still) -> Path:
        """Write a copy and return its file, named like the picture; namesakes get a number. Raises SinkError."""
        suffix = Path(still.source).suffix
        suffix = suffix if suffix.lower() in PICTURE_SUFFIXES else ".png"
        path = _unused(self._folder, still, suffix, self._written)
        try:
            path.write_bytes(cv2.imencode(suffix, draw_numbers(still.image, still.numbers))[1].tobytes())
        except OSError as error:
            raise SinkError(f"{path}: cannot write the annotated picture: {error.strerror}") from error
        return path


class ExplainedFolder:
    """A folder for pages that say why each picture was so read."""

    def __init__(self, folder: Path, labels: tuple[str, ...], min_confidence: float) -> None:
        """Take what the pictures are read with, and create the folder where it is missing. Raises SinkError."""
        _make(folder)
        self._folder, self._labels, self._min_confidence = folder, labels, min_confidence
        self._written: set[Path] = set()

    def write(self, still: Still) -> Path:
        """Write a page and return its file, named like the picture; namesakes get a number. Raises SinkError."""
        path = _unused(self._folder, still, ".html", self._written)
        explain(still.image, still.trace, self._labels, self._min_confidence, path)
        return path


def _make(folder: Path) -> None:
    """Create a folder where it is missing. Raises SinkError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(f"{folder}: cannot make this folder: {error.strerror}") from error


def _unused(folder: Path, still: Still, suffix: str, taken: set[Path]) -> Path:
    """Return a file of the folder named like a picture that is not taken, and take it."""
    stem = "stdin" if still.source == STANDARD_INPUT else Path(still.source).stem
    tries = (folder / f"{stem}{count}{suffix}" for count in ["", *(f"-{n}" for n in range(2, 10_000))])
    path = next(path for path in tries if path not in taken)
    taken.add(path)
    return path


def show_until_key(window: Window, still: Still) -> bool:
    """Show a picture with its numbers until a key is pressed; return False once the window is closed."""
    window(draw_numbers(still.image, still.numbers))
    while not window.closed and not window.pressed():
        time.sleep(0.02)
    return not window.closed
