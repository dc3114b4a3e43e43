"""A camera without a camera, see fakecam.c, and a film for it in which numbers come and go."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from camdigits.types import Box, Image
from tests.support.film import jpeg, stamped

SUPPORT = Path(__file__).parent
NUMBER = SUPPORT.parents[1] / "samples" / "number.jpg"
"""A sheet of 1280x720 with 40718 in its middle."""

WRITING = Box(240, 280, 780, 190)
"""Where on it that is."""

BELOW = Box(0, 240, 1280, 480)
"""What lies below the stamp."""


def can_be_built() -> bool:
    """Say whether this machine can make the camera."""
    return sys.platform == "linux" and shutil.which("cc") is not None


def build_camera(folder: Path) -> Path:
    """Compile the library that a program must preload, in a folder."""
    library = folder / "fakecam.so"
    source = SUPPORT / "fakecam.c"
    subprocess.run(["cc", "-Wall", "-shared", "-fPIC", "-o", library, source, "-ldl", "-lm"], check=True)
    return library


def with_camera(library: Path, film: Path, size: tuple[int, int], **settings: object) -> dict[str, str]:
    """Return the environment in which a program finds a camera that plays a film. settings: as fakecam.c names them."""
    told = {"FILE": film, "W": size[0], "H": size[1], **settings}
    return {**os.environ, "LD_PRELOAD": str(library), **{f"FAKECAM_{name}": str(value) for name, value in told.items()}}


def write_sheets(path: Path, period: int, periods: int) -> Path:
    """Write a film of 1280x720: each period shows an empty sheet for half of its frames, then one with 40718.

    The upper third is stamped with the frame's number.
    """
    written = cv2.imread(str(NUMBER))
    empty = written.copy()
    blank = written[WRITING.bottom + 20 : WRITING.bottom + 40]  # the paper below it
    patch = cv2.resize(blank, (blank.shape[1], WRITING.h))
    empty[WRITING.y : WRITING.bottom, WRITING.x : WRITING.right] = patch[:, WRITING.x : WRITING.right]
    with path.open("wb") as film:
        for number in range(period * periods):
            sheet: Image = (written if number % period >= period // 2 else empty).astype(np.uint8)
            sheet[: BELOW.y] = stamped(number, 1280, 720)[: BELOW.y]
            film.write(jpeg(sheet))
    return path
