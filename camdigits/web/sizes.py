"""How much memory a picture takes once decoded, read off its headers: nothing is decoded that takes too much.

What lies about its size is not a picture, either: decoders make room for what a header states.
"""

import struct
from collections.abc import Iterator

SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG's markers that state a size."""

SCAN, MOST_SCANS = b"\xff\xda", 100
"""A JPEG picture may come in any number of scans, each of which takes as long as a picture; ten are usual."""

TIFF_FORMS = {1: "B", 3: "H", 4: "I", 16: "Q"}
"""How TIFF's whole numbers are laid out, by its types."""

WIDTH, HEIGHT, BITS = 256, 257, 258
"""TIFF's tags."""


def decoded_bytes(encoded: bytes) -> int | None:
    """Return how many bytes the BGR picture in a JPEG, PNG, BMP, WebP or TIFF file has; None for anything else."""
    try:
        size = _size(encoded)
    except (struct.error, ValueError, IndexError):
        return None
    if size is None:
        return None
    width, height, bits = size
    return abs(width) * abs(height) * 3 * max(1, bits // 8)


def _size(encoded: bytes) -> tuple[int, int, int] | None:
    """Return width, height, bits a channel."""
    if encoded.startswith(b"\xff\xd8"):
        return _jpeg(encoded)
    if encoded.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png(encoded)
    if encoded.startswith(b"BM"):
        core = struct.unpack_from("<I", encoded, 14)[0] == 12
        return *struct.unpack_from("<HH" if core else "<ii", encoded, 18), 8
    if encoded.startswith(b"RIFF") and encoded[8:12] == b"WEBP":
        return _webp(encoded)
    if encoded[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        tags = dict(_tiff(encoded))
        return (tags[WIDTH], tags[HEIGHT], tags.get(BITS, 8)) if WIDTH in tags and HEIGHT in tags else None
    return None


def _png(encoded: bytes) -> tuple[int, int, int] | None:
    """Return what the first chunk states; None where any goes beyond the end: OpenCV makes room before it looks."""
    at = 8
    while at < len(encoded):
        length, kind = struct.unpack_from(">I4s", encoded, at)
        at += 12 + length
        if kind == b"IEND":
            break
    width, height, bits = struct.unpack_from(">IIB", encoded, 16)
    return (width, height, bits) if at <= len(encoded) else None


def _jpeg(encoded: bytes) -> tuple[int, int, int] | None:
    """Return what the first frame header states; a thumbnail's lies inside another segment."""
    if encoded.count(SCAN) > MOST_SCANS:
        return None
    at = 2
    while at + 4 <= len(encoded):
        if encoded[at] != 0xFF:  # libjpeg looks for the next marker, too
            at = encoded.find(b"\xff", at)
            if at < 0:
                return None
        marker = encoded[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in SOF:
            bits, height, width = struct.unpack_from(">BHH", encoded, at + 4)
            return width, height, bits
        elif marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD8:
            at += 2
        elif marker in (0xD9, 0xDA):
            return None
        else:
            at += 2 + max(2, struct.unpack_from(">H", encoded, at + 2)[0])
    return None


def _webp(encoded: bytes) -> tuple[int, int, int] | None:
    kind = encoded[12:16]
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(encoded[at : at + 3], "little") for at in (24, 27))
        return width, height, 8
    if kind == b"VP8L":
        packed = struct.unpack_from("<I", encoded, 21)[0]
        return 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF), 8
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", encoded, 26)
        return width & 0x3FFF, height & 0x3FFF, 8
    return None


def _tiff(encoded: bytes) -> Iterator[tuple[int, int]]:
    """Yield the tags of the first directory that hold whole numbers, and their first value."""
    end = "<" if encoded.startswith(b"II") else ">"
    big = b"+" in encoded[:4]
    start = struct.unpack_from(end + ("Q" if big else "I"), encoded, 8 if big else 4)[0]
    count = struct.unpack_from(end + ("Q" if big else "H"), encoded, start)[0]
    step, first = (20, start + 8) if big else (12, start + 2)
    for at in range(first, first + step * min(count, 4096), step):
        tag, kind = struct.unpack_from(end + "HH", encoded, at)
        many = struct.unpack_from(end + ("Q" if big else "I"), encoded, at + 4)[0]
        form, value = TIFF_FORMS.get(kind), at + (12 if big else 8)
        if form and many:
            if many * struct.calcsize(form) > (8 if big else 4):
                value = struct.unpack_from(end + ("Q" if big else "I"), encoded, value)[0]
            yield tag, struct.unpack_from(end + form, encoded, value)[0]
