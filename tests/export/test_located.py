"""Ink whose every digit is known, a small training on it, and what the shipped file finds of it."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from camdigits.locate import NO_DIGIT, SAID, STEP
from camdigits.network import LOCATE, models_folder, open_network
from camdigits_export import locate
from camdigits_export.datasets import Dataset
from camdigits_export.locate import SIDE, UNKNOWN, Parts
from camdigits_export.to_onnx import stated

TINY = locate.Recipe(frames=6, held=2, epochs=5, batch=6, rate=5e-3, channels=(8, 8, 8, 8))


@pytest.fixture(scope="module")
def learnt(digits: Dataset) -> Parts:
    return locate.parts(digits, 12, 5, lambda _: None)


def test_parts_are_ink_and_where_its_digits_are(learnt: Parts) -> None:
    assert learnt.inks.shape == (12 * locate.EACH, SIDE, SIDE)
    assert len(learnt.digits) == len(learnt.inks)
    dense, all_ink = 0, 0
    for ink, digits in zip(learnt.inks, learnt.digits, strict=True):
        for x, y, w, h, label in digits.tolist():
            assert label in (*range(NO_DIGIT), UNKNOWN)
            if label != UNKNOWN and min(x, y) >= 0 and x + w <= SIDE and y + h <= SIDE and w > 4:
                inside = ink[round(y) : round(y + h), round(x) : round(x + w)]
                all_ink += 1
                dense += (inside > 127).mean() > 1.5 * (ink > 127).mean()
    assert all_ink > 50
    assert dense > 0.8 * all_ink


def test_the_same_parts_are_made_again(digits: Dataset, learnt: Parts) -> None:
    again = locate.parts(digits, 12, 5, lambda _: None)
    assert np.array_equal(learnt.inks, again.inks)
    assert all(np.array_equal(a, b) for a, b in zip(learnt.digits, again.digits, strict=True))


@pytest.mark.parametrize("seed", range(12))
def test_boxes_follow_their_ink_as_it_is_varied(seed: int) -> None:
    ink = np.zeros((SIDE, SIDE), np.uint8)
    cv2.ellipse(ink, (80, 76), (14, 20), 0, 0, 360, 255, -1)
    box = np.array([[66, 56, 29, 41, 7]], np.float32)
    seen, boxes = locate.varied(ink, box, np.random.default_rng(seed))
    assert seen.shape == (SIDE, SIDE)
    assert boxes[0, 4] == 7
    # the largest piece: lines may be drawn across, and noise
    _, _, stats, _ = cv2.connectedComponentsWithStats((cv2.medianBlur(seen, 5) > 110).view(np.uint8))
    x, y, w, h = stats[1:][stats[1:, cv2.CC_STAT_AREA].argmax()][:4]
    if w < 60 and h < 70:
        assert boxes[0, :4] == pytest.approx([x, y, w, h], abs=6)


def test_what_is_wanted_of_a_digit_is_its_label_about_its_middle_and_how_far_it_reaches() -> None:
    said = locate.wanted(np.array([[40, 30, 30, 50, 6]], np.float32))
    assert said.shape == (SIDE // STEP, SIDE // STEP, 5)
    row, column = 55 // STEP, 55 // STEP
    assert said[row, column, 0] == 6
    at = column * STEP + (STEP - 1) / 2
    assert said[row, column, 1:].tolist() == [at - 40, at - 30, 70 - at, 80 - at]
    assert said[row, 45 // STEP, 0] == UNKNOWN
    assert said[row, 20 // STEP, 0] == NO_DIGIT
    assert set(np.unique(said[..., 0])) == {6, NO_DIGIT, UNKNOWN}


def test_what_may_be_a_digit_is_neither_wanted_nor_none_but_where_a_digit_is() -> None:
    said = locate.wanted(np.array([[40, 30, 30, 50, UNKNOWN]], np.float32))
    assert said[55 // STEP, 55 // STEP, 0] == UNKNOWN
    assert not (said[..., 0] < NO_DIGIT).any()
    over = np.array([[40, 30, 30, 50, UNKNOWN], [44, 34, 26, 44, 2]], np.float32)
    assert locate.wanted(over)[55 // STEP, 55 // STEP, 0] == 2


@pytest.mark.parametrize(("w", "h"), [(3, 14), (8, 14), (40, 60)])
def test_every_digit_has_a_place(w: int, h: int) -> None:
    for shift in range(2 * STEP):
        said = locate.wanted(np.array([[50 + shift, 60 + shift / 2, w, h, 1]], np.float32))
        assert (said[..., 0] == 1).any()


def test_of_two_digits_each_place_belongs_to_the_nearer() -> None:
    said = locate.wanted(np.array([[40, 40, 20, 36, 4], [58, 40, 20, 36, 9]], np.float32))
    assert said[58 // STEP, 48 // STEP, 0] == 4
    assert said[58 // STEP, 68 // STEP, 0] == 9


def test_what_is_found_is_counted() -> None:
    digits = np.array([[40, 30, 30, 50, 6], [-10, 30, 30, 50, 3]], np.float32)
    held = Parts(np.zeros((1, SIDE, SIDE), np.uint8), (digits,))
    nothing = np.zeros((1, SIDE // STEP, SIDE // STEP, SAID), np.float32)
    nothing[..., NO_DIGIT] = 1
    assert locate.found(nothing, held) == 0

    def says(label: int, row: int, column: int) -> NDArray[np.float32]:
        said = nothing.copy()
        said[0, row, column] = [*(n == label for n in range(NO_DIGIT + 1)), 10, 20, 10, 20]
        return said

    assert locate.found(says(6, 13, 13), held) == 1
    assert locate.found(says(5, 13, 13), held) == 0
    # one that the part cuts counts neither way, one that is none does
    for place, label, share in (((13, 1), 3, 1), ((30, 30), 2, 2 / 3)):
        both = says(6, 13, 13)
        both[0, *place] = says(label, *place)[0, *place]
        assert locate.found(both, held) == pytest.approx(share)


def test_a_network_learns_and_its_file_says_the_same(digits: Dataset, learnt: Parts, tmp_path: Path) -> None:
    losses: list[float] = []

    def report(said: str) -> None:
        if "loss" in said:
            losses.append(float(said.split()[-1]))

    answer = locate.answering(locate.train(digits, TINY, report))
    assert len(losses) == TINY.epochs
    assert losses[-1] < 0.9 * losses[0]
    path = tmp_path / "locate.onnx"
    path.write_bytes(locate.to_onnx(answer, TINY, 0.25))
    for shape in ((160, 160), (96, 320)):
        ink = np.resize(learnt.inks[:3], (1, *shape)).astype(np.float32)
        (said,) = open_network(path).run(["digits"], {"ink": ink})
        assert said.shape == (1, shape[0] // STEP, shape[1] // STEP, SAID)
        assert np.abs(said - answer.predict(ink, verbose=0)).max() < 1e-3
    assert stated(path)["figures"] == {"found": 0.25}


def test_the_shipped_file_finds_digits_that_it_never_saw(learnt: Parts) -> None:
    (said,) = open_network(models_folder() / LOCATE).run(["digits"], {"ink": learnt.inks.astype(np.float32)})
    assert locate.found(said, learnt) > 0.6
