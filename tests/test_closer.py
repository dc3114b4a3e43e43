"""A closer look finds what stands beside digits that were found, by their size and the strength of their ink."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camdigits.closer import heights_of, look_closer
from camdigits.types import Box, Candidate, Image, overlap
from tests.support.drawing import draw_digit, paper, shade

PITCH = 1.1


def row(height: int, count: int, at: tuple[int, int] = (60, 200)) -> list[Box]:
    return [Box(at[0] + round(PITCH * height * i), at[1], round(0.6 * height), height) for i in range(count)]


def written(boxes: list[Box], page: int = 200, level: int = 60, size: tuple[int, int] = (1280, 720)) -> Image:
    image = paper(*size, level=page)
    for i, box in enumerate(boxes):
        draw_digit(image, str(2 + i % 8), box, pen=max(2, box.h // 10), level=level)
    return image


def missed(candidates: list[Candidate], boxes: list[Box], least: float = 0.6) -> list[Box]:
    """Return the boxes that no candidate covers."""
    there = np.array([candidate.box for candidate in candidates]).reshape(-1, 4)
    shares = overlap(np.array(boxes), there).max(1, initial=0)
    return [box for box, share in zip(boxes, shares, strict=True) if share < least]


@pytest.mark.parametrize("height", [16, 24, 40, 90, 200])
@pytest.mark.parametrize(("page", "level"), [(200, 60), (50, 190)])
def test_digits_beside_those_found_are_found_at_any_size_and_polarity(height: int, page: int, level: int) -> None:
    boxes = row(height, 4)
    candidates = look_closer(written(boxes, page, level), boxes[:2])
    assert not missed(candidates, boxes[2:])


def test_what_is_known_is_not_proposed_again() -> None:
    boxes = row(40, 4)
    assert len(missed(look_closer(written(boxes), boxes), boxes)) == 4


def test_digits_known_to_be_two_are_not_proposed_as_one() -> None:
    boxes = row(40, 4)
    image = written(boxes)
    cv2.line(image, (boxes[1].x, boxes[1].y + 20), (boxes[2].right - 1, boxes[2].y + 20), (60, 60, 60), 4)
    assert look_closer(image, boxes) == []
    assert look_closer(image, [boxes[0], boxes[3]]) != []


def test_one_digit_alone_tells_too_little() -> None:
    boxes = row(40, 4)
    assert look_closer(written(boxes), boxes[:1]) == []
    assert look_closer(written(boxes), []) == []


def test_faint_ink_beside_a_black_bar_is_found() -> None:
    boxes = row(30, 5)
    image = written(boxes, level=165)
    image[boxes[-1].y - 30 : boxes[-1].y - 10, boxes[3].x :] = 5
    assert not missed(look_closer(image, boxes[1:3]), boxes[3:])


def test_digits_on_a_shadows_edge_are_found() -> None:
    boxes = row(30, 5)
    light = np.interp(np.arange(1280), [boxes[3].x, boxes[3].x + 60], [1, 0.65])
    image = shade(written(boxes, level=100), np.tile(light, (720, 1)).astype(np.float32))
    assert not missed(look_closer(image, boxes[1:3]), [boxes[0], *boxes[3:]])


def test_rules_are_taken_out() -> None:
    boxes = row(60, 6)
    image = written(boxes, level=60)
    for y in range(20, 720, 50):
        cv2.line(image, (0, y), (1279, y), (150, 140, 120), 2)
    assert not missed(look_closer(image, boxes[2:4]), boxes[:2] + boxes[4:], least=0.55)


def test_specks_and_what_is_much_larger_are_left_out() -> None:
    boxes = row(40, 3)
    image = written(boxes)
    cv2.circle(image, (boxes[1].x, boxes[1].bottom + 30), 4, (60, 60, 60), -1)
    cv2.ellipse(image, (boxes[2].right + 60, 220), (50, 60), 0, 0, 360, (60, 60, 60), 5)
    assert look_closer(image, boxes) == []


def test_what_the_places_edge_cuts_is_left_out() -> None:
    boxes = row(40, 6)
    edge = boxes[1].right + 3 * 40
    assert boxes[4].x < edge < boxes[4].right
    candidates = look_closer(written(boxes), boxes[:2])
    assert missed(candidates, boxes[2:]) == boxes[4:]
    assert all(candidate.box.right <= boxes[3].right + 3 for candidate in candidates)


def test_sizes_are_told_apart_and_few_of_a_size_tell_none() -> None:
    assert heights_of(row(40, 3) + row(44, 2) + row(120, 4) + row(400, 1)) == [40, 120]
    assert heights_of(row(40, 1)) == []
    assert heights_of([]) == []
    dashes = [Box(10 + 50 * i, 20, 40, 6) for i in range(3)]
    assert heights_of(dashes, any_sign=True) == [40]


def test_two_sizes_are_looked_at() -> None:
    large, small = row(160, 4), row(24, 4, at=(60, 450))
    image = written(large + small)
    assert not missed(look_closer(image, large[:2] + small[:2]), large[2:] + small[2:])


@settings(max_examples=30)
@given(
    boxes=st.lists(
        st.builds(Box, st.integers(0, 150), st.integers(0, 110), st.integers(1, 60), st.integers(1, 60)), max_size=6
    ),
    seed=st.integers(0, 100),
)
def test_candidates_lie_in_the_picture_whatever_is_taken_for_digits(boxes: list[Box], seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (120, 160, 3), np.uint8)
    boxes = [Box(b.x, b.y, min(b.w, 160 - b.x), min(b.h, 120 - b.y)) for b in boxes]
    for candidate in look_closer(image, boxes):
        x, y, w, h = candidate.box
        assert x >= 0
        assert y >= 0
        assert x + w <= 160
        assert y + h <= 120
        assert candidate.ink.max() > 0
        assert 0 <= candidate.contrast <= 1


def test_a_dash_and_loose_bars_are_found_beside_other_signs() -> None:
    image = written(row(40, 3))
    dash, bars = Box(200, 217, 36, 6), Box(250, 207, 36, 26)
    for x, y, w, h in (dash, bars._replace(h=6), bars._replace(y=227, h=6)):
        cv2.rectangle(image, (x, y), (x + w - 1, y + h - 1), (60,) * 3, cv2.FILLED)
    assert not missed(look_closer(image, row(40, 3), any_sign=True), [dash, bars], least=0.55)
    assert missed(look_closer(image, row(40, 3)), [dash, bars], least=0.55) == [dash, bars]
