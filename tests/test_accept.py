"""Which settled numbers are believed, and what is said of the others."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camdigits.accept import Gate, Rules
from camdigits.types import Box, Number, Reading
from tests.support.numbers import make_number


def reading(text: str, number: int = 1, settled: bool = True, x: int = 100) -> Reading:
    return Reading(number, make_number(text, x, 100), settled, 5)


def signed(text: str) -> Number:
    """A number with signs in its text."""
    digits = "".join(c for c in text if c.isdigit())
    return replace(make_number(digits, 0, 0), text=text)


@pytest.mark.parametrize(("text", "value"), [("007", 7), ("-3", -3), ("7,5", 7.5), ("12.25", 12.25)])
def test_a_number_has_a_value(text: str, value: float) -> None:
    assert signed(text).value == value


def test_what_is_no_number_has_none_and_breaks_every_rule_on_values() -> None:
    word = replace(make_number("12", 0, 0), text="ab")
    assert word.value != word.value
    assert Rules().objection(word) == ""
    assert Rules(least=-1e9).objection(word)
    assert Rules(most=1e9).objection(word)
    assert Rules(monotonic=True).objection(word, 0)
    assert Rules(max_step=1e9).objection(word, 0)


@pytest.mark.parametrize(
    ("rules", "good", "bad", "reason"),
    [
        (Rules(digits=4), "4096", "409", "3 digits, not 4"),
        (Rules(digits=2), "7.5", "7.25", "3 digits, not 2"),
        (Rules(pattern=r"\d\d\.\d"), "36.6", "366", r"does not match \d\d\.\d"),
        (Rules(pattern="12"), "12", "123", "does not match 12"),
        (Rules(least=1), "1", "0", "less than 1"),
        (Rules(most=100), "100", "101", "more than 100"),
        (Rules(least=-3), "-3", "-4", "less than -3"),
    ],
)
def test_each_rule_lets_pass_and_holds_back(rules: Rules, good: str, bad: str, reason: str) -> None:
    assert rules.objection(signed(good)) == ""
    assert rules.objection(signed(bad)) == reason


@given(last=st.floats(-1e6, 1e6), value=st.integers(0, 999_999), step=st.floats(0, 1e6))
def test_steps_are_measured_from_the_last(last: float, value: int, step: float) -> None:
    number = make_number(str(value), 0, 0)
    assert bool(Rules(max_step=step).objection(number, last)) == (abs(value - last) > step)
    assert bool(Rules(monotonic=True).objection(number, last)) == (value < last)
    assert Rules(max_step=step, monotonic=True).objection(number) == ""  # the first has nothing before it


def held(gate: Gate, *readings: Reading) -> list[str]:
    return [judged.held for judged in gate.update(readings)]


def test_a_value_is_compared_with_the_last_that_was_accepted() -> None:
    gate = Gate(Rules(max_step=5), {})
    assert held(gate, reading("100")) == [""]
    assert held(gate, reading("900")) == ["more than 5 away from 100 before"]
    assert held(gate, reading("104")) == [""]  # not from 900, which was held back
    assert held(gate, reading("109", number=2)) == [""]
    assert held(gate, reading("104", number=3)) == [""]


def test_a_text_is_judged_once_while_it_stands() -> None:
    gate = Gate(Rules(monotonic=True), {})
    assert held(gate, reading("5", number=1)) == [""]
    assert held(gate, reading("5", number=1), reading("8", number=2)) == ["", ""]
    assert held(gate, reading("5", number=1), reading("8", number=2)) == ["", ""]  # 5 stood before 8 came
    assert held(gate, reading("7", number=1), reading("8", number=2)) == ["lower than 8 before", ""]


def test_what_is_not_settled_is_not_judged() -> None:
    gate = Gate(Rules(most=9), {})
    (judged,) = gate.update([reading("100", settled=False)])
    assert (judged.held, judged.accepted) == ("", False)
    (judged,) = gate.update([reading("100")])
    assert (judged.held, judged.accepted) == ("more than 9", False)
    (judged,) = gate.update([reading("9")])
    assert judged.accepted


def test_each_region_has_a_last_value_of_its_own() -> None:
    left, right = Box(0, 0, 300, 400), Box(300, 0, 300, 400)
    gate = Gate(Rules(monotonic=True), {"water": left, "gas": right})
    readings = gate.update([reading("50", number=1, x=60), reading("20", number=2, x=360)])
    assert [(r.region, r.held) for r in readings] == [("water", ""), ("gas", "")]
    assert held(gate, reading("49", number=3, x=60), reading("21", number=4, x=360)) == ["lower than 50 before", ""]
