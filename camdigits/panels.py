"""What stands in the window beside and over the picture: the status, the keys, the numbers so far, what is asked."""

from collections.abc import Sequence
from typing import NamedTuple

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
    letters,
    outline,
    percent,
    text_height,
    text_width,
    write,
)
from camdigits.types import Box, Image


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


def draw_status(image: Image, status: Status) -> Image:
    """Return a copy with a status line in the bottom left corner, which begins with the picture's size."""
    image = image.copy()
    size = text_height(image)
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
        x = write(image, text, x, height, size, color)
    return image


def draw_help(image: Image, keys: Sequence[tuple[str, str]]) -> Image:
    """Return a darkened copy with a list of (key, what it does) in the middle, on a ground of its own."""
    image = cv2.convertScaleAbs(image, alpha=0.35).astype(np.uint8, copy=False)
    height, width = image.shape[:2]
    size = min(text_height(image) * 1.4, height / (2.2 * (len(keys) + 1)))
    columns = max(text_width(key, size) for key, _ in keys), max(text_width(meaning, size) for _, meaning in keys)
    # OpenCV 4's letters are wider than OpenCV 5's
    shrunk = min(1.0, 0.96 * width / (sum(columns) + 2 * size))
    size *= shrunk
    column = shrunk * columns[0] + 2 * size
    left = max(0.0, (width - column - shrunk * columns[1]) / 2)
    y = (height - 2 * size * (len(keys) - 1)) / 2 + size / 2
    # digits of the picture would run into the letters
    beside, top = max(1, round(left - size)), max(1, round(y - 2 * size))
    cv2.rectangle(image, (beside, top), (width - 1 - beside, height - 1 - top), DARK, cv2.FILLED)
    for key, meaning in keys:
        letters(image, key, left, y, size, YELLOW)
        letters(image, meaning, left + column, y, size, WHITE)
        y += 2 * size
    return image


HISTORY_WIDTH = 9
"""Of the panel of settled numbers, in heights of its text."""


def draw_history(image: Image, numbers: Sequence[tuple[str, str]]) -> Image:
    """Return the picture with a panel at its right side: (when, text) of numbers, those that fit, the first on top."""
    height, width = image.shape[:2]
    size = 1.3 * text_height(image)
    panel = round(HISTORY_WIDTH * size)
    wider = np.full((height, width + panel, 3), DARK, np.uint8)
    wider[:, :width] = image
    side = wider[:, width:]
    y = 2 * size
    for place, (when, text) in enumerate(numbers):
        if y > height - size:
            break
        letters(side, when, 0.5 * size, y, 0.6 * size, GREY)
        left = 0.5 * size + text_width("00:00:00 ", 0.6 * size)
        letters(side, text, left, y, _narrowed(text, size, panel - left - 0.3 * size), WHITE if place else YELLOW)
        y += 2 * size
    return wider


def draw_choices(image: Image, box: Box, choices: Sequence[tuple[str, float]]) -> None:
    """Draw into a picture what a digit was taken for: (label, probability), the likeliest first."""
    size = 1.4 * text_height(image)
    outline(image, box, WHITE, 1)
    x: float = box.x
    for place, (label, chance) in enumerate(choices):
        x = write(image, f"{label}  {percent(chance)}%", x, box.y - 2, size, GREY if place else WHITE)


def draw_selection(image: Image, box: Box) -> None:
    """Draw into a picture the rectangle that is being drawn by hand."""
    outline(image, box, YELLOW, 1)


def draw_prompt(image: Image, text: str) -> None:
    """Write into a picture a line that asks for something, or says something, above the status."""
    size = 1.3 * text_height(image)
    # letters that reach below their plate leave the status in sight
    write(image, text, 0, image.shape[0] - PLATE * text_height(image) - 0.25 * size, size, YELLOW)


def draw_message(image: Image, lines: Sequence[str]) -> None:
    """Write lines into a picture's bottom left corner, the last of them the one that says what to do."""
    size = text_height(image)
    bottom = image.shape[0] - PLATE * size * (len(lines) - 1)
    for line in lines:
        write(image, line, 0, bottom, size, YELLOW if line is lines[-1] else WHITE)
        bottom += PLATE * size


def draw_name(image: Image, name: str) -> None:
    """Write into a picture what its source is called, in the top left corner."""
    size = 1.6 * text_height(image)
    write(image, name, 0, PLATE * size, size, SKY)


def tiled(pictures: Sequence[tuple[Image, Box]], size: tuple[int, int]) -> Image:
    """Return pictures side by side, each as large as the place it has, on a (width, height) canvas."""
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    for picture, box in pictures:
        canvas[box.y : box.bottom, box.x : box.right] = picture
    return canvas


def _narrowed(text: str, size: float, width: float) -> float:
    """Return the size at which a text is at most `width` pixels wide, at most `size`."""
    return min(size, size * width / max(text_width(text, size), 1))
