"""What ships in models/: whole, small, described, and able to read digits that no training has seen."""

import hashlib
import json
import os
import re
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from sklearn.datasets import load_digits

from camdigits.classify import Classifier, find_model
from camdigits_export import evaluate, patches
from camdigits_export.augment import to_patch
from camdigits_export.patches import PatchSet
from tests.export.conftest import drawn, drawn_rejects

MODELS = ("cnn", "knn")


@pytest.fixture(scope="module")
def foreign() -> PatchSet:
    """1,797 digits of other hands, 8x8 (UCI optical digits, which scikit-learn carries), enlarged."""
    digits = load_digits()
    inks = [
        cv2.resize(image.astype(np.float32), (48, 48), interpolation=cv2.INTER_CUBIC).clip(0, 16) * 15.9
        for image in digits.images
    ]
    return PatchSet(np.stack([to_patch(ink.astype(np.uint8)) for ink in inks]), digits.target.astype(np.uint8))


@pytest.mark.parametrize("name", MODELS)
def test_the_card_names_this_very_file(name: str) -> None:
    path = find_model(name)
    card = path.with_suffix(".md").read_text()
    for file in (path, path.with_suffix(".keras")):
        if file.is_file():
            assert f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}" in card


@pytest.mark.parametrize("name", MODELS)
def test_the_card_tells_what_a_reader_asks(name: str) -> None:
    card = find_model(name).with_suffix(".md").read_text()
    for heading in ("Data", "Recipe", "Figures", "Limits", "Remake"):
        assert re.search(rf"^## {heading}", card, re.MULTILINE), heading
    assert f"camdigits train {name}" in card


@pytest.mark.parametrize("name", MODELS)
def test_the_metadata_tells_training_and_figures(name: str) -> None:
    metadata = {entry.key: entry.value for entry in onnx.load(find_model(name)).metadata_props}
    assert json.loads(metadata["camdigits.training"])["recipe"]["kind"] == name
    assert json.loads(metadata["camdigits.figures"])["accuracy"] > 0.98


def test_models_stay_small() -> None:
    folder = find_model("cnn").parent
    assert sum(path.stat().st_size for path in folder.iterdir()) < 12e6
    assert find_model("knn").stat().st_size <= 6e6


@pytest.mark.parametrize(("name", "floor"), [("cnn", 0.9), ("knn", 0.94)])
def test_digits_of_other_hands_are_read(name: str, floor: float, foreign: PatchSet) -> None:
    score = evaluate.score(Classifier(name), foreign)
    assert score.right / score.count >= floor


@pytest.mark.parametrize("name", MODELS)
def test_drawn_digits_are_read_and_rejects_are_not(name: str) -> None:
    model = Classifier(name)
    digits = evaluate.score(model, drawn(300, 11, seen=False))
    assert digits.right / digits.count >= 0.95
    rejects = evaluate.score(model, drawn_rejects(300, 12, held=True))
    assert rejects.right / rejects.count >= 0.85


@pytest.mark.slow
@pytest.mark.parametrize(("name", "floor"), [("cnn", 0.994), ("knn", 0.993)])
def test_mnist_is_read(name: str, floor: float) -> None:
    if not os.environ.get("CAMDIGITS_DATA"):
        pytest.skip("needs MNIST in CAMDIGITS_DATA")
    score = evaluate.score(Classifier(name), patches.clean("mnist", "test"))
    assert score.right / score.count >= floor


def test_no_card_names_a_place_of_this_machine() -> None:
    for card in Path(find_model("cnn").parent).glob("*.md"):
        assert not re.search(r"(^|\s)/(home|work|tmp|root)/", card.read_text())
