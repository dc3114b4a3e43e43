"""Strips of numbers: where they lie, how they look, and what their columns say, in drawn scenes and by brute force."""

from itertools import product

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from camdigits.strips import (
    BLANK,
    HEIGHT,
    MARGIN,
    STEP,
    TALL,
    Place,
    as_ink,
    columns_of,
    log_chances,
    place_of,
    spikes_of,
    strip_of,
    text_of,
)
from camdigits.types import Box
from camdigits_export.strokes import draw_digit

Columns = NDArray[np.float32]


def row_of_bars(tall: int, count: int, angle: float) -> tuple[NDArray[np.uint8], list[Box]]:
    """Grey paper with upright bars on a line that rises by so many degrees, and their boxes."""
    grey = np.full((600, 900), 200, np.uint8)
    boxes = []
    for place in range(count):
        along = 1.2 * tall * place
        x, y = 150 + along * np.cos(np.radians(angle)), 330 - along * np.sin(np.radians(angle))
        box = Box(round(x - tall / 4), round(y - tall / 2), round(tall / 2), tall)
        grey[box.y : box.bottom, box.x : box.right] = 50
        boxes.append(box)
    return grey, boxes


@pytest.mark.parametrize("tall", [14, 30, 90])
@pytest.mark.parametrize("angle", [0, 8, -12])
def test_a_strip_is_level_and_its_digits_have_one_height(tall: int, angle: float) -> None:
    grey, boxes = row_of_bars(tall, 5, angle)
    place = place_of(boxes, angle)
    strip = strip_of(grey, place)
    assert strip.shape == (HEIGHT, place.width)
    dark = strip < 125
    rows, columns = np.flatnonzero(dark.any(1)), np.flatnonzero(dark.any(0))
    assert abs(rows[0] + rows[-1] + 1 - HEIGHT) <= 3  # in the middle
    assert TALL - 2 <= len(rows) <= TALL + 5  # bars lean by the angle
    assert columns[0] == pytest.approx(MARGIN * TALL, abs=3)
    assert place.width - columns[-1] == pytest.approx(MARGIN * TALL, abs=3)
    middles = [np.flatnonzero(dark[:, column]).mean() for column in columns[dark[:, columns].any(0)]]
    assert abs(middles[0] - middles[-1]) < 3


@given(st.floats(0.2, 1), st.floats(-60, 60))
@settings(max_examples=30, deadline=None)
def test_ink_looks_the_same_in_any_light_dark_or_light(gain: float, shift: float) -> None:
    grey, boxes = row_of_bars(30, 4, 0)
    strip = strip_of(grey, place_of(boxes, 0)).astype(np.float32)
    seen = as_ink(strip)
    assert seen.min() > -0.1
    assert np.median(seen) == 0
    assert np.quantile(seen, 0.97) == pytest.approx(1, abs=0.05)
    for other in (strip * np.float32(gain) + np.float32(shift), 255 - strip):
        assert np.abs(as_ink(other) - seen).max() < 1e-3


def test_bare_paper_is_no_ink() -> None:
    noise = np.random.default_rng(0).normal(180, 1, (HEIGHT, 80)).astype(np.float32)
    assert np.abs(as_ink(noise)).mean() < 0.2


def certain(text: str) -> Columns:
    """Columns that say a text, digit by digit, a blank between them: log-probabilities."""
    said = np.full((2 * len(text) + 1, BLANK + 1), -20, np.float32)
    said[::2, BLANK] = 0
    for place, digit in enumerate(text):
        said[2 * place + 1, int(digit)] = 0
    return said


@given(st.text("0123456789", max_size=6))
def test_what_columns_say_is_read(text: str) -> None:
    assert text_of(certain(text)) == text
    (chance,) = log_chances([certain(text)], [text])
    assert chance == pytest.approx(0, abs=1e-3)
    doubled = certain(text).repeat(3, axis=0)
    assert text_of(doubled) == text
    assert [column for _, column in spikes_of(doubled)] == [4 + 6 * place for place in range(len(text))]


@given(st.integers(1, 5), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_chances_are_those_of_all_ways_to_say_a_text(count: int, seed: int) -> None:
    odds = np.random.default_rng(seed).normal(0, 2, (count, 3))
    odds -= np.logaddexp.reduce(odds, axis=1, keepdims=True)
    columns = np.full((count, BLANK + 1), -np.inf, np.float32)
    columns[:, [0, 1, BLANK]] = odds
    ways: dict[str, float] = {}
    for path in product((0, 1, BLANK), repeat=count):
        before = (BLANK, *path[:-1])
        text = "".join(str(d) for d, last in zip(path, before, strict=True) if d != BLANK and d != last)
        ways[text] = ways.get(text, 0.0) + float(np.exp(sum(columns[at, d] for at, d in enumerate(path))))
    with np.errstate(invalid="ignore"):
        told = log_chances([columns] * len(ways), list(ways))
    assert np.exp(told) == pytest.approx(list(ways.values()), abs=1e-5)
    assert np.exp(told).sum() == pytest.approx(1, abs=1e-4)


def test_texts_of_strips_of_any_length_are_weighed_together() -> None:
    strips, texts = [certain("12"), certain("1234567"), certain("")], ["12", "7654321", ""]
    alone = [log_chances([strip], [text])[0] for strip, text in zip(strips, texts, strict=True)]
    assert log_chances(strips, texts) == pytest.approx(alone)
    assert alone[1] < -20
    assert log_chances([], []).shape == (0,)
    assert log_chances([certain("1")], ["1234"])[0] == -np.inf  # there is no room for it


def written(text: str, tall: int, seed: int) -> tuple[NDArray[np.uint8], list[Box]]:
    """Grey paper with digits drawn on it that touch one another, and their boxes."""
    rng = np.random.default_rng(seed)
    grey, x, boxes = np.full((200, 700), 205, np.float32), 100, []
    for digit in text:
        drawn = draw_digit(rng, int(digit), 0)
        left, top, w, h = cv2.boundingRect(drawn)
        wide = max(4, round(w * tall / h))
        ink = cv2.resize(drawn[top : top + h, left : left + w], (wide, tall), interpolation=cv2.INTER_AREA)
        part = grey[80 : 80 + tall, x : x + wide]
        np.minimum(part, 205 - 0.6 * ink, out=part)
        boxes.append(Box(x, 80, wide, tall))
        x += wide + 1
    noisy = cv2.GaussianBlur(grey, (0, 0), 0.7) + rng.normal(0, 2, grey.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8), boxes


def test_numbers_of_every_length_are_read_from_their_strips() -> None:
    rng = np.random.default_rng(5)
    right, places, texts = 0, [], []
    for seed in range(40):
        text = "".join(map(str, rng.integers(0, 10, 1 + seed % 8)))
        grey, boxes = written(text, int(rng.integers(16, 60)), seed)
        (columns,) = columns_of(grey, [place_of(boxes, 0)])
        assert np.exp(columns).sum(1) == pytest.approx(1, abs=1e-4)
        right += text_of(columns) == text
        places.append((grey, place_of(boxes, 0), columns))
        texts.append(text)
    assert right >= 36
    # shown with others, a strip says the same
    grey = places[7][0]
    several: list[Place] = [place for _, place, _ in places[:12]]
    together = columns_of(grey, several)
    for place, columns in zip(several, together, strict=True):
        assert len(columns) == place.width // STEP
        (alone,) = columns_of(grey, [place])
        assert np.abs(np.exp(columns) - np.exp(alone)).max() < 0.02


def test_of_no_strip_nothing_is_said() -> None:
    assert columns_of(np.zeros((9, 9), np.uint8), []) == []
