"""What stands beside and over the picture in the window."""

import numpy as np
import pytest

from camdigits.panels import (
    Status,
    draw_choices,
    draw_help,
    draw_history,
    draw_message,
    draw_prompt,
    draw_status,
)
from camdigits.types import Box
from camdigits.view import KEYS
from tests.test_overlay import SIZES, box_of_change, paper, yellow


def test_each_part_of_the_status_shows():
    image = paper(640, 480)
    plain = draw_status(image, Status(30, 0.012))
    assert box_of_change(image, plain).bottom == 480
    for status in (
        Status(29, 0.012),
        Status(30, 0.055),
        *(Status(30, 0.012, *flags) for flags in np.eye(3, dtype=bool)),
        Status(30, 0.012, lost="was it unplugged?"),
    ):
        assert (draw_status(image, status) != plain).any()


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_help_lies_inside_the_picture(width, height):
    dark = paper(width, height, 70)
    changed = box_of_change(dark, draw_help(paper(width, height), KEYS))
    assert changed.x > 0
    assert changed.y > 0
    assert changed.right < width
    assert changed.bottom < height


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_help_stands_on_a_ground_of_its_own(width, height):
    on_black, on_white = (draw_help(paper(width, height, shade), KEYS) for shade in (0, 255))
    letters = box_of_change(np.full_like(on_black, 24), np.where(on_black > 100, on_black, 24).astype(np.uint8))
    there = slice(letters.y - 3, letters.bottom + 3), slice(letters.x - 3, letters.right + 3)
    assert (on_black[there] == on_white[there]).all()
    assert (on_black[:2] != on_white[:2]).all()  # around it the picture shows


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 3), (28, 28), (3000, 5), (5, 3000)])
def test_any_picture_can_have_a_status_help_and_history(width, height):
    image = paper(width, height)
    assert draw_status(image, Status(30, 0.01, True, True, True)).shape == image.shape
    assert draw_help(image, KEYS).shape == image.shape
    assert draw_history(image, [("12:00:00", "40718")]).shape[0] == height


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_history_stands_beside_the_picture_the_newest_in_yellow(width, height):
    image = paper(width, height)
    one = draw_history(image, [("12:00:00", "40718")])
    assert (one[:, :width] == image).all()
    side = one[:, width:]
    assert 0.1 * width < side.shape[1] < 0.6 * width
    assert yellow(side).any()
    many = draw_history(image, [("12:00:00", str(number) * 12) for number in range(99)])
    written = box_of_change(np.full_like(side, 24), many[:, width:])
    assert written.right < side.shape[1]
    assert 0.8 * height < written.bottom < height


def test_what_a_digit_may_be_stands_over_it_with_its_chances():
    image = paper(640, 480)
    draw_choices(image, Box(300, 200, 40, 60), [("4", 0.9), ("9", 0.1)])
    changed = box_of_change(paper(640, 480), image)
    assert changed.y < 190
    assert changed.bottom <= 264
    edge = paper(640, 480)
    draw_choices(edge, Box(620, 0, 20, 30), [("4", 0.9), ("9", 0.1)])


def test_a_prompt_leaves_the_status_in_sight():
    image = draw_status(paper(640, 480), Status(30, 0.012))
    before = image.copy()
    draw_prompt(image, "40718 is really 40")
    changed = box_of_change(before, image)
    status = box_of_change(paper(640, 480), before)
    assert changed.bottom <= status.y + 1


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_message_stands_in_the_bottom_left_corner_and_its_last_line_is_marked(width, height):
    plain = paper(width, height)
    drawn = plain.copy()
    draw_message(drawn, ["a row for each", "space keeps them"])
    changed = box_of_change(plain, drawn)
    assert (changed.x, changed.bottom) == (0, height)
    assert changed.h < height / 4
    half = height - changed.h // 2
    assert yellow(drawn[half:]).any()
    assert not yellow(drawn[:half]).any()
