"""Pieces of a table's lines, in drawn pictures, are told from strokes."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from camdigits.tables import pieces_of_lines
from camdigits.types import Box, Candidate


def drawn(boxes: list[Box]) -> list[Candidate]:
    """What fills its box, as candidates."""
    return [Candidate(box, np.full((box.h, box.w), 255, np.uint8), 0.8) for box in boxes]


def piece(ink: NDArray[np.uint8], rows: slice, columns: slice) -> Candidate:
    """What of the ink lies in those rows and columns, as a candidate."""
    there = np.zeros_like(ink)
    there[rows, columns] = ink[rows, columns]
    x, y, w, h = cv2.boundingRect(there)
    return Candidate(Box(x, y, w, h), np.ascontiguousarray(there[y : y + h, x : x + w]), 0.8)


@pytest.mark.parametrize("turn", [-0.2, -0.03, 0, 0.1, 0.2])
@pytest.mark.parametrize(("paper", "pen"), [(220, 60), (40, 200)])
def test_pieces_of_long_lines_are_told_from_strokes(turn: float, paper: int, pen: int) -> None:
    standing, lying, stroke = (np.zeros((400, 600), np.uint8) for _ in range(3))
    cv2.line(standing, (round(300 - 180 * turn), 20), (round(300 + 180 * turn), 380), 255, 5, cv2.LINE_AA)
    cv2.line(lying, (60, round(200 + 240 * turn)), (540, round(200 - 240 * turn)), 255, 5, cv2.LINE_AA)
    cv2.line(stroke, (102, 60), (102, 120), 255, 5, cv2.LINE_AA)
    ink = np.maximum.reduce([standing, lying, stroke])[..., None] / 255
    image = np.asarray(np.repeat(paper + ink * (pen - paper), 3, axis=2), np.uint8)
    anywhere = slice(None)
    seen = [
        piece(standing, slice(60, 150), anywhere),
        piece(lying, anywhere, slice(180, 220)),
        piece(standing, slice(260, 310), anywhere),
        piece(stroke, anywhere, anywhere),
    ]
    # two read as nothing, and two as 1s
    assert pieces_of_lines(image, seen, np.array([0.1, 0.1, 0.999, 0.999]), 60).tolist() == [True, True, True, False]


def test_a_1_larger_than_others_and_a_column_of_1s_are_no_lines() -> None:
    image = np.full((500, 300, 3), 220, np.uint8)
    boxes = [Box(100, 20 + 60 * row, 5, 40) for row in range(7)] + [Box(200, 30, 8, 85)]
    for box in boxes:
        image[box.y : box.bottom, box.x : box.right] = 50
    assert not pieces_of_lines(image, drawn(boxes), np.full(8, 0.999), 40).any()


def test_where_there_is_nothing_no_piece_is_found() -> None:
    assert pieces_of_lines(np.full((9, 9, 3), 200, np.uint8), [], np.zeros(0), 30).shape == (0,)
    for height, width in ((9, 9), (900, 2), (2, 900)):
        whole = drawn([Box(0, 0, width, height)])
        assert not pieces_of_lines(np.full((height, width, 3), 200, np.uint8), whole, np.array([0.1]), 300).any()
