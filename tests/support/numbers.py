"""Numbers made by hand: a text at a place, its digits side by side; and what numbers say, line by line."""

from collections.abc import Sequence

from camdigits.types import Box, Digit, Number

ASPECT = 0.6
"""Width of a made digit, in its heights; a gap of a third of that follows it."""


def make_number(text: str, x: float, y: float, height: float = 40, confidence: float = 0.95, line: int = 0) -> Number:
    """Return a number whose first digit's top left corner is at (x, y) in pixels."""
    width, step = max(1, round(height * ASPECT)), height * ASPECT * 4 / 3
    boxes = [Box(round(x + place * step), round(y), width, round(height)) for place in range(len(text))]
    whole = boxes[0]
    for box in boxes:
        whole = whole.union(box)
    digits = tuple(Digit(label, confidence, box) for label, box in zip(text, boxes, strict=True))
    return Number(text, confidence, line, 0.0, whole, digits)


def by_line(numbers: Sequence[Number]) -> list[list[str]]:
    """Return the texts of numbers in reading order, those of each line together."""
    rows = sorted({number.line for number in numbers})
    return [[number.text for number in numbers if number.line == row] for row in rows]
