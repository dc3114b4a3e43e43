"""Rules of another colour than the pen fade, and what is written stays as dark; pieces of long lines are told."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from camdigits.rules import faded, find_rules, pieces_of_lines
from camdigits.segment import at_half
from camdigits.types import Box, Candidate, Image

PAPER = (228, 236, 240)
VIOLET, GREEN, GREY = (215, 150, 165), (150, 200, 140), (150, 150, 150)
PENCIL, BLUE_PEN = (120, 118, 122), (150, 80, 60)
Colour = tuple[int, int, int]


def sheet(rules: Colour, pen: Colour, text: str = "40731 52", noise: float = 1.5) -> Image:
    """A squared sheet with a line of text, seen by a camera."""
    image = np.full((480, 640, 3), PAPER, np.uint8)
    for at in range(12, 640, 24):
        cv2.line(image, (at, 0), (at + 6, 479), rules, 2, cv2.LINE_AA)
        cv2.line(image, (0, at), (639, at - 8), rules, 2, cv2.LINE_AA)
    cv2.putText(image, text, (60, 270), cv2.FONT_HERSHEY_SIMPLEX, 2.6, pen, 4, cv2.LINE_AA)
    noisy = cv2.GaussianBlur(image, (0, 0), 0.8) + np.random.default_rng(0).normal(0, noise, image.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def rules_in(image: Image) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None:
    """What find_rules finds at half the size."""
    grey = cv2.cvtColor(cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    found = find_rules(cv2.subtract(np.full_like(grey, int(np.median(grey))), cv2.blur(grey, (3, 3))))
    return None if found is None else np.asarray(found, np.uint8)


def darkness(image: Image, where: Colour, pen: Colour) -> tuple[float, float]:
    """How much darker than the paper rules and ink are, where the clean sheet has them."""
    clean = sheet(where, pen, noise=0).astype(int)
    rule, ink = (np.abs(clean - colour).max(2) < 12 for colour in (where, pen))
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    paper = np.abs(clean - PAPER).max(2) < 3
    return float(grey[paper].mean() - grey[rule].mean()), float(grey[paper].mean() - grey[ink].mean())


@pytest.mark.parametrize("rules", [VIOLET, GREEN])
@pytest.mark.parametrize("pen", [PENCIL, BLUE_PEN])
def test_coloured_rules_fade_and_ink_stays(rules: Colour, pen: Colour) -> None:
    image = sheet(rules, pen)
    found = rules_in(image)
    assert found is not None
    clearer = faded(image, found)
    assert clearer is not None
    assert clearer.shape == image.shape
    rule, ink = darkness(image, rules, pen)
    less, same = darkness(clearer, rules, pen)
    assert less / same < 0.9 * rule / ink
    assert same > 0.8 * ink


def test_rules_of_the_pens_own_colour_stay_as_they_are() -> None:
    image = sheet(GREY, PENCIL)
    found = rules_in(image)
    assert found is not None
    clearer = faded(image, found)
    assert clearer is not None
    rule, ink = darkness(image, GREY, PENCIL)
    less, same = darkness(clearer, GREY, PENCIL)
    assert abs(less / same - rule / ink) < 0.15


def test_where_nothing_is_written_there_is_no_colour_to_tell() -> None:
    image = np.full((240, 320, 3), PAPER, np.uint8)
    none = np.zeros((120, 160), np.uint8)
    assert faded(image, none) is None
    assert faded(image, np.full_like(none, 255)) is None


def test_a_ruled_page_is_looked_at_in_its_mix_and_a_plain_one_as_it_is() -> None:
    ruled = sheet(VIOLET, PENCIL)
    mixed = at_half(ruled).image
    assert not np.array_equal(mixed, ruled)
    assert np.array_equal(mixed[..., 0], mixed[..., 1])
    plain = np.full((480, 640, 3), PAPER, np.uint8)
    cv2.putText(plain, "4073", (60, 270), cv2.FONT_HERSHEY_SIMPLEX, 2.6, PENCIL, 4, cv2.LINE_AA)
    assert at_half(plain).image is plain


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
    whole = drawn([Box(0, 0, 3, 9)])
    assert not pieces_of_lines(np.full((9, 9, 3), 200, np.uint8), whole, np.array([0.1]), 30).any()
