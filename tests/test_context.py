"""Surroundings are shown as they are, dark or light, large or small; and a digit among letters is none."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camdigits.classify import Classifier
from camdigits.context import INK, LEAST, PAPER, SIDE, in_context, is_plain, windows_of
from camdigits.normalize import normalize
from camdigits.pipeline import read_image
from camdigits.segment import segment
from camdigits.types import Box, Candidate, Digit, Image, Number

DARK, LIGHT = 60, 200


def page(text: str, ink: int = DARK, paper: int = LIGHT, scale: float = 3) -> Image:
    """Return a picture with a line of text in the middle."""
    thick = max(1, round(2 * scale))
    (w, h), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
    grey = np.full((3 * h, w + 2 * h), paper, np.uint8)
    cv2.putText(grey, text, (h, 2 * h), cv2.FONT_HERSHEY_SIMPLEX, scale, ink, thick, cv2.LINE_AA)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR).astype(np.uint8)


def bar(box: Box, where: tuple[int, int], ink: int = DARK, paper: int = LIGHT) -> tuple[Image, Candidate]:
    """Return a picture of that height and width with a filled box, and the candidate that it is."""
    image = np.full((*where, 3), paper, np.uint8)
    image[box.y : box.bottom, box.x : box.right] = ink
    return image, Candidate(box, np.full((box.h, box.w), 255, np.uint8), 0.7)


@pytest.mark.parametrize(("ink", "paper"), [(DARK, LIGHT), (LIGHT, DARK), (110, 125)])
@pytest.mark.parametrize("tall", [12, 40, 300])
def test_paper_and_ink_have_their_levels_whatever_the_light_and_size(ink: int, paper: int, tall: int) -> None:
    image, candidate = bar(Box(400, 300, tall // 3, tall), (1000, 1000), ink, paper)
    (window,) = windows_of(image, [candidate])
    middle = SIDE // 2
    assert abs(int(window[middle, middle, 0]) - INK) <= 12
    assert abs(int(window[2, 2, 0]) - PAPER) <= 12
    assert window[middle, middle, 1] == 255
    assert window[2, 2, 1] == 0
    # a third of the window is as high as the candidate, in both channels
    for channel, half in ((0, (PAPER + INK) / 2), (1, 127)):
        assert abs(np.count_nonzero(window[:, middle, channel] > half) - SIDE / 3) <= 1.5


@pytest.mark.parametrize(("ink", "paper"), [(DARK, LIGHT), (LIGHT, DARK)])
def test_thin_strokes_of_a_large_digit_are_ink_too(ink: int, paper: int) -> None:
    image = np.full((1000, 1000, 3), paper, np.uint8)
    cv2.ellipse(image, (500, 500), (90, 145), 0, 0, 360, (ink, ink, ink), 4, cv2.LINE_AA)
    mask = (np.abs(image[355:645, 410:590, 0].astype(int) - ink) < 40).astype(np.uint8) * 255
    (window,) = windows_of(image, [Candidate(Box(410, 355, 180, 290), mask, 0.7)])
    shown = window[..., 0][window[..., 1] > window[..., 1].max() / 2]
    assert abs(float(shown.mean()) - INK) < 25
    assert abs(int(window[2, 2, 0]) - PAPER) <= 12


def test_what_stands_beside_is_seen_where_it_is() -> None:
    image, candidate = bar(Box(400, 300, 20, 60), (700, 1000))
    image[300:360, 460:480] = DARK  # as far to the right as the candidate is high
    seen = windows_of(image, [candidate])[0, ..., 0].astype(int)
    right, left = SIDE // 2 + SIDE // 3, SIDE // 2 - SIDE // 3
    assert seen[SIDE // 2, right] > INK - 10
    assert seen[SIDE // 2, left] < PAPER + 10


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_candidate_has_a_window(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 1500)), data.draw(st.integers(1, 300))
    w, h = data.draw(st.integers(1, width)), data.draw(st.integers(1, height))
    box = Box(data.draw(st.integers(0, width - w)), data.draw(st.integers(0, height - h)), w, h)
    image, candidate = bar(box, (height, width), *data.draw(st.tuples(st.integers(0, 255), st.integers(0, 255))))
    whole = Candidate(Box(0, 0, width, height), np.full((height, width), 255, np.uint8), 0.7)
    windows = windows_of(image, [candidate, whole])
    assert windows.shape == (2, SIDE, SIDE, 2)
    assert windows[..., 1].any(axis=(1, 2)).all()
    assert (windows[::-1] == windows_of(image, [whole, candidate])).all()


def sure(text: str, at: int, ink: int, paper: int, scale: float) -> tuple[float, float]:
    """Return how surely the character at a place of a line is a digit, alone and in its surroundings."""
    image, before = page(text, ink, paper, scale), page(text[:at], ink, paper, scale)
    pen = before.shape[1] - before.shape[0] // 3  # where the character begins, but for its own bearing
    candidates = segment(image)
    alone = Classifier("cnn")(normalize(candidates))
    likely = 1 - alone[:, -1]
    own = [i for i, candidate in enumerate(candidates) if abs(candidate.box.x - pen) < 0.3 * candidate.box.h]
    best = max(own, key=lambda i: (likely[i] > 0.5, candidates[i].box.h))
    return float(likely[best]), float(1 - in_context(image, candidates, alone)[best, -1])


@pytest.mark.parametrize("scale", [1.5, 4])
@pytest.mark.parametrize(("ink", "paper"), [(DARK, LIGHT), (LIGHT, DARK)])
def test_the_same_shape_is_a_digit_among_digits_and_none_in_a_word(scale: float, ink: int, paper: int) -> None:
    for number, word in (("4272", "KZMR"), ("3582", "WSHE")):
        _, among_digits = sure(number, 1, ink, paper, scale)
        alone, in_word = sure(word, 1, ink, paper, scale)
        assert alone > 0.8
        assert among_digits > 0.99
        assert in_word < min(0.92, alone)


def test_words_are_read_as_nothing_and_numbers_beside_them_as_before() -> None:
    assert not read_image(page("KEEPS WHEN MARK"))
    assert [number.text for number in read_image(page("WHEN   4072"))] == ["4072"]


def test_probabilities_stay_so_and_what_is_no_digit_alone_stays_as_it_is() -> None:
    image = page("KOMR 4072")
    candidates = segment(image)
    alone = Classifier("cnn")(normalize(candidates))
    told = in_context(image, candidates, alone)
    assert np.abs(told.sum(1) - 1).max() < 1e-5
    assert told.min() >= 0
    assert told.max() <= 1
    unlikely = 1 - alone[:, -1] < LEAST
    assert unlikely.any()
    assert (told[unlikely] == alone[unlikely]).all()
    assert (told[:, :-1].argmax(1) == alone[:, :-1].argmax(1)).all()


def test_nothing_asked_is_nothing_answered() -> None:
    none = np.zeros((0, 11), np.float32)
    assert in_context(page("1"), [], none) is none


def row(count: int, confidence: float = 0.99, contrast: float = 0.8) -> tuple[list[Candidate], list[Number]]:
    """Return so many digits beside one another, as candidates and as one number that was read."""
    boxes = [Box(100 + 60 * at, 100, 40, 60) for at in range(count)]
    ink = np.full((60, 40), 255, np.uint8)
    digits = tuple(Digit("7", confidence, box) for box in boxes)
    number = Number("7" * count, confidence, 0, 0.0, Box.around(boxes), digits)
    return [Candidate(box, ink, contrast) for box in boxes], [number]


def test_only_where_all_that_is_written_was_surely_read_there_is_nothing_to_ask() -> None:
    candidates, numbers = row(4)
    assert is_plain(candidates, numbers)
    assert not is_plain(*row(2))
    assert not is_plain(*row(4, confidence=0.8))
    assert not is_plain(candidates, [])
    ink = np.full((50, 40), 255, np.uint8)
    beside = Candidate(Box(500, 100, 40, 50), ink, 0.8)
    assert not is_plain([*candidates, beside], numbers)
    for no_matter in (
        Candidate(Box(500, 100, 10, 20), ink, 0.8),  # a speck
        Candidate(Box(500, 100, 40, 50), ink, 0.3),  # a shadow
        Candidate(Box(105, 110, 30, 40), ink, 0.8),  # the inside of a digit
    ):
        assert is_plain([*candidates, no_matter], numbers)
