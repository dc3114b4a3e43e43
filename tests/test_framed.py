"""Frames by coordinates and drawn ink, edges of thick lines in drawn pictures."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from camdigits.framed import is_closed, sides_of_frames, without_edges
from camdigits.types import Box, Candidate

FRAME = Box(100, 50, 300, 80)
LEFT, RIGHT = Box(101, 52, 5, 76), Box(394, 52, 5, 76)


def ink(angle: float = 0, wide: int = 4) -> NDArray[np.uint8]:
    """Draw a rectangle that is somewhat turned, in a picture around it."""
    corners = cv2.boxPoints(((200, 100), (300, 80), angle)).round().astype(np.int32)
    drawn = np.zeros((200, 400), np.uint8)
    cv2.polylines(drawn, [corners], True, 255, wide)
    x, y, w, h = cv2.boundingRect(drawn)
    return drawn[y : y + h, x : x + w]


@pytest.mark.parametrize("angle", [-2, 0, 2])
@pytest.mark.parametrize("wide", [2, 8])
def test_a_frame_is_closed_also_a_little_turned(angle: float, wide: int) -> None:
    assert is_closed(ink(angle, wide))


@pytest.mark.parametrize("side", [np.s_[:16], np.s_[-16:], np.s_[:, :60], np.s_[:, -60:]])
def test_where_a_side_is_missing_it_is_open(side: tuple[slice, ...]) -> None:
    drawn = ink().copy()
    drawn[side] = 0
    assert not is_closed(drawn)


def sides(strokes: list[Box], frame: Box = FRAME, cut: bool = False) -> set[Box]:
    return sides_of_frames([Candidate(frame, ink(), 0.5, cut)], strokes)


def test_sides_are_found_and_what_stands_within_is_none() -> None:
    inside, wide, below = Box(130, 60, 6, 60), Box(101, 60, 40, 60), Box(101, 160, 5, 76)
    assert sides([LEFT, inside, wide, RIGHT, below]) == {LEFT, RIGHT}


def test_the_edge_of_the_picture_makes_no_frame() -> None:
    assert sides([LEFT, RIGHT], cut=True) == set()


def test_of_a_turned_page_too() -> None:
    top, frame = Box(52, 101, 76, 5), Box(50, 100, 80, 300)
    assert sides_of_frames([Candidate(frame, ink().T, 0.5, False)], [top]) == {top}


def is_rejected(grey: NDArray[np.uint8], drawn: NDArray[np.uint8], contrast: float = 0.8) -> bool:
    """Say whether what is read as a 1, surely, is none. drawn: (h, w) uint8, the ink that it is thought to have."""
    box = Box(*cv2.boundingRect(drawn))
    piece = np.ascontiguousarray(drawn[box.y : box.bottom, box.x : box.right])
    said = np.zeros((1, 11), np.float32)
    said[0, 1] = 1
    picture = np.repeat(grey[..., None], 3, axis=2)
    told = without_edges(picture, [Candidate(box, piece, contrast)], said)
    assert told[0].sum() == 1
    assert said[0, 1] == 1
    return bool(told[0, -1] == 1)


def stroke(width: int, left: float = 0, lean: float = 0.0) -> NDArray[np.uint8]:
    """Draw a stroke that stands near the middle of (120, 80) uint8, `left` pixels right of it."""
    drawn = np.zeros((120, 80), np.uint8)
    ends = [(round(16 * (40 + left + lean * (60 - y))), 16 * y) for y in (30, 90)]
    cv2.line(drawn, *ends, 255, width, cv2.LINE_AA, 4)
    return drawn


def picture(ink: NDArray[np.uint8], paper: int, dark: int) -> NDArray[np.uint8]:
    return np.uint8(paper + ink.astype(np.float32) / 255 * (dark - paper))


@pytest.mark.parametrize("lean", [-0.15, 0, 0.15])
@pytest.mark.parametrize(("paper", "ink"), [(200, 40), (50, 220)])
@pytest.mark.parametrize("side", [-1, 1])
def test_the_edge_of_a_thick_line_is_no_digit(lean: float, paper: int, ink: int, side: int) -> None:
    seen = picture(stroke(11, lean=lean), paper, ink)
    assert is_rejected(seen, stroke(3, 4 * side, lean))
    assert not is_rejected(seen, stroke(11, lean=lean))  # the whole line may be a 1


@pytest.mark.parametrize("lean", [-0.2, 0, 0.2])
@pytest.mark.parametrize("width", [2, 5, 12])
@pytest.mark.parametrize("blur", [0.5, 2.0])
def test_a_stroke_with_paper_on_both_sides_stays(lean: float, width: int, blur: float) -> None:
    drawn = cv2.GaussianBlur(stroke(width, lean=lean), (0, 0), blur)
    assert not is_rejected(picture(drawn, 210, 60), drawn, contrast=0.7 * drawn.max() / 255)


def test_what_is_bent_or_no_candidate_of_its_own_place_stays() -> None:
    bent = np.zeros((120, 80), np.uint8)
    cv2.ellipse(bent, (40, 60), (8, 30), 0, 0, 300, 255, 3)
    black = np.full((120, 80), 40, np.uint8)
    black[:, 44:] = 200
    assert not is_rejected(black, bent)
    # faint beside what lies there: it was not this ink that was seen
    assert not is_rejected(picture(stroke(11), 200, 185), stroke(3, 4), contrast=0.8)


def test_what_is_hardly_a_digit_is_left_as_it_is() -> None:
    drawn = stroke(3, 4)
    box = Box(*cv2.boundingRect(drawn))
    said = np.array([[0, 0.1] + [0] * 8 + [0.9]], np.float32)
    seen = np.repeat(picture(stroke(11), 200, 40)[..., None], 3, axis=2)
    piece = np.ascontiguousarray(drawn[box.y : box.bottom, box.x : box.right])
    assert np.array_equal(without_edges(seen, [Candidate(box, piece, 0.8)], said), said)
    assert without_edges(seen, [], said[:0]).shape == (0, 11)
