"""Frames whose every pixel of ink is known, a small training on them, and what the shipped file finds of it."""

from pathlib import Path

import numpy as np
import pytest

from camdigits.network import INKED, models_folder, open_network
from camdigits_export import inked, matching
from camdigits_export.datasets import Dataset
from camdigits_export.frames import Frame, Hands, draw_frame
from camdigits_export.inked import SIDE, Parts
from camdigits_export.scenes import Glyph, Hand, Scene
from camdigits_export.to_onnx import stated
from camdigits_export.writing import write

TINY = inked.Recipe(frames=6, held=2, epochs=5, batch=6, rate=5e-3, channels=(8, 8, 8, 8))


@pytest.fixture(scope="module")
def learnt(digits: Dataset) -> Parts:
    return inked.parts(digits, 12, 5, lambda _: None)


def frame(digits: Dataset, seed: int) -> Frame:
    return draw_frame(np.random.default_rng([8, seed]), Hands(digits.inks, digits.labels))


@pytest.mark.parametrize("seed", range(6))
def test_a_frames_ink_lies_where_its_digits_do_also_when_it_is_turned_upright(digits: Dataset, seed: int) -> None:
    composed = frame(digits, seed)
    for seen in (composed, matching.upright(composed)):
        assert seen.ink.shape == seen.image.shape[:2]
        for number in seen.numbers:
            for digit in number.digits:
                x, y, w, h = digit.box
                near = seen.ink[max(0, y - 1) : y + h + 1, max(0, x - 1) : x + w + 1] > 100
                rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
                assert rows[-1] - rows[0] + 1 >= 0.8 * h - 2
                assert columns[-1] - columns[0] + 1 >= 0.8 * w - 2


def test_what_the_pen_left_out_is_meant_all_the_same(digits: Dataset) -> None:
    line = [digits_of(digits, 8)]
    whole = write([line], Scene(hand=Hand(broken=0.0)), np.random.default_rng(2))
    broken = write([line], Scene(hand=Hand(broken=1.0)), np.random.default_rng(2))
    assert np.array_equal(whole.ink > 0, whole.meant > 0)
    gaps = (broken.meant > 0.5) & (broken.ink == 0)
    assert gaps.sum() > 8 * 10
    assert gaps.sum() < 0.4 * (broken.meant > 0.5).sum()


def digits_of(digits: Dataset, count: int) -> list[Glyph]:
    return [Glyph(digits.inks[at], str(digits.labels[at])) for at in range(count)]


def test_parts_are_pictures_and_their_ink(learnt: Parts) -> None:
    assert learnt.pictures.shape == (12 * inked.EACH, SIDE, SIDE, 3)
    assert learnt.inks.shape == (12 * inked.EACH, SIDE, SIDE)
    grey = learnt.pictures.mean(axis=3)
    shares = (learnt.inks > 200).mean(axis=(1, 2))
    assert np.mean(shares > 0) > 0.6
    # ink stands out from what is around it
    out = [
        abs(float(seen[ink > 200].mean() - seen[ink == 0].mean()))
        for seen, ink, share in zip(grey, learnt.inks, shares, strict=True)
        if share > 0.01
    ]
    assert np.mean(np.array(out) > 8) > 0.8


def test_the_same_parts_are_made_again(digits: Dataset, learnt: Parts) -> None:
    again = inked.parts(digits, 12, 5, lambda _: None)
    assert np.array_equal(learnt.pictures, again.pictures)
    assert np.array_equal(learnt.inks, again.inks)


@pytest.mark.parametrize("paper", [30, 220])
def test_rules_are_printed_under_the_ink_across_the_part(paper: int) -> None:
    seen = np.full((SIDE, SIDE, 3), paper, np.float32)
    share = np.zeros((SIDE, SIDE), np.float32)
    share[40:120, 70:90] = 1
    crossed = 0
    for seed in range(10):
        ruled = inked.ruled(seen.copy(), share, np.random.default_rng(seed))
        assert np.array_equal(ruled[share == 1], seen[share == 1])
        assert ruled.min() >= 0
        assert ruled.max() <= 255
        changed = np.abs(ruled - seen).max(axis=2) > 5
        crossed += changed.any(axis=1).all() or changed.any(axis=0).all()
    assert crossed >= 9


def test_faint_ink_is_nearer_to_its_paper_and_all_else_stays() -> None:
    seen = np.full((SIDE, SIDE, 3), 200, np.float32)
    seen[:, SIDE // 2 :] = 120
    share = np.zeros((SIDE, SIDE), np.float32)
    share[40:44, 20:140] = 1
    seen[share == 1] = 40
    faint = inked.faint(seen, share, 0.5)
    assert np.array_equal(faint[share == 0], seen[share == 0])
    assert np.abs(faint[40:44, 30:60] - 120).max() < 2
    assert np.abs(faint[40:44, 100:130] - 80).max() < 2


def test_what_is_found_is_counted() -> None:
    inks = np.zeros((1, SIDE, SIDE), np.uint8)
    inks[0, :10, :10] = 255
    held = Parts(np.zeros((1, SIDE, SIDE, 3), np.uint8), inks)
    odds = np.full((1, SIDE, SIDE), -1, np.float32)
    assert inked.found(odds, held) == 0
    odds[0, :10, 5:15] = 1
    assert inked.found(odds, held) == pytest.approx(0.5)


def test_a_network_learns_and_its_file_says_the_same(digits: Dataset, learnt: Parts, tmp_path: Path) -> None:
    losses: list[float] = []

    def report(said: str) -> None:
        if "loss" in said:
            losses.append(float(said.split()[-1]))

    model = inked.train(digits, TINY, report)
    assert len(losses) == TINY.epochs
    assert losses[-1] < 0.9 * losses[0]
    path = tmp_path / "inked.onnx"
    path.write_bytes(inked.to_onnx(model, TINY, 0.25))
    for shape in ((160, 160), (96, 320)):
        picture = np.resize(learnt.pictures[:3], (1, *shape, 3)).astype(np.float32)
        (said,) = open_network(path).run(["ink"], {"picture": picture})
        assert said.shape == (1, *shape)
        assert np.abs(said - model.predict(picture, verbose=0)).max() < 1e-3
    assert stated(path)["figures"] == {"found": 0.25}


def test_the_shipped_file_finds_the_ink(learnt: Parts) -> None:
    network = open_network(models_folder() / INKED)
    (odds,) = network.run(["ink"], {"picture": learnt.pictures.astype(np.float32)})
    assert inked.found(odds, learnt) > 0.75
