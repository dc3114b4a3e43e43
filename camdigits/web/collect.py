"""Digits that people say were misread: saved in a folder with a subfolder a label, as `camdigits train` takes it."""

import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from camdigits.crops import on_paper, save_crop
from camdigits.errors import SinkError

MOST = 20_000
"""Pictures in the folder, at most: whoever can reach the page must not be able to fill the disk."""


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
        with self._saving:
            if self._count >= MOST:
                raise SinkError(f"{MOST} pictures are collected; teach a model with them, and empty the folder")
            try:
                path, more = save_crop(on_paper(ink), label, self._folder)
            except OSError as error:
                raise SinkError(f"cannot be saved: {error.strerror}") from error
            self._count += more
        return f"{label}/{path.name}"
