"""Digits whose labels a person corrected, as pictures in a folder for each label: a data set to train with."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from camdigits.errors import SinkError
from camdigits.files import unused
from camdigits.types import Candidate

MARGIN = 0.25
"""Of a digit's longer side: the paper around it."""


def save_corrections(candidates: Sequence[Candidate | None], text: str, folder: Path) -> str:
    """Write each candidate as a picture, dark on white, in the folder of its label; return what to say.

    candidates: those that a number was read from, in reading order, None for a digit that cannot be told apart. text:
    what the number really is; points and signs in it are no digits. Raises SinkError.
    """
    labels = [sign for sign in text if sign.isalnum()]
    if len(labels) != len(candidates):
        return f"not saved: {len(candidates)} digits were found, {len(labels)} named"
    saved = 0
    try:
        for candidate, label in zip(candidates, labels, strict=True):
            if candidate is None:
                continue
            place = folder / label
            place.mkdir(parents=True, exist_ok=True)
            margin = max(4, round(MARGIN * max(candidate.ink.shape)))
            paper = np.pad(255 - candidate.ink, margin, constant_values=255)
            unused(place, ".png", name=label).write_bytes(cv2.imencode(".png", paper)[1].tobytes())
            saved += 1
    except OSError as error:
        raise SinkError(f"{folder}: corrections cannot be written ({error.strerror}); run elsewhere") from error
    return f"{saved} digits of {text} saved in {folder}"
