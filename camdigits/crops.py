"""What crops kept to learn from have in common, wherever they come from: which way up they are, and their folders."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from camdigits.types import Candidate, Number


def upright(candidate: Candidate, number: Number) -> NDArray[np.uint8]:
    """Return the ink of a number's digit as the model saw it: a page on its side was turned upright first."""
    return np.ascontiguousarray(np.rot90(candidate.ink, round(-number.angle / 90) % 4))


def is_folder_name(label: str) -> bool:
    """Say whether a label, which may be any text that a model was made with, names a folder and nothing else."""
    return Path(label).name == label and label not in ("", ".", "..") and "\\" not in label and "\0" not in label
