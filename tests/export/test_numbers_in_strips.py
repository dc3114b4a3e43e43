"""Strips of numbers as training cuts them out of frames, a small training, and what the shipped file makes of them."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from camdigits.classify import Classifier
from camdigits.network import STRIPS, models_folder, open_network
from camdigits.strips import BLANK, HEIGHT, STEP, TALL, text_of, together
from camdigits_export import frames, matching, strips
from camdigits_export.context import draw_page
from camdigits_export.datasets import Dataset
from camdigits_export.frames import Hands
from camdigits_export.strips import LARGER, ROOMY, Strip, varied
from camdigits_export.to_onnx import stated

TINY = strips.Recipe(pages=4, frames=4, held=2, epochs=5, batch=16, rate=4e-3, channels=(8, 8, 8, 12, 16))


@pytest.fixture(scope="module")
def seen(digits: Dataset) -> list[Strip]:
    return strips.strips(digits, 6, 12, 5, lambda _: None)


def test_a_full_page_has_as_much_as_it_has_room_for(digits: Dataset) -> None:
    hands = Hands(digits.inks, digits.labels)
    count = {True: 0, False: 0}
    for seed in range(4):
        for full in count:
            frame = frames.draw_frame(np.random.default_rng([3, seed]), hands, full=full)
            count[full] += len(frame.numbers)
            assert max(box.h for number in frame.numbers for box in [d.box for d in number.digits]) < 250 or not full
    assert count[True] > 2 * count[False]


def test_a_strip_of_a_page_holds_one_number_level_and_in_the_middle(digits: Dataset) -> None:
    hands = Hands(digits.inks, digits.labels)
    lower, higher = [], []
    for seed in range(4):
        frame = matching.upright(frames.draw_frame(np.random.default_rng([7, seed]), hands, full=True))
        found = strips.strips_of_page(frame, np.random.default_rng(0))
        texts = sorted("".join(digit.label for digit in number.digits) for number in frame.numbers)
        assert len(found) == min(len(texts), strips.MOST)
        assert {text for _, text in found} <= set(texts)
        only = np.where(frame.ink > 127, 0, 255).astype(np.uint8)
        drawn = strips.strips_of_page(
            replace(frame, image=cv2.cvtColor(only, cv2.COLOR_GRAY2BGR)), np.random.default_rng(0)
        )
        for grey, text in drawn:
            assert grey.shape[0] == ROOMY
            rows = np.flatnonzero((grey < 128)[:, LARGER : -LARGER or None].any(1))
            if text and len(rows):
                middle = rows[(rows > ROOMY // 2 - LARGER) & (rows < ROOMY // 2 + LARGER)]
                lower.append(middle[-1] - ROOMY // 2)
                higher.append(ROOMY // 2 - middle[0])
    assert np.median(lower) == pytest.approx(LARGER / 2, abs=4)
    assert np.median(higher) == pytest.approx(LARGER / 2, abs=4)


def test_strips_of_what_was_read_are_of_numbers_or_of_none(digits: Dataset, seen: list[Strip]) -> None:
    hands, classifier = Hands(digits.inks, digits.labels), Classifier("cnn")
    said, wanted = 0, 0
    for seed in range(8):
        frame = draw_page(np.random.default_rng([4, seed]), hands)
        texts = ["".join(digit.label for digit in number.digits) for number in frame.numbers]
        found = [text for _, text in strips.strips_as_read(frame, classifier) if text]
        assert set(found) <= set(texts)
        said, wanted = said + len(found), wanted + len(texts)
        for grey, text in strips.strips_elsewhere(frame, np.random.default_rng(seed)):
            assert not text
            assert grey.shape[0] == ROOMY
    assert wanted > 10
    assert said > wanted / 2
    assert 0 < sum(not text for _, text in seen) < len(seen) / 2


def test_the_same_strips_are_made_again(digits: Dataset, seen: list[Strip]) -> None:
    again = strips.strips(digits, 6, 12, 5, lambda _: None)
    assert [text for _, text in seen] == [text for _, text in again]
    assert all(np.array_equal(a, b) for (a, _), (b, _) in zip(seen, again, strict=True))


def test_strips_are_varied_but_still_ink(seen: list[Strip]) -> None:
    grey = seen[0].grey
    plain = varied(grey)
    assert plain.shape[0] == HEIGHT
    assert plain.shape[1] == pytest.approx((grey.shape[1] - 1.3 * LARGER) * TALL / LARGER, abs=1)
    others = [varied(grey, np.random.default_rng(seed)) for seed in range(6)]
    assert len({ink.shape[1] for ink in others}) > 3
    assert all(ink.shape[0] == HEIGHT and np.quantile(ink, 0.97) == pytest.approx(1, abs=0.5) for ink in others)
    assert np.array_equal(others[2], varied(grey, np.random.default_rng(2)))


def test_a_batch_holds_strips_of_about_one_length_and_what_they_say(seen: list[Strip]) -> None:
    batches = strips._Batches(seen, TINY)
    widths = []
    for at in range(len(batches)):
        ink, wanted = batches[at]
        assert ink.shape[:2] == (TINY.batch, HEIGHT)
        assert ink.shape[2] % 16 == 0
        for row in wanted:
            text = "".join(str(digit) for digit in row[1:] if digit < BLANK)
            assert text in {strip.text for strip in seen}
            assert row[0] <= ink.shape[2] // STEP
        widths.append(ink.shape[2])
    assert len(set(widths)) > 1
    first = batches[0][1].tolist()
    batches.on_epoch_end()
    assert batches[0][1].tolist() != first


def test_a_text_is_as_unlikely_as_the_columns_make_it() -> None:
    certain = np.full((3, 8, BLANK + 1), -30, np.float32)
    certain[:, :, BLANK] = 0
    certain[0, 2, 4] = certain[0, 5, 4] = 30  # 44
    wanted = strips._wanted(["44", "", "7"], [16, 16, 16])
    right, none, wrong = np.asarray(strips._unlikely(wanted, certain)).tolist()
    assert right == pytest.approx(0, abs=1e-3)
    assert none == pytest.approx(0, abs=1e-3)
    assert wrong == pytest.approx(30, abs=3)


def test_a_network_learns_and_its_file_says_the_same(seen: list[Strip], tmp_path: Path) -> None:
    losses: list[float] = []

    def report(said: str) -> None:
        if "loss" in said:
            losses.append(float(said.split()[-1]))

    model = strips.train(seen, TINY, report)
    assert len(losses) == TINY.epochs
    assert losses[-1] < 0.8 * losses[0]
    path = tmp_path / "strips.onnx"
    path.write_bytes(strips.to_onnx(model, TINY, 0.25))
    for some in (seen[:7], seen[7:9]):
        ink = together([varied(strip.grey) for strip in some])
        (said,) = open_network(path).run(["columns"], {"ink": ink})
        assert said.shape == (len(some), ink.shape[2] // STEP, BLANK + 1)
        assert np.abs(said - model.predict_on_batch(ink)).max() < 1e-3
    assert stated(path)["figures"] == {"read": 0.25}


def test_the_shipped_file_reads_numbers_whole_and_says_nothing_where_there_is_none(seen: list[Strip]) -> None:
    session = open_network(models_folder() / STRIPS)
    right = {True: [], False: []}  # type: dict[bool, list[bool]]
    for grey, text in seen:
        ink = varied(grey)
        (said,) = session.run(["columns"], {"ink": together([ink])})
        right[bool(text)].append(text_of(said[0, : ink.shape[1] // STEP]) == text)
    assert np.mean(right[True]) > 0.75
    assert np.mean(right[False]) > 0.6
