"""Picture files to BGR images: what cameras, scanners and phones write, upright, without surprises."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from camdigits.errors import PictureError
from camdigits.formats import PAGE, count_pages, decode_heic, is_heic, is_pdf, render_page
from camdigits.types import PICTURE_SUFFIXES, Image

STANDARD_INPUT = "-"

SEARCHED = PICTURE_SUFFIXES | {".heic", ".heif", ".pdf"}
"""What folders are searched for."""

KINDS = "JPEG, PNG, BMP, WebP, TIFF, HEIC and PDF"
"""What is read, as messages say it; where an extra is needed the file itself is told so."""

EMPTY = "the file is empty; copy or take the picture again"
"""What is said of a file without a byte, here and by the server."""

JPEG = b"\xff\xd8"

MAX_BYTES = 256_000_000
"""Larger files are refused unread."""

MAX_PIXELS = 2**28
"""Larger pictures are refused: decoded they take 0.8 GB."""


def find_pictures(names: Iterable[str], apart: Path | None = None) -> Iterator[str]:
    """Yield the pictures that names stand for: files, folders (sorted, with what lies deeper), globs, `-`.

    A PDF file of several pages stands for these: scan.pdf#page=1 and on. apart: a folder inside a folder searched that
    is left out, since our own output goes there.

    A file named outright is taken whatever it is called. A name that matches nothing, and a folder without pictures,
    is yielded as it is, for load_picture to say what is wrong with it.
    """
    for name in names:
        try:
            for match in _matches(name, apart) or [name]:
                yield from _pages(match)
        except (OSError, ValueError):  # a name too long, a pattern that is none
            yield name


def _pages(name: str) -> list[str]:
    path = Path(name)
    if path.suffix.lower() != ".pdf" or not path.is_file() or path.stat().st_size > MAX_BYTES:
        return [name]
    try:
        count = count_pages(path.read_bytes(), name)
    except PictureError:  # loading it says the same
        return [name]
    return [f"{name}#page={page}" for page in range(1, count + 1)] if count > 1 else [name]


def _matches(name: str, apart: Path | None) -> list[str]:
    path = Path(name)
    if name and path.is_dir():
        found = (p for p in path.rglob("*") if p.suffix.lower() in SEARCHED and p.is_file())
        if apart and apart.resolve() != path.resolve():
            found = (p for p in found if apart.resolve() not in p.resolve().parents)
    elif not path.exists() and any(sign in name for sign in "*?["):
        found = (Path(path.anchor) if path.anchor else Path()).glob(str(path.relative_to(path.anchor)))
    else:
        return [name]
    return sorted(map(str, found))


def load_picture(name: str | Path) -> Image:
    """Return a picture as (height, width, 3) uint8 BGR, turned as its EXIF orientation says, `-` from standard input.

    JPEG, PNG, BMP, WebP, TIFF and whatever else OpenCV reads; grey, palette, CMYK, 16-bit; transparent parts become
    white paper; of an animation the first picture. With the extra `camdigits[formats]` HEIC, and of PDF files the page
    that the name ends in, as scan.pdf#page=2, or the first. Raises PictureError.
    """
    name = str(name)
    paged = PAGE.fullmatch(name)
    file, page = (paged[1], int(paged[2])) if paged and not Path(name).exists() else (name, 1)
    if not name or (name == STANDARD_INPUT and sys.stdin is None):
        raise PictureError(f"{name or 'an empty name'}: nothing to read there; name a picture")
    try:
        encoded = sys.stdin.buffer.read(MAX_BYTES + 1) if name == STANDARD_INPUT else _read_file(Path(file))
    except IsADirectoryError as error:
        kinds = ", ".join(sorted(SEARCHED))
        raise PictureError(f"{name}: a folder without pictures; it is searched for {kinds}") from error
    except (FileNotFoundError, ValueError) as error:  # a zero byte is in no file's name
        raise PictureError(f"{name}: no such file; check the path") from error
    except OSError as error:
        raise PictureError(f"{name}: cannot be read ({error.strerror or error}); check its permissions") from error
    if len(encoded) > MAX_BYTES:
        raise PictureError(f"{name}: larger than {MAX_BYTES // 10**6} MB; reduce it first")
    if not encoded:
        raise PictureError(f"{name}: {EMPTY}")
    return decode_picture(encoded, name, page)


def _read_file(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def decode_picture(encoded: bytes, name: str, page: int = 1) -> Image:
    """Return the picture in the bytes of a file, as load_picture does; name is for messages, page of a PDF file."""
    if is_pdf(encoded):
        return render_page(encoded, name, page)
    if page > 1:
        raise PictureError(f"{name}: there is no page {page}; only PDF files are read by page")
    if is_heic(encoded):
        return _on_paper(decode_heic(encoded, name))
    buffer = np.frombuffer(encoded, np.uint8)
    try:
        # only this way of decoding heeds the EXIF orientation, and only IMREAD_UNCHANGED keeps transparency
        picture = cv2.imdecode(buffer, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
        if picture is None or not encoded.startswith(JPEG):
            layers = cv2.imdecode(buffer, cv2.IMREAD_UNCHANGED)
            if layers is not None and (picture is None or layers.shape[2:] == (4,)):
                picture = layers
    except cv2.error as error:
        reason = "too many pixels" if "pixels" in str(error) else "broken"
        raise PictureError(f"{name}: {reason} for OpenCV to decode; save it again, smaller, as JPEG or PNG") from error
    if picture is None:
        raise PictureError(f"{name}: not a picture, or cut short; {KINDS} are read")
    if picture.shape[0] * picture.shape[1] > MAX_PIXELS:
        raise PictureError(f"{name}: {picture.shape[1]}x{picture.shape[0]} are too many pixels; reduce it first")
    return _on_paper(_eight_bits(picture))


def _eight_bits(picture: NDArray[Any]) -> NDArray[np.uint8]:
    if picture.dtype == np.uint8:
        return picture
    if picture.dtype == np.uint16:
        return (picture >> 8).astype(np.uint8)
    # floating point, as TIFF may hold: light from 0 to 1, or the values of 8 or of 16 bits
    most = float(picture[np.isfinite(picture)].max(initial=0))
    full = next((full for full in (1, 255, 65535) if most <= full), most)
    return np.asarray(np.clip(np.nan_to_num(picture / full), 0, 1) * 255, np.uint8)


def _on_paper(picture: NDArray[np.uint8]) -> Image:
    """Return (height, width) grey and (height, width, 4) BGRA as BGR; what is transparent becomes white."""
    if picture.ndim == 2:
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR), np.uint8)
    if picture.shape[2] == 3:
        return picture
    alpha = picture[..., 3:].astype(np.float32) / 255
    return np.asarray(picture[..., :3] * alpha + 255 * (1 - alpha), np.uint8)
