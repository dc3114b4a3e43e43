"""HEIC pictures and the pages of PDF files, which OpenCV does not read: with the extra `camdigits[formats]`."""

import re
import subprocess
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from camdigits.errors import PictureError
from camdigits.pages import NO_LIBRARY, PATIENCE
from camdigits.types import Image

HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})

PDF = b"%PDF-"

PAGE = re.compile(r"(.+\.pdf)#page=([1-9][0-9]*)", re.IGNORECASE | re.DOTALL)
"""A page of a file, named as browsers name it."""

INSTALL = 'python -m pip install "camdigits[formats]"'


def is_heic(encoded: bytes) -> bool:
    """Say whether the bytes of a file are a HEIC or HEIF picture."""
    return encoded[4:8] == b"ftyp" and encoded[8:12] in HEIC_BRANDS


def is_pdf(encoded: bytes) -> bool:
    """Say whether the bytes of a file are a PDF document."""
    return encoded.startswith(PDF)


def heic_size(encoded: bytes, name: str) -> tuple[int, int]:
    """Return (width, height) of a HEIC picture, undecoded. Raises PictureError."""
    width, height = _open_heic(encoded, name).size
    return width, height


def decode_heic(encoded: bytes, name: str) -> NDArray[np.uint8]:
    """Return a HEIC picture as (height, width, 3 or 4) uint8 BGR or BGRA, upright. Raises PictureError."""
    try:
        return np.asarray(_open_heic(encoded, name), np.uint8)
    except (ValueError, RuntimeError, EOFError, OSError, MemoryError) as error:
        raise PictureError(f"{name}: a HEIC picture that is broken; save it again, as JPEG") from error


def _open_heic(encoded: bytes, name: str) -> Any:
    try:
        from pillow_heif import open_heif
    except ModuleNotFoundError as error:
        raise PictureError(f"{name}: HEIC pictures need an extra: {INSTALL}") from error
    try:
        return open_heif(encoded, convert_hdr_to_8bit=True, bgr_mode=True)
    except (ValueError, RuntimeError, EOFError, OSError, MemoryError) as error:
        raise PictureError(f"{name}: a HEIC picture that is broken; save it again, as JPEG") from error


def count_pages(encoded: bytes, name: str) -> int:
    """Return how many pages a PDF file has. Raises PictureError."""
    return _draw(encoded, name, 0)[0]


def render_page(encoded: bytes, name: str, page: int) -> Image:
    """Return a page of a PDF file, counted from 1, as BGR, pages.LONGEST pixels long. Raises PictureError."""
    count, image = _draw(encoded, name, page)
    if page > count:
        raise PictureError(f"{name}: there is no page {page}, only {count}")
    return image


def _draw(encoded: bytes, name: str, page: int) -> tuple[int, Image]:
    """Return how many pages there are, and what pages.draw makes of one."""
    start = f"import sys; sys.path[:] = {sys.path!r}\nfrom camdigits.pages import draw\n"
    try:
        done = subprocess.run(
            [sys.executable, "-c", f"{start}draw({page})"],
            input=encoded,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PictureError(f"{name}: a PDF page that takes over {PATIENCE:g} seconds to draw; print it anew") from None
    if done.returncode == NO_LIBRARY:
        raise PictureError(f"{name}: PDF files need an extra: {INSTALL}")
    if done.returncode:
        raise PictureError(f"{name}: a PDF file that is broken, locked or too complex; print it anew")
    head, _, pixels = done.stdout.partition(b"\n")
    count, *shape = map(int, head.split())
    return count, np.frombuffer(pixels, np.uint8).reshape(shape)[..., :3].copy()
