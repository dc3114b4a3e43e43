"""What of a reading the page shows beside its JSON: what else each digit may be, and what the model saw of it."""

import base64
from typing import Any

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from camdigits.crops import upright
from camdigits.normalize import normalize_ink
from camdigits.stills import Still
from camdigits.types import Box, Digit, Image, Trace

SHOWN = (b"\xff\xd8", b"\x89PNG", b"RIFF", b"BM")
"""How files begin that browsers show."""

WIDEST = 1600
"""Pixels of the longer side of a preview."""

TOP = 3
"""So many labels are told of each digit."""


def with_details(still: Still, labels: tuple[str, ...]) -> dict[str, Any]:
    """Return what JSON output says of a picture, and of each digit what else it may be and what the model saw.

    To a digit are added top, the TOP likeliest labels with their probabilities ("" is `not a digit`), and patch, the
    28x28 picture as a data: address.
    """
    told = still.to_dict()
    names = (*labels, "")
    for number, said in zip(still.numbers, told["numbers"], strict=True):
        for digit, row in zip(number.digits, said["digits"], strict=True):
            at = _candidate(still.trace, digit, labels)
            probabilities = still.trace.probabilities[at]
            best = np.argsort(-probabilities)[:TOP]
            row["top"] = [[names[k], round(float(probabilities[k]), 4)] for k in best]
            patch = normalize_ink(upright(still.trace.candidates[at], number))
            row["patch"] = data_address((255 - np.round(255 * patch)).astype(np.uint8))
    return told


def preview(image: Image) -> str:
    """Return a picture, no larger than WIDEST, as browsers show it."""
    scale = min(1.0, WIDEST / max(image.shape[:2]))
    size = Box(0, 0, *image.shape[1::-1]).scaled(scale)[2:]
    return data_address(cv2.resize(image, size, interpolation=cv2.INTER_AREA), ".jpg")


def ink_of(still: Still, box: Box, labels: tuple[str, ...]) -> NDArray[np.uint8] | None:
    """Return the ink of the digit with this box, upright, 255 on 0; None where none was read there."""
    for number in still.numbers:
        for digit in number.digits:
            if digit.box == box:
                return upright(still.trace.candidates[_candidate(still.trace, digit, labels)], number)
    return None


def _candidate(trace: Trace, digit: Digit, labels: tuple[str, ...]) -> int:
    """Return which candidate a digit is: that of its box, its label and its confidence."""
    column = labels.index(digit.label)
    same = [i for i, candidate in enumerate(trace.candidates) if candidate.box == digit.box]
    return min(same, key=lambda i: abs(float(trace.probabilities[i, column]) - digit.confidence))


def data_address(image: MatLike, suffix: str = ".png") -> str:
    """Return a picture as a data: address."""
    kind = {".png": "png", ".jpg": "jpeg"}[suffix]
    return f"data:image/{kind};base64,{base64.b64encode(cv2.imencode(suffix, image)[1].tobytes()).decode()}"
