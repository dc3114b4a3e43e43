"""Digits whose labels a person corrected, as pictures in a folder for each label: a data set to train with."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from camdigits.crops import is_folder_name, on_paper, save_crop
from camdigits.errors import SinkError


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
    named = [(ink, label) for ink, label in zip(inks, labels, strict=True) if ink is not None]
    try:
        for ink, label in named:
            save_crop(on_paper(ink), label, folder)
    except OSError as error:
        raise SinkError(f"{folder}: corrections cannot be written ({error.strerror}); run elsewhere") from error
    return f"{len(named)} digits of {text} saved in {folder}"


def _in_case(sign: str, known: Sequence[str]) -> str:
    """Return a letter as the model has it, if only the other one: some windows tell no capitals."""
    return sign if sign in known or sign.swapcase() not in known else sign.swapcase()
