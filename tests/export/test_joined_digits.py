"""Joined digits as training draws them, a small training on them, and what the shipped file makes of drawn ones."""

from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
import pytest

from camdigits import leftmost as stage
from camdigits.network import models_folder, open_network
from camdigits_export import augment, leftmost
from camdigits_export.datasets import Dataset
from camdigits_export.to_onnx import stated

TINY = leftmost.Recipe(strings=600, held=60, epochs=3, batch=30, rate=5e-3, channels=(8, 8, 8, 8))


@pytest.fixture(scope="module")
def drawn(digits: Dataset) -> leftmost.Strings:
    return leftmost.strings(digits, 400, 5, lambda _: None)


def test_a_string_is_cropped_ink_and_holds_its_first_digit(digits: Dataset) -> None:
    wide = 0
    for seed in range(60):
        ink, first = leftmost.draw_joined(np.random.default_rng(seed), digits)
        assert ink.shape == first.shape
        solid = ink > 64
        assert solid[0].any()
        assert solid[-1].any()
        assert solid[:, 0].any()
        assert solid[:, -1].any()
        assert (first > 127)[solid].any()
        # the first digit stands on the left
        x, _, w, _ = cv2.boundingRect((solid & (first > 127)).view(np.uint8))
        assert x + w / 2 <= ink.shape[1] / 2 + 1
        wide += ink.shape[1] > ink.shape[0]
    assert 20 < wide < 60


def test_digits_of_a_string_touch(digits: Dataset) -> None:
    joined = 0
    for seed in range(60):
        owners = leftmost._row(np.random.default_rng(seed), digits, 3)
        assert set(np.unique(owners)) == {0, 1, 2, 3}
        count, _ = cv2.connectedComponents((owners > 0).view(np.uint8))
        joined += count == 2
    # but for those that pass each other by in height, or whose pen left them broken
    assert joined > 40


def test_the_same_strings_are_made_again(digits: Dataset, drawn: leftmost.Strings) -> None:
    again = leftmost.strings(digits, 400, 5, lambda _: None)
    assert np.array_equal(drawn.inks, again.inks)
    assert np.array_equal(drawn.firsts, again.firsts)
    assert drawn.inks.shape == (400, stage.HEIGHT, stage.WIDTH)


def test_what_is_found_is_counted(drawn: leftmost.Strings) -> None:
    right = np.where(drawn.firsts > 127, 1.0, -1.0).astype(np.float32)
    assert leftmost.found(right, drawn) == 1
    assert leftmost.found(-right, drawn) == 0


def test_a_network_learns_and_its_file_says_the_same(digits: Dataset, drawn: leftmost.Strings, tmp_path: Path) -> None:
    losses: list[float] = []

    def report(said: str) -> None:
        if "loss" in said:
            losses.append(float(said.split()[-1]))

    model = leftmost.train(digits, TINY, report)
    assert len(losses) == TINY.epochs
    assert losses[-1] < 0.8 * losses[0]
    path = tmp_path / "leftmost.onnx"
    path.write_bytes(leftmost.to_onnx(model, TINY, 0.5))
    ink = augment.as_input(drawn.inks[:50])
    (said,) = open_network(path).run(["first"], {"ink": ink})
    assert np.abs(said - model.predict(ink, verbose=0)).max() < 1e-3
    assert stated(path)["figures"] == {"found": 0.5}


def test_the_shipped_file_finds_first_digits_that_it_never_saw(drawn: leftmost.Strings) -> None:
    session: ort.InferenceSession = open_network(models_folder() / stage.LEFTMOST)
    (said,) = session.run(["first"], {"ink": augment.as_input(drawn.inks)})
    assert leftmost.found(said, drawn) > 0.8
