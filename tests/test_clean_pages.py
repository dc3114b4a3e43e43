"""Clean pages as people write them, through all stages: each is read as it stands."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from cv2.typing import MatLike

from camdigits.pipeline import read_image
from camdigits.types import Image
from camdigits_export.strokes import draw_digit
from tests.support.drawing import paper
from tests.support.numbers import by_line

HEIGHT, PEN = 90, 9
"""Pixels: of the digits, and of all that is no digit."""

STROKES = {
    "-": [(0, 50, 36, 48)],
    "+": [(0, 50, 40, 50), (20, 28, 20, 72)],
    "=": [(0, 38, 36, 38), (0, 58, 36, 58)],
    ".": [(6, 86, 6, 86)],
    "·": [(6, 100, 6, 100)],
    ",": [(14, 82, 6, 112)],
    "/": [(0, 120, 50, -30)],
    "|": [(30, -80, 30, 150)],
}
"""x and y of the ends, from the left and the top of the digits. A point may hang low (·); | is a line of a table."""

READ = str.maketrans({"/": " ", "|": " ", "_": " ", "+": " ", "=": None, "·": "."})
"""What of it is read: ; _ is room around an operator."""


def digit(rng: np.random.Generator, sign: str, height: int) -> MatLike:
    """Return the ink of a digit, 255 on 0, so many pixels high."""
    drawn = draw_digit(rng, int(sign), 0)
    x, y, w, h = cv2.boundingRect(drawn)
    return cv2.resize(drawn[y : y + h, x : x + w], (max(PEN * height // HEIGHT, round(w * height / h)), height))


def page(rows: Sequence[str], seed: int = 0) -> Image:
    """Write rows of digits and signs."""
    rng = np.random.default_rng(seed)
    ink = np.zeros((60 + 200 * len(rows), 900), np.uint8)
    for row, text in enumerate(rows):
        left, top = 90, 60 + 200 * row
        for sign in text:
            if sign.isdigit():
                drawn = digit(rng, sign, HEIGHT)
                place = ink[top : top + HEIGHT, left : left + drawn.shape[1]]
                np.maximum(place, drawn, out=place)
                left += drawn.shape[1] + 22
            elif sign in " _":
                left += {" ": 110, "_": 30}[sign]
            else:
                for x0, y0, x1, y1 in STROKES[sign]:
                    cv2.line(ink, (left + x0, top + y0), (left + x1, top + y1), 255, PEN, cv2.LINE_AA)
                left += max(max(x0, x1) for x0, _, x1, _ in STROKES[sign]) + 22
    strength = cv2.GaussianBlur(ink, (0, 0), 1)[..., None] / 255
    sheet = paper(ink.shape[1], ink.shape[0])
    return np.asarray(sheet * (1 - strength) + 50 * strength, np.uint8)


def read(image: Image) -> list[str]:
    return [" ".join(line) for line in by_line(read_image(image))]


@pytest.mark.parametrize(
    "rows",
    [
        ["41", "1", "57"],
        ["1", "2", "3", "4"],
        ["-1", "1", "41", "-41"],
        ["-7.5", "-12.8", "0.5", "20.4"],
        ["7.5 -3 1984"],
        ["12/35", "8/9"],
        ["7_+_5_=", "4_+_2_=", "3_+_8_=", "7_+_4_="],
        ["18 - 13", "24 - 7"],
        ["3·8", "57·6", "-4·2"],
        ["3,8", "57,6", "-4,2"],
        ["243|_788", "56|_49"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("seed", range(3))
def test_a_clean_page_is_read_as_it_stands(rows: list[str], seed: int) -> None:
    wanted = [row.replace(" - ", " ").translate(READ) for row in rows]
    assert read(page(rows, seed=seed)) == [" ".join(row.split()) for row in wanted]


@pytest.mark.parametrize("wide", [2, 4, 6])
def test_a_frame_around_a_number_is_no_digit(wide: int) -> None:
    image = page(["4096"])
    cv2.rectangle(image, (64, 36), (560, 176), (50, 50, 50), wide, cv2.LINE_AA)
    assert read(image) == ["4096"]


@pytest.mark.parametrize("seed", range(3))
def test_a_broad_pen_s_1_stays_beside_other_digits(seed: int) -> None:
    image = page(["7151", "2142"], seed=seed)
    broad = cv2.erode(image, np.ones((13, 13), np.uint8))
    assert read(np.asarray(broad, np.uint8)) == ["7151", "2142"]


@pytest.mark.parametrize("grey", [60, 120])
@pytest.mark.parametrize("wide", [2, 3, 4, 6])
@pytest.mark.parametrize(
    "rows", [["1 1", "2 5", "3 1", "4 6", "5 0", "6 7", "7 1"], ["10 14", "11 5", "12 17", "16 19"]]
)
def test_the_lines_of_a_table_are_no_digits_and_speak_against_none(rows: list[str], wide: int, grey: int) -> None:
    sheet = paper(700, 110 * len(rows) + 120)
    for y in range(60, 110 * len(rows) + 61, 110):
        cv2.line(sheet, (60, y), (640, y), (grey,) * 3, wide)
    for x in (60, 350, 640):
        cv2.line(sheet, (x, 60), (x, 60 + 110 * len(rows)), (grey,) * 3, wide)
    rng = np.random.default_rng(wide)
    for row, text in enumerate(rows):
        for column, number in enumerate(text.split()):
            left, top = 150 + 300 * column, 88 + 110 * row
            for sign in number:
                ink = digit(rng, sign, 56)[..., None] / 255
                place = sheet[top : top + 56, left : left + ink.shape[1]]
                place[:] = place * (1 - ink) + 40 * ink
                left += ink.shape[1] + 14
    assert read(np.asarray(cv2.GaussianBlur(sheet, (0, 0), 0.7), np.uint8)) == rows
