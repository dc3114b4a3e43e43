"""`camdigits live` with a reader that needs no model: it reads the bars that film.py stamps, one number a second.

python -m tests.support.bars [--source S] [--output FILE] [--headless] [--json] [--every-frame] [--mirror]
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from camdigits.errors import CamdigitsError
from camdigits.live import Live, LiveSettings
from camdigits.sources import open_source
from camdigits.types import Candidate, Image, Trace
from tests.support.film import stamp
from tests.support.numbers import make_number


def read_bars(image: Image) -> Trace:
    """Read the stamp's seconds, at thirty frames each, as a number below the bars."""
    number = make_number(str(stamp(image) // 30), 100, 200)
    ink = (np.full((digit.box.h, digit.box.w), 255, np.uint8) for digit in number.digits)
    candidates = tuple(Candidate(digit.box, drawn, 1.0) for digit, drawn in zip(number.digits, ink, strict=True))
    probabilities = np.eye(11, dtype=np.float32)[[int(digit.label) for digit in number.digits]]
    return Trace(candidates, probabilities, (number,))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", default="0")
    parser.add_argument("--output", type=Path)
    for flag in ("--headless", "--json", "--every-frame", "--mirror"):
        parser.add_argument(flag, action="store_true")
    settings = LiveSettings(**vars(parser.parse_args()))
    try:
        with open_source(settings.source, reconnect=True) as source:
            Live(source, read_bars, "0123456789", settings).run()
    except CamdigitsError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
