"""What of a reading the page shows beside its JSON: what else each digit may be, and what the model saw of it."""

import base64
from typing import Any

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from camdigits.normalize import normalize
from camdigits.stills import Still
from camdigits.types import Box, Digit, Number, Trace

TOP = 3
"""So many labels are told of each digit."""


def with_details(still: Still, labels: tuple[str, ...]) -> dict[str, Any]:
    """Return what JSON output says of a picture, and of each digit what else it may be and what the model saw.

    To a digit are added top, the TOP likeliest labels with their probabilities ("" is `not a digit`), and patch, the
    28x28 picture as a data: address.
    """
    told = still.to_dict()
    for number, said in zip(still.numbers, told["numbers"], strict=True):
        for digit, row in zip(number.digits, said["digits"], strict=True):
            at = _candidate(still.trace, digit, labels)
            best = np.argsort(-still.trace.probabilities[at])[:TOP]
            names = (*labels, "")
            row["top"] = [[names[k], round(float(still.trace.probabilities[at, k]), 4)] for k in best]
            row["patch"] = data_address(_patch(still.trace, at, number))
    return told


def ink_of(still: Still, box: Box, labels: tuple[str, ...]) -> NDArray[np.uint8] | None:
    """Return the ink of the digit with this box, upright, 255 on 0; None where none was read there."""
    for number in still.numbers:
        for digit in number.digits:
            if digit.box == box:
                ink = still.trace.candidates[_candidate(still.trace, digit, labels)].ink
                return np.ascontiguousarray(np.rot90(ink, _quarters(number)))
    return None


def _quarters(number: Number) -> int:
    """Return how often a page was turned by 90 degrees counterclockwise to be upright."""
    return round(-number.angle / 90) % 4


def _candidate(trace: Trace, digit: Digit, labels: tuple[str, ...]) -> int:
    """Return which candidate a digit is: that of its box, its label and its confidence."""
    column = labels.index(digit.label)
    same = [i for i, candidate in enumerate(trace.candidates) if candidate.box == digit.box]
    return min(same, key=lambda i: abs(float(trace.probabilities[i, column]) - digit.confidence))


def _patch(trace: Trace, at: int, number: Number) -> NDArray[np.uint8]:
    """Return a candidate's patch as the model saw it: a page on its side was turned upright first."""
    (patch,) = normalize([trace.candidates[at]])
    return np.asarray(255 - np.round(255 * np.rot90(patch, _quarters(number))), np.uint8)


def data_address(image: MatLike, suffix: str = ".png") -> str:
    """Return a picture as a data: address."""
    kind = {".png": "png", ".jpg": "jpeg"}[suffix]
    return f"data:image/{kind};base64,{base64.b64encode(cv2.imencode(suffix, image)[1].tobytes()).decode()}"
