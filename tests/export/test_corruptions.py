"""Fifteen ways to spoil a digit: each does something, the same each time, and leaves the digit to be seen."""

from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from camdigits.classify import Classifier
from camdigits_export import corruptions, strokes
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


def blank(value: int = 0) -> NDArray[np.uint8]:
    return np.full((28, 28), value, np.uint8)


def test_full_ink_gives_three_photons_on_average() -> None:
    noisy = np.stack([corrupt(blank(255), "shot_noise", seed) for seed in range(20)])
    assert set(np.unique(noisy)) == {0, 85, 170, 255}
    assert np.mean(noisy == 0) == pytest.approx(np.exp(-3), abs=0.01)


def test_fog_is_three_times_as_bright_as_ink() -> None:
    ink, paper = blank(), blank()
    ink[:14], paper[14:] = 255, 255
    difference = corrupt(ink, "fog", 2).astype(int) - corrupt(paper, "fog", 2)
    assert np.abs(difference[:14] - 255 / 4).max() <= 1
    assert np.abs(difference[14:] + 255 / 4).max() <= 1


def test_clouds_grow_smoother_by_the_square_of_their_decay() -> None:
    rng = np.random.default_rng(0)
    clouds = [corruptions._clouds(rng) for _ in range(20)]
    assert all((c.shape, c.min(), c.max()) == ((256, 256), 0, 1) for c in clouds)
    near, far = (np.mean([np.abs(c - np.roll(c, lag, 0)).mean() for c in clouds]) for lag in (1, 8))
    assert 4.5 < far / near < 5.5  # without the square 2.3


def test_motion_smears_to_the_left() -> None:
    dot = blank()
    dot[14, 20] = 255
    x = np.nonzero(corrupt(dot, "motion_blur", 1))[1]
    assert x.max() == 20
    assert 12 <= x.min() <= 16


def test_shear_stretches_upright_lines() -> None:
    bar = blank()
    bar[5:23, 13:15] = 255
    rows = np.flatnonzero(corrupt(bar, "shear", 0).max(axis=1) > 127)
    assert len(rows) == round(18 / np.cos(0.4))


def test_a_dotted_line_has_two_pixels_of_line_two_of_gap() -> None:
    for seed in range(10):
        columns = corrupt(blank(), "dotted_line", seed).max(axis=0)
        assert not columns.reshape(7, 4)[:, :2].any()
        assert columns.reshape(7, 4)[:, 2].min() > 0.7 * 255
        assert columns[27] == 0


def test_a_zigzag_has_six_teeth_four_high() -> None:
    for seed in range(10):
        drawn = corrupt(blank(), "zigzag", seed).astype(float)
        if drawn[0].any() or drawn[-1].any():
            continue  # runs out of the image
        columns = np.flatnonzero(drawn.any(axis=0))
        assert (columns[0], len(columns)) in {(2, 23), (2, 24)}
        heights = drawn[:, columns].T @ np.arange(28) / drawn[:, columns].sum(axis=0)
        tips = np.flatnonzero(np.diff(np.sign(np.diff(heights)))) + 1
        assert len(tips) in (5, 6)  # the sixth may be cut off
        assert np.abs(np.diff(heights[tips[:5]])) == pytest.approx(np.full(4, 4), abs=1.5)


def test_edges_of_faint_ink_are_drawn() -> None:
    faint = blank()
    faint[8:20, 8:20] = 40
    assert np.sum(corrupt(faint, "canny_edges", 0) == 255) > 30


def test_patches_are_those_of_the_corrupted_images() -> None:
    patches = corrupted_patches(digits(), "rotate")
    assert (patches.shape, patches.dtype) == ((10, 28, 28), np.uint8)
    assert np.array_equal(patches[4], to_patch(corrupt(digits()[4], "rotate", seed=4)))
