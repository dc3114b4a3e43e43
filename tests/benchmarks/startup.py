"""What `camdigits image` costs from a cold start, beside the bare import of the packages it needs.

    python tests/benchmarks/startup.py [PICTURE]

Both are whole processes, in turn, so that a machine whose speed drifts is fair to both; printed are medians.
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 15
SAMPLE = Path(__file__).parents[2] / "samples" / "number.jpg"


def seconds(*arguments: str) -> float:
    """Return how long a Python process takes."""
    # installed packages are compiled; a setting that keeps a checkout from being so would time the compiler
    compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, env=compiled)
    return time.perf_counter() - start


def main() -> None:
    """Print the medians and their difference."""
    picture = sys.argv[1] if len(sys.argv) > 1 else str(SAMPLE)
    imports, commands = [], []
    seconds("-m", "camdigits", "image", picture)  # compiles what is not yet
    for _ in range(ROUNDS):
        imports.append(seconds("-c", "import cv2, numpy, onnxruntime, typer"))
        commands.append(seconds("-m", "camdigits", "image", picture))
    a, b = statistics.median(imports), statistics.median(commands)
    extra = statistics.median(y - x for x, y in zip(imports, commands, strict=True))
    print(f"bare imports {a:.3f} s, camdigits image {b:.3f} s, difference {extra:.3f} s (medians of {ROUNDS})")


if __name__ == "__main__":
    main()
