"""Fifteen ways to spoil a digit: each does something, the same each time, and leaves the digit to be seen."""

from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from camdigits.classify import Classifier
from camdigits_export import strokes
from camdigits_export.augment import as_input, to_patch
from camdigits_export.corruptions import CORRUPTIONS, corrupt, corrupted_patches

KINDS = tuple(CORRUPTIONS)

MOVED = {"shear", "scale", "rotate", "translate"}
"""The others leave the digit where it is."""


@cache
def digits() -> tuple[NDArray[np.uint8], ...]:
    """One clean image of each digit, drawn."""
    rng = np.random.default_rng(1)
    return tuple(to_patch(strokes.draw_digit(rng, digit)) for digit in range(10))


def seen_in(image: NDArray[np.uint8], digit: NDArray[np.uint8]) -> float:
    """How well the middle of a digit is found about its place in an image, -1 to 1; stripes leave the middle."""
    soft, wanted = (cv2.GaussianBlur(each, (0, 0), 1.5) for each in (image, digit))
    return float(cv2.matchTemplate(soft[2:26, 7:21], wanted[4:24, 8:20], cv2.TM_CCOEFF_NORMED).max())


def test_there_are_the_fifteen_of_the_paper() -> None:
    assert (
        *("shot_noise", "impulse_noise", "glass_blur", "motion_blur", "shear", "scale", "rotate", "brightness"),
        *("translate", "stripe", "fog", "spatter", "dotted_line", "zigzag", "canny_edges"),
    ) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_each_changes_the_image_and_keeps_its_shape(kind: str) -> None:
    for digit in digits():
        spoilt = corrupt(digit, kind, seed=3)
        assert (spoilt.shape, spoilt.dtype) == ((28, 28), np.uint8)
        assert np.mean(spoilt != digit) > 0.03


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_makes_the_same_image_and_leaves_the_digit_alone(kind: str) -> None:
    digit = digits()[5].copy()
    assert np.array_equal(corrupt(digit, kind, 7), corrupt(digit, kind, 7))
    assert np.array_equal(digit, digits()[5])


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"scale", "brightness", "stripe", "canny_edges"}))
def test_what_is_drawn_by_chance_differs_with_the_seed(kind: str) -> None:
    assert len({corrupt(digits()[5], kind, seed).tobytes() for seed in range(8)}) > 1


@pytest.mark.parametrize("kind", sorted(set(KINDS) - MOVED))
def test_the_digit_can_still_be_told_from_the_others(kind: str) -> None:
    found = 0
    for seed in range(3):
        for label, digit in enumerate(digits()):
            spoilt = corrupt(digit, kind, seed)
            assert np.ptp(spoilt) >= 40
            found += int(np.argmax([seen_in(spoilt, other) for other in digits()])) == label
    assert found >= 16  # of thirty; by chance three


@pytest.mark.parametrize("kind", sorted(MOVED))
def test_a_digit_that_only_moves_is_read(kind: str) -> None:
    said = Classifier("cnn")(as_input(corrupted_patches(digits(), kind))).argmax(axis=1)
    assert np.sum(said == np.arange(10)) >= 8


def test_patches_are_those_of_the_corrupted_images() -> None:
    patches = corrupted_patches(digits(), "rotate")
    assert (patches.shape, patches.dtype) == ((10, 28, 28), np.uint8)
    assert np.array_equal(patches[4], to_patch(corrupt(digits()[4], "rotate", seed=4)))
