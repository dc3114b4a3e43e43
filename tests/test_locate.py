"""Digits are found in ink and read, whether they stand apart, touch or are broken; what is none is left."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from camdigits.locate import NO_DIGIT, SAID, STEP, Floats, locate, located, weighed
from camdigits.types import Box, Candidate

Ink = NDArray[np.uint8]


def ink_of(text: str, height: int, apart: float = 0.4) -> tuple[Ink, list[tuple[float, float]]]:
    """Return a line of digits in ink, so far apart in heights, and their middles."""
    inks = [digit_of(label, height) for label in text]
    canvas = np.zeros((3 * height, sum(ink.shape[1] for ink in inks) + 4 * height * len(text)), np.uint8)
    x, middles = height, []
    for ink in inks:
        h, w = ink.shape
        place = canvas[height : height + h, x : x + w]
        np.maximum(place, ink, out=place)
        middles.append((x + w / 2, height + h / 2))
        x += w + round(apart * height)
    return canvas, middles


def digit_of(label: str, height: int) -> Ink:
    """Return a digit's ink, cropped to it, and so high."""
    canvas = np.zeros((300, 300), np.uint8)
    cv2.putText(canvas, label, (60, 240), cv2.FONT_HERSHEY_SIMPLEX, 7, 255, 16, cv2.LINE_AA)
    x, y, w, h = cv2.boundingRect(canvas)
    size = round(w * height / h), height
    return np.asarray(cv2.resize(canvas[y : y + h, x : x + w], size, interpolation=cv2.INTER_AREA), np.uint8)


def read(ink: Ink) -> list[tuple[str, float, float]]:
    """Return what is found, from left to right: labels and middles."""
    boxes, chances = locate(ink)
    found = zip(boxes, chances[:, :NO_DIGIT].argmax(1), strict=True)
    return sorted(((str(best), x + w / 2, y + h / 2) for (x, y, w, h), best in found), key=lambda item: item[1])


@pytest.mark.parametrize("height", [18, 28, 40, 56])
def test_digits_are_found_where_they_are(height: int) -> None:
    ink, middles = ink_of("325", height)
    found = read(ink)
    assert "".join(label for label, _, _ in found) == "325"
    for (_, x, y), (right_x, right_y) in zip(found, middles, strict=True):
        assert abs(x - right_x) < 0.2 * height
        assert abs(y - right_y) < 0.2 * height


def test_digits_that_touch_are_two() -> None:
    ink, _ = ink_of("25", 36, apart=-0.06)
    assert cv2.connectedComponents((ink > 127).view(np.uint8))[0] == 2  # with the paper: one piece of ink
    assert [label for label, _, _ in read(ink)] == ["2", "5"]


def test_a_broken_digit_is_one() -> None:
    ink, _ = ink_of("3", 40)
    ink[ink.shape[0] // 2 - 6 : ink.shape[0] // 2 - 3] = 0
    assert cv2.connectedComponents((ink > 127).view(np.uint8))[0] == 3
    assert [label for label, _, _ in read(ink)] == ["3"]


def test_lines_and_empty_paper_hold_no_digit() -> None:
    ink = np.zeros((200, 300), np.uint8)
    assert len(locate(ink)[0]) == 0
    ink[100:103] = 255
    ink[:, 150:153] = 255
    assert len(locate(ink)[0]) == 0


@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_whatever_the_ink_chances_are_shares_of_one(height: int, width: int, seed: int) -> None:
    ink = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    boxes, chances = locate(ink)
    assert boxes.shape == (len(chances), 4)
    assert (boxes[:, 2:] > 0).all()
    assert chances.shape[1] == NO_DIGIT + 1
    assert np.abs(chances.sum(1) - 1).max(initial=0) < 1e-4


def answer(*digits: tuple[int, int, int, float, tuple[float, float, float, float]]) -> Floats:
    """Return answers for 20 by 20 places: where a digit is (row, column), which, how likely, and how far it reaches."""
    said = np.zeros((20, 20, SAID), np.float32)
    said[..., NO_DIGIT] = 1
    for row, column, label, chance, reach in digits:
        said[row, column] = 0
        said[row, column, [label, NO_DIGIT]] = chance, 1 - chance
        said[row, column, NO_DIGIT + 1 :] = reach
    return said


def test_places_of_one_digit_speak_together_and_others_alone() -> None:
    boxes, chances = located(
        answer(
            (5, 5, 3, 0.9, (10, 12, 10, 12)),
            (5, 6, 3, 0.6, (14, 12, 6, 12)),
            (5, 12, 8, 0.8, (8, 12, 8, 12)),
            (12, 5, 1, 0.2, (8, 12, 8, 12)),
        )
    )
    assert chances[:, :NO_DIGIT].argmax(1).tolist() == [3, 8]
    middle = 5 * STEP + (STEP - 1) / 2
    assert boxes[0] == pytest.approx([middle - 10, middle - 12, 20, 24], abs=1e-4)
    assert 0.6 < chances[0, 3] < 0.9
    assert boxes[1, :2] == pytest.approx([12 * STEP + 1.5 - 8, middle - 12])


def test_nothing_likely_is_nothing_found() -> None:
    boxes, chances = located(answer())
    assert boxes.shape == (0, 4)
    assert chances.shape == (0, NO_DIGIT + 1)


def test_what_is_found_counts_for_a_candidate_and_what_is_missed_against_it() -> None:
    ink, middles = ink_of("35", 36)
    places = [Box(round(x - 12), round(y - 18), 24, 36) for x, y in middles] + [Box(20, 2, 24, 36), Box(20, 2, 80, 90)]
    candidates = [Candidate(box, np.full((box.h, box.w), 255, np.uint8), 0.5) for box in places]
    doubtful = np.full((4, NO_DIGIT + 1), 0.02, np.float32)
    doubtful[:, [5, 8, NO_DIGIT]] = 0.3, 0.3, 0.24
    told = weighed(ink.shape, candidates, doubtful, [ink])
    assert told.shape == doubtful.shape
    assert np.abs(told.sum(1) - 1).max() < 1e-5
    assert told[1].argmax() == 5  # the one that is there
    assert told[1, 5] > 0.6
    assert told[0, [5, 8]].sum() < 0.5  # a 3
    assert told[2, NO_DIGIT] > 0.6  # nothing is there
    assert told[3] == pytest.approx(doubtful[3])  # larger than what the network is shown
    assert weighed(ink.shape, [], doubtful[:0], [ink]).shape == (0, NO_DIGIT + 1)
    twice = cv2.resize(ink, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    larger = [Candidate(c.box.scaled(2), c.ink, 0.5) for c in candidates]
    assert weighed(twice.shape, larger, doubtful, [ink]) == pytest.approx(told, abs=1e-4)
