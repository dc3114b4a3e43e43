"""Crops that are kept to learn from: in a folder with a subfolder a label, as `camdigits train` and `teach` take it."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from camdigits.errors import SinkError
from camdigits.types import Candidate, Number

MARGIN = 0.3
"""Paper around the ink, in its longer side."""


def upright(candidate: Candidate, number: Number) -> NDArray[np.uint8]:
    """Return the ink of a number's digit as the model saw it: a page on its side was turned upright first."""
    return np.ascontiguousarray(np.rot90(candidate.ink, round(-number.angle / 90) % 4))


def is_folder_name(label: str) -> bool:
    """Say whether a label, which may be any text that a model was made with, names a folder and nothing else."""
    return Path(label).name == label and label not in ("", ".", "..") and "\\" not in label and "\0" not in label


def on_paper(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return ink, 255 on 0, as a picture of it, dark on white."""
    return np.pad(255 - ink, max(4, round(MARGIN * max(ink.shape))), constant_values=255)


def save_crop(picture: NDArray[np.uint8], label: str, folder: Path) -> tuple[Path, int]:
    """Write a picture into the folder's subfolder of its label; return the file, and how many more there are now.

    Its name is made of what it shows: what is saved twice is there once, under the label that was named last. Raises
    SinkError where the label is no folder's name, OSError where it cannot be written.
    """
    if not is_folder_name(label):
        raise SinkError(f"{label!r} cannot be a folder's name")
    place = folder / label
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{hashlib.sha256(picture.tobytes()).hexdigest()[:16]}.png"
    earlier = list(folder.glob(f"*/{path.name}"))
    for other in earlier:
        other.unlink()
    path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    return path, 1 - len(earlier)
