"""Draws what was read onto a copy of the picture; nothing here changes what it is given.

Sizes follow the picture, so that 320x240 and 4K look alike. Every line and letter lies on a dark ground and
the colours are Okabe and Ito's (2008), so that any eye tells them apart on any paper. What is not settled yet
is grey and thin.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np

from camdigits.types import Box, Digit, Frame, Image, Number, Patches, Reading, Trace

Color = tuple[int, int, int]

DARK: Color = (24, 24, 24)
WHITE: Color = (255, 255, 255)
GREY: Color = (165, 165, 165)
SKY: Color = (233, 180, 86)
YELLOW: Color = (66, 228, 240)
VERMILION: Color = (0, 94, 213)

_FONT = cv2.FONT_HERSHEY_SIMPLEX

_PLATE = 1.6
"""Height of the dark plate behind a text, in heights of the text."""

_LEGIBLE = 8
"""Pixels: a digit's caption that would have to be smaller than this is left out."""


class Status(NamedTuple):
    """What the status line says.

    fps: frames read a second. latency: seconds from a frame's arrival to its drawing. lost: why the source gives no
    pictures at present, which then takes the place of both.
    """

    fps: float
    latency: float
    recording: bool = False
    paused: bool = False
    mirrored: bool = False
    lost: str = ""


def draw(frame: Frame, readings: Sequence[Reading]) -> Image:
    """Return a copy of the frame's picture with the readings on it: accepted ones plain; others, or stale, dimmed.

    What is held back stands there with the reason.
    """
    image = frame.image.copy()
    # settled ones choose their places first, and are drawn first
    chosen = sorted(readings, key=lambda reading: not reading.settled)
    _draw_all(image, [(reading.number, reading.accepted and not reading.stale, reading.held) for reading in chosen])
    return image


def draw_regions(image: Image, regions: Sequence[Box]) -> Image:
    """Return a copy with all but these parts darkened."""
    dark = cv2.convertScaleAbs(image, alpha=0.5).astype(np.uint8, copy=False)
    for part in regions:
        there = slice(part.y, part.bottom), slice(part.x, part.right)
        dark[there] = image[there]
    return dark


def draw_numbers(image: Image, numbers: Sequence[Number]) -> Image:
    """Return a copy of a (height, width, 3) BGR picture with the numbers on it."""
    image = image.copy()
    _draw_all(image, [(number, True, "") for number in numbers])
    return image


def draw_status(image: Image, status: Status) -> Image:
    """Return a copy with a status line in the bottom left corner, which begins with the picture's size."""
    image = image.copy()
    size = _text_height(image)
    height, width = image.shape[:2]
    parts = [(f"{width}x{height}", GREY)]
    if status.lost:
        parts.append((status.lost, VERMILION))
    else:
        parts += [(f"{status.fps:.0f} fps", WHITE), (f"{status.latency * 1000:.0f} ms", WHITE)]
    if status.recording:
        parts.append(("REC", VERMILION))
    if status.paused:
        parts.append(("paused", YELLOW))
    if status.mirrored:
        parts.append(("mirrored", SKY))
    parts.append(("h help", GREY))
    x = 0
    for text, color in parts:
        x = _write(image, text, x, height, size, color)
    return image


def draw_message(image: Image, lines: Sequence[str]) -> Image:
    """Return a copy with lines in the bottom left corner, the last of them the one that says what to do."""
    image = image.copy()
    size = _text_height(image)
    bottom = image.shape[0] - _PLATE * size * (len(lines) - 1)
    for line in lines:
        _write(image, line, 0, bottom, size, YELLOW if line is lines[-1] else WHITE)
        bottom += _PLATE * size
    return image


def draw_help(image: Image, keys: Sequence[tuple[str, str]]) -> Image:
    """Return a darkened copy with a list of (key, what it does) in the middle."""
    image = cv2.convertScaleAbs(image, alpha=0.35).astype(np.uint8, copy=False)
    height, width = image.shape[:2]
    size = min(_text_height(image) * 1.4, height / (2.2 * (len(keys) + 1)))
    column = max(_text_width(key, size) for key, _ in keys) + 2 * size
    left = max(0.0, (width - column - max(_text_width(meaning, size) for _, meaning in keys)) / 2)
    y = (height - 2 * size * (len(keys) - 1)) / 2 + size / 2
    for key, meaning in keys:
        _letters(image, key, left, y, size, YELLOW)
        _letters(image, meaning, left + column, y, size, WHITE)
        y += 2 * size
    return image


def draw_trace(image: Image, trace: Trace, labels: Sequence[str], patches: Patches) -> Image:
    """Return a copy with every candidate's box, and the patches likeliest to be digits in rows along the top.

    patches: (N, 28, 28), those of trace.candidates. A candidate taken for a digit is drawn in blue, a
    rejected one in grey; below each patch stand its likeliest label and the classifier's percent for it.
    """
    image = image.copy()
    height, width = image.shape[:2]
    reject = len(labels)
    best = trace.probabilities.argmax(axis=1)
    for candidate, label in zip(trace.candidates, best, strict=True):
        _outline(image, candidate.box, GREY if label == reject else SKY, 1)
    size = _text_height(image) * 0.8
    side = int(4.5 * size)
    step = side + int(_PLATE * size)  # a patch and its caption
    columns, rows = width // side, height // (3 * step)
    likeliest = np.argsort(trace.probabilities[:, reject])[: columns * rows]
    for place, which in enumerate(likeliest):
        x, y = place % columns * side, place // columns * step
        tile = cv2.resize(patches[which], (side - 2, side - 2), interpolation=cv2.INTER_NEAREST)
        image[y : y + side - 2, x : x + side - 2] = (tile * 255).astype(np.uint8)[..., None]
        label = int(trace.probabilities[which, :reject].argmax())
        text = f"{labels[label]}  {_percent(float(trace.probabilities[which, label]))}"
        _write(image, text, x, y + step, _fit(text, size, side), GREY if best[which] == reject else SKY)
    return image


def _draw_all(image: Image, numbers: Sequence[tuple[Number, bool, str]]) -> None:
    """Draw numbers: boxes, then the numbers, then what room is left for captions.

    Each comes with whether it is settled, and with what holds it back.
    """
    taken = [digit.box for number, *_ in numbers for digit in number.digits]
    for number, settled, _ in numbers:
        for digit in number.digits:
            _outline(image, digit.box, SKY if settled else GREY, _line(image, settled))
    for number, settled, held in numbers:
        _draw_number(image, number, taken, settled, held)
    for number, settled, _ in numbers:
        for digit in number.digits:
            _draw_caption(image, digit, taken, settled)


def _line(image: Image, settled: bool) -> int:
    return max(1, round(min(image.shape[:2]) / 400)) if settled else 1


def _draw_number(image: Image, number: Number, taken: list[Box], settled: bool, held: str) -> None:
    """Write a number and its confidence above its digits, or wherever beside them no other digit would be covered."""
    text = f"{number.text}  {_percent(number.confidence)}%" if settled else f"{number.text}  {held}".rstrip()
    digits = sorted(digit.box.h for digit in number.digits)
    size = min(_text_height(image) * (1.5 if settled else 1.0), max(0.6 * digits[len(digits) // 2], _LEGIBLE))
    margin = 2 * _line(image, settled)
    box = number.box
    plates = []
    for smaller in (1.0, 0.75, 0.55):
        width, height = _plate_width(text, smaller * size), _PLATE * smaller * size
        middle = box.y + box.h / 2 + height / 2
        above = (box.x - margin, box.y - margin)
        beside = ((box.right + margin, middle), (box.x - margin - width, middle))
        below = (box.x - margin, box.bottom + margin + 2 * height)  # leaves room for the captions
        plates += [(place, _inside(image, *spot, width, height)) for place, spot in enumerate((above, *beside, below))]
    # rather smaller above the digits than large elsewhere: there it is plain whose number it is
    plates.sort(key=lambda item: item[0])
    plate = next((plate for _, plate in plates if not _covers(plate, taken)), plates[0][1])
    taken.append(plate)
    _write(image, text, plate.x, plate.bottom, plate.h / _PLATE, YELLOW if settled else VERMILION if held else GREY)


def _draw_caption(image: Image, digit: Digit, taken: list[Box], settled: bool) -> None:
    """Write a digit's label and confidence below its box, where there is room."""
    line = _line(image, settled)
    caption = f"{digit.label}  {_percent(digit.confidence)}"
    size = _fit(caption, 0.8 * _text_height(image), digit.box.w + 4 * line)
    bottom = digit.box.bottom + 2 * line + _PLATE * size
    plate = _inside(image, digit.box.x - 2 * line, bottom, _plate_width(caption, size), _PLATE * size)
    if size >= _LEGIBLE and not _covers(plate, taken):
        taken.append(plate)
        _write(image, caption, plate.x, plate.bottom, size, WHITE if settled else GREY)


def _inside(image: Image, x: float, bottom: float, width: float, height: float) -> Box:
    """Return where a plate lies that is moved to be inside the picture."""
    x = min(max(x, 0), max(image.shape[1] - width, 0))
    bottom = min(max(bottom, height), image.shape[0])
    return Box(round(x), round(bottom - height), round(width), round(height))


def _covers(plate: Box, taken: Sequence[Box]) -> bool:
    return any(plate.x < b.right and b.x < plate.right and plate.y < b.bottom and b.y < plate.bottom for b in taken)


def _outline(image: Image, box: Box, color: Color, thickness: int) -> None:
    """Draw a rectangle just outside a box, with a dark edge."""
    corners = (box.x - thickness, box.y - thickness), (box.right + thickness, box.bottom + thickness)
    cv2.rectangle(image, *corners, DARK, thickness + 2)
    cv2.rectangle(image, *corners, color, thickness)


def _write(image: Image, text: str, x: float, bottom: float, size: float, color: Color) -> int:
    """Write on a dark plate, moved and shrunk to lie inside the picture; return the plate's right edge."""
    height, width = image.shape[:2]
    size = min(_fit(text, size, width), height / _PLATE)
    plate_width, plate_height = _plate_width(text, size), _PLATE * size
    x = min(max(x, 0), width - plate_width)
    bottom = min(max(bottom, plate_height), height)
    right = round(x + plate_width)
    corners = (round(x), round(bottom - plate_height)), (right - 1, round(bottom) - 1)
    cv2.rectangle(image, *corners, DARK, cv2.FILLED)
    _letters(image, text, x + 0.4 * size, bottom - 0.3 * size, size, color)
    return right


def _letters(image: Image, text: str, x: float, baseline: float, size: float, color: Color) -> None:
    """Write with digits `size` pixels high."""
    place = round(x), round(baseline)
    cv2.putText(image, text, place, _FONT, size / _font_height(), color, _weight(size), cv2.LINE_AA)


@cache
def _font_height() -> int:
    """Height of a digit at scale 1: OpenCV 4 and 5 draw different fonts, and 5 takes a while to load its own."""
    return cv2.getTextSize("0", _FONT, 1.0, 1)[0][1]


def _fit(text: str, size: float, width: float) -> float:
    """Return the size at which a plate is at most `width` pixels wide, at most `size`."""
    return min(size, size * width / _plate_width(text, size))


def _plate_width(text: str, size: float) -> float:
    return _text_width(text, size) + 0.8 * size


def _text_width(text: str, size: float) -> float:
    (width, _), _ = cv2.getTextSize(text, _FONT, size / _font_height(), _weight(size))
    return float(width)


def _weight(size: float) -> int:
    """Thickness of letters in pixels."""
    return max(1, round(size / 9))


def _text_height(image: Image) -> float:
    """Height of ordinary text in pixels."""
    return float(max(10.0, min(image.shape[:2]) / 42))


def _percent(chance: float) -> int:
    """Whole percent; 100 is for certainty, which nothing read is."""
    return min(99, round(chance * 100))
