"""Clean pages as people write them, through all stages: each is read as it stands."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from camdigits.pipeline import read_image
from camdigits.types import Image
from camdigits_export.strokes import draw_digit
from tests.support.drawing import paper
from tests.support.numbers import by_line

HEIGHT, PEN = 90, 9
"""Pixels: of the digits, and of all that is no digit."""


def page(rows: Sequence[str], seed: int = 0) -> Image:
    """Write rows of digits, blanks, minus signs, points, slashes."""
    rng = np.random.default_rng(seed)
    ink = np.zeros((60 + 200 * len(rows), 900), np.uint8)
    for row, text in enumerate(rows):
        left, top = 90, 60 + 200 * row
        for sign in text:
            if sign.isdigit():
                drawn = draw_digit(rng, int(sign), 0)
                x, y, w, h = cv2.boundingRect(drawn)
                size = max(PEN, round(w * HEIGHT / h)), HEIGHT
                place = ink[top : top + HEIGHT, left : left + size[0]]
                np.maximum(place, cv2.resize(drawn[y : y + h, x : x + w], size), out=place)
                left += size[0] + 22
            elif sign == " ":
                left += 110
            else:
                x0, y0, x1, y1 = {"-": (0, 50, 36, 48), ".": (6, 86, 6, 86), "/": (0, 120, 50, -30)}[sign]
                ends = (left + x0, top + y0), (left + x1, top + y1)
                cv2.line(ink, *ends, 255, PEN, cv2.LINE_AA)
                left += max(x0, x1) + 22
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
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("seed", range(3))
def test_a_clean_page_is_read_as_it_stands(rows: list[str], seed: int) -> None:
    assert read(page(rows, seed=seed)) == [row.replace("/", " ") for row in rows]


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
