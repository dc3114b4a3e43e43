"""Pages that lie sideways or on their head are read as upright ones are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from camdigits import load_picture, read_image
from camdigits.turn import in_doubt, reads_better, turned_back
from camdigits.types import Box, Candidate, Digit, Number, Trace

SAMPLES = Path(__file__).parents[1] / "samples"


@pytest.mark.parametrize("clockwise", [90, 180, 270])
@pytest.mark.parametrize("name", ["lines", "sticky", "ruled"])
def test_turned_samples_read_as_upright_ones(name: str, clockwise: int) -> None:
    image = load_picture(SAMPLES / f"{name}.jpg")
    upright = read_image(image)
    numbers = read_image(np.ascontiguousarray(np.rot90(image, -clockwise // 90)))
    assert [number.text for number in numbers] == [number.text for number in upright]
    turned = (numbers[0].angle - upright[0].angle + clockwise + 180) % 360 - 180
    assert turned == pytest.approx(0, abs=3)


def marks(count: int, side: int = 40) -> list[Candidate]:
    boxes = [Box(60 * at, 100, side, side) for at in range(count)]
    return [Candidate(box, np.full((side, side), 255, np.uint8), 0.5) for box in boxes]


def number(candidates: list[Candidate], confidence: float = 0.999) -> Number:
    digits = tuple(Digit("8", confidence, candidate.box) for candidate in candidates)
    return Number("8" * len(digits), confidence, 0, 0.0, Box(0, 0, 1, 1), digits)


def test_a_page_of_which_all_is_surely_read_is_upright() -> None:
    page = marks(9)
    assert not in_doubt(page, [number(page)])
    assert not in_doubt(page, [number(page[:8])])
    assert in_doubt(page, [number(page[:5])])
    assert in_doubt(page, [number(page, 0.98)])
    assert in_doubt(page, [])


def test_what_is_unlike_its_digits_raises_no_doubt() -> None:
    page = marks(9)
    bars = [Candidate(Box(60 * at, 300, 10, 60), np.full((60, 10), 255, np.uint8), 0.5) for at in range(9)]
    faint = [replace(mark, box=mark.box.moved(0, 200), contrast=0.2) for mark in page]
    others = bars + faint + marks(9, side=10) + marks(2, side=300)
    assert not in_doubt(page + others, [number(page)])
    assert in_doubt(page + [replace(mark, contrast=0.5) for mark in faint], [number(page)])


def test_few_marks_raise_no_doubt() -> None:
    assert not in_doubt(marks(2), [])


def test_a_turned_reading_must_be_better_by_more_than_a_digit() -> None:
    page = marks(9)
    assert reads_better([number(page)], [number(page[:7])])
    assert not reads_better([number(page)], [number(page[:8])])
    assert not reads_better([number(page, 0.6)], [number(page[:5])])
    assert not reads_better([number(page[:1])], [])


def test_letters_that_pass_for_digits_are_no_better_reading_however_many() -> None:
    assert not reads_better([number(marks(30), 0.93)], [])
    assert reads_better([number(marks(4), 0.99)], [])


def test_nothing_is_no_better_reading_than_something() -> None:
    assert not reads_better([], [number(marks(9), 0.6)])


@pytest.mark.parametrize("name", ["number", "lines", "board"])
def test_a_page_whose_digits_all_read_upside_down_is_turned(name: str) -> None:
    image = load_picture(SAMPLES / f"{name}.jpg")
    upside_down = np.ascontiguousarray(image[::-1, ::-1])
    assert [n.text for n in read_image(upside_down)] == [n.text for n in read_image(image)]


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_what_was_read_in_a_turned_picture_lies_where_its_ink_is(turns: int) -> None:
    image = np.zeros((60, 90), np.uint8)
    image[10:30, 20:26] = 255
    image[12, 21] = 100
    upright = np.rot90(image, turns)
    y, x = np.nonzero(upright)
    box = Box(int(x.min()), int(y.min()), int(np.ptp(x)) + 1, int(np.ptp(y)) + 1)
    ink = upright[box.y : box.bottom, box.x : box.right]
    read = Number("1", 0.9, 0, 5.0, box, (Digit("1", 0.9, box),))
    back = turned_back(
        Trace((Candidate(box, ink, 0.5, whole=box),), np.zeros((1, 11), np.float32), (read,)), turns, upright.shape
    )
    assert back.candidates[0].box == back.candidates[0].whole == back.numbers[0].box == Box(20, 10, 6, 20)
    assert np.array_equal(back.candidates[0].ink, image[10:30, 20:26])
    assert back.numbers[0].digits[0].box == Box(20, 10, 6, 20)
    assert back.numbers[0].angle % 360 == pytest.approx((5 - 90 * turns) % 360)
