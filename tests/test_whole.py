"""Numbers read whole: what digits say one by one is set right by the strip they lie in, and what is sure stays."""

from dataclasses import replace

import numpy as np
import pytest

from camdigits.classify import Classifier
from camdigits.pipeline import trace_image
from camdigits.types import Box, Candidate, Digit, Image, Number, Probabilities, Trace
from camdigits.whole import ADDED, LEAST, _cost, read_whole
from tests.support.sheets import draw_sheet

TEXTS = ["3724", "508619"]


@pytest.fixture(scope="module")
def page() -> tuple[Image, Trace]:
    """A drawn page, and what is read in it."""
    image = draw_sheet(TEXTS, seed=3, tilt=2)
    return image, trace_image(image, Classifier("cnn"), 0.5)


def with_digits(number: Number, digits: tuple[Digit, ...]) -> Number:
    text = "".join(digit.label for digit in digits)
    return replace(number, text=text, digits=digits, box=Box.around(digit.box for digit in digits))


def doubted(trace: Trace, digit: Digit, label: str, chance: float) -> tuple[list[Candidate], Probabilities]:
    """The candidates, of which one says that a digit is rather that label, by so much, than what it is."""
    probabilities = trace.probabilities.copy()
    for at, candidate in enumerate(trace.candidates):
        if candidate.box == digit.box:
            probabilities[at] = 0.001
            probabilities[at, int(label)], probabilities[at, int(digit.label)] = chance, 0.99 - chance
    return list(trace.candidates), probabilities


def test_what_was_read_stays(page: tuple[Image, Trace]) -> None:
    image, trace = page
    assert [number.text for number in trace.numbers] == TEXTS
    read = read_whole(image, trace.numbers, trace.candidates, trace.probabilities)
    assert [number.text for number in read] == TEXTS
    assert [number.digits for number in read] == [number.digits for number in trace.numbers]
    assert read_whole(image, [], trace.candidates, trace.probabilities) == []


@pytest.mark.parametrize("at", [0, 3, 5])
def test_a_digit_that_is_read_as_another_is_set_right_where_it_is(page: tuple[Image, Trace], at: int) -> None:
    image, trace = page
    number = trace.numbers[1]
    wrong = str((int(number.digits[at].label) + 3) % 10)
    candidates, probabilities = doubted(trace, number.digits[at], wrong, 0.6)
    misread = replace(number.digits[at], label=wrong, confidence=0.6)
    digits = (*number.digits[:at], misread, *number.digits[at + 1 :])
    (read,) = read_whole(image, [with_digits(number, digits)], candidates, probabilities)
    assert read.text == number.text
    assert read.digits[at].box == number.digits[at].box
    assert read.digits[at].confidence > 0.8
    assert read.digits[:at] + read.digits[at + 1 :] == number.digits[:at] + number.digits[at + 1 :]
    assert 0 < read.confidence <= number.confidence


@pytest.mark.parametrize("at", [0, 2, 5])
def test_a_digit_that_was_not_seen_is_found(page: tuple[Image, Trace], at: int) -> None:
    image, trace = page
    number = trace.numbers[1]
    digits = number.digits[:at] + number.digits[at + 1 :]
    (read,) = read_whole(image, [with_digits(number, digits)], trace.candidates, trace.probabilities)
    assert read.text == number.text
    found, true = read.digits[at].box, number.digits[at].box
    assert found.contains(true.center)
    assert true.contains(found.center)
    assert read.box == Box.around(digit.box for digit in read.digits)


def test_what_is_no_digit_is_left_out(page: tuple[Image, Trace]) -> None:
    image, trace = page
    number = trace.numbers[1]
    between = number.digits[2].box
    speck = Box(between.right, between.y, 4, between.h)
    candidates = [*trace.candidates, Candidate(speck, np.full((speck.h, speck.w), 255, np.uint8), 0.5)]
    row = np.full((1, 11), 0.005, np.float32)
    row[0, 1], row[0, 10] = 0.55, 0.4
    digits = (*number.digits[:3], Digit("1", 0.55, speck), *number.digits[3:])
    probabilities = np.concatenate([trace.probabilities, row])
    (read,) = read_whole(image, [with_digits(number, digits)], candidates, probabilities)
    assert read.text == number.text
    assert read.digits == number.digits


def test_a_text_costs_what_its_digits_say_against_it() -> None:
    three, nothing = np.full(11, 1e-6, np.float32), np.full(11, 1e-6, np.float32)
    three[3], three[8] = 0.9, 0.1
    nothing[5], nothing[10] = 0.6, 0.4
    log = -np.log
    assert _cost([three, nothing], "35") == pytest.approx(log(0.9) + log(0.6), rel=1e-4)
    assert _cost([three, nothing], "8") == pytest.approx(log(0.1) + log(0.4), rel=1e-4)
    assert _cost([three], "37") == pytest.approx(log(0.9) + ADDED, rel=1e-4)
    assert _cost([three], "7") == pytest.approx(log(LEAST), rel=1e-4)
    assert _cost([], "12") == 2 * ADDED
