"""How well labelled pictures are read: lines, numbers, digits, false numbers, confidence, time, and what is lost where.

    python tests/benchmarks/photos.py FOLDER [--negatives FOLDER] [--part tune] [--peers] [--output DIR]

FOLDER holds pictures and a labels.json: a list with, for each picture, `file`, `lines` (the digits of each written line
as a person reads it), `groups` (the numbers of each line), `set` (a kind of picture), and, where known, `kinds` (more
of them), `part`, `boxes` ([x, y, w, h, digit] each, in reading order) and `digits_unordered` where there is no reading
order. `python -m camdigits_export.frames FOLDER` composes such a folder, `python -m camdigits_export.pairs FOLDER` one
of digits that touch and digits that are broken. --peers reads the same pictures with RapidOCR and Tesseract too, one
thread each: RapidOCR in an environment of its own, .venv-rapidocr, Tesseract as Debian packages it.

Lines are matched one to one at the least total edit distance; a labelled line without a partner counts whole, a line
read where there is none as insertions. With --output: photos.png, the shares as a plot, and failures.jpg, a contact
sheet of what was read otherwise than labelled.
"""

import argparse
import json
import os
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from peers import rapidocr
from scipy.optimize import linear_sum_assignment

from camdigits import Classifier, load_picture
from camdigits.pipeline import trace_image
from camdigits.types import MIN_CONFIDENCE, PICTURE_SUFFIXES, Image, Number, Trace, overlap
from camdigits_export.metrics import wilson

STAGES = "right", "misread", "in another line", "filtered", "rejected", "not proposed"
"""What becomes of a digit: read; found and read as another; read, but not in its line; sure enough, but left out by the
decoder; proposed, but taken for no digit; never proposed."""


Reader = Callable[[Path], tuple[list[str], float]]
"""Reads a picture: its lines, and milliseconds."""


@dataclass
class Sums:
    """Of the pictures of one kind."""

    pictures: int = 0
    lines: int = 0
    exact: int = 0
    numbers: int = 0
    whole: int = 0
    digits: int = 0
    edits: int = 0
    milliseconds: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        low, high = (100 * end for end in wilson(self.exact, max(self.lines, 1)))
        return (
            f"{self.pictures:4} pictures {self.lines:5} lines {100 * self.exact / max(self.lines, 1):5.1f} % exact "
            f"({low:2.0f} to {high:3.0f}) {self.numbers:5} numbers {100 * self.whole / max(self.numbers, 1):5.1f} % "
            f"{self.digits:5} digits, error {100 * self.edits / max(self.digits, 1):5.1f} % "
            f"{median(self.milliseconds):6.0f} ms"
        )


# --- readers -------------------------------------------------------------------------------------------------------


def lines_of(numbers: Sequence[Number]) -> list[str]:
    """Return the digits of each written line."""
    lines: dict[int, str] = defaultdict(str)
    for number in numbers:
        lines[number.line] += digits_of(number)
    return [lines[at] for at in sorted(lines)]


def digits_of(number: Number) -> str:
    """Return a number without its signs: labels name none."""
    return "".join(digit.label for digit in number.digits)


def tesseract(path: Path) -> tuple[list[str], float]:
    """Read sparse text, digits only."""
    start = time.perf_counter()
    command = ["tesseract", str(path), "-", "--psm", "11", "-c", "tessedit_char_whitelist=0123456789"]
    done = subprocess.run(
        command, env=os.environ | {"OMP_THREAD_LIMIT": "1"}, capture_output=True, text=True, check=True
    )
    return done.stdout.split("\n"), 1000 * (time.perf_counter() - start)


# --- scores --------------------------------------------------------------------------------------------------------


def edit_distance(a: str, b: str) -> int:
    """Return the fewest digits to insert, delete or replace (Levenshtein)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        corner, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (x != y))
    return row[-1]


def compare(wanted: Sequence[str], read: Sequence[str]) -> tuple[int, int]:
    """Return the least edits between two pages of lines, and how many lines are exact."""
    size = len(wanted) + len(read)
    costs = np.zeros((size, size), int)
    for i, line in enumerate(wanted):
        costs[i] = [edit_distance(line, other) for other in read] + [len(line)] * len(wanted)
    costs[len(wanted) :, : len(read)] = [len(other) for other in read]
    pairs = list(zip(*linear_sum_assignment(costs), strict=True))
    exact = sum(i < len(wanted) and j < len(read) and wanted[i] == read[j] for i, j in pairs)
    return int(sum(costs[i, j] for i, j in pairs)), exact


def add(
    sums: Sums, label: Mapping[str, Any], lines: Sequence[str], numbers: Sequence[str], milliseconds: float
) -> None:
    """Count a picture."""
    lines = [line for line in lines if line]
    sums.pictures += 1
    sums.milliseconds.append(milliseconds)
    unordered = label.get("digits_unordered")
    if unordered:
        wanted, got = Counter(unordered), Counter("".join(lines))
        edits, exact = max((wanted - got).total(), (got - wanted).total()), 0
    else:
        edits, exact = compare(label["lines"], lines)
        sums.lines += len(label["lines"])
    groups = Counter(number for line in label.get("groups") or [] for number in line)
    sums.exact += exact
    sums.edits += edits
    sums.digits += len(unordered or "".join(label["lines"]))
    sums.numbers += groups.total()
    sums.whole += (groups & Counter(numbers)).total()


def as_array(boxes: Sequence[Sequence[Any]]) -> NDArray[np.int_]:
    """Return (N, 4) boxes."""
    return np.array([box[:4] for box in boxes], int).reshape(-1, 4)


def fates(label: Mapping[str, Any], trace: Trace) -> list[tuple[str, float]]:
    """Return what became of each digit whose box is known, as STAGES has it, and with what confidence it was read."""
    true = as_array(label["boxes"])
    read = [(digit, number.line) for number in trace.numbers for digit in number.digits]
    hit = overlap(true, as_array([digit.box for digit, _ in read]))
    proposed = overlap(true, as_array([candidate.box for candidate in trace.candidates]))
    digits = trace.probabilities[:, :-1]
    ends = np.cumsum([len(line) for line in label["lines"]])
    rows = np.searchsorted(ends, np.arange(len(true)), side="right")
    found = []
    for at, (*_, digit) in enumerate(label["boxes"]):
        best = int(hit[at].argmax()) if len(read) else -1
        near = np.flatnonzero(proposed[at] > 0.5)
        sure = near[digits[near].max(axis=1) >= MIN_CONFIDENCE]
        if best >= 0 and hit[at, best] > 0.45:
            found.append(
                ("right" if read[best][0].label == digit else "misread", read[best][0].confidence, read[best][1])
            )
        else:
            found.append(("filtered" if len(sure) else "rejected" if len(near) else "not proposed", 0.0, -1))
    # most of a written line tells which line of the reading is its own
    own = {
        row: Counter(line for (_, _, line), at in zip(found, rows, strict=True) if at == row and line >= 0)
        for row in set(rows)
    }
    return [
        ("in another line" if fate == "right" and line != own[row].most_common(1)[0][0] else fate, confidence)
        for (fate, confidence, line), row in zip(found, rows, strict=True)
    ]


def calibration_error(read: Sequence[tuple[float, bool]]) -> float:
    """Return the expected calibration error of (confidence, right) in fifteen bins, 0 to 1."""
    if not read:
        return 0.0
    confidence, right = (np.array(column, float) for column in zip(*read, strict=True))
    at = np.minimum((confidence * 15).astype(int), 14)
    gaps = (abs(float(right[at == b].sum() - confidence[at == b].sum())) for b in range(15))
    return sum(gaps) / len(read)


# --- what people see -----------------------------------------------------------------------------------------------


def draw_sheet(failures: Sequence[tuple[str, Image, Sequence[Number], Sequence[str]]], path: Path) -> None:
    """Write a contact sheet: each picture with what was read, and what was wanted below."""
    tiles = []
    for name, image, numbers, wanted in failures:
        scale = 480 / max(image.shape[:2])
        tile = np.full((540, 480, 3), 30, np.uint8)
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        for number in numbers:
            x, y, w, h = (round(side * scale) for side in number.box)
            cv2.rectangle(small, (x, y), (x + w, y + h), (0, 140, 255), 1)
            cv2.putText(small, number.text, (x, max(y - 2, 9)), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 60, 255), 1)
        tile[: small.shape[0], : small.shape[1]] = small
        for row, text in enumerate((name[:60], "wanted " + " ".join(wanted)[:62])):
            cv2.putText(tile, text, (4, 500 + 18 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1)
        tiles.append(tile)
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % 4)
    cv2.imwrite(str(path), np.vstack([np.hstack(tiles[at : at + 4]) for at in range(0, len(tiles), 4)]))


def draw_plot(sums: Mapping[str, Mapping[str, Sums]], path: Path) -> None:
    """Draw the share of exact lines by kind of picture, with intervals, for each reader."""
    from matplotlib.figure import Figure

    kinds = list(sums["camdigits"])
    figure = Figure(figsize=(8, 1 + 0.4 * len(kinds)), layout="constrained")
    axes = figure.subplots()
    for at, (reader, of_kind) in enumerate(sums.items()):
        shares = [of_kind[kind].exact / max(of_kind[kind].lines, 1) for kind in kinds]
        ends = [wilson(of_kind[kind].exact, max(of_kind[kind].lines, 1)) for kind in kinds]
        errors = [[s - low for s, (low, _) in zip(shares, ends, strict=True)]]
        errors += [[high - s for s, (_, high) in zip(shares, ends, strict=True)]]
        places = np.arange(len(kinds)) + 0.25 * at
        axes.errorbar(shares, places, xerr=errors, fmt="o", label=reader)
    axes.set(yticks=range(len(kinds)), yticklabels=kinds, xlim=(0, 1), xlabel="lines read exactly")
    axes.legend()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--negatives", type=Path, help="a folder of pictures without a number")
    parser.add_argument("--part", help="only pictures of this part")
    parser.add_argument("--model", default="cnn")
    parser.add_argument("--peers", action="store_true", help="RapidOCR and Tesseract too")
    parser.add_argument("--output", type=Path, help="where a plot and a contact sheet go")
    options = parser.parse_args()
    labels = json.loads((options.folder / "labels.json").read_text(encoding="utf-8"))
    labels = [label for label in labels if options.part in (None, label.get("part"))]
    cv2.setNumThreads(1)
    classifier = Classifier(options.model)
    with rapidocr() if options.peers else nullcontext(tesseract) as rapid:
        peers: dict[str, Reader] = {"RapidOCR": rapid, "Tesseract": tesseract} if options.peers else {}
        sums: dict[str, dict[str, Sums]] = {name: defaultdict(Sums) for name in ("camdigits", *peers)}
        lost: dict[str, Counter[str]] = defaultdict(Counter)
        read_digits: list[tuple[float, bool]] = []
        read_numbers: list[tuple[float, bool]] = []
        failures = []
        for label in labels:
            path = options.folder / label["file"]
            image = load_picture(path)
            parts = [f"part {label['part']}"] if "part" in label else []
            kinds = dict.fromkeys([label["set"], *label.get("kinds", []), *parts])
            start = time.perf_counter()
            trace = trace_image(image, classifier)
            elapsed = 1000 * (time.perf_counter() - start)
            lines = lines_of(trace.numbers)
            for kind in kinds:
                add(sums["camdigits"][kind], label, lines, [digits_of(number) for number in trace.numbers], elapsed)
            for name, reader in peers.items():
                texts, elapsed = reader(path)
                theirs = ["".join(c for c in text if c.isdigit()) for text in texts]
                for kind in kinds:
                    add(sums[name][kind], label, theirs, theirs, elapsed)
            if label.get("boxes") and len(label["boxes"]) == len("".join(label["lines"])):
                fate = fates(label, trace)
                for kind in kinds:
                    lost[kind].update(stage for stage, _ in fate)
                read_digits += [(sure, stage != "misread") for stage, sure in fate if sure]
            if label.get("groups"):
                wanted = {number for line in label["groups"] for number in line}
                read_numbers += [(number.confidence, digits_of(number) in wanted) for number in trace.numbers]
            if sorted(lines) != sorted(label["lines"]):
                failures.append((label["file"], image, trace.numbers, label["lines"]))
        false: dict[str, int] = Counter()
        pictures = [] if options.negatives is None else sorted(options.negatives.iterdir())
        pictures = [path for path in pictures if path.suffix.lower() in PICTURE_SUFFIXES]
        elsewhere = []
        for path in pictures:
            image = load_picture(path)
            start = time.perf_counter()
            false["camdigits"] += bool(trace_image(image, classifier).numbers)
            elsewhere.append(1000 * (time.perf_counter() - start))
            for name, reader in peers.items():
                false[name] += any(c.isdigit() for text in reader(path)[0] for c in text)
    for name, of_kind in sums.items():
        print(name)
        for kind in sorted(of_kind):
            print(f"  {kind:12} {of_kind[kind]}")
    print("where digits go, by boxes")
    for kind in sorted(lost):
        total = lost[kind].total()
        print(f"  {kind:12} {total:5} digits: " + ", ".join(f"{s} {100 * lost[kind][s] / total:.1f} %" for s in STAGES))
    answered = len(read_digits)
    wrong = sum(not right for _, right in read_digits)
    print(
        f"digits with boxes: {answered} answered, {100 * wrong / max(answered, 1):.2f} % of them wrong, "
        f"calibration error {100 * calibration_error(read_digits):.2f} % "
        f"(numbers {100 * calibration_error(read_numbers):.2f} %)"
    )
    for name, count in false.items():
        print(f"{name}: a number in {count} of {len(pictures)} pictures without one")
    if elsewhere:
        print(f"these take {median(elsewhere):.0f} ms, at most {max(elsewhere):.0f}")
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        draw_plot(sums, options.output / "photos.png")
        if failures:
            draw_sheet(failures, options.output / "failures.jpg")


if __name__ == "__main__":
    main()
