"""Fits by logistic regression (Platt 1999) how sure a number is, and what speaks for several digits in one mark.

    python -m camdigits_export.frames FOLDER --seed 71 --count 230
    python tests/benchmarks/confidence.py FOLDER...

For cuts, a second folder was of seed 72, and a third of 72 frames of letters alone: `draw_frame(rng, hands, text=1.0)`.

Prints OF_DIGITS, OF_MARK, LONE and REST of camdigits/decode.py, and OF_ASPECT, OF_COUNT, OF_ONES, OF_ODDS, OF_ALIKE and
LEAST of camdigits/cut.py; to be put there after a change to model or segmenter.
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
from camdigits.pipeline import propose, trace_image
from camdigits.types import Box, overlap

SAME = 0.45
"""A piece is a digit where it shares this much of what both cover, and is read as it."""

CUT = 0.42
"""A candidate is taken apart where that is right with this chance at least: what is none is often found out later."""


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
    """Print what speaks for it that ink is several digits: its shape, and what its pieces are read as.

    Of what the reader takes apart at the first look and at the closer one, but each in all tries, where the reader
    makes one of what begins with no digit: else the tries that agree would tell which do.
    """
    rows, right = [], []
    tried: list[tuple[Box, cut.Way]] = []

    def note(whole: Box, way: cut.Way, labels: Sequence[str]) -> float:
        if way.digits:
            tried.append((whole, way))
        return told(whole, way, labels)

    told, cut.evidence = cut.evidence, note
    begins, cut._Taking.begins = cut._Taking.begins, property(lambda _: True)  # type: ignore[assignment]
    for path, label in labels.items():
        if label["rotation_cw_deg"]:
            continue
        true, digits = as_array(label["boxes"]), np.array([box[4] for box in label["boxes"]])
        tried.clear()
        propose(load_picture(path), classifier)
        for whole, way in tried:
            rows.append(cut.traits(whole, way, classifier.labels))
            shared = overlap(as_array([digit.box for digit in way.digits]), true)
            said = [classifier.labels[column] for column in way.probabilities[:, :-1].argmax(1)]
            right.append(all(any((row > SAME) & (digits == each)) for row, each in zip(shared, said, strict=True)))
    cut.evidence, cut._Taking.begins = told, begins  # type: ignore[assignment]
    fitted = LogisticRegression(C=10, max_iter=1000).fit(np.array(rows, float), right)
    aspect, count, ones, odds, alike = fitted.coef_[0]
    least = math.log(CUT / (1 - CUT)) - fitted.intercept_[0]
    print(
        f"{len(rows)} taken apart, {np.mean(right):.1%} right: OF_ASPECT {aspect:.2f}, OF_COUNT {-count:.2f}, "
        f"OF_ONES {-ones:.2f}, OF_ODDS {odds:.2f}, OF_ALIKE {alike:.2f}, LEAST {least:.2f}"
    )


if __name__ == "__main__":
    main()
