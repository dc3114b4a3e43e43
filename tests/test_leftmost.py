"""The leftmost of digits that touch is found, however they lean, large or small, wide or narrow."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from camdigits.leftmost import HEIGHT, WIDTH, left_end, leftmost


def seven_and_zero(height: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A 7 whose bar reaches over a 0, drawn as strokes, and which of it is the 7."""
    seven, zero = np.zeros((80, 120), np.uint8), np.zeros((80, 120), np.uint8)
    cv2.polylines(seven, [np.array([(6, 10), (62, 8), (24, 74)])], False, 255, 7, cv2.LINE_AA)
    cv2.ellipse(zero, (78, 46), (26, 28), 0, 0, 360, 255, 7, cv2.LINE_AA)
    size = round(120 * height / 80), height
    both = cv2.resize(np.maximum(seven, zero), size, interpolation=cv2.INTER_AREA)
    only = cv2.resize(seven, size, interpolation=cv2.INTER_AREA)
    x, y, w, h = cv2.boundingRect(both)
    return both[y : y + h, x : x + w].astype(np.uint8), (only > 127)[y : y + h, x : x + w]


@pytest.mark.parametrize("height", [14, 30, 80, 200])
def test_the_first_of_two_is_told_from_the_second_in_every_size(height: int) -> None:
    ink, seven = seven_and_zero(height)
    (first,) = leftmost([ink])
    assert first.shape == ink.shape
    solid = ink > 127
    assert np.mean((first != seven)[solid]) < 0.1


def test_a_lone_digit_is_all_its_own() -> None:
    ink, _ = seven_and_zero(60)
    zero = ink[:, -35:]
    assert leftmost([np.ascontiguousarray(zero)])[0][zero > 127].mean() > 0.95


def test_what_lies_far_to_the_right_is_not_the_first() -> None:
    ink = np.tile(seven_and_zero(40)[0], 4)
    (first,) = leftmost([ink])
    assert first[:, :30].any()
    assert not first[:, 2 * ink.shape[0] :].any()


@given(st.integers(1, 300), st.integers(1, 900))
@settings(deadline=None, max_examples=30)
def test_ink_of_any_size_is_looked_at_and_answered_in_its_own(h: int, w: int) -> None:
    ink = np.full((h, w), 255, np.uint8)
    assert left_end(ink).shape == (HEIGHT, WIDTH)
    assert left_end(ink)[:, 0].min() == 255
    assert leftmost([ink, ink])[1].shape == (h, w)


def test_nothing_asked_is_nothing_answered() -> None:
    assert leftmost([]) == []
