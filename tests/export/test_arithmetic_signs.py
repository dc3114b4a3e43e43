"""Signs whose parts do not touch, or which lie low: a folder of + - x = becomes a model that reads them in rows."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from camdigits import Classifier, read_image
from camdigits.types import Image
from camdigits_export import cnn, datasets
from tests.support.drawing import paper
from tests.support.lessons import shown_by_image_and_live, train_on, write_lessons

LINES = {
    "+": (((0, 0.5), (1, 0.5)), ((0.5, 0), (0.5, 1))),
    "-": (((0, 0.5), (1, 0.5)),),
    "x": (((0, 0), (1, 1)), ((1, 0), (0, 1))),
    "=": (((0, 0.32), (1, 0.32)), ((0, 0.68), (1, 0.68))),
}


def write(image: Image, sign: str, at: tuple[int, int], size: int, pen: int, rng: np.random.Generator) -> None:
    """Write a sign by hand into a square: the ends of its lines are never where they should be."""
    for line in LINES[sign]:
        start, end = (np.array(at) + size * (np.array(end) + rng.normal(0, 0.05, 2)) for end in line)
        cv2.line(image, start.round().astype(int), end.round().astype(int), (50, 40, 40), pen, cv2.LINE_AA)


def picture(sign: str, rng: np.random.Generator) -> Image:
    size = int(rng.integers(40, 90))
    image = paper(130, 130, level=int(rng.integers(180, 240)), seed=int(rng.integers(1000)))
    left, top = (int(at) for at in rng.integers(12, 118 - size, 2))
    write(image, sign, (left, top), size, round(size * rng.uniform(0.06, 0.16)), rng)
    return image


def page(rows: tuple[str, ...], size: int, seed: int) -> Image:
    """Write rows of signs, more than half a sign's size apart."""
    rng = np.random.default_rng(seed)
    image = paper(900, 100 + round(1.8 * size * len(rows)), seed=seed)
    for row, signs in enumerate(rows):
        for column, sign in enumerate(signs):
            at = 60 + round(1.6 * size * column), 50 + round(1.8 * size * row)
            write(image, sign, at, size, round(size * rng.uniform(0.08, 0.14)), rng)
    return image


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lessons(tmp_path_factory.mktemp("signs"), dict.fromkeys(LINES, 60), picture, 0)


@pytest.fixture(scope="module")
def model(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = cnn.Recipe(least=0, channels=(8, 12, 16), dense=32, epochs=20, batch=16, rate=5e-3, dropout=0.0)
    return train_on(folder, tmp_path_factory.mktemp("runs") / "signs", recipe)


ROWS = [("+-x=",), ("=",), ("-",), ("=x-+", "-+=x", "x=+-"), ("-=-=", "=-=-"), ("--", "=="), ("====", "----", "++++")]


@pytest.mark.parametrize("rows", ROWS, ids=" ".join)
def test_signs_are_read_in_any_order_at_any_size(model: Path, rows: tuple[str, ...]) -> None:
    classifier = Classifier(model)
    for size, seed in ((50, 0), (70, 1), (90, 2)):
        assert [number.text for number in read_image(page(rows, size, seed), classifier)] == list(rows)


def test_light_signs_are_read_as_dark_ones_are(model: Path) -> None:
    rows = ("+-x=", "=-x+")
    assert [number.text for number in read_image(255 - page(rows, 60, 3), Classifier(model))] == list(rows)


def test_image_and_live_show_signs(model: Path, tmp_path: Path) -> None:
    still, live = shown_by_image_and_live(page(("+-x=",), 60, 4), model, tmp_path)
    assert "+-x=" in still
    assert "+-x=" in live


def test_what_is_learnt_of_an_equals_sign_is_both_bars(folder: Path) -> None:
    signs = datasets.load(str(folder), "all")
    for label, least, most in (("-", 0.05, 0.4), ("=", 0.3, 0.75), ("+", 0.7, 1.4)):
        inks = [ink for ink, at in zip(signs.inks, signs.labels, strict=True) if signs.names[at] == label]
        assert len(inks) == 60
        assert all(least < ink.shape[0] / ink.shape[1] < most for ink in inks), label
        if label == "=":
            assert all(strokes(ink) == 2 for ink in inks)


def strokes(ink: np.ndarray) -> int:
    return cv2.connectedComponents((ink > 127).view(np.uint8))[0] - 1
