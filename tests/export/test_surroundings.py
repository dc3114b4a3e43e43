"""Frames of numbers and text as training draws them, a small training, and what the shipped file makes of them."""

from pathlib import Path

import keras
import numpy as np
import onnxruntime as ort
import pytest

from camdigits.classify import Classifier
from camdigits.context import INK, SIDE
from camdigits.network import CONTEXT, models_folder, open_network
from camdigits.pipeline import propose
from camdigits_export import context, frames, marks, matching
from camdigits_export.context import NO_DIGIT, Windows
from camdigits_export.datasets import Dataset
from camdigits_export.frames import Hands
from camdigits_export.to_onnx import stated

TINY = context.Recipe(frames=12, held=4, epochs=6, batch=16, rate=4e-3, channels=(8, 8, 8, 8), dense=16)


@pytest.fixture(scope="module")
def seen(digits: Dataset) -> Windows:
    return context.windows(digits, 24, 0.5, 5, lambda _: None)


def test_as_much_text_is_written_as_asked_for(digits: Dataset) -> None:
    hands = Hands(digits.inks, digits.labels)
    count = {0.0: 0, 0.5: 0, 1.0: 0}
    for text in count:
        for seed in range(8):
            frame = frames.draw_frame(np.random.default_rng([3, seed]), hands, text=text)
            assert ("mixed" in frame.kinds) == (text > 0)
            count[text] += sum(len(number.digits) for number in frame.numbers)
    assert count[0.0] > count[0.5] > count[1.0]


def test_a_word_is_as_long_as_its_letters_and_stands_on_the_line() -> None:
    rng = np.random.default_rng(1)
    words = [marks.written(rng, length) for length in (1, 9) for _ in range(20)]
    short, long = ([glyph for drawn in some for glyph in drawn] for some in (words[:20], words[20:]))
    assert all(glyph.is_word and not glyph.label for glyph in short + long)
    width = [np.median([glyph.ink.shape[1] * glyph.scale for glyph in some]) for some in (short, long)]
    assert width[1] > 4 * width[0]
    # letters reach below the line by less than half a digit, but for flourishes
    assert np.mean([-0.1 < glyph.foot < 0.5 for glyph in short + long]) > 0.9


def test_windows_hold_the_ink_of_candidates_as_ink(seen: Windows) -> None:
    assert seen.windows.shape == (len(seen.labels), SIDE, SIDE, 2)
    is_digit = seen.labels != NO_DIGIT
    assert 0.2 < is_digit.mean() < 0.9
    ink = seen.windows[..., 1] > 127
    assert ink.any(axis=(1, 2)).mean() > 0.95
    # where its own ink is, a digit is dark or light as ink is; grey pictures have many that are neither
    shown = [np.median(window[..., 0][own]) for window, own in zip(seen.windows[is_digit], ink[is_digit], strict=True)]
    assert abs(np.median(shown) - INK) < 25


def test_digits_found_are_what_was_written(digits: Dataset) -> None:
    hands, classifier = Hands(digits.inks, digits.labels), Classifier("cnn")
    right = 0
    found = 0
    for seed in range(12):
        frame = context.draw_page(np.random.default_rng([4, seed]), hands)
        page = propose(frame.image, classifier)
        match = matching.matched(frame, page.candidates)
        right += np.sum(page.probabilities[match.is_digit, :-1].argmax(1) == match.label[match.is_digit])
        found += np.sum(match.is_digit)
    assert found > 50
    assert right > 0.8 * found


def test_of_a_page_on_its_head_only_what_is_no_digit_is_learnt(digits: Dataset) -> None:
    hands, classifier = Hands(digits.inks, digits.labels), Classifier("cnn")
    upright = turned = 0
    for seed in range(6):
        frame = matching.upright(frames.draw_frame(np.random.default_rng([5, seed]), hands, text=0.45))
        upright += np.sum(context.windows_in(frame, classifier).labels != NO_DIGIT)
        labels = context.windows_in(matching.turned(frame, 2), classifier).labels
        assert (labels == NO_DIGIT).all()
        turned += len(labels)
    assert min(upright, turned) > 10


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_frame_turned_has_its_digits_where_they_are_in_the_picture(digits: Dataset, quarters: int) -> None:
    frame = frames.draw_frame(np.random.default_rng([5, 1]), Hands(digits.inks, digits.labels))
    turned = matching.turned(frame, quarters)
    assert (turned.turns - frame.turns) % 4 == quarters
    assert turned.image.shape[:2] == turned.ink.shape
    for number, moved in zip(frame.numbers, turned.numbers, strict=True):
        x, y, w, h = number.box
        there = np.zeros(frame.ink.shape, bool)
        there[y : y + h, x : x + w] = True
        x, y, w, h = moved.box
        assert np.rot90(there, quarters)[y : y + h, x : x + w].all()


def test_the_same_windows_are_made_again(digits: Dataset, seen: Windows) -> None:
    again = context.windows(digits, 24, 0.5, 5, lambda _: None)
    assert np.array_equal(seen.windows, again.windows)
    assert np.array_equal(seen.labels, again.labels)


def test_what_passes_is_counted() -> None:
    labels = np.array([3] * 100 + [NO_DIGIT] * 10, np.uint8)
    held = Windows(np.zeros((110, SIDE, SIDE, 2), np.uint8), labels)
    odds = np.append(np.arange(100), [-1] * 7 + [50] * 3).astype(np.float32)
    assert context.passed(odds, held) == pytest.approx(0.3)


def test_a_network_learns_and_its_file_says_the_same(digits: Dataset, seen: Windows, tmp_path: Path) -> None:
    losses: list[float] = []

    def report(said: str) -> None:
        if "loss" in said:
            losses.append(float(said.split()[-1]))

    model = context.train(digits, TINY, report)
    assert len(losses) == TINY.epochs
    assert losses[-1] < 0.8 * losses[0]
    answer = context.answering(model)
    path = tmp_path / "context.onnx"
    path.write_bytes(context.to_onnx(answer, TINY, 0.25))
    windows = seen.windows[:50].astype(np.float32)
    (said,) = open_network(path).run(["digit"], {"windows": windows})
    assert np.abs(said - answer.predict(windows, verbose=0)).max() < 1e-3
    each = keras.ops.softmax(model.predict(windows, verbose=0))
    chance = 1 - np.asarray(each)[:, NO_DIGIT]
    assert np.abs(1 / (1 + np.exp(-said)) - chance).max() < 1e-4
    assert stated(path)["figures"] == {"passed": 0.25}


def test_the_shipped_file_tells_digits_from_what_only_looks_like_one(seen: Windows) -> None:
    session: ort.InferenceSession = open_network(models_folder() / CONTEXT)
    (said,) = session.run(["digit"], {"windows": seen.windows.astype(np.float32)})
    assert context.passed(said, seen) < 0.4
