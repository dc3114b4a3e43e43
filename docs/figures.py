"""Measures what the page's Figures show, and writes it to camdigits/web/static/figures.json.

    python docs/figures.py

The models' table is that of models/REPORT.json; confusions and worst mistakes are of MNIST's test digits, read by the
models that ship. To be run again when these change.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from camdigits.classify import Classifier, find_model, shipped_models
from camdigits.web.details import data_address
from camdigits_export.patches import clean

ROOT = Path(__file__).parents[1]
SHOWN = 12
"""So many mistakes of each model, those that it is surest of."""


def measured(name: str) -> dict[str, Any]:
    """Return a shipped model's confusion matrix, rows what is written, and its worst mistakes."""
    classifier = Classifier(name)
    digits = clean("mnist", "test")
    probabilities = classifier(digits.patches.astype(np.float32) / 255)
    said = probabilities.argmax(1)
    classes = len(classifier.labels) + 1
    matrix = np.zeros((classes - 1, classes), int)
    np.add.at(matrix, (digits.labels, said), 1)
    wrong = np.flatnonzero(said != digits.labels)
    worst = wrong[np.argsort(-probabilities[wrong, said[wrong]])][:SHOWN]
    names = (*classifier.labels, "")
    mistakes = [
        {
            "patch": data_address(255 - digits.patches[at]),
            "written": names[digits.labels[at]],
            "read": names[said[at]],
            "confidence": round(float(probabilities[at, said[at]]), 3),
        }
        for at in worst
    ]
    digest = hashlib.sha256(find_model(name).read_bytes()).hexdigest()
    return {
        "name": name,
        "sha256": digest,
        "labels": classifier.labels,
        "matrix": matrix.tolist(),
        "mistakes": mistakes,
    }


def main() -> None:
    """Write the file."""
    rows = json.loads((ROOT / "models" / "REPORT.json").read_text())
    kept = ("name", "shares", "megabytes", "microseconds")
    table = [{key: row[key] for key in kept} for row in rows]
    figures = {"compared": table, "measured": [measured(name) for name in shipped_models()]}
    path = ROOT / "camdigits" / "web" / "static" / "figures.json"
    path.write_text(json.dumps(figures) + "\n", encoding="utf-8")
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
