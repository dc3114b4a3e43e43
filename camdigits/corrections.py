"""Digits whose labels a person corrected, as pictures in a folder for each label: a data set to train with."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from camdigits.crops import is_folder_name
from camdigits.errors import SinkError
from camdigits.files import unused

MARGIN = 0.25
"""Of a digit's longer side: the paper around it."""


def save_corrections(inks: Sequence[NDArray[np.uint8] | None], text: str, known: Sequence[str], folder: Path) -> str:
    """Write each digit as a picture, dark on white, in the folder of its label; return what to say.

    inks: those that a number was read from, upright, 255 on 0, in reading order, None for a digit that cannot be told
    apart. text: what the number really is; points and signs in it are no digits, unless the model knows them, and words
    that it knows stand apart. known: the labels of the model. Raises SinkError.
    """
    signs = [_in_case(sign, known) for word in text.split() for sign in ([word] if word in known else word)]
    labels = [sign for sign in signs if sign in known or sign.isalnum()]
    unknown = [label for label in labels if label not in known or not is_folder_name(label)]
    if unknown:
        return f"not saved: {' '.join(unknown)} is nothing that the model reads, or no folder's name"
    if len(labels) != len(inks):
        return f"not saved: {len(inks)} digits were found, {len(labels)} named"
    saved = 0
    try:
        for ink, label in zip(inks, labels, strict=True):
            if ink is None:
                continue
            place = folder / label
            place.mkdir(parents=True, exist_ok=True)
            margin = max(4, round(MARGIN * max(ink.shape)))
            paper = np.pad(255 - ink, margin, constant_values=255)
            unused(place, ".png", name=label).write_bytes(cv2.imencode(".png", paper)[1].tobytes())
            saved += 1
    except OSError as error:
        raise SinkError(f"{folder}: corrections cannot be written ({error.strerror}); run elsewhere") from error
    return f"{saved} digits of {text} saved in {folder}"


def _in_case(sign: str, known: Sequence[str]) -> str:
    """Return a letter as the model has it, if only the other one: some windows tell no capitals."""
    return sign if sign in known or sign.swapcase() not in known else sign.swapcase()
