"""Fits what decode makes of a number's digits and the marks beside it: how sure it is (Platt 1999).

    python -m camdigits_export.frames FOLDER --seed 71 --count 250
    python tests/benchmarks/confidence.py FOLDER...

Prints OF_DIGITS, OF_MARK, LONE and REST of camdigits/decode.py; to be put there after a change to model or segmenter.
"""

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from photos import digits_of
from sklearn.linear_model import LogisticRegression

from camdigits import Classifier, decode, load_picture
from camdigits.pipeline import trace_image


def main() -> None:
    """Fit on the folders that the command line names."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--model", default="cnn")
    options = parser.parse_args()
    classifier = Classifier(options.model)
    noted: list[tuple[float, int, int]] = []

    def note(confidences: Sequence[float], beside: int) -> float:
        together = min(max(math.prod(confidences), 1e-9), decode.SUREST)
        noted.append((math.log(together / (1 - together)), min(beside, decode.MOST_MARKS), len(confidences)))
        return float(len(noted) - 1)  # in the place of the number's confidence: where it is noted

    decode._chance = note
    rows, right = [], []
    for folder in options.folders:
        for label in json.loads((folder / "labels.json").read_text(encoding="utf-8")):
            wanted = {number for line in label["groups"] for number in line}
            for number in trace_image(load_picture(folder / label["file"]), classifier).numbers:
                together, beside, count = noted[int(number.confidence)]
                rows.append((together, beside, count == 1))
                right.append(digits_of(number) in wanted)
    fitted = LogisticRegression(C=100).fit(np.array(rows, float), right)
    of_digits, of_mark, lone = fitted.coef_[0]
    print(
        f"{len(rows)} numbers, {np.mean(right):.1%} right: OF_DIGITS {of_digits:.3f}, OF_MARK {-of_mark:.3f}, ", end=""
    )
    print(f"LONE {-lone:.3f}, REST {fitted.intercept_[0]:.3f}")


if __name__ == "__main__":
    main()
