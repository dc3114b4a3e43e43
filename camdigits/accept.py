"""Which settled numbers are believed: rules on their digits, on their value, and on how it goes on from the last.

A meter shows six digits and never runs back, a mark is at most 100. What breaks a rule is held back, with the reason.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from camdigits.types import Box, Number, Reading


@dataclass(frozen=True, slots=True)
class Rules:
    """What is asked of a number; None, "" or False where nothing is.

    digits: how many. pattern: a regular expression that the whole text matches. least, most: its value. max_step: how
    far its value may lie from that of the last accepted number. monotonic: it may not be lower than that.
    """

    digits: int | None = None
    pattern: str = ""
    least: float | None = None
    most: float | None = None
    max_step: float | None = None
    monotonic: bool = False

    def objection(self, number: Number, last: float | None = None) -> str:
        """Return why a number is not accepted, "" where it is. last: the value before it, None of the first."""
        value = number.value
        if self.digits is not None and len(number.digits) != self.digits:
            return f"{len(number.digits)} digits, not {self.digits}"
        if self.pattern and not re.fullmatch(self.pattern, number.text):
            return f"does not match {self.pattern}"
        if self.least is not None and not value >= self.least:
            return f"less than {self.least:g}"
        if self.most is not None and not value <= self.most:
            return f"more than {self.most:g}"
        if last is None:
            return ""
        if self.monotonic and not value >= last:
            return f"lower than {last:g} before"
        if self.max_step is not None and not abs(value - last) <= self.max_step:
            return f"more than {self.max_step:g} away from {last:g} before"
        return ""


class Gate:
    """Judges the readings of one source, frame after frame; each region of it has a last accepted value of its own.

    A reading is judged once for each text that it settles on.
    """

    def __init__(self, rules: Rules, regions: Mapping[str, Box]) -> None:
        """Take the rules, and the parts of the picture that are read, by name; none where all of it is.

        Parts may be added to the mapping later.
        """
        self._rules = rules
        self._regions = regions
        self._last: dict[str, Number] = {}
        self._judged: dict[int, tuple[str, str]] = {}  # of settled readings by id: the text, the objection to it

    def update(self, readings: Sequence[Reading]) -> list[Reading]:
        """Return the readings with their region, and settled ones that break a rule with what holds them back."""
        judged = [self._judge(replace(reading, region=self._region(reading.number.box))) for reading in readings]
        self._judged = {reading.id: (reading.number.text, reading.held) for reading in judged if reading.settled}
        return judged

    def _judge(self, reading: Reading) -> Reading:
        if not reading.settled:
            return reading
        last = self._last.get(reading.region)
        text, held = self._judged.get(reading.id, ("", ""))
        if text != reading.number.text:
            held = self._rules.objection(reading.number, last.value if last else None)
            if not held:
                self._last[reading.region] = reading.number
        return replace(reading, held=held, stands=last.text if held and last else "")

    def _region(self, box: Box) -> str:
        """Return the name of the region in which the middle of a box lies."""
        return next((name for name, part in self._regions.items() if part.contains(box.center)), "")
