"""Many pictures, read in parallel: what `camdigits image` does, without its printing."""

import json
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from camdigits.classify import Classifier
from camdigits.errors import CamdigitsError, PictureError
from camdigits.pictures import load_picture
from camdigits.pipeline import trace_image
from camdigits.types import Box, Image, Number, Trace


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """One picture, read. image: as loaded. trace: its boxes in the image's pixels. elapsed_ms: from image to numbers."""

    source: str
    image: Image
    trace: Trace
    elapsed_ms: float

    @property
    def numbers(self) -> tuple[Number, ...]:
        """The numbers in reading order."""
        return self.trace.numbers

    def to_json(self) -> str:
        """Return one line of JSON: source, width, height, elapsed_ms, numbers."""
        height, width = self.image.shape[:2]
        row = {"source": self.source, "width": width, "height": height, "elapsed_ms": round(self.elapsed_ms, 1)}
        return json.dumps(row | {"numbers": [number.to_dict() for number in self.numbers]}, ensure_ascii=False)

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
    with ThreadPoolExecutor(workers) as pool:
        for name in names:
            pending.append(pool.submit(_read, name, classifier, min_confidence, roi))
            # decoded pictures are large: no more of them are held than keep the workers busy
            if len(pending) > 2 * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _read(name: str, classifier: Classifier, min_confidence: float, roi: Box | None) -> Still | Unread:
    try:
        image = load_picture(name)
        start = time.perf_counter()
        part = image if roi is None else _crop(image, roi, name)
        trace = trace_image(part, classifier, min_confidence)
        if roi is not None:
            trace = _moved(trace, roi.x, roi.y)
        return Still(name, image, trace, 1000 * (time.perf_counter() - start))
    except CamdigitsError as error:
        return Unread(name, str(error).removeprefix(f"{name}: "))


def _crop(image: Image, roi: Box, name: str) -> Image:
    part = image[max(roi.y, 0) : max(roi.bottom, 0), max(roi.x, 0) : max(roi.right, 0)]
    if not part.size:
        height, width = image.shape[:2]
        raise PictureError(f"{name}: the roi {','.join(map(str, roi))} lies outside the picture, {width}x{height} pixels")
    return part


def _moved(trace: Trace, x: int, y: int) -> Trace:
    """Return a trace of a part of a picture with boxes in the whole picture's pixels."""

    def moved(box: Box) -> Box:
        return Box(box.x + x, box.y + y, box.w, box.h)

    candidates = tuple(replace(candidate, box=moved(candidate.box)) for candidate in trace.candidates)
    numbers = tuple(
        replace(
            number,
            box=moved(number.box),
            digits=tuple(replace(digit, box=moved(digit.box)) for digit in number.digits),
        )
        for number in trace.numbers
    )
    return replace(trace, candidates=candidates, numbers=numbers)
