"""Letters, plates and lines on pictures: legible on any ground, in colours that any eye tells apart.

Sizes are heights of a digit in pixels. The colours are Okabe and Ito's (2008), BGR.
"""

from functools import cache

import cv2

from camdigits.types import Box, Image

Color = tuple[int, int, int]

DARK: Color = (24, 24, 24)
WHITE: Color = (255, 255, 255)
GREY: Color = (165, 165, 165)
SKY: Color = (233, 180, 86)
YELLOW: Color = (66, 228, 240)
VERMILION: Color = (0, 94, 213)

_FONT = cv2.FONT_HERSHEY_SIMPLEX

PLATE = 1.6
"""Height of the dark plate behind a text, in heights of the text."""


def outline(image: Image, box: Box, color: Color, thickness: int) -> None:
    """Draw a rectangle just outside a box, with a dark edge."""
    corners = (box.x - thickness, box.y - thickness), (box.right + thickness, box.bottom + thickness)
    cv2.rectangle(image, *corners, DARK, thickness + 2)
    cv2.rectangle(image, *corners, color, thickness)


def write(image: Image, text: str, x: float, bottom: float, size: float, color: Color) -> int:
    """Write on a dark plate, moved and shrunk to lie inside the picture; return the plate's right edge."""
    height, width = image.shape[:2]
    size = min(fit(text, size, width), height / PLATE)
    across, high = plate_width(text, size), PLATE * size
    x = min(max(x, 0), width - across)
    bottom = min(max(bottom, high), height)
    right = round(x + across)
    corners = (round(x), round(bottom - high)), (right - 1, round(bottom) - 1)
    cv2.rectangle(image, *corners, DARK, cv2.FILLED)
    letters(image, text, x + 0.4 * size, bottom - 0.3 * size, size, color)
    return right


def letters(image: Image, text: str, x: float, baseline: float, size: float, color: Color) -> None:
    """Write with digits `size` pixels high."""
    place = round(x), round(baseline)
    cv2.putText(image, text, place, _FONT, size / _font_height(), color, _weight(size), cv2.LINE_AA)


@cache
def _font_height() -> int:
    """Height of a digit at scale 1: OpenCV 4 and 5 draw different fonts, and 5 takes a while to load its own."""
    return cv2.getTextSize("0", _FONT, 1.0, 1)[0][1]


def fit(text: str, size: float, width: float) -> float:
    """Return the size at which a plate is at most `width` pixels wide, at most `size`."""
    return min(size, size * width / plate_width(text, size))


def plate_width(text: str, size: float) -> float:
    """Return how wide the plate of a text is, in pixels."""
    return text_width(text, size) + 0.8 * size


def text_width(text: str, size: float) -> float:
    """Return how wide a text is, in pixels."""
    (width, _), _ = cv2.getTextSize(text, _FONT, size / _font_height(), _weight(size))
    return float(width)


def _weight(size: float) -> int:
    """Thickness of letters in pixels."""
    return max(1, round(size / 9))


def text_height(image: Image) -> float:
    """Height of ordinary text in pixels."""
    return float(max(10.0, min(image.shape[:2]) / 42))


def percent(chance: float) -> int:
    """Whole percent; 100 is for certainty, which nothing read is."""
    return min(99, round(chance * 100))
