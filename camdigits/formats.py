"""HEIC pictures and the pages of PDF files, which OpenCV does not read: with the extra `camdigits[formats]`."""

import re
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from camdigits.errors import PictureError
from camdigits.types import Image

HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})

PDF = b"%PDF-"

PAGE = re.compile(r"(.+\.pdf)#page=([1-9][0-9]*)", re.IGNORECASE | re.DOTALL)
"""A page of a file, named as browsers name it."""

LONGEST = 2600
"""Pixels of a page's longer side: A4 at 220 dots an inch."""

INSTALL = 'python -m pip install "camdigits[formats]"'

_pdfium = threading.Lock()
"""PDFium does one thing at a time."""


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
    with _pdfium, _opened(encoded, name) as document:
        return len(document)


def render_page(encoded: bytes, name: str, page: int) -> Image:
    """Return a page of a PDF file, counted from 1, as BGR, LONGEST pixels long. Raises PictureError."""
    with _pdfium, _opened(encoded, name) as document:
        if page > len(document):
            raise PictureError(f"{name}: there is no page {page}, only {len(document)}")
        sheet = document[page - 1]
        scale = LONGEST / max(1.0, *sheet.get_size())
        return np.array(sheet.render(scale=scale, rev_byteorder=False).to_numpy()[..., :3], np.uint8)


def _opened(encoded: bytes, name: str) -> Any:
    try:
        import pypdfium2
    except ModuleNotFoundError as error:
        raise PictureError(f"{name}: PDF files need an extra: {INSTALL}") from error
    try:
        return pypdfium2.PdfDocument(encoded)
    except pypdfium2.PdfiumError as error:
        raise PictureError(f"{name}: a PDF file that is broken or locked; print it anew") from error
