"""Draws what was read onto a copy of the picture; nothing here changes what it is given.

Sizes follow the picture, so that 320x240 and 4K look alike. What is not settled yet is grey and thin.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from camdigits.lettering import (
    DARK,
    GREY,
    PLATE,
    SKY,
    VERMILION,
    WHITE,
    YELLOW,
    fit,
    outline,
    percent,
    plate_width,
    text_height,
    write,
)
from camdigits.types import Box, Digit, Frame, Image, Number, Patches, Reading, Trace

_LEGIBLE = 8
"""Pixels: a digit's caption that would have to be smaller than this is left out."""


def draw(frame: Frame, readings: Sequence[Reading]) -> Image:
    """Return a copy of the frame's picture with the readings on it: accepted ones plain; others, or stale, dimmed.

    What is held back stands there with the reason, and with the number accepted before it.
    """
    image = frame.image.copy()
    # settled ones choose their places first, and are drawn first
    chosen = sorted(readings, key=lambda reading: not reading.settled)
    _draw_all(image, [(reading.number, reading.accepted and not reading.stale, _reason(reading)) for reading in chosen])
    return image


def _reason(reading: Reading) -> str:
    """Return why a reading is held back, and the number that stands for it."""
    return f"{reading.held}; {reading.stands} stands" if reading.stands else reading.held


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


def draw_trace(image: Image, trace: Trace, labels: Sequence[str], patches: Patches) -> Image:
    """Return a copy with every candidate's box, and the patches likeliest to be digits in rows along the top.

    patches: (N, 28, 28), those of trace.candidates. A candidate taken for a digit is drawn in blue, a
    rejected one in grey; below each patch stand its likeliest label and its percent for it.
    """
    image = image.copy()
    height, width = image.shape[:2]
    reject = len(labels)
    best = trace.probabilities.argmax(axis=1)
    for candidate, label in zip(trace.candidates, best, strict=True):
        outline(image, candidate.box, GREY if label == reject else SKY, 1)
    size = text_height(image) * 0.8
    side = int(4.5 * size)
    step = side + int(PLATE * size)  # a patch and its caption
    columns, rows = width // side, height // (3 * step)
    likeliest = np.argsort(trace.probabilities[:, reject])[: columns * rows]
    for place, which in enumerate(likeliest):
        x, y = place % columns * side, place // columns * step
        image[y : y + step, x : x + side] = DARK  # digits of the picture would run into the captions
        tile = cv2.resize(patches[which], (side - 2, side - 2), interpolation=cv2.INTER_NEAREST)
        image[y : y + side - 2, x : x + side - 2] = (tile * 255).astype(np.uint8)[..., None]
        label = int(trace.probabilities[which, :reject].argmax())
        text = f"{labels[label]}  {percent(float(trace.probabilities[which, label]))}"
        write(image, text, x, y + step, fit(text, size, side), GREY if best[which] == reject else SKY)
    return image


def _draw_all(image: Image, numbers: Sequence[tuple[Number, bool, str]]) -> None:
    """Draw numbers: boxes, then the numbers, then what room is left for captions.

    Each comes with whether it is settled, and with what holds it back.
    """
    taken = [digit.box for number, *_ in numbers for digit in number.digits]
    for number, settled, _ in numbers:
        for digit in number.digits:
            outline(image, digit.box, SKY if settled else GREY, _line(image, settled))
            _draw_bar(image, digit, settled)
    for number, settled, held in numbers:
        _draw_number(image, number, taken, settled, held)
    for number, settled, _ in numbers:
        for digit in number.digits:
            _draw_caption(image, digit, taken, settled)


def _line(image: Image, settled: bool) -> int:
    return max(1, round(min(image.shape[:2]) / 400)) if settled else 1


def _draw_number(image: Image, number: Number, taken: list[Box], settled: bool, held: str) -> None:
    """Write a number and its confidence above its digits, or wherever beside them no other digit would be covered."""
    text = f"{number.text}  {percent(number.confidence)}%" if settled else f"{number.text}  {held}".rstrip()
    digits = sorted(digit.box.h for digit in number.digits)
    size = min(text_height(image) * (1.5 if settled else 1.0), max(0.6 * digits[len(digits) // 2], _LEGIBLE))
    margin = 2 * _line(image, settled)
    box = number.box
    plates = []
    for smaller in (1.0, 0.75, 0.55):
        width, height = plate_width(text, smaller * size), PLATE * smaller * size
        middle = box.y + box.h / 2 + height / 2
        above = (box.x - margin, box.y - margin)
        beside = ((box.right + margin, middle), (box.x - margin - width, middle))
        below = (box.x - margin, box.bottom + margin + _bar_height(image) + 2 * height)  # leaves room for the captions
        plates += [(place, _inside(image, *spot, width, height)) for place, spot in enumerate((above, *beside, below))]
    # rather smaller above the digits than large elsewhere: there it is plain whose number it is
    plates.sort(key=lambda item: item[0])
    plate = next((plate for _, plate in plates if not _covers(plate, taken)), plates[0][1])
    taken.append(plate)
    write(image, text, plate.x, plate.bottom, plate.h / PLATE, YELLOW if settled else VERMILION if held else GREY)


def _draw_bar(image: Image, digit: Digit, settled: bool) -> None:
    """Draw below a digit's box how sure it is, as the filled part of a bar."""
    box, high = digit.box, _bar_height(image)
    top = box.bottom + 2 * _line(image, settled)
    full = box.x, top, box.right, top + high
    cv2.rectangle(image, (full[0] - 1, full[1] - 1), (full[2] + 1, full[3] + 1), DARK, cv2.FILLED)
    filled = box.x + round(box.w * digit.confidence)
    cv2.rectangle(image, full[:2], (filled, full[3]), YELLOW if settled else GREY, cv2.FILLED)


def _bar_height(image: Image) -> int:
    return int(max(1, min(image.shape[:2]) // 240))


def _draw_caption(image: Image, digit: Digit, taken: list[Box], settled: bool) -> None:
    """Write a digit's label and confidence below its box, where there is room."""
    line = _line(image, settled)
    caption = f"{digit.label}  {percent(digit.confidence)}"
    size = fit(caption, 0.8 * text_height(image), digit.box.w + 4 * line)
    bottom = digit.box.bottom + 2 * line + _bar_height(image) + 2 + PLATE * size
    plate = _inside(image, digit.box.x - 2 * line, bottom, plate_width(caption, size), PLATE * size)
    if size >= _LEGIBLE and not _covers(plate, taken):
        taken.append(plate)
        write(image, caption, plate.x, plate.bottom, size, WHITE if settled else GREY)


def _inside(image: Image, x: float, bottom: float, width: float, height: float) -> Box:
    """Return where a plate lies that is moved to be inside the picture."""
    x = min(max(x, 0), max(image.shape[1] - width, 0))
    bottom = min(max(bottom, height), image.shape[0])
    return Box(round(x), round(bottom - height), round(width), round(height))


def _covers(plate: Box, taken: Sequence[Box]) -> bool:
    return any(plate.x < b.right and b.x < plate.right and plate.y < b.bottom and b.y < plate.bottom for b in taken)
