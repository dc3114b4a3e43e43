"""A written sheet to examples: signs in rows, each row one sign several times, whatever the model says of them.

What a person writes oddly is what a model does not read, so signs are found by size and place: those that were read
tell how large they all are and how far the sheet is tilted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from camdigits.types import Box, Candidate, Digit, Number, Trace, shared_area

LEAST = 3
"""Signs in a row; fewer are no row but specks, or something beside the sheet."""

SMALLEST, LARGEST = 0.4, 1.9
"""A sign's longer side, in those of the usual one."""

OVERLAP = 0.25
"""Candidates that share more of the smaller one's area are the same ink."""

GAP = 0.6
"""Two rows are so many signs' sides apart, or more, from middle to middle; the signs of one stray by less."""

STACKED = 0.5
"""Signs of a row that share more of the narrower one's columns are parts of one sign."""

OF_CONTRAST = 0.4
"""A sign has at least this share of the usual one's contrast: else it is a stain, or shines through."""

STEEPEST = 30
"""Degrees; a sheet that is tilted further is told to be turned."""


class Sign(NamedTuple):
    """A piece of ink on a sheet. said: (C + 1,) what the model says of it."""

    box: Box
    said: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What was found on a sheet.

    rows: each row of signs, from the top, as a number: its text is what the row is to mean, or `?` where the rows are
    not as asked for; its digits are its signs, as sure as the model is that they mean that. doubt: why the rows are not
    as asked for, "" where they are.
    """

    rows: tuple[Number, ...]
    doubt: str

    @property
    def signs(self) -> int:
        """How many there are in all."""
        return sum(len(row.digits) for row in self.rows)


def read_sheet(trace: Trace, labels: Sequence[str], wanted: Sequence[str]) -> Sheet:
    """Return the rows of signs in what was seen of a picture.

    labels: what the columns of its probabilities mean. wanted: what is written in each row, from the top.
    """
    angle = median([number.angle for number in trace.numbers] or [0.0])
    if abs(angle) > STEEPEST:
        return Sheet((), "the sheet lies on its side; turn it")
    rows = _rows(_signs(trace), float(np.tan(np.radians(angle))))
    if len(rows) != len(wanted):
        found = [_number("?", line, angle, row, len(labels)) for line, row in enumerate(rows)]
        return Sheet(tuple(found), f"{len(rows)} rows of {LEAST} signs or more, not {len(wanted)}")
    columns = [labels.index(label) for label in wanted]
    numbers = [
        _number(labels[at], line, angle, row, at) for line, (at, row) in enumerate(zip(columns, rows, strict=True))
    ]
    return Sheet(tuple(numbers), _in_other_order(rows, columns, wanted))


def _in_other_order(rows: Sequence[Sequence[Sign]], columns: Sequence[int], wanted: Sequence[str]) -> str:
    """Return why rows are hardly what they are to mean: most of them look like other rows' signs."""
    meant = [wanted[int(np.mean([sign.said[columns] for sign in row], axis=0).argmax())] for row in rows]
    if 2 * sum(a != b for a, b in zip(meant, wanted, strict=True)) <= len(rows):
        return ""
    return f"the rows look like {' '.join(meant)}, not {' '.join(wanted)}"


def _signs(trace: Trace) -> list[Sign]:
    """Return the pieces of ink that are as large as what is written, none of them twice."""
    seen = [
        (candidate, said)
        for candidate, said in zip(trace.candidates, trace.probabilities, strict=True)
        if not candidate.whole and not candidate.cut
    ]
    read = [digit.box.side for number in trace.numbers for digit in number.digits]
    side = median(read or [candidate.box.side for candidate, _ in seen] or [0])
    seen = [(c, said) for c, said in seen if SMALLEST * side <= c.box.side <= LARGEST * side]
    contrast = OF_CONTRAST * median([candidate.contrast for candidate, _ in seen] or [0])
    # what is read is a sign; of the rest the largest pieces are whole ones
    seen.sort(key=lambda item: (-max(float(1 - item[1][-1]), 0.5), -item[0].box.w * item[0].box.h))
    signs: list[Sign] = []
    for candidate, said in seen:
        if candidate.contrast >= contrast and not _overlaps(candidate, signs):
            signs.append(Sign(candidate.box, said))
    return signs


def _overlaps(candidate: Candidate, signs: Sequence[Sign]) -> bool:
    if not signs:
        return False
    boxes = np.array([sign.box for sign in signs])
    shared = shared_area(np.array([candidate.box]), boxes)[0]
    least = np.minimum(boxes[:, 2:].prod(axis=1), candidate.box.w * candidate.box.h)
    return bool((shared > OVERLAP * least).any())


def _rows(signs: Sequence[Sign], rise: float) -> list[list[Sign]]:
    """Return the signs row by row from the top, from left to right. rise: how far rows do, for each pixel right."""
    gap = GAP * median([sign.box.side for sign in signs] or [0])

    def depth(sign: Sign) -> float:
        x, y = sign.box.center
        return y + rise * x

    rows: list[list[Sign]] = []
    for sign in sorted(signs, key=depth):
        if rows and depth(sign) - depth(rows[-1][-1]) < gap:
            rows[-1].append(sign)
        else:
            rows.append([sign])
    joined = (_joined(sorted(row, key=lambda sign: sign.box.x)) for row in rows)
    return [row for row in joined if len(row) >= LEAST]


def _joined(row: Sequence[Sign]) -> list[Sign]:
    """Return a row of whole signs: parts above one another are one, of which the larger's reading counts."""
    whole: list[Sign] = []
    for sign in row:
        last = whole[-1] if whole else None
        if last and last.box.right - sign.box.x > STACKED * min(last.box.w, sign.box.w):
            larger = max(last, sign, key=lambda part: part.box.w * part.box.h)
            whole[-1] = Sign(last.box.union(sign.box), larger.said)
        else:
            whole.append(sign)
    return whole


def _number(text: str, line: int, angle: float, row: Sequence[Sign], column: int) -> Number:
    """Return a row as a number whose digits are as sure as the model is of a column."""
    digits = tuple(Digit(text, float(sign.said[column]), sign.box) for sign in row)
    sure = sum(digit.confidence for digit in digits) / len(digits)
    return Number(text, sure, line, angle, Box.around(sign.box for sign in row), digits)
