"""Why a picture was read as it was: a page with every candidate, its patch, what it was taken for, and its fate.

The page is one HTML file without anything from elsewhere.
"""

import base64
import html
from collections import Counter
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from cv2.typing import MatLike

from camdigits.crops import upright
from camdigits.errors import SinkError
from camdigits.normalize import normalize_ink
from camdigits.types import Box, Image, Trace, shared_area

Fate = Literal["read", "no digit", "unsure", "another reading", "left out", "cut"]

REASONS: dict[Fate, str] = {
    "read": "part of a number",
    "no digit": "taken for no digit",
    "unsure": "less sure than --min-confidence asks",
    "another reading": "the same ink was read more surely as something else",
    "left out": "sure alone, but its line is not: too few digits for the marks around it, or too faint or small beside "
    "the others; or part of a word, a slash, the side of a frame",
    "cut": "the picture's edge cuts it",
}
_COLOURS: dict[Fate, tuple[int, int, int]] = {
    "read": (80, 160, 0),
    "no digit": (160, 160, 160),
    "unsure": (0, 200, 255),
    "another reading": (200, 140, 60),
    "left out": (0, 110, 240),
    "cut": (190, 80, 190),
}
"""Blue, green, red."""

SHARED = 0.4
"""Two boxes are of the same ink where they share this much of the smaller one."""

TOP = 3
"""So many labels are shown of each candidate."""

WIDEST = 1600
"""Pixels of a picture's longer side on the page."""


def fates(trace: Trace, min_confidence: float) -> list[Fate]:
    """Return what became of each candidate of a trace that was read with this least confidence."""
    digits = [digit.box for number in trace.numbers for digit in number.digits]
    boxes = np.array([candidate.box for candidate in trace.candidates], int).reshape(-1, 4)
    shared = shared_area(boxes, np.array(digits, int).reshape(-1, 4))
    area = boxes[:, 2:].prod(1)
    of_digits = np.array([box.w * box.h for box in digits], int)
    covered = (shared > SHARED * np.minimum(area[:, None], of_digits)).any(1)
    found: list[Fate] = []
    for candidate, row, is_covered in zip(trace.candidates, trace.probabilities, covered, strict=True):
        confidence = float(row[:-1].max())
        if candidate.box in digits and confidence >= min_confidence:
            found.append("read")
        elif candidate.cut:
            found.append("cut")
        elif confidence < min_confidence:
            found.append("no digit" if row.argmax() == len(row) - 1 else "unsure")
        else:
            found.append("another reading" if is_covered else "left out")
    return found


def explain(image: Image, trace: Trace, labels: tuple[str, ...], min_confidence: float, path: Path) -> None:
    """Write the page of a picture. labels: of the model that read it. Raises SinkError."""
    found = fates(trace, min_confidence)
    order = sorted(range(len(found)), key=lambda i: (list(REASONS).index(found[i]), trace.candidates[i].box[:2]))
    # as the model saw them: a page on its side was turned upright first
    inks = [upright(c, trace.numbers[0]) if trace.numbers else c.ink for c in trace.candidates]
    rows = []
    for i in order:
        probabilities = trace.probabilities[i]
        best = np.argsort(-probabilities)[:TOP]
        said = ", ".join(f"{labels[k] if k < len(labels) else 'no digit'} {100 * probabilities[k]:.1f} %" for k in best)
        candidate = trace.candidates[i]
        x, y, w, h = candidate.box
        ink = _embedded(np.bitwise_not(candidate.ink), 'style="max-width:84px;max-height:84px"')
        patch = _embedded(cv2.resize(_grey(normalize_ink(inks[i])), (84, 84), interpolation=cv2.INTER_NEAREST))
        rows.append(
            f"<tr><td>{i}<td>{ink}<td>{patch}<td>{html.escape(said)}<td>{found[i]}"
            f"<td>{x}, {y}, {w} x {h}<td>{100 * candidate.contrast:.0f} %"
        )
    read = "<br>".join(html.escape(f"line {n.line}: {n.text}, {100 * n.confidence:.1f} %") for n in trace.numbers)
    counts = Counter(found)
    legend = "".join(
        f'<li><span style="background:rgb{_COLOURS[fate][::-1]}"></span><b>{fate}</b> ({counts[fate]}): {reason}'
        for fate, reason in REASONS.items()
    )
    page = _PAGE.format(
        title=html.escape(path.stem),
        read=read or "no number",
        legend=legend,
        picture=_embedded(_marked(image, [candidate.box for candidate in trace.candidates], found)),
        rows="\n".join(rows),
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise SinkError(f"{path}: cannot write the explanation: {error.strerror}") from error


def _marked(image: Image, boxes: list[Box], found: list[Fate]) -> Image:
    """Return the picture, no larger than WIDEST, with each candidate's box in the colour of its fate."""
    scale = min(1.0, WIDEST / max(image.shape[:2]))
    size = Box(0, 0, *image.shape[1::-1]).scaled(scale)[2:]
    marked = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    # what was read is drawn last, above all else
    for box, fate in sorted(zip(boxes, found, strict=True), key=lambda pair: pair[1] == "read"):
        x, y, w, h = box.scaled(scale)
        cv2.rectangle(marked, (x, y), (x + w, y + h), _COLOURS[fate], 2 if fate == "read" else 1)
    return marked


def _grey(patch: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Image:
    return np.asarray(255 - np.round(255 * patch), np.uint8)


def _embedded(image: MatLike, style: str = "") -> str:
    data = base64.b64encode(cv2.imencode(".png", image)[1].tobytes()).decode()
    return f'<img {style} alt="" src="data:image/png;base64,{data}">'


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem; max-width: 75rem; color-scheme: light dark; }}
img {{ max-width: 100%; background: white; }}
ul {{ list-style: none; padding: 0; }}
li span {{ display: inline-block; width: .9em; height: .9em; margin-right: .5em; }}
table {{ border-collapse: collapse; }}
td, th {{ padding: .2rem .8rem .2rem 0; text-align: left; border-top: 1px solid #8886; }}
</style>
<h1>{title}</h1>
<p>{read}</p>
{picture}
<ul>{legend}</ul>
<table><tr><th><th>ink<th>patch<th>taken for<th>fate<th>x, y, size<th>contrast</tr>
{rows}
</table></html>
"""
