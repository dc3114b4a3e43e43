"""Lines from coordinates alone, as people write: bowed, stepped, and here and there."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camdigits.lines import Seen, lines_of, runs_of, slope_of, trend_of, without_slashes
from camdigits.types import Box, Digit

SIMILAR = 2.2


def seen(x: float, y: float, height: int = 40, width: int = 24, label: str = "8") -> Seen:
    return Seen(
        Digit(label, 0.99, Box(round(x) - width // 2, round(y) - height // 2, width, height)), x, y, width, height
    )


def row(ys: list[float], x: float = 0, pitch: float = 40) -> list[Seen]:
    return [seen(x + pitch * at, y) for at, y in enumerate(ys)]


def as_sets(lines: list[list[Seen]]) -> set[frozenset[Seen]]:
    return {frozenset(line) for line in lines}


def test_nothing_has_no_lines() -> None:
    assert lines_of([], SIMILAR) == []


def test_what_one_hand_wrote_up_and_down_is_one_line() -> None:
    """Every other digit lies 0.75 heights lower: each half would be a line of its own."""
    stepped = row([100, 130] * 6)
    below = row([230] * 12)
    assert as_sets(lines_of(stepped + below, SIMILAR)) == {frozenset(stepped), frozenset(below)}


def test_a_line_that_steps_in_a_gap_is_one() -> None:
    left, right = row([100] * 5), row([130] * 5, x=300)
    assert as_sets(lines_of(left + right, SIMILAR)) == {frozenset(left + right)}


def test_lines_whose_digits_stand_over_one_another_stay_apart() -> None:
    upper, lower = row([100] * 5), row([131] * 5, x=3)
    assert as_sets(lines_of(upper + lower, SIMILAR)) == {frozenset(upper), frozenset(lower)}


def test_columns_at_other_heights_stay_apart() -> None:
    left, right = row([100] * 4), row([130] * 4, x=600)
    assert as_sets(lines_of(left + right, SIMILAR)) == {frozenset(left), frozenset(right)}


def test_small_digits_are_no_part_of_a_line_of_large_ones() -> None:
    large, small = row([100] * 4), [seen(170 + 14 * at, 100, height=14, width=8) for at in range(4)]
    assert as_sets(lines_of(large + small, SIMILAR)) == {frozenset(large), frozenset(small)}


@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=6),
    st.floats(-0.08, 0.08),
    st.floats(-25, 25),
    st.randoms(use_true_random=False),
)
def test_leaning_bowed_lines_are_found_whatever_the_order(
    lengths: list[int], lean: float, bow: float, rng: object
) -> None:
    lines = []
    for at, length in enumerate(lengths):
        ys = [100 + 80 * at + lean * 40 * i + bow * math.sin(math.pi * i / 11) for i in range(length)]
        lines.append(row(ys))
    every = [digit for line in lines for digit in line]
    rng.shuffle(every)
    found = lines_of(every, SIMILAR)
    assert as_sets(found) == as_sets(lines)
    assert all([digit.x for digit in line] == sorted(digit.x for digit in line) for line in found)


def test_numbers_end_at_wide_gaps_and_runs_at_wider_ones() -> None:
    near, farther, far = row([0] * 3), row([0] * 3, x=40 * 3 + 30), row([0] * 3, x=40 * 6 + 30 + 70)
    assert runs_of(near + farther + far) == [[near, farther], [far]]


def test_a_hand_that_spaces_its_digits_widely_writes_numbers_all_the_same() -> None:
    """The line tells what is usual in it, for numbers of two digits too."""
    pairs = [row([0] * 2, x=x, pitch=80) for x in (0, 240, 480)]
    assert runs_of([digit for pair in pairs for digit in pair]) == [[pair] for pair in pairs]
    spaced = row([0] * 4, pitch=58)
    assert runs_of(spaced) == [[spaced]]


def test_digits_farther_apart_than_a_number_has_them_are_one_each() -> None:
    apart = row([0] * 4, pitch=100)
    assert [word for run in runs_of(apart) for word in run] == [[digit] for digit in apart]


def test_a_one_has_as_much_room_as_other_digits() -> None:
    ones = [seen(x, 0, width=5, label="1") for x in (0, 45, 90)]
    assert runs_of(ones) == [[ones]]


@pytest.mark.parametrize(("width", "height"), [(14, 70), (26, 70), (12, 54)])
def test_a_slash_holds_numbers_apart_and_is_no_one(width: int, height: int) -> None:
    before, behind = row([0] * 2), row([0] * 2, x=100)
    slash = seen(70, 0, width=width, height=height, label="1")
    assert without_slashes([*behind, slash, *before]) == ([*behind, *before], [slash])
    assert runs_of(before + behind, [slash]) == [[before, behind]]
    assert runs_of(before + behind) == [[before + behind]]
    far = replace(slash, y=200)
    assert runs_of(before + behind, [far]) == [[before + behind]]


@pytest.mark.parametrize(("width", "height"), [(12, 70), (20, 45)])
def test_a_tall_or_slanted_one_is_no_slash(width: int, height: int) -> None:
    one = seen(75, 0, width=width, height=height, label="1")
    line = [*row([0] * 2), one, *row([0] * 2, x=110)]
    assert without_slashes(line) == (line, [])


def test_what_is_high_before_all_others_is_no_slash() -> None:
    first = seen(-40, 0, width=26, height=70, label="1")
    assert without_slashes([first, *row([0] * 3)])[1] == []


@pytest.mark.parametrize("degrees", [-30.0, -5.0, 0.0, 12.0, 30.0])
def test_the_slope_is_that_of_near_neighbours(degrees: float) -> None:
    rise = math.tan(math.radians(degrees))
    boxes = [Box(40 * x, round(200 * y - 40 * x * rise) + 1000, 24, 40) for y in range(3) for x in range(8)]
    assert math.degrees(slope_of(boxes, [40] * len(boxes), SIMILAR)) == pytest.approx(degrees, abs=1)
    assert slope_of(boxes[:1], [40], SIMILAR) == 0


def test_a_page_full_of_digits_rises_as_its_lines_do() -> None:
    rise = math.tan(math.radians(5))
    boxes = [Box(40 * x, round(60 * y - 40 * x * rise) + 1000, 24, 40) for y in range(25) for x in range(25)]
    assert math.degrees(slope_of(boxes, [40] * len(boxes), SIMILAR)) == pytest.approx(5, abs=0.5)


def test_a_trend_is_the_least_squares_line() -> None:
    assert trend_of([seen(0, 10), seen(10, 15), seen(20, 20)]) == pytest.approx((10, 15, 0.5))
    assert trend_of([seen(3, 4)]) == (3, 4, 0)
