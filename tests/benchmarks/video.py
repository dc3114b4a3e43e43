"""How steadily numbers are read in a video.

    python tests/benchmarks/video.py VIDEO NUMBER…

Prints when all the numbers had settled, the share of the frames from one second on in which the settled readings are
exactly these numbers, in this order, and whatever else was ever settled.
"""

import sys
from collections import Counter

from camdigits import open_source, read_stream


def main() -> None:
    """Print the figures."""
    video, wanted = sys.argv[1], sys.argv[2:]
    first, right, frames = None, 0, 0
    others: Counter[str] = Counter()
    with open_source(video) as source:
        for frame, readings in read_stream(source):
            settled = [reading.number.text for reading in readings if reading.settled]
            others.update(set(settled) - set(wanted))
            if settled == wanted and first is None:
                first = frame.time
            if frame.time >= 0.5:
                frames += 1
                right += settled == wanted
    print(f"all settled at {first:.2f} s" if first is not None else "never all settled")
    print(f"right in {right} of {frames} frames from 0.5 s on, {100 * right / max(frames, 1):.1f} %")
    print("also settled, frames:", dict(others) or "nothing")


if __name__ == "__main__":
    main()
