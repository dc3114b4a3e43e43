"""Other readers, to be measured beside camdigits."""

import json
import subprocess
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

RAPIDOCR = Path(__file__).parents[2] / ".venv-rapidocr"

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
    print(json.dumps({"ms": elapsed, "lines": list(read.txts or ())}), flush=True)
"""


@contextmanager
def rapidocr() -> Iterator[Callable[[Path], tuple[list[str], float]]]:
    """Give a function from a picture to the lines RapidOCR reads on one thread, and milliseconds.

    It runs in an environment of its own, made at the first use: it brings its own OpenCV.
    """
    if not RAPIDOCR.is_dir():
        venv.create(RAPIDOCR, with_pip=True)
        subprocess.run([RAPIDOCR / "bin" / "pip", "install", "--quiet", "rapidocr", "onnxruntime"], check=True)
    with subprocess.Popen(
        [RAPIDOCR / "bin" / "python", "-P", "-c", PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as peer:
        assert peer.stdin is not None
        assert peer.stdout is not None
        asked, answers = peer.stdin, peer.stdout
        while "ready" not in answers.readline():
            pass

        def read(path: Path) -> tuple[list[str], float]:
            print(path, file=asked, flush=True)
            row = json.loads(answers.readline())
            return row["lines"], row["ms"]

        yield read
        asked.close()
