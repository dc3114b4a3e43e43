"""The cache of patches: whole or not there, whoever writes into it."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from camdigits_export import datasets, patches
from camdigits_export.augment import to_patch
from camdigits_export.datasets import DIGITS, Dataset
from tests.export.conftest import drawn


@pytest.fixture
def digits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Dataset:
    """Sixty drawn digits in MNIST's place, and a cache of their own."""
    made = drawn(60, 1, seen=False)
    digits = Dataset("mnist", list(made.patches), made.labels)
    monkeypatch.setattr(patches, "load", lambda *_: digits)
    monkeypatch.setattr(patches, "FOLDER", tmp_path)
    return digits


def test_training_and_validation_are_made_once(digits: Dataset, tmp_path: Path) -> None:
    learnt, kept = datasets.learnt_and_kept(digits)
    told: list[str] = []
    for make, at, kind in ((patches.training, learnt, "clean"), (patches.validation, kept, "clean-kept")):
        for _ in range(2):
            found = make("mnist", told.append)
            assert np.array_equal(found.patches, [to_patch(digits.inks[i]) for i in at])
            assert (found.labels.tolist(), found.names) == (digits.labels[at].tolist(), DIGITS)
        assert told.pop().endswith(f"patches: {kind}")
        assert told == []
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.usefixtures("digits")
def test_two_that_make_the_same_write_apart_and_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []

    def full(path: Path, arr: Any) -> None:  # noqa: ARG001 - NumPy's name
        path.write_bytes(b"half")
        written.append(path)
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(np, "save", full)
        for process in (7, 8):
            patch.setattr(os, "getpid", lambda process=process: process)
            with pytest.raises(OSError, match="no space"):
                patches.training("mnist", lambda _: None)
    assert len(set(written)) == 2
    assert list(tmp_path.iterdir()) == []
    assert len(patches.training("mnist", lambda _: None)) == 55
    assert [path.name.count("part") for path in tmp_path.iterdir()] == [0]
