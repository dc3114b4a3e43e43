"""Frames by coordinates and drawn ink."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from camdigits.framed import is_closed, sides_of_frames
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
