"""Small ink beside digits: a point, a comma, a minus, or what holds numbers apart."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camdigits.signs import with_signs
from camdigits.types import Box, Digit, Image, Number
from tests.support.drawing import draw_digit, paper

H, W, TOP = 60, 34, 100
"""Of digits drawn from x = 100 on."""


def scene(text: str, gap: int = 22, level: int = 210, ink: int = 50) -> tuple[Image, Number]:
    """Draw a number with room between its digits."""
    image = paper(level=level)
    digits = []
    for at, label in enumerate(text):
        box = Box(100 + at * (W + gap), TOP, W, H)
        draw_digit(image, label, box, pen=6, level=ink)
        digits.append(Digit(label, 0.9, box))
    around = Box(100, TOP, digits[-1].box.right - 100, H)
    return image, Number(text, 0.9 ** len(text), 0, 0.0, around, tuple(digits))


def texts(image: Image, number: Number) -> list[str]:
    return [found.text for found in with_signs(image, [number])]


def dot(image: Image, x: int, y: int, w: int, h: int, ink: int = 50) -> None:
    cv2.ellipse(image, (x, y), (w // 2, h // 2), 0, 0, 360, (ink, ink, ink), -1, cv2.LINE_AA)


BETWEEN = 100 + W + 11
"""x of the middle between the first two digits."""


def test_nothing_stands_between_digits_alone() -> None:
    assert texts(*scene("2570")) == ["2570"]


@pytest.mark.parametrize(("level", "ink"), [(210, 50), (180, 120), (60, 200)])
def test_a_point_at_the_feet_is_a_decimal_point(level: int, ink: int) -> None:
    image, number = scene("75", level=level, ink=ink)
    dot(image, BETWEEN, TOP + H - 4, 9, 9, ink)
    (found,) = with_signs(image, [number])
    assert found.text == "7.5"
    assert found.digits == number.digits
    assert found.confidence == number.confidence


def test_a_long_or_low_point_is_a_comma() -> None:
    image, number = scene("12")
    cv2.line(image, (BETWEEN + 3, TOP + H - 6), (BETWEEN - 3, TOP + H + 10), (50, 50, 50), 6, cv2.LINE_AA)
    assert texts(image, number) == ["1,2"]


@given(x=st.floats(0, 4), y=st.floats(0, 4), gap=st.integers(28, 40), radius=st.floats(3.5, 6))
@settings(deadline=None, max_examples=60)
def test_a_round_point_is_no_comma_wherever_its_few_pixels_lie(x: float, y: float, gap: int, radius: float) -> None:
    image, number = scene("75", gap)
    at = [round(16 * v) for v in (100 + W + gap / 2 - 2 + x, TOP + H - radius - y)]
    cv2.circle(image, (at[0], at[1]), round(16 * radius), (50, 50, 50), -1, cv2.LINE_AA, 4)
    assert texts(image, number) == ["7.5"]


@given(x=st.floats(0, 4), y=st.floats(0, 4), lean=st.floats(0, 4))
@settings(deadline=None, max_examples=60)
def test_a_stroke_at_the_feet_is_a_comma_however_it_leans(x: float, y: float, lean: float) -> None:
    image, number = scene("75", 30)
    ends = [(100 + W + 13 + x + side * lean, TOP + H - 5 + y - side * 8) for side in (-1, 1)]
    (x0, y0), (x1, y1) = ([round(16 * v) for v in end] for end in ends)
    cv2.line(image, (x0, y0), (x1, y1), (50, 50, 50), 6, cv2.LINE_AA, 4)
    assert texts(image, number) == ["7,5"]


@pytest.mark.parametrize("low", [2, 6, 9])
def test_a_round_point_is_none_however_low_it_hangs(low: int) -> None:
    image, number = scene("75", gap=30)
    dot(image, 100 + W + 15, TOP + H + low, 9, 9)
    assert texts(image, number) == ["7.5"]


def test_a_comma_may_be_half_as_long_as_a_digit() -> None:
    image, number = scene("75", gap=30)
    cv2.line(image, (100 + W + 17, TOP + H - 12), (100 + W + 11, TOP + H + 12), (50, 50, 50), 5, cv2.LINE_AA)
    assert texts(image, number) == ["7,5"]


@pytest.mark.parametrize("away", [1, 2])
def test_a_point_may_stand_close_to_a_digit(away: int) -> None:
    image, number = scene("45", gap=24)
    dot(image, 100 + W + away + 5, TOP + H - 5, 9, 9)
    assert texts(image, number) == ["4.5"]


def test_what_is_known_to_be_no_ink_is_no_sign() -> None:
    image, number = scene("75", gap=30)
    dot(image, 100 + W + 15, TOP + H - 5, 9, 9)
    ink = np.zeros((240, 320), np.uint8)  # looked at in half the size
    assert [found.text for found in with_signs(image, [number], [ink])] == ["75"]
    ink[(TOP + H - 6) // 2, (100 + W + 15) // 2] = 200
    assert [found.text for found in with_signs(image, [number], [ink])] == ["7.5"]
    assert [found.text for found in with_signs(image, [number], [np.zeros_like(ink), ink])] == ["7.5"]


@pytest.mark.parametrize(("gap", "ink", "text"), [(60, 60, ["25", "38"]), (18, 60, ["2538"]), (60, 170, ["2538"])])
def test_a_line_of_a_table_holds_numbers_apart_where_it_has_room(gap: int, ink: int, text: list[str]) -> None:
    """Digits on squared paper stand no farther apart where a line is, and its lines are pale."""
    image = paper()
    boxes = [Box(x, TOP, W, H) for x in (100, 100 + W + 12, 100 + 2 * W + 12 + gap, 100 + 3 * W + 24 + gap)]
    for label, box in zip("2538", boxes, strict=True):
        draw_digit(image, label, box, pen=6)
    x = boxes[1].right + gap // 2
    cv2.line(image, (x, TOP - 60), (x, TOP + H + 60), (ink, ink, ink), 3)
    digits = tuple(Digit(label, 0.9, box) for label, box in zip("2538", boxes, strict=True))
    assert texts(image, Number("2538", 0.6, 0, 0.0, Box.around(boxes), digits)) == text


def test_a_point_under_the_arm_of_a_seven_counts() -> None:
    image, number = scene("75", gap=8)
    # the lower left of the 7's own box is empty
    seven = number.digits[0].box
    image[seven.y : seven.bottom, seven.x : seven.right] = 210
    cv2.polylines(image, [np.array([[100, TOP + 3], [100 + W, TOP + 3], [106, TOP + H]])], False, (50, 50, 50), 6)
    dot(image, 100 + W - 4, TOP + H - 4, 9, 9)
    assert texts(image, number) == ["7.5"]


@pytest.mark.parametrize("middle", [0.4, 0.5, 0.6])
def test_a_dash_or_a_plus_holds_numbers_apart(middle: float) -> None:
    y = round(TOP + middle * H)
    image, number = scene("34", gap=40)
    cv2.line(image, (100 + W + 8, y), (100 + W + 32, y), (50, 50, 50), 6)
    assert texts(image, number) == ["3", "4"]
    cv2.line(image, (100 + W + 20, y - 12), (100 + W + 20, y + 12), (50, 50, 50), 6)
    apart = with_signs(image, [number])
    assert [n.text for n in apart] == ["3", "4"]
    assert [n.box for n in apart] == [digit.box for digit in number.digits]
    assert [n.confidence for n in apart] == [number.confidence] * 2


def test_what_hangs_high_is_a_piece_of_a_digit_but_two_points_are_a_colon() -> None:
    image, number = scene("57")
    dot(image, BETWEEN, TOP + 10, 12, 9)
    assert texts(image, number) == ["57"]
    dot(image, BETWEEN, TOP + H - 6, 9, 9)
    assert texts(image, number) == ["5", "7"]


def test_two_points_are_a_dates_and_more_are_dirt() -> None:
    image, number = scene("1234", gap=20)
    boxes = [digit.box for digit in number.digits]
    for left, parts in zip(boxes, (["1.234"], ["1", "2", "34"], ["1234"]), strict=False):
        dot(image, left.right + 10, TOP + H - 5, 9, 9)
        assert texts(image, number) == parts


def test_a_stroke_before_the_first_digit_is_a_minus() -> None:
    image, number = scene("34")
    cv2.line(image, (55, TOP + 30), (85, TOP + 30), (50, 50, 50), 6)
    assert texts(image, number) == ["-34"]


def test_a_stroke_between_two_numbers_is_no_minus() -> None:
    image, number = scene("31", gap=60)
    three, one = (Number(d.label, 0.9, 0, 0.0, d.box, (d,)) for d in number.digits)
    cv2.line(image, (150, TOP + 30), (175, TOP + 30), (50, 50, 50), 6)
    assert [n.text for n in with_signs(image, [three, one])] == ["3", "1"]


def test_a_stroke_in_the_middle_between_numbers_far_apart_is_no_minus() -> None:
    image, number = scene("75")
    far = Box(100 - 55 - 24 - 55 - W, TOP, W, H).moved(60, 0)
    image, number = np.roll(image, 60, 1), number.with_boxes(lambda box: box.moved(60, 0))
    draw_digit(image, "8", far, pen=6)
    cv2.rectangle(image, (160 - 55 - 24, TOP + 27), (160 - 55, TOP + 33), (50, 50, 50), -1)
    eight = Number("8", 0.9, 0, 0.0, far, (Digit("8", 0.9, far),))
    assert [n.text for n in with_signs(image, [eight, number])] == ["8", "75"]
    assert [n.text for n in with_signs(image, [number])] == ["-75"]


@pytest.mark.parametrize(("before", "after", "text"), [(45, 8, "-75"), (31, 8, "-75"), (30, 20, "75"), (20, 4, "75")])
def test_a_minus_stands_nearer_to_its_own_number_than_to_the_one_before(before: int, after: int, text: str) -> None:
    image, number = scene("75")
    draw_digit(image, "8", Box(100 - after - 24 - before - 20, TOP, 20, H), pen=6)
    cv2.rectangle(image, (100 - after - 24, TOP + 27), (100 - after, TOP + 33), (50, 50, 50), -1)
    assert texts(image, number) == [text]


def test_rules_and_grids_are_no_signs() -> None:
    image, number = scene("25", gap=30)
    for y in range(0, 480, 35):
        cv2.line(image, (0, y), (640, y), (150, 150, 150), 2)
    for x in range(0, 640, 35):
        cv2.line(image, (x, 0), (x, 480), (150, 150, 150), 2)
    assert texts(image, number) == ["25"]


def test_specks_and_faint_marks_are_no_signs() -> None:
    image, number = scene("25", gap=30)
    image[TOP + H - 4, 100 + W + 15] = 50
    dot(image, 100 + W + 15, TOP + H - 6, 9, 9, 190)
    assert texts(image, number) == ["25"]


def test_a_turned_page_is_left_as_it_is() -> None:
    image, number = scene("75")
    dot(image, BETWEEN, TOP + H - 4, 9, 9)
    turned = Number(number.text, number.confidence, 0, 90.0, number.box, number.digits)
    assert with_signs(image, [turned]) == [turned]


@given(x=st.integers(-40, 620), y=st.integers(-40, 460), h=st.integers(1, 200), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=40)
def test_digits_are_never_lost_wherever_they_stand(x: int, y: int, h: int, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 255, (480, 640, 3), np.uint8)
    boxes = [Box(max(0, x), max(0, y), max(1, h // 2), h), Box(max(0, x) + h, max(0, y), max(1, h // 2), h)]
    digits = tuple(Digit(label, 0.8, box) for label, box in zip("47", boxes, strict=True))
    number = Number("47", 0.64, 0, 0.0, boxes[0].union(boxes[1]), digits)
    found = with_signs(image, [number])
    assert "".join(c for n in found for c in n.text if c.isdigit()) == "47"
    assert tuple(digit for n in found for digit in n.digits) == digits
