"""Patches are MNIST's: aspect kept, 20x20, centre of mass in the middle, strokes not too thin."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from camdigits.normalize import FIT, SIDE, normalize, normalize_ink, normalize_version
from camdigits.types import Box, Candidate


def extent(patch: np.ndarray) -> tuple[int, int]:
    """Height and width of the ink."""
    rows, columns = np.flatnonzero(patch.max(1) > 0.1), np.flatnonzero(patch.max(0) > 0.1)
    return int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


def center_of_mass(patch: np.ndarray) -> tuple[float, float]:
    y, x = np.mgrid[:SIDE, :SIDE]
    return float((patch * y).sum() / patch.sum()), float((patch * x).sum() / patch.sum())


def ring(height: int, width: int, pen: int) -> np.ndarray:
    """An ellipse that fills its array."""
    ink = np.zeros((height, width), np.uint8)
    cv2.ellipse(ink, (width // 2, height // 2), ((width - pen) // 2 - 1, (height - pen) // 2 - 1), 0, 0, 360, 255, pen)
    return ink


@pytest.mark.parametrize(("height", "width"), [(14, 9), (60, 40), (400, 250), (40, 60), (300, 30)])
def test_longer_side_is_twenty_and_aspect_is_kept(height: int, width: int) -> None:
    ink = np.full((height, width), 255, np.uint8)
    h, w = extent(normalize_ink(ink))
    assert max(h, w) == FIT
    assert w / h == pytest.approx(width / height, rel=0.12)


@pytest.mark.parametrize(("height", "pen"), [(30, 4), (80, 10), (240, 26)])
def test_mass_is_in_the_middle(height: int, pen: int) -> None:
    ink = ring(height, height * 2 // 3, pen)
    ink[: height // 3] = 0  # heavy at the bottom
    assert center_of_mass(normalize_ink(ink)) == pytest.approx((SIDE / 2, SIDE / 2), abs=0.8)


@pytest.mark.parametrize("pen", [2, 3, 5, 9])
def test_a_fine_pen_on_a_large_digit_does_not_fade(pen: int) -> None:
    patch = normalize_ink(ring(240, 160, pen))
    assert np.quantile(patch[patch > 0.1], 0.9) > 0.8


def test_thick_strokes_are_left_as_they_are() -> None:
    ink = ring(80, 60, 12)
    patch = normalize_ink(ink)
    area = float((ink > 127).sum()) * (FIT / 80) ** 2
    assert float(patch.sum()) == pytest.approx(area, rel=0.12)


def test_mnist_like_digits_stay_nearly_the_same() -> None:
    """A digit made as MNIST's were, 20x20 by its mass in 28x28, passes unchanged."""
    ink = cv2.resize(ring(200, 140, 24), (14, 20), interpolation=cv2.INTER_AREA)
    original = np.zeros((SIDE, SIDE), np.uint8)
    original[4:24, 7:21] = ink
    assert np.abs(normalize_ink(original) - original / 255).mean() < 0.005


def test_scale_does_not_matter() -> None:
    small, large = normalize_ink(ring(60, 42, 7)), normalize_ink(ring(240, 168, 28))
    # the centre of mass may round to a neighbouring pixel
    shifted = [np.roll(small, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    assert min(np.abs(patch - large).mean() for patch in shifted) < 0.04


def test_empty_and_single_pixel() -> None:
    assert not normalize_ink(np.zeros((5, 7), np.uint8)).any()
    assert normalize_ink(np.full((1, 1), 255, np.uint8)).any()


def test_specks_too_far_apart_to_be_seen_fade_to_nothing() -> None:
    ink = np.zeros((1000, 1000), np.uint8)
    ink[0, 0] = ink[-1, -1] = 33
    assert not normalize_ink(ink).any()


def test_batch() -> None:
    ink = ring(40, 30, 5)
    candidates = [Candidate(Box(0, 0, 30, 40), ink, 0.5)] * 3
    patches = normalize(candidates)
    assert (patches.shape, patches.dtype) == ((3, SIDE, SIDE), np.float32)
    assert (patches == normalize_ink(ink)).all()
    assert normalize([]).shape == (0, SIDE, SIDE)


def test_version_is_a_hash_of_what_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    version = normalize_version()
    assert version == normalize_version.__wrapped__()
    monkeypatch.setattr("camdigits.normalize.STROKE", 3.0)
    assert normalize_version.__wrapped__() != version


@given(
    arrays.arrays(
        np.uint8, st.tuples(st.integers(1, 90), st.integers(1, 90)), elements=st.sampled_from([0, 20, 130, 255])
    )
)
def test_any_ink_gives_a_patch(ink: np.ndarray) -> None:
    patch = normalize_ink(ink)
    assert patch.shape == (SIDE, SIDE)
    assert patch.dtype == np.float32
    assert 0 <= patch.min() <= patch.max() <= 1
    assert patch.any() == (ink > 32).any()
