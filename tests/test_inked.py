"""Ink is found where a pen went, dark or light, and not where rules and grids are; whatever the picture's size."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from camdigits import inked as stage
from camdigits.inked import TALL, at_sizes, inked, weighed, written
from camdigits.types import Box, Candidate, Image
from tests.support.drawing import draw_digit, paper

APART = 23
"""Pixels from one rule to the next."""


def drawn(ink: int, paper: int, grid: int | None = None) -> tuple[Image, NDArray[np.bool_]]:
    """Return a page with numbers, a little blurred, and where they are; grid: how bright its rules are."""
    strokes = np.zeros((300, 400), np.uint8)
    for row, text in enumerate(("3857", "2064", "91")):
        cv2.putText(strokes, text, (40, 80 + 80 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.4, 255, 3, cv2.LINE_AA)
    page = np.full(strokes.shape, paper, np.float32)
    if grid is not None:
        page[::APART] = page[:, ::APART] = grid
    share = strokes.astype(np.float32) / 255
    page += share * (ink - page)
    grain = np.random.default_rng(1).normal(0, 2, (*page.shape, 3))
    seen = cv2.GaussianBlur(page, (0, 0), 0.8)[..., None] + grain
    return np.clip(seen, 0, 255).astype(np.uint8), strokes > 127


@pytest.mark.parametrize(
    ("ink", "paper", "grid"),
    [(60, 210, None), (215, 60, None), (60, 210, 150), (120, 200, 150), (60, 230, 110), (205, 70, 110)],
)
def test_strokes_are_ink_and_rules_are_none(ink: int, paper: int, grid: int | None) -> None:
    image, strokes = drawn(ink, paper, grid)
    found = inked(image) > 127
    # the rim of a stroke is half ink
    rim = cv2.dilate(strokes.view(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert found[strokes].mean() > 0.85
    assert np.count_nonzero(found & ~rim) < 0.15 * np.count_nonzero(strokes)
    if grid is not None:
        rules = np.zeros_like(strokes)
        rules[::APART] = rules[:, ::APART] = True
        assert found[rules & ~rim].mean() < 0.05


@pytest.mark.parametrize("paper", [20, 128, 240])
def test_paper_and_steps_between_papers_are_no_ink(paper: int) -> None:
    image = np.full((200, 300, 3), paper, np.uint8)
    assert not (inked(image) > 127).any()
    image[:, 150:] = 255 - paper
    assert np.mean(inked(image) > 127) < 0.01


def test_turned_paper_has_the_same_ink() -> None:
    image, strokes = drawn(60, 210)
    for turns in range(1, 4):
        found = np.rot90(inked(np.ascontiguousarray(np.rot90(image, turns))) > 127, -turns)
        assert found[strokes].mean() > 0.8


@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 255))
@settings(max_examples=40, deadline=None)
def test_any_picture_has_as_many_pixels_of_ink(height: int, width: int, shade: int) -> None:
    found = inked(np.full((height, width, 3), shade, np.uint8))
    assert found.shape == (height, width)
    assert found.dtype == np.uint8


def row(height: int, at: tuple[int, int] = (60, 100)) -> list[Box]:
    return [Box(at[0] + round(1.1 * height * i), at[1], round(0.6 * height), height) for i in range(4)]


def page(boxes: list[Box], level: int = 60) -> Image:
    image = paper(1280, 720, level=200)
    for i, box in enumerate(boxes):
        draw_digit(image, str(2 + i), box, pen=max(2, box.h // 10), level=level)
    return image


def dark(image: Image) -> NDArray[np.uint8]:
    """Return the picture's dark pixels as sure ink."""
    return np.where(image.mean(axis=2) < 130, 255, 0).astype(np.uint8)


@pytest.mark.parametrize("height", [16, 24, 40, 90, 200])
def test_digits_of_any_size_are_found_where_they_are(height: int) -> None:
    boxes = row(height)
    image = page(boxes)
    candidates = written(image, at_sizes(image, [height]))
    for box in boxes:
        near = [c for c in candidates if all(abs(a - b) <= 2 + 0.08 * height for a, b in zip(c.box, box, strict=True))]
        assert near
        # so much darker than the paper is their ink; thin strokes are grey
        assert near[0].contrast == pytest.approx((200 - 60) / 200, abs=0.2)


@pytest.mark.parametrize(
    ("heights", "scales"),
    [([72.0], [0.5]), ([18.0], [1.0]), ([360.0, 72.0], [0.1, 0.5]), ([10.0, 24.0], [1.0])],
)
def test_pictures_are_reduced_to_the_sizes_of_digits(heights: list[float], scales: list[float]) -> None:
    assert TALL == 36
    assert [look.shape for look in at_sizes(paper(1000, 600), heights)] == [(600 * s, 1000 * s) for s in scales]


def test_a_large_picture_is_reduced_anyway() -> None:
    (look,) = at_sizes(paper(4000, 3000), [18.0])
    assert 0.9e6 < look.size < 1.01e6
    (look,) = at_sizes(paper(1280, 720), [])
    assert 0.29e6 < look.size < 0.31e6


def test_ink_that_the_pictures_edge_cuts_is_said_to_be_cut() -> None:
    image = page([Box(60, 200, 24, 40), Box(110, 200, 24, 40), Box(160, -12, 24, 40)])
    candidates = written(image, [dark(image)])
    assert [candidate.cut for candidate in sorted(candidates, key=lambda c: c.box.y)] == [True, False, False]


def test_a_bare_stroke_must_surely_be_ink() -> None:
    image = page([Box(60, 200, 4, 40), Box(160, 200, 24, 40)])
    sure = dark(image)
    unsure = np.where(sure > 0, 200, 0).astype(np.uint8)
    assert len(written(image, [sure])) == 2
    assert [candidate.box.x for candidate in written(image, [unsure])] == [160]


def test_what_is_no_ink_is_less_likely_a_digit() -> None:
    boxes = row(40)
    image = page(boxes)
    candidates = [Candidate(box, dark(image[box.y : box.bottom, box.x : box.right]), 0.8) for box in boxes]
    alone = np.full((4, 11), 0.2 / 9, np.float32)
    alone[:, 3] = 0.5
    alone[:, 10] = 0.3
    look = dark(image)
    look[:, boxes[2].x :] = 0  # the last two are the grain of wood
    told = weighed(image, candidates, alone, [look])
    assert np.abs(told.sum(axis=1) - 1).max() < 1e-6
    assert (told[:, :-1].argmax(axis=1) == 3).all()
    assert np.abs(told[:2] - alone[:2]).max() < 1e-6
    assert (told[2:, 10] > 0.85).all()


def test_a_candidate_is_judged_in_the_size_that_suits_it() -> None:
    (box,) = row(360)[:1]
    image = page([box])
    candidate = Candidate(box, dark(image[box.y : box.bottom, box.x : box.right]), 0.8)
    alone = np.full((1, 11), 1 / 11, np.float32)
    reduced = cv2.resize(dark(image), (128, 72), interpolation=cv2.INTER_AREA).astype(np.uint8)
    nothing = np.zeros((720, 1280), np.uint8)
    for looks in ([reduced, nothing], [nothing, reduced]):
        told = weighed(image, [candidate], alone, looks)
        assert told[0, 10] < 0.15


def test_a_low_wide_picture_is_judged_alike_at_both_ends() -> None:
    boxes = [Box(10, 4, 20, 36), Box(1880, 4, 20, 36)]
    image = paper(1920, 45, level=200)
    for box in boxes:
        draw_digit(image, "3", box, pen=4, level=60)
    candidates = [Candidate(box, dark(image[box.y : box.bottom, box.x : box.right]), 0.8) for box in boxes]
    alone = np.full((2, 11), 1 / 11, np.float32)
    # rounded to whole pixels, the copy is a little wider than high
    look = np.asarray(cv2.resize(dark(image), (2160, 51)), np.uint8)
    first, last = weighed(image, candidates, alone, [look])
    assert first == pytest.approx(last, abs=0.01)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 200), st.integers(1, 200), st.integers(1, 120), st.integers(0, 100))
def test_pieces_of_ink_lie_in_the_picture_whatever_it_is(width: int, height: int, tall: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 9 + 1, width // 9 + 1, 3), np.uint8)
    image = np.asarray(cv2.resize(coarse, (width, height)), np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "inked", dark)
        looks = at_sizes(image, [tall])
    candidates = written(image, looks)
    for candidate in candidates:
        x, y, w, h = candidate.box
        assert min(x, y) >= 0
        assert min(w, h) >= 1
        assert x + w <= width
        assert y + h <= height
        assert candidate.ink.max() > 0
        assert 0 <= candidate.contrast <= 1
    told = weighed(image, candidates, np.full((len(candidates), 11), 1 / 11, np.float32), looks)
    assert told.shape == (len(candidates), 11)
    assert np.isfinite(told).all()
