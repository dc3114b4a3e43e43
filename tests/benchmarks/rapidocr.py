"""How camdigits compares with RapidOCR: the same frames, one run, one thread each.

    python tests/benchmarks/rapidocr.py [PICTURE…]

RapidOCR brings its own OpenCV wheel, so it lives in an environment of its own, .venv-rapidocr, made at the first run.
The pictures (the samples, if none are named) are read by both in turn, round after round, so that a machine whose speed
drifts is fair to both. Printed are milliseconds a picture, decoded picture to text, and what each read.
"""

import json
import statistics
import subprocess
import sys
import time
import venv
from pathlib import Path

import cv2

from camdigits import Classifier, load_picture
from camdigits.pipeline import trace_image

ROOT = Path(__file__).parents[2]
OTHER = ROOT / ".venv-rapidocr"
ROUNDS = 5

PEER = """
import json, logging, sys, time
logging.disable(logging.CRITICAL)
import cv2
from rapidocr import RapidOCR
cv2.setNumThreads(1)
engine = RapidOCR(params={"EngineConfig.onnxruntime.intra_op_num_threads": 1,
                          "EngineConfig.onnxruntime.inter_op_num_threads": 1})
print("ready", flush=True)
for name in sys.stdin:
    image = cv2.imread(name.strip())
    start = time.perf_counter()
    read = engine(image)
    elapsed = 1000 * (time.perf_counter() - start)
    print(json.dumps({"ms": elapsed, "text": " ".join(read.txts or ())}), flush=True)
"""


def main() -> None:
    """Print the table."""
    names = sys.argv[1:] or sorted(map(str, (ROOT / "samples").glob("*.jpg")))
    if not OTHER.is_dir():
        venv.create(OTHER, with_pip=True)
        subprocess.run([OTHER / "bin" / "pip", "install", "--quiet", "rapidocr", "onnxruntime"], check=True)
    peer = subprocess.Popen(
        [OTHER / "bin" / "python", "-c", PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert peer.stdin is not None
    assert peer.stdout is not None
    while "ready" not in peer.stdout.readline():
        pass
    cv2.setNumThreads(1)
    classifier = Classifier()
    print(f"{'picture':24} {'camdigits':>10} {'RapidOCR':>10} {'ratio':>7}   median ms of {ROUNDS}, one thread each")
    ratios = []
    for name in names:
        image = load_picture(name)
        ours, theirs, text, other = [], [], "", ""
        for _ in range(ROUNDS):
            start = time.perf_counter()
            numbers = trace_image(image, classifier).numbers
            ours.append(1000 * (time.perf_counter() - start))
            text = " ".join(number.text for number in numbers)
            print(name, file=peer.stdin, flush=True)
            row = json.loads(peer.stdout.readline())
            theirs.append(row["ms"])
            other = row["text"]
        a, b = statistics.median(ours), statistics.median(theirs)
        ratios.append(b / a)
        print(f"{Path(name).name[:24]:24} {a:10.1f} {b:10.1f} {b / a:7.0f}   {text} | {other}")
    print(f"median ratio {statistics.median(ratios):.0f}")
    peer.stdin.close()
    peer.wait()


if __name__ == "__main__":
    main()
