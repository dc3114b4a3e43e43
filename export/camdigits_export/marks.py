"""What stands beside handwritten numbers: letters, operators, printed digits, scribbles, and pictures of the world.

Fonts and pictures come from Debian's packages, whose licences are open (FONT_PACKAGES, and OpenCV's sample pictures).
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator

from camdigits.types import Image
from camdigits_export.datasets import DataError
from camdigits_export.scenes import DOUBTFUL, Glyph, Mask

FONTS = Path("/usr/share/fonts")
HANDWRITTEN = (
    "truetype/breip/Breip.ttf",
    "truetype/fifthhorseman/dkg.ttf",
    "truetype/femkeklaver/femkeklaver.ttf",
    "opentype/bwht/BecauseWeBuild-Regular.otf",
    "opentype/bwht/BecauseWeConnect-Regular.otf",
    "opentype/bwht/BecauseWeCreate-Regular.otf",
    "opentype/dancingscript/DancingScript-Regular.otf",
    "truetype/ecolier-court/Ecolier-court.ttf",
    "truetype/humor-sans/Humor-Sans.ttf",
    "opentype/comic-neue/ComicNeue-Regular.otf",
    "truetype/rufscript/Rufscript010.ttf",
)
FONT_PACKAGES = (
    "fonts-breip fonts-dkg-handwriting fonts-femkeklaver fonts-bwht fonts-dancingscript fonts-ecolier-court "
    "fonts-humor-sans fonts-comic-neue fonts-rufscript fonts-urw-base35"
)
PRINTED = (
    *("NimbusSans-Regular", "NimbusSans-Bold", "NimbusSans-Italic", "NimbusSansNarrow-Regular", "NimbusRoman-Regular"),
    *("NimbusRoman-Bold", "NimbusMonoPS-Regular", "NimbusMonoPS-Bold", "C059-Roman", "P052-Roman", "URWGothic-Book"),
    "URWBookman-Light",
)
"""PostScript's own fonts, Helvetica and Times among them, as URW drew them."""

OF_MATPLOTLIB = ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono", "DejaVuSans-Bold", "STIXGeneral", "cmr10", "cmss10")
"""More printed ones."""

PICTURES = Path("/usr/share/doc/opencv-doc/examples/data")
WORLD = (
    *("aero1.jpg", "aloeL.jpg", "baboon.jpg", "basketball1.png", "blox.jpg", "building.jpg", "chicky_512.png"),
    *("ela_original.jpg", "graf3.png", "imageTextN.png", "left01.jpg", "left04.jpg", "left07.jpg", "left12.jpg"),
    *("left.jpg", "leuvenA.jpg", "orange.jpg", "pic1.png", "pic3.png", "squirrel_cls.jpg", "starry_night.jpg"),
    *("stuff.jpg", "text_defocus.jpg"),
)

LETTERS = "abcdefhkmnprtvwxyzABCDEFGHJKLMNPRTUVWXY"
OPERATORS = "+-=x/()*:.,%#"
LIKE_DIGITS = frozenset("ilIoOqgsSzZBbGDJyY|TQ")
"""What a person may take for a digit."""

ENGLISH = (
    "e" * 12 + "t" * 9 + "a" * 8 + "oin" * 7 + "shr" * 6 + "dl" * 4 + "cum" * 3 + "wfgyp" * 2 + "bv" + ascii_lowercase
)
"""Letters about as frequent as in English, and none of them rare."""

PIXELS = 24
"""A capital's height in pixels of a glyph."""


@cache
def _font(path: Path) -> Any:
    from PIL import ImageFont

    try:
        return ImageFont.truetype(path, 96)
    except OSError as error:
        raise DataError(f"{path}: no such font; apt install {FONT_PACKAGES}; or train with --frame-share 0") from error


def fonts(printed: bool) -> list[Path]:
    """Return the fonts of print, or those of handwriting."""
    if not printed:
        return [FONTS / name for name in HANDWRITTEN]
    import matplotlib as mpl

    drawn = [Path(mpl.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf" for name in OF_MATPLOTLIB]
    return drawn + [FONTS / "opentype" / "urw-base35" / f"{name}.otf" for name in PRINTED]


def every_font() -> list[Path]:
    """Return all of them."""
    return fonts(printed=False) + fonts(printed=True)


@cache
def sign(font: Path, text: str, printed: bool) -> Glyph | None:
    """Return one character of a font beside digits, or None where the font lacks it. Raises DataError."""
    from PIL import Image as Pictures
    from PIL import ImageDraw

    face = _font(font)
    top, capital = 60, face.getbbox("0", anchor="ls")
    canvas = Pictures.new("L", (240, 240))
    ImageDraw.Draw(canvas).text((60, top + 96), text, fill=255, font=face, anchor="ls")
    ink = np.asarray(canvas, np.uint8)
    x, y, w, h = cv2.boundingRect(ink)
    tall = -capital[1]
    if not w or tall < 20:
        return None
    cut = ink[y : y + h, x : x + w]
    foot = (y + h - top - 96) / tall
    label = text if text.isdigit() else DOUBTFUL if text in LIKE_DIGITS else ""
    if not printed:
        small = max(2, round(w * PIXELS / tall)), max(2, round(h * PIXELS / tall))
        cut = np.asarray(cv2.resize(cut, small, interpolation=cv2.INTER_AREA), np.uint8)
    return Glyph(cut, label, 1 / PIXELS if not printed else 1 / tall, foot, printed)


def word(rng: Generator, letters: str, length: int, printed: bool) -> list[Glyph]:
    """Return random characters of one font. Raises DataError."""
    among = fonts(printed)
    font = among[int(rng.integers(len(among)))]
    drawn = [sign(font, letters[int(rng.integers(len(letters)))], printed) for _ in range(length)]
    return [glyph for glyph in drawn if glyph]


def written(rng: Generator, length: int) -> list[Glyph]:
    """Return a word of so many letters as a font sets it, its letters as often as in English. Raises DataError."""
    from PIL import Image as Pictures
    from PIL import ImageDraw

    among = fonts(printed=bool(rng.random() < 0.5))
    face = _font(among[int(rng.integers(len(among)))])
    tall = -face.getbbox("0", anchor="ls")[1]
    if tall < 20:
        return []
    text = "".join(rng.choice(list(ENGLISH), length))
    kind = rng.random()
    text = text.upper() if kind < 0.25 else text.capitalize() if kind < 0.45 else text
    text += "" if rng.random() < 0.85 else str(rng.choice(list(".,:)-!?")))
    canvas = Pictures.new("L", (int(face.getlength(text)) + 120, 260))
    bold = max(0, int(rng.integers(-2, 4)))
    ImageDraw.Draw(canvas).text((60, 160), text, fill=255, font=face, anchor="ls", stroke_width=bold)
    ink = np.asarray(canvas, np.uint8)
    x, y, w, h = cv2.boundingRect(ink)
    if not w:
        return []
    size = float(rng.uniform(0.7, 1.3))
    cut = np.ascontiguousarray(ink[y : y + h, x : x + w])
    return [Glyph(cut, "", size / tall, size * (y + h - 160) / tall, printed=True, is_word=True)]


def scribble(rng: Generator) -> Glyph:
    """Return a line that wanders, up to three digits wide and two high."""
    knots = int(rng.integers(3, 9))
    size = np.array([rng.uniform(0.5, 3), rng.uniform(0.3, 1.6)]) * PIXELS
    points = np.cumsum(rng.normal(0, 1, (knots, 2)), axis=0)
    points = (points - points.min(0)) / np.maximum(np.ptp(points, axis=0), 1e-3) * size
    fine = cv2.resize(points.astype(np.float32), (2, knots * 12), interpolation=cv2.INTER_CUBIC)
    ink = np.zeros((int(size[1]) + 12, int(size[0]) + 12), np.uint8)
    cv2.polylines(ink, [np.round((fine + 6) * 16).astype(np.int32)], False, 255, 2, cv2.LINE_AA, 4)
    return Glyph(ink, DOUBTFUL, 1 / PIXELS, float(rng.normal(0.1, 0.3)))


def check() -> None:
    """Raise DataError where a font or a picture is missing: to be called before patches are made."""
    for path in every_font():
        _font(path)
    for name in WORLD:
        _picture(name)


@cache
def _picture(name: str) -> Image:
    picture = cv2.imread(str(PICTURES / name))
    if picture is None:
        raise DataError(f"{PICTURES / name}: no such picture; apt install opencv-doc, or train with --frame-share 0")
    return np.asarray(picture, np.uint8)


def world(rng: Generator, names: Sequence[str] = WORLD) -> Image:
    """Return a part of a picture of the world, at times mirrored or on its side. Raises DataError."""
    picture = _picture(names[int(rng.integers(len(names)))])
    picture = np.rot90(picture, int(rng.choice([0, 1, 2, 3], p=[0.7, 0.1, 0.1, 0.1])))
    height, width = picture.shape[:2]
    part = rng.uniform(0.4, 1)
    h, w = max(32, int(height * part)), max(32, int(width * part))
    y, x = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
    cut: Mask = picture[y : y + h, x : x + w]
    return np.ascontiguousarray(cut[:, ::-1] if rng.random() < 0.5 else cut)
