"""A small workshop of drawn digits, which a model learns in seconds; no test here needs MNIST or the network."""

import os
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from camdigits_export import augment, rejects, strokes, to_onnx
from camdigits_export.datasets import DataError, Dataset
from camdigits_export.patches import PatchSet, Workshop

# Keras hands TensorFlow's variables to numpy 2, which asks for an argument that they do not know yet
QUIET = "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.filterwarnings(QUIET))


@pytest.fixture(autouse=True)
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    """No data set is at hand for exports, whatever this machine has: they compare on drawn digits."""

    def load(name: str, _split: str) -> Dataset:
        raise DataError(f"{name}: not at hand")

    monkeypatch.setattr(to_onnx, "load", load)


def drawn(count: int, seed: int, seen: bool) -> PatchSet:
    rng = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.uint8) % 10
    inks = [strokes.draw_digit(rng, int(label)) for label in labels]
    patches = [augment.camera_patch(ink, rng, 5) if seen else augment.to_patch(ink) for ink in inks]
    return PatchSet(np.stack(patches), labels)


def drawn_rejects(count: int, seed: int, held: bool) -> PatchSet:
    rng = np.random.default_rng(seed)
    digits = drawn(60, seed, seen=False)
    patches = [rejects.reject_patch(rng, digits.patches, digits.labels, held) for _ in range(count)]
    return PatchSet(np.stack(patches), np.full(count, 10, np.uint8))


def found(seed: int) -> PatchSet:
    """Sixty digits and forty rejects, as of composed frames."""
    digits, none = drawn(60, seed, seen=True), drawn_rejects(40, seed, held=True)
    return PatchSet(np.concatenate([digits.patches, none.patches]), np.concatenate([digits.labels, none.labels]))


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """Clean digits to compose frames of."""
    made = drawn(100, 3, seen=False)
    return Dataset("drawn", list(made.patches), made.labels)


@pytest.fixture(scope="session")
def workshop() -> Workshop:
    clean = drawn(600, 1, seen=False)
    return Workshop(
        clean=clean,
        seen=drawn(600, 2, seen=True).patches[None],
        rare=drawn(100, 3, seen=True),
        rejects=drawn_rejects(300, 4, held=False),
        validation=drawn(100, 5, seen=False),
        validation_seen=drawn(100, 6, seen=True),
        held_rejects=drawn_rejects(100, 7, held=True),
        kept=tuple(map(str, range(600, 700))),
        fingerprint="drawn",
        framed=found(8),
        validation_framed=found(9),
    )
