"""`camdigits live` with a reader that needs no model: it reads the bars that film.py stamps, one number a second.

python -m tests.support.bars [--source S] [--output FILE] [--headless] [--json]
    [--every-frame] [--mirror] [--hits K] [--raw FILE] [--csv FILE] [--save-best DIR] [--post URL]
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from camdigits.errors import CamdigitsError
from camdigits.live import Live, open_sinks
from camdigits.settings import LiveSettings
from camdigits.sources import open_source
from camdigits.types import Box, Candidate, Image, Trace
from tests.support.film import stamp
from tests.support.numbers import make_number


class Bars:
    """Reads the stamp's seconds, at thirty frames each, as a number below the bars."""

    labels = "0123456789"

    def __call__(self, image: Image, parts: Sequence[Box]) -> Trace:
        del parts
        number = make_number(str(stamp(image) // 30), 100, 200)
        ink = (np.full((digit.box.h, digit.box.w), 255, np.uint8) for digit in number.digits)
        candidates = tuple(Candidate(digit.box, drawn, 1.0) for digit, drawn in zip(number.digits, ink, strict=True))
        probabilities = np.eye(11, dtype=np.float32)[[int(digit.label) for digit in number.digits]]
        return Trace(candidates, probabilities, (number,))

    def change_model(self) -> str:
        return "no other model"

    def change_confidence(self, steps: int) -> str:
        return f"{steps:+} steps"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", action="append", dest="sources")
    parser.add_argument("--output", type=Path)
    for place in ("--raw", "--csv", "--save-best"):
        parser.add_argument(place, type=Path)
    parser.add_argument("--hits", type=int, default=4)
    parser.add_argument("--post", dest="address", default="")
    for flag in ("--headless", "--json", "--every-frame", "--mirror"):
        parser.add_argument(flag, action="store_true")
    settings = LiveSettings(**vars(parser.parse_args()))
    try:
        with ExitStack() as opened:
            sources = [opened.enter_context(open_source(name, reconnect=True)) for name in settings.sources or ["0"]]
            sinks = opened.enter_context(open_sinks(settings))
            Live(sources, Bars(), settings, sinks).run()
    except CamdigitsError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
