"""What the nouns work out from themselves."""

import math

import numpy as np
import pytest

from camdigits.types import Box, Candidate, Digit, Number, Trace, overlap, shared_area


def test_shared_area_counts_pixels() -> None:
    a = np.array([Box(0, 0, 10, 10), Box(20, 0, 5, 5)])
    b = np.array([Box(5, 8, 10, 10), Box(10, 0, 10, 10), Box(-1, -1, 50, 50)])
    assert shared_area(a, b).tolist() == [[10, 0, 100], [0, 0, 25]]


def test_overlap_is_what_both_cover_of_what_they_cover_together() -> None:
    a = np.array([Box(0, 0, 10, 10), Box(20, 0, 5, 5)])
    b = np.array([Box(5, 8, 10, 10), Box(0, 0, 10, 10)])
    assert overlap(a, b) == pytest.approx(np.array([[10 / 190, 1], [0, 0]]))
    assert overlap(a[:0], b).shape == (0, 2)


def test_log_odds_stop_where_a_digit_is_as_good_as_sure() -> None:
    odds = [Digit("1", confidence, Box(0, 0, 1, 1)).log_odds for confidence in (0.2, 0.5, 0.999, 1.0)]
    assert odds == pytest.approx([math.log(0.25), 0, math.log(999), math.log(999)])
    assert Digit("1", 0.0, Box(0, 0, 1, 1)).log_odds < -9


def test_a_part_moves_with_all_its_boxes() -> None:
    ink = np.zeros((4, 3), np.uint8)
    digit = Digit("1", 0.9, Box(1, 2, 3, 4))
    candidates = Candidate(digit.box, ink, 0.5, whole=Box(0, 0, 9, 9)), Candidate(Box(0, 0, 9, 9), ink, 0.5)
    moved = Trace(candidates, np.zeros((2, 11), np.float32), (Number("1", 0.9, 0, 0.0, digit.box, (digit,)),))
    moved = moved.moved(100, 50)
    assert [(c.box, c.whole) for c in moved.candidates] == [
        (Box(101, 52, 3, 4), Box(100, 50, 9, 9)),
        (Box(100, 50, 9, 9), None),
    ]
    assert moved.numbers[0].box == moved.numbers[0].digits[0].box == Box(101, 52, 3, 4)
