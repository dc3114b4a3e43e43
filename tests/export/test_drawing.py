"""What training patches are drawn from: every drawing ends as a patch, whatever the seed."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camdigits.normalize import normalize_ink
from camdigits_export import augment, patches, rejects, strokes
from camdigits_export.datasets import Dataset
from camdigits_export.patches import Workshop
from tests.export.conftest import drawn

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS, st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_a_digit_seen_by_a_camera_is_a_patch_of_ink(seed: int, digit: int) -> None:
    rng = np.random.default_rng(seed)
    patch = augment.camera_patch(strokes.draw_digit(rng, digit), rng, neighbour=strokes.draw_digit(rng, 7))
    assert patch.shape == (28, 28)
    assert patch.dtype == np.uint8
    assert patch.max() > 100
    assert 0 < (patch > 100).mean() < 0.5


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_jitter_moves_a_little_and_anew(seed: int) -> None:
    clean = drawn(30, 1, seen=False).patches
    rng = np.random.default_rng(seed)
    once, again = augment.jitter(clean, rng), augment.jitter(clean, rng)
    assert (once.shape, once.dtype) == (clean.shape, np.uint8)
    assert not np.array_equal(once, again)
    mass = clean.sum(axis=(1, 2), dtype=float)
    changed = np.abs(once.sum(axis=(1, 2), dtype=float) / mass - 1)
    assert changed.max() < 2
    assert np.median(changed) < 0.25
    rows, columns = np.mgrid[:28, :28]
    for axis in rows, columns:
        middle = (once * axis).sum(axis=(1, 2)) / once.sum(axis=(1, 2)) - (clean * axis).sum(axis=(1, 2)) / mass
        assert np.abs(middle).max() < 7  # all that turning, shifting and bending may add up to
        assert np.median(np.abs(middle)) < 1.5


@given(SEEDS, st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_reject_is_a_patch_of_ink(seed: int, held: bool) -> None:
    digits = drawn(60, 1, seen=False)
    patch = rejects.reject_patch(np.random.default_rng(seed), digits.patches, digits.labels, held)
    assert patch.shape == (28, 28)
    assert patch.dtype == np.uint8
    assert patch.any()


def test_every_way_to_write_a_digit_fills_its_drawing() -> None:
    rng = np.random.default_rng(0)
    for digit, ways in enumerate(strokes.DIGITS):
        for variant in range(len(ways)):
            ink = strokes.draw_digit(rng, digit, variant)
            rows = np.nonzero(ink.any(axis=1))[0]
            assert ink.shape == (strokes.SIDE, strokes.SIDE)
            assert 50 < rows[-1] - rows[0] < 100, (digit, variant)
            assert not ink[0].any()
            assert not ink[-1].any()


def test_the_rare_are_ways_that_exist() -> None:
    assert all(variant < len(strokes.DIGITS[digit]) for digit, variant in strokes.RARE)


def test_held_out_rejects_are_of_another_kind() -> None:
    assert not set(rejects.FONTS) & set(rejects.HELD_FONTS)
    assert not set(rejects.SIGNS) & set(rejects.HELD_SIGNS)


def test_no_letter_looks_like_a_digit() -> None:
    assert not set("oO0DQlIi1|SsZzBbgqG69$") & set(rejects.LETTERS + rejects.HELD_LETTERS)


def test_patches_survive_the_way_through_bytes() -> None:
    ink = strokes.draw_digit(np.random.default_rng(1), 5)
    assert np.array_equal(augment.as_input(augment.to_patch(ink)), normalize_ink(ink))


def test_another_pen_changes_the_stroke_and_keeps_the_digit() -> None:
    ink = strokes.draw_digit(np.random.default_rng(2), 3)
    areas = [(augment.repen(ink, np.random.default_rng(seed)) > 0).sum() for seed in range(20)]
    assert max(areas) > 2.5 * min(areas)
    assert min(areas) > 50


def test_the_same_seed_draws_the_same() -> None:
    digits = drawn(60, 1, seen=False)
    data = Dataset("drawn", list(digits.patches), digits.labels)
    first = patches._part(data, ("seen", 0, 20, 5))
    assert np.array_equal(first, patches._part(data, ("seen", 0, 20, 5)))
    assert not np.array_equal(first, patches._part(data, ("seen", 0, 20, 6)))


def test_made_patches_are_kept_and_not_made_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(patches, "FOLDER", tmp_path)
    digits = drawn(60, 1, seen=False)
    data = Dataset("drawn", list(digits.patches), digits.labels)
    said: list[str] = []
    made = patches._made("seen", data, 5, 7, said.append)
    assert said == ["making 5 patches: seen"]
    kept = patches._made("seen", data, 5, 7, pytest.fail)
    assert np.array_equal(made.patches, kept.patches)
    assert kept.labels.tolist() == [0, 1, 2, 3, 4]
    other = Dataset("drawn", list(digits.patches[::-1]), digits.labels[::-1])
    patches._made("seen", other, 5, 7, said.append)  # another data set's are its own
    assert len(said) == 2


def test_rejects_carry_the_last_label(workshop: Workshop) -> None:
    assert set(workshop.rejects.labels) == {workshop.reject}
