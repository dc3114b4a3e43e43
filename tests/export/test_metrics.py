"""Figures worked out by hand, and what must hold of all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from camdigits.types import Probabilities
from camdigits_export import metrics
from camdigits_export.calibrate import cross_entropy, fit_temperature

# two labels and `not a digit`: right, right, wrong, right, rejected, a reject that passes
READ = np.array(
    [[0.9, 0.1, 0.0], [0.6, 0.3, 0.1], [0.7, 0.2, 0.1], [0.2, 0.8, 0.0], [0.2, 0.2, 0.6], [0.1, 0.5, 0.4]], np.float32
)
TRUTH = np.array([0, 0, 1, 1, 1, 2])


@st.composite
def read(draw: st.DrawFn) -> tuple[Probabilities, NDArray[np.int64]]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    count, classes = draw(st.integers(1, 60)), draw(st.integers(2, 8))
    probabilities = rng.dirichlet(np.full(classes, 0.4), count).astype(np.float32)
    return probabilities, rng.integers(0, draw(st.integers(1, classes)), count)


def test_a_confusion_matrix_has_a_row_for_each_true_class() -> None:
    assert metrics.confusion(READ, TRUTH).tolist() == [[2, 0, 0], [1, 1, 1], [0, 1, 0]]


def test_precision_recall_and_f1_by_hand() -> None:
    zero, one, reject = metrics.by_class(READ, TRUTH)
    assert (zero.count, zero.precision, zero.recall, zero.f1) == pytest.approx((2, 2 / 3, 1, 0.8))
    assert (one.count, one.precision, one.recall, one.f1) == pytest.approx((3, 1 / 2, 1 / 3, 0.4))
    assert (reject.count, reject.precision, reject.recall, reject.f1) == (1, 0, 0, 0)


def test_the_mean_of_the_classes_leaves_out_those_without_patches() -> None:
    classes = [
        metrics.ClassFigures(3, 1.0, 0.5, 0.6),
        metrics.ClassFigures(1, 0.5, 1.0, 0.8),
        metrics.ClassFigures(0, 0, 0, 0),
    ]
    mean = metrics.macro(classes)
    assert (mean.count, mean.precision, mean.recall, mean.f1) == pytest.approx((4, 0.75, 0.75, 0.7))


def test_bins_by_hand() -> None:
    first, second, third = metrics.reliability(READ, TRUTH, bins=4)
    # (0.25, 0.5]: the reject that passes at 0.5. (0.5, 0.75]: 0.6 right, 0.7 and 0.6 wrong. (0.75, 1]: 0.8 and 0.9
    assert (first.low, first.high, first.count, first.confidence, first.right) == pytest.approx((0.25, 0.5, 1, 0.5, 0))
    assert (second.count, second.confidence, second.right) == pytest.approx((3, 1.9 / 3, 1 / 3))
    assert (third.count, third.confidence, third.right) == pytest.approx((2, 0.85, 1))


def test_the_calibration_error_weighs_bins_by_their_patches() -> None:
    bins = [metrics.Bin(0.5, 0.6, 3, 0.55, 0.75), metrics.Bin(0.9, 1.0, 1, 0.95, 0.55)]
    assert metrics.calibration_error(bins) == pytest.approx((3 * 0.2 + 1 * 0.4) / 4)


def test_coverage_by_hand() -> None:
    at = metrics.coverage(READ, TRUTH, [0.0, 0.65, 0.9, 0.95])
    assert [a.threshold for a in at] == [0.0, 0.65, 0.9, 0.95]
    assert [a.share for a in at] == pytest.approx([5 / 6, 3 / 6, 1 / 6, 0])  # one was rejected
    assert [a.error for a in at] == pytest.approx([2 / 5, 1 / 3, 0, 0])


def test_wilson_by_hand() -> None:
    assert metrics.wilson(50, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)
    assert metrics.wilson(100, 100) == pytest.approx((0.9630, 1.0), abs=1e-4)
    assert metrics.wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)


@given(read())
def test_classes_agree_with_the_confusion_matrix(case: tuple[Probabilities, NDArray[np.int64]]) -> None:
    matrix, classes = metrics.confusion(*case), metrics.by_class(*case)
    assert matrix.shape == (len(classes),) * 2
    for c, hits, true, said in zip(classes, matrix.diagonal(), matrix.sum(1), matrix.sum(0), strict=True):
        expected = (true, hits / max(said, 1), hits / max(true, 1), 2 * hits / max(true + said, 1))
        assert (c.count, c.precision, c.recall, c.f1) == pytest.approx(expected)


@given(read())
def test_bins_hold_every_patch_once_and_their_gap_is_a_share(case: tuple[Probabilities, NDArray[np.int64]]) -> None:
    probabilities, truth = case
    bins = metrics.reliability(probabilities, truth)
    assert sum(b.count for b in bins) == len(truth)
    assert all(b.low - 1e-6 <= b.confidence <= b.high + 1e-6 for b in bins)
    assert sum(b.count * b.right for b in bins) == pytest.approx(np.sum(probabilities.argmax(1) == truth))
    assert 0 <= metrics.calibration_error(bins) <= 1


@given(read())
def test_a_model_that_is_sure_and_right_has_no_error(case: tuple[Probabilities, NDArray[np.int64]]) -> None:
    probabilities, truth = case
    sure = np.eye(probabilities.shape[1], dtype=np.float32)[truth]
    assert metrics.calibration_error(metrics.reliability(sure, truth)) == 0
    assert metrics.macro(metrics.by_class(sure, truth)).f1 == 1


@given(read())
def test_asking_for_more_confidence_never_answers_more(case: tuple[Probabilities, NDArray[np.int64]]) -> None:
    probabilities, truth = case
    at = metrics.coverage(probabilities, truth, np.linspace(0, 1, 21))
    shares = [a.share for a in at]
    assert shares == sorted(shares, reverse=True)
    matrix = metrics.confusion(probabilities, truth)
    answered = matrix[:, :-1].sum()
    assert shares[0] == pytest.approx(answered / len(truth))
    assert (1 - at[0].error) * answered == pytest.approx(matrix.diagonal()[:-1].sum() if answered else 0)


@given(st.integers(1, 10_000), st.data())
def test_an_interval_holds_its_share_and_mirrors(count: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, count))
    low, high = metrics.wilson(hits, count)
    assert 0 <= low <= hits / count + 1e-12
    assert hits / count - 1e-12 <= high <= 1
    assert metrics.wilson(count - hits, count) == pytest.approx((1 - high, 1 - low))


def test_no_other_temperature_fits_better_and_what_is_all_right_is_sharpened_to_the_bound() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, 400).astype(np.uint8)
    logits = (2 * np.eye(5)[labels] + rng.normal(0, 1, (400, 5))).astype(np.float32)
    found = fit_temperature(logits, labels)
    assert 0.3 < found < 2
    least = cross_entropy(logits / found, labels)
    assert all(cross_entropy(logits / (found * factor), labels) > least for factor in (0.999, 1.001))
    assert fit_temperature(2 * np.eye(5, dtype=np.float32)[labels], labels) == pytest.approx(0.3, abs=1e-4)
