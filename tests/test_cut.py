"""Joined digits come apart, one after the other from the left, and only where every piece is a digit."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from camdigits.cut import (
    LEAST,
    LONGEST,
    MOST,
    SURE,
    TALLEST,
    Ink,
    Piece,
    apart,
    best,
    evidence,
    joined,
    pieces,
    taken_apart,
)
from camdigits.leftmost import leftmost
from camdigits.types import Box, Candidate, Probabilities

RING = 40
LABELS = ("0", "1", "7")


def rings(count: int, overlap: int = 4, slant: float = 0.0) -> Candidate:
    """Circles in a row that just touch, at (100, 50)."""
    ink = np.zeros((RING, count * (RING - overlap) + overlap), np.uint8)
    for at in range(count):
        centre = at * (RING - overlap) + RING // 2, RING // 2
        cv2.circle(ink, centre, RING // 2 - 3, 255, 5, cv2.LINE_AA)
    shear = np.array([[1, -slant, slant * RING if slant > 0 else 0], [0, 1, 0]], np.float32)
    ink = np.asarray(cv2.warpAffine(ink, shear, (ink.shape[1] + int(abs(slant) * RING), RING)), np.uint8)
    return Candidate(Box(100, 50, *ink.shape[::-1]), ink, 0.8)


def said(*rows: tuple[int, float]) -> Probabilities:
    """Of each candidate: a label, 3 for none of the three, and how sure it is."""
    probabilities = np.zeros((len(rows), 4), np.float32)
    for row, (label, confidence) in zip(probabilities, rows, strict=True):
        row[:] = (1 - confidence) / 3
        row[label] = confidence
    return probabilities


def as_rings(found: list[Candidate]) -> Probabilities:
    """Read what is as wide as high as a digit, and all else as none."""
    return said(*[(0, 0.9) if 0.75 < c.box.w / c.box.h < 1.3 else (3, 0.9) for c in found])


@pytest.mark.parametrize("slant", [-0.3, 0.0, 0.3])
@pytest.mark.parametrize("count", [2, 3, 4])
def test_rings_that_touch_come_apart(count: int, slant: float) -> None:
    whole = rings(count, slant=slant)
    candidates, probabilities = apart([whole], said((3, 0.99)), as_rings, leftmost, LABELS)
    parts = sorted((candidate.box for candidate in candidates[1:]), key=lambda box: box.x)
    assert candidates[0] is whole
    assert len(parts) == count
    assert len(probabilities) == count + 1
    for at, box in enumerate(parts):
        assert box.x == pytest.approx(100 + at * (RING - 4), abs=RING / 4)
        assert box.h == pytest.approx(RING, abs=4)


def test_ink_of_half_size_gives_pieces_in_the_pictures_pixels() -> None:
    whole = rings(2)
    double = Candidate(Box(100, 50, 2 * whole.box.w, 2 * whole.box.h), whole.ink, 0.8)
    boxes = [candidate.box for candidate in apart([double], said((3, 0.99)), as_rings, leftmost, LABELS)[0][1:]]
    assert sorted(box.x for box in boxes) == pytest.approx([100, 100 + 2 * (RING - 4)], abs=8)
    assert all(box.h == pytest.approx(2 * RING, abs=8) for box in boxes)


def test_pieces_end_where_their_whole_does_whatever_its_scale_each_way() -> None:
    whole = rings(6)
    wide = Candidate(Box(100, 50, 275, 51), whole.ink, 0.8)
    boxes = [candidate.box for candidate in apart([wide], said((3, 0.99)), as_rings, leftmost, LABELS)[0][1:]]
    assert len(boxes) == 6
    assert all(wide.box.union(box) == wide.box for box in boxes)
    assert max(box.right for box in boxes) == pytest.approx(wide.box.right, abs=4)


def test_nothing_is_cut_that_is_read_whole_narrow_low_or_at_the_edge() -> None:
    whole = rings(2)
    sure, none = said((1, 0.9999)), said((3, 0.9))
    edge = Candidate(whole.box, whole.ink, 0.8, cut=True)
    low = Candidate(Box(0, 0, 20, 10), np.full((10, 20), 255, np.uint8), 0.8)
    narrow = Candidate(Box(0, 0, 20, 40), np.full((40, 20), 255, np.uint8), 0.8)
    assert joined([whole], none) == joined([whole], said((1, 0.998))) == [0]
    assert joined([whole], sure) == joined([edge], none) == joined([low], none) == joined([narrow], none) == []
    assert apart([whole], sure, as_rings, leftmost, LABELS)[0] == [whole]


def test_letters_are_no_row_of_ones() -> None:
    whole = rings(2)

    def as_ones(found: list[Candidate]) -> Probabilities:
        return said(*[(1, 0.99) if c.box.w < 1.3 * c.box.h else (3, 0.9) for c in found])

    assert as_ones([whole]).argmax() == 3
    assert apart([whole], said((3, 0.99)), as_ones, leftmost, LABELS)[0] == [whole]


def test_wide_ink_and_sure_digits_that_are_no_ones_speak_for_several() -> None:
    w, number = Box(0, 0, 50, 40), Box(0, 0, 80, 40)
    assert evidence(w, said((1, 0.999), (1, 0.999), (1, 0.999), (1, 0.999)), LABELS) < LEAST
    assert evidence(number, said((0, 0.99), (2, 0.99)), LABELS) > LEAST
    assert evidence(number, said((0, 0.99), (1, 0.99)), LABELS) > LEAST
    # ones of other models are any signs of that name
    assert evidence(w, said((1, 0.999), (1, 0.999)), ("x", "+", "=")) > LEAST
    assert evidence(number, said((0, 0.99), (2, 0.99)), LABELS) > evidence(w, said((0, 0.99), (2, 0.99)), LABELS)
    assert evidence(w, said(), LABELS) < LEAST


def test_a_whole_whose_pieces_are_no_digits_stays_alone() -> None:
    whole = rings(2)

    def as_none(found: list[Candidate]) -> Probabilities:
        return said(*[(3, 0.9)] * len(found))

    candidates, probabilities = apart([whole], said((3, 0.9)), as_none, leftmost, LABELS)
    assert candidates == [whole]
    assert len(probabilities) == 1


def test_the_surest_way_from_end_to_end_wins() -> None:
    box = rings(1)
    found = [Piece(start, end, box) for start, end in ((0, 1), (0, 2), (1, 3), (2, 3), (1, 2))]
    assert best(found, said((0, 0.9), (0, 0.6), (1, 0.9), (1, 0.99), (2, 0.3))) == [0, 2]
    assert best(found, said((0, 0.9), (0, 0.95), (1, 0.9), (1, 0.99), (2, 0.3))) == [1, 3]
    assert best(found, said((0, 0.9), (0, 0.2), (1, 0.2), (1, 0.99), (2, 0.2))) == []
    assert best([], said()) == []


@given(
    count=st.integers(1, 3),
    overlap=st.integers(2, 12),
    seed=st.integers(0, 2**16),
)
@settings(deadline=None, max_examples=40)
def test_pieces_lie_in_the_whole_and_hold_only_its_ink(count: int, overlap: int, seed: int) -> None:
    whole = rings(count, overlap)
    noisy = whole.ink.copy()
    rng = np.random.default_rng(seed)
    noisy[rng.random(noisy.shape) < 0.02] = 255
    whole = Candidate(whole.box, noisy, 0.5)

    def anything(inks: Sequence[Ink]) -> list[NDArray[np.bool_]]:
        return [rng.random(ink.shape) < rng.choice([0, 0.1, 0.5, 1]) for ink in inks]

    told = leftmost if seed % 2 else anything
    for start, end, piece in pieces([whole], told)[0]:
        assert 0 <= start < end <= LONGEST
        x, y = piece.box.x - whole.box.x, piece.box.y - whole.box.y
        assert x >= 0
        assert y >= 0
        assert piece.box.right <= whole.box.right
        assert piece.box.bottom <= whole.box.bottom
        there: NDArray[np.uint8] = noisy[y : y + piece.box.h, x : x + piece.box.w]
        assert (piece.ink <= there).all()
        assert piece.contrast == 0.5


def test_a_way_needs_sure_pieces_only() -> None:
    found = [Piece(0, 1, rings(1)), Piece(1, 2, rings(1))]
    assert best(found, said((0, SURE + 0.01), (1, SURE + 0.01))) == [0, 1]


def test_each_of_several_wholes_is_taken_apart_as_if_alone() -> None:
    wholes = [rings(2), rings(1), rings(4, slant=0.3)]
    together = pieces(wholes, leftmost)
    assert [max((piece.end for piece in found), default=0) for found in together] == [2, 0, 4]
    for whole, found in zip(wholes, together, strict=True):
        alone = pieces([whole], leftmost)[0]
        assert [piece.candidate.box for piece in found] == [piece.candidate.box for piece in alone]
    assert pieces([], leftmost) == []


def left_of(columns: Callable[[Ink], int]) -> Callable[[Sequence[Ink]], list[NDArray[np.bool_]]]:
    """Say that the leftmost digit is so many columns of some ink."""

    def told(inks: Sequence[Ink]) -> list[NDArray[np.bool_]]:
        return [np.broadcast_to(np.arange(ink.shape[1]) < columns(ink), ink.shape) for ink in inks]

    return told


def test_of_several_wholes_each_gets_its_own_pieces() -> None:
    wholes = [rings(2), Candidate(Box(500, 50, *rings(3).ink.shape[::-1]), rings(3).ink, 0.8)]
    candidates, probabilities = apart(wholes, said((3, 0.99), (3, 0.99)), as_rings, leftmost, LABELS)
    assert sorted(candidate.box.x > 400 for candidate in candidates[2:]) == [False] * 2 + [True] * 3
    assert [candidate.whole for candidate in candidates[2:]] == [wholes[0].box] * 2 + [wholes[1].box] * 3
    assert len(probabilities) == 7


def test_a_digit_taken_for_two_is_one_of_the_pieces() -> None:
    halves = pieces([rings(2)], left_of(lambda _: RING // 2))[0]
    assert any(piece.end - piece.start == 2 and abs(piece.candidate.box.w - RING) < 6 for piece in halves)


def test_large_ink_is_reduced_and_its_pieces_lie_where_it_is() -> None:
    ink = np.asarray(cv2.resize(rings(2).ink, None, fx=6, fy=6), np.uint8)
    heights = []

    def told(inks: Sequence[Ink]) -> list[NDArray[np.bool_]]:
        heights.extend(len(ink) for ink in inks)
        return leftmost(inks)

    found = pieces([Candidate(Box(100, 50, *ink.shape[::-1]), ink, 0.8)], told)[0]
    assert max(heights) <= TALLEST
    assert sorted(piece.candidate.box.x for piece in found) == pytest.approx([100, 100 + 6 * (RING - 4)], abs=16)


def test_who_never_comes_to_an_end_is_not_asked_for_ever() -> None:
    asked = []

    def told(inks: Sequence[Ink]) -> list[NDArray[np.bool_]]:
        asked.append(len(inks))
        return left_of(lambda _: 2)(inks)

    pieces([rings(4)], told)
    assert len(asked) == LONGEST


def test_who_finds_no_first_digit_is_not_asked_again() -> None:
    asked = []

    def told(inks: Sequence[Ink]) -> list[NDArray[np.bool_]]:
        asked.append(len(inks))
        return [ink == 0 for ink in inks]

    assert pieces([rings(4)], told) == [[]]
    assert asked == [1]


def test_a_mark_that_hangs_loose_is_the_last_digits_not_the_firsts() -> None:
    ink = np.pad(rings(4).ink, ((0, 0), (0, 24)))
    cv2.line(ink, (ink.shape[1] - 20, 6), (ink.shape[1] - 2, 4), 255, 5)
    found = pieces([Candidate(Box(100, 50, *ink.shape[::-1]), ink, 0.8)], leftmost)[0]
    first = next(piece for piece in found if (piece.start, piece.end) == (0, 1))
    assert first.candidate.box.w < 1.3 * RING


def test_what_is_flat_or_low_is_no_digit() -> None:
    bar = np.zeros((RING, 3 * RING), np.uint8)
    bar[30:36] = 255
    bar[:, :8] = 255
    boxes = [
        piece.candidate.box
        for piece in pieces([Candidate(Box(0, 0, *bar.shape[::-1]), bar, 0.8)], left_of(lambda _: 9))[0]
    ]
    assert all(box.h > 0.35 * RING and box.w <= 2 * box.h for box in boxes)
    assert boxes


def test_the_largest_are_taken_apart_where_there_are_many() -> None:
    whole = rings(2)
    many = [Candidate(Box(0, 0, 76 + at, 40 + at), whole.ink, 0.8) for at in range(MOST + 5)]
    assert joined(many, said(*[(3, 0.9)] * len(many))) == list(range(MOST + 4, 4, -1))


@pytest.mark.parametrize(("likely", "rounds"), [((), 2), ((0,), 3), ((0, 1, 2, 3, 4, 5), 6)])
def test_digits_are_taken_only_as_long_as_digits_lead_there(likely: tuple[int, ...], rounds: int) -> None:
    whole = rings(6)
    asked = 0

    def counted(inks: Sequence[Ink]) -> list[NDArray[np.bool_]]:
        nonlocal asked
        asked += 1
        return leftmost(inks)

    def read(some: Sequence[Candidate]) -> Probabilities:
        at = [round((c.box.x - whole.box.x) / (RING - 4)) if c.box.w < 1.3 * c.box.h else -1 for c in some]
        return said(*[(0, 0.9) if which in likely else (3, 0.9) for which in at])

    ((found, told),) = taken_apart([whole], counted, read)
    assert asked == rounds
    assert len(found) == len(told)
    every = [piece[:2] for piece in pieces([whole], leftmost)[0]]
    assert [piece[:2] for piece in found] == [ends for ends in every if ends[1] <= rounds]
    assert len(best(found, told)) == (6 if len(likely) == 6 else 0)


@given(seed=st.integers(0, 2**16), count=st.integers(1, 6), share=st.floats(0.1, 0.9))
@settings(deadline=None, max_examples=60)
def test_what_is_no_longer_taken_could_not_have_been_read(seed: int, count: int, share: float) -> None:
    whole = rings(count)

    def cut(inks: Sequence[Ink]) -> list[NDArray[np.bool_]]:
        """Take columns, and at times rows: tails, specks and all."""
        rng = np.random.default_rng((seed, sum(int(ink.sum()) for ink in inks)))
        taken = [np.zeros(ink.shape, bool) for ink in inks]
        for where, ink in zip(taken, inks, strict=True):
            where[:, : rng.integers(1, ink.shape[1] + 1)] = True
            where[: rng.integers(0, ink.shape[0] // 2 + 1)] = True
        return taken

    def read(some: Sequence[Candidate]) -> Probabilities:
        sure = [np.random.default_rng((seed, *c.box, int(c.ink.sum()))).random() < share for c in some]
        return said(*[(0, 0.9) if is_sure else (3, 0.9) for is_sure in sure])

    ((found, told),) = taken_apart([whole], cut, read)
    every = pieces([whole], cut)[0]
    way = [every[i][:2] for i in best(every, read([piece.candidate for piece in every]))]
    assert [found[i][:2] for i in best(found, told)] == way
