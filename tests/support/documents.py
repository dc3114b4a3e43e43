"""PDF files and HEIC pictures of pictures, as scanners and phones write them."""

import io
import zlib
from collections.abc import Sequence

import cv2

from camdigits.types import Image


def pdf(pages: Sequence[Image]) -> bytes:
    """Return a PDF file with a picture on each A4 page, across its whole width."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>"]
    kids = b" ".join(b"%d 0 R" % (3 + 3 * at) for at in range(len(pages)))
    objects.append(b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, len(pages)))
    for at, image in enumerate(pages):
        height, width = image.shape[:2]
        jpeg = cv2.imencode(".jpg", image)[1].tobytes()
        draw = b"q 595 0 0 %d 0 %d cm /I Do Q" % (595 * height // width, 842 - 595 * height // width)
        objects += [
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</XObject<</I %d 0 R>>>>/Contents %d 0 R>>"
            % (4 + 3 * at, 5 + 3 * at),
            b"<</Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/DCTDecode"
            b"/Length %d>>stream\n%s\nendstream" % (width, height, len(jpeg), jpeg),
            b"<</Length %d>>stream\n%s\nendstream" % (len(draw), draw),
        ]
    return _filed(objects)


def slow_pdf() -> bytes:
    """Return a small PDF file of one page that takes minutes to draw: the same large picture, over and over."""
    draws, grey = zlib.compress(b"595 0 0 842 0 0 cm /I Do Q q " * 20_000, 9), zlib.compress(bytes(2000 * 2000), 9)
    return _filed(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</XObject<</I 4 0 R>>>>/Contents 5 0 R>>",
            b"<</Type/XObject/Subtype/Image/Width 2000/Height 2000/ColorSpace/DeviceGray/BitsPerComponent 8"
            b"/Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (len(grey), grey),
            b"<</Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (len(draws), draws),
        ]
    )


def greedy_pdf() -> bytes:
    """Return a small PDF file of one page that takes gigabytes to draw: ten of what is ten of what is ten of …"""
    form = b"<</Type/XObject/Subtype/Form/BBox[0 0 595 842]/Resources<</XObject<</F %d 0 R>>>>/Length 60>>stream\n%s\n"
    return _filed(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</XObject<</F 5 0 R>>>>>>",
            b"<</Length 5>>stream\n/F Do\nendstream",
            *(form % (at + 1, b"/F Do " * 10) + b"endstream" for at in range(5, 25)),
            b"<</Type/XObject/Subtype/Form/BBox[0 0 595 842]/Length 15>>stream\n0 0 100 100 re f\nendstream",
        ]
    )


def _filed(objects: Sequence[bytes]) -> bytes:
    file = b"%PDF-1.4\n"
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(file))
        file += b"%d 0 obj%s\nendobj\n" % (number, content)
    table = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    table += b"".join(b"%010d 00000 n \n" % place for place in places)
    return file + table + b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, len(file))


def heic(image: Image) -> bytes:
    """Return a HEIC picture."""
    from pillow_heif import from_bytes

    height, width = image.shape[:2]
    file = io.BytesIO()
    from_bytes("BGR", (width, height), image.tobytes()).save(file, quality=90)
    return file.getvalue()
