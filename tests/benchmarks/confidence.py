"""Fits by logistic regression (Platt 1999) how sure a number is, and what speaks for several digits in one mark.

    python -m camdigits_export.frames FOLDER --seed 71 --count 250
    python tests/benchmarks/confidence.py FOLDER...

Prints OF_DIGITS, OF_MARK, LONE and REST of camdigits/decode.py, and OF_ASPECT, OF_ONES, OF_OTHERS and LEAST of
camdigits/cut.py; to be put there after a change to model or segmenter.
"""

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from photos import as_array, digits_of
from sklearn.linear_model import LogisticRegression

from camdigits import Classifier, cut, decode, load_picture
from camdigits.leftmost import leftmost
from camdigits.normalize import normalize
from camdigits.pipeline import trace_image
from camdigits.segment import at_half
from camdigits.types import overlap

CUT = 0.5
"""A candidate is taken apart where that is right with this chance at least."""


def main() -> None:
    """Fit on the folders that the command line names."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--model", default="cnn")
    options = parser.parse_args()
    classifier = Classifier(options.model)
    labels = {
        folder / label["file"]: label
        for folder in options.folders
        for label in json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    }
    fit_numbers(labels, classifier)
    fit_cuts(labels, classifier)


def fit_numbers(labels: Mapping[Path, Mapping[str, Any]], classifier: Classifier) -> None:
    """Print how sure a number is, by its digits and the marks beside it."""
    noted: list[tuple[float, int, int]] = []

    def note(confidences: Sequence[float], beside: int) -> float:
        together = min(max(math.prod(confidences), 1e-9), decode.SUREST)
        noted.append((math.log(together / (1 - together)), min(beside, decode.MOST_MARKS), len(confidences)))
        return float(len(noted) - 1)  # in the place of the number's confidence: where it is noted

    told, decode._chance = decode._chance, note
    rows, right = [], []
    for path, label in labels.items():
        wanted = {number for line in label["groups"] for number in line}
        for number in trace_image(load_picture(path), classifier).numbers:
            together, beside, count = noted[int(number.confidence)]
            rows.append((together, beside, count == 1))
            right.append(digits_of(number) in wanted)
    decode._chance = told
    fitted = LogisticRegression(C=100).fit(np.array(rows, float), right)
    of_digits, of_mark, lone = fitted.coef_[0]
    print(
        f"{len(rows)} numbers, {np.mean(right):.1%} right: OF_DIGITS {of_digits:.3f}, OF_MARK {-of_mark:.3f}, "
        f"LONE {-lone:.3f}, REST {fitted.intercept_[0]:.3f}"
    )


def fit_cuts(labels: Mapping[Path, Mapping[str, Any]], classifier: Classifier) -> None:
    """Print what speaks for it that ink is several digits: its aspect, and what its pieces are read as."""
    rows, right = [], []
    for path, label in labels.items():
        if label["rotation_cw_deg"]:
            continue
        true, digits = as_array(label["boxes"]), [box[4] for box in label["boxes"]]
        candidates = at_half(load_picture(path)).candidates
        wide = cut.joined(candidates, classifier(normalize(candidates)))
        for i, found in zip(wide, cut.pieces([candidates[i] for i in wide], leftmost), strict=True):
            probabilities = classifier(normalize([piece.candidate for piece in found]))
            way = cut.best(found, probabilities)
            if way:
                rows.append(cut.traits(candidates[i].box, probabilities[way], classifier.labels))
                best = probabilities[way][:, :-1].argmax(1)
                shared = overlap(as_array([found[at].candidate.box for at in way]), true)
                hits = [
                    share.max() > 0.45 and digits[share.argmax()] == str(said)
                    for share, said in zip(shared, best, strict=True)
                ]
                right.append(np.mean(hits) >= 0.5)
    fitted = LogisticRegression(C=10).fit(np.array(rows, float), right)
    of_aspect, of_ones, of_others = fitted.coef_[0]
    least = math.log(CUT / (1 - CUT)) - fitted.intercept_[0]
    print(
        f"{len(rows)} cut candidates, {np.mean(right):.1%} right: OF_ASPECT {of_aspect:.2f}, OF_ONES {-of_ones:.2f}, "
        f"OF_OTHERS {of_others:.2f}, LEAST {least:.2f}"
    )


if __name__ == "__main__":
    main()
