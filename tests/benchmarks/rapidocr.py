"""How camdigits compares with RapidOCR: the same frames, one run, one thread each.

    python tests/benchmarks/rapidocr.py [PICTURE…]

RapidOCR brings its own OpenCV wheel, so it lives in an environment of its own, .venv-rapidocr, made at the first run.
The pictures (the samples and the frame of `camdigits bench`, if none are named) are read by both in turn, round after
round, so that a machine whose speed drifts is fair to both. Printed are milliseconds a picture, decoded picture to
text, and what each read.
"""

import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
from peers import rapidocr

from camdigits import Classifier, load_picture
from camdigits.bench import bench_frame
from camdigits.pipeline import trace_image

ROOT = Path(__file__).parents[2]
ROUNDS = 5


def main() -> None:
    """Print the table."""
    with TemporaryDirectory() as folder, rapidocr() as other_reads:
        frame = f"{folder}/bench.png"
        cv2.imwrite(frame, bench_frame())
        names = sys.argv[1:] or [*sorted(map(str, (ROOT / "samples").glob("*.jpg"))), frame]
        cv2.setNumThreads(1)
        classifier = Classifier()
        print(
            f"{'picture':24} {'camdigits':>10} {'RapidOCR':>10} {'ratio':>7}   median ms of {ROUNDS}, one thread each"
        )
        ratios = []
        for name in names:
            image = load_picture(name)
            ours, theirs, text, other = [], [], "", ""
            for _ in range(ROUNDS):
                start = time.perf_counter()
                numbers = trace_image(image, classifier).numbers
                ours.append(1000 * (time.perf_counter() - start))
                text = " ".join(number.text for number in numbers)
                lines, elapsed = other_reads(Path(name))
                theirs.append(elapsed)
                other = " ".join(lines)
            a, b = statistics.median(ours), statistics.median(theirs)
            ratios.append(b / a)
            print(f"{Path(name).name[:24]:24} {a:10.1f} {b:10.1f} {b / a:7.0f}   {text} | {other}")
        print(f"median ratio {statistics.median(ratios):.0f}")


if __name__ == "__main__":
    main()
