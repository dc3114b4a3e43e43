"""Digits that people say were misread: saved in a folder with a subfolder a label, as `camdigits train` takes it."""

import hashlib
import threading
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from camdigits.crops import is_folder_name
from camdigits.errors import SinkError

MOST = 20_000
"""Pictures in the folder, at most: whoever can reach the page must not be able to fill the disk."""

MARGIN = 0.3
"""Paper around the ink, in its longer side."""


class Collection:
    """The folder. Names are made of what a picture shows: a digit that is corrected twice is there once."""

    def __init__(self, folder: Path) -> None:
        """Make the folder. Raises SinkError where it cannot be written."""
        self._folder = folder
        self._saving = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._count = sum(1 for _ in folder.glob("*/*.png"))
        except OSError as error:
            raise SinkError(f"{folder}: cannot make this folder ({error.strerror}); name another --collect") from error

    def save(self, ink: NDArray[np.uint8], label: str) -> str:
        """Save a digit's ink under its right label and return the file's place in the folder. Raises SinkError."""
        if not is_folder_name(label):
            raise SinkError(f"{label!r} cannot be a folder's name")
        side = max(4, round(MARGIN * max(ink.shape)))
        paper = cv2.copyMakeBorder(np.bitwise_not(ink), side, side, side, side, cv2.BORDER_CONSTANT, value=255)
        encoded = cv2.imencode(".png", paper)[1].tobytes()
        name = f"{hashlib.sha256(paper.tobytes()).hexdigest()[:16]}.png"
        path = self._folder / label / name
        with self._saving:
            if self._count >= MOST:
                raise SinkError(f"{MOST} pictures are collected; teach a model with them, and empty the folder")
            try:
                for earlier in self._folder.glob(f"*/{name}"):  # the last word counts
                    earlier.unlink()
                    self._count -= 1
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(encoded)
            except OSError as error:
                raise SinkError(f"cannot be saved: {error.strerror}") from error
            self._count += 1
        return f"{label}/{name}"
