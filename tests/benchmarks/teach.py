"""What `camdigits teach` is worth: errors on hands that a model finds hard, on MNIST and on what is no digit.

    python tests/benchmarks/teach.py [--model cnn] [--each 5]
    python tests/benchmarks/teach.py --validation

Each hand teaches with one half of its digits, so many of each label as --each says, and is judged on the other half;
the model so corrected is judged on MNIST's test digits and on held-out rejects as well. HwD (CAMDIGITS_DATA, as for
`camdigits evaluate --dataset hwd`) is read without an error, so harder ones are made of it: HwD as a camera sees it, as
MNIST-C spoils it, and with some of its digits drawn oddly, or mirrored, as children do. --validation does the same with
MNIST's validation digits, other odd shapes and other rejects, for several NEAR and OF_WAY of camdigits/prototypes.py:
there they were chosen.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from camdigits import Classifier, prototypes
from camdigits_export.augment import as_input, camera_patch, to_patch
from camdigits_export.corruptions import corrupted_patches
from camdigits_export.datasets import Dataset, learnt_and_kept, load
from camdigits_export.patches import PatchSet, clean, held_rejects
from camdigits_export.rejects import reject_patch
from camdigits_export.strokes import Shape, Stroke, draw

SPOILT = "glass_blur", "motion_blur", "shot_noise", "dotted_line", "canny_edges"
"""Corruptions of which a person can still read the digits."""

REJECT = 10

ZERO = Stroke(((0.55, 0), (0.12, 0.25), (0.1, 0.72), (0.48, 1), (0.86, 0.72), (0.86, 0.25), (0.52, 0)), curved=True)

ODD: Mapping[int, Shape] = {
    0: (ZERO, Stroke(((0.5, -0.15), (0.5, 1.15)))),  # a bar from above to below
    1: (
        Stroke(((0.0, 0.7), (0.5, 0), (0.95, 1))),
        Stroke(((0.0, 1), (1.0, 1))),
    ),  # a roof, the left side short, a floor
    4: (Stroke(((0.5, 0), (0, 0.7), (1, 0.7), (0.5, 0))), Stroke(((0.5, 0.7), (0.5, 1)))),  # a sail on a short mast
    6: (
        Stroke(((0.9, 0.1), (0.2, 0.2), (0.1, 0.8), (0.6, 1), (0.9, 0.75)), curved=True),
        Stroke(((0.5, 0.6), (0.95, 0.6))),
    ),
    8: (
        Stroke(
            ((0.5, 0.5), (0.2, 0.3), (0, 0.5), (0.2, 0.7), (0.5, 0.5), (0.8, 0.3), (1, 0.5), (0.8, 0.7), (0.5, 0.5)),
            curved=True,
        ),
    ),  # lying
}
"""Ways to write a digit that no model was shown."""

ODD_VALIDATION: Mapping[int, Shape] = {
    0: (ZERO, Stroke(((0.1, 0.1), (0.9, 0.9))), Stroke(((0.9, 0.1), (0.1, 0.9)))),  # crossed twice
    1: (Stroke(((0.05, 1), (0.5, 0), (0.95, 1))),),  # a roof
    2: (Stroke(((0, 0), (1, 0), (0, 1), (1, 1))), Stroke(((0.2, 0.5), (0.8, 0.5)))),  # Z with a bar
    9: (
        Stroke(((0.8, 0.2), (0.45, 0), (0.15, 0.22), (0.45, 0.42), (0.8, 0.2)), curved=True),
        Stroke(((0.8, 0.2), (0.8, 0.75), (0.5, 1), (0.1, 0.9), (0.15, 0.72), (0.9, 0.6)), curved=True),
    ),  # g
}

MIRRORED = 3, 4, 7
"""Digits that no other looks like when they are mirrored."""

Hands = Iterator[tuple[str, PatchSet]]


def hands(of: str, digits: Dataset, odd: Mapping[int, Shape]) -> Hands:
    """Yield the names and patches of hands made of a data set's digits."""
    rng = np.random.default_rng(7)
    as_is = np.stack([to_patch(ink) for ink in digits.inks])
    yield of, PatchSet(as_is, digits.labels, digits.names)
    seen = np.stack([camera_patch(ink, rng) for ink in digits.inks])
    yield f"{of}, through a camera", PatchSet(seen, digits.labels, digits.names)
    for kind in SPOILT:
        yield f"{of}, {kind}", PatchSet(corrupted_patches(digits.inks, kind), digits.labels, digits.names)

    def changed(labels: Sequence[int], make: Callable[[int], NDArray[np.uint8]]) -> PatchSet:
        patches = as_is.copy()
        for at in np.flatnonzero(np.isin(digits.labels, labels)):
            patches[at] = make(int(at))
        return PatchSet(patches, digits.labels, digits.names)

    drawn = changed(list(odd), lambda at: to_patch(draw(odd[int(digits.labels[at])], rng)))
    yield f"{of}, {', '.join(map(str, odd))} drawn oddly", drawn
    mirrored = changed(MIRRORED, lambda at: to_patch(np.ascontiguousarray(digits.inks[at][:, ::-1])))
    yield f"{of}, {', '.join(map(str, MIRRORED))} mirrored", mirrored


def taught(model: str, lessons: PatchSet) -> Classifier:
    """Return a model that was taught, through a file as a user has it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.npz"
        prototypes.Lessons(lessons.patches, [lessons.names[label] for label in lessons.labels], model).save(path)
        return Classifier(path)


def halves(whole: PatchSet, each: int) -> tuple[PatchSet, PatchSet]:
    """Return so many of each label of one half, and all of the other half."""
    rng = np.random.default_rng(1)
    lessons, others = [], []
    for label in np.unique(whole.labels):
        places = rng.permutation(np.flatnonzero(whole.labels == label))
        middle = len(places) // 2
        lessons += places[: min(each, middle)].tolist()
        others += places[middle:].tolist()
    return tuple(PatchSet(whole.patches[at], whole.labels[at], whole.names) for at in (lessons, others))  # type: ignore[return-value]  # two


def errors(classifier: Classifier, judged: PatchSet) -> float:
    """Return the percentage not read as what they are; of rejects, that taken for digits."""
    said = classifier(as_input(judged.patches))
    return float(100 * np.mean(said.argmax(axis=1) != judged.labels))


def measure(model: str, each: int, tried: Sequence[tuple[str, PatchSet]], mnist: PatchSet, rejects: PatchSet) -> None:
    """Print a row for each hand, and the means."""
    before = Classifier(model)
    alone = errors(before, mnist), errors(before, rejects)
    print(f"{model}, {each} examples a label; errors in %, before -> after")
    rows = []
    for name, patches in tried:
        lessons, others = halves(patches, each)
        after = taught(model, lessons)
        row = [errors(before, others), errors(after, others), alone[0], errors(after, mnist), alone[1]]
        rows.append([*row, errors(after, rejects)])
        print(f"  {name:36}" + _row(rows[-1]), flush=True)
    print(f"  {'mean':36}" + _row(np.mean(rows, axis=0)))


def _row(row: Sequence[float] | NDArray[np.float64]) -> str:
    own, own_after, mnist, mnist_after, rejects, rejects_after = row
    return (
        f"{own:6.2f} -> {own_after:5.2f}   MNIST {mnist:.2f} -> {mnist_after:.2f}   "
        f"rejects taken for digits {rejects:.2f} -> {rejects_after:.2f}"
    )


def main() -> None:
    """Measure one model."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", default="cnn")
    parser.add_argument("--each", type=int, default=5, help="examples of each label")
    parser.add_argument("--validation", action="store_true", help="on validation digits, for several NEAR and OF_WAY")
    options = parser.parse_args()
    if not options.validation:
        tried = [*hands("HwD", load("hwd", "test"), ODD), ("USPS", clean("usps", "test"))]
        measure(options.model, options.each, tried, clean("mnist", "test"), held_rejects(lambda _: None))
        return
    mnist = load("mnist", "train")
    learnt, kept = learnt_and_kept(mnist)
    digits, shown = mnist.part(kept), mnist.part(learnt[:5000])
    rng = np.random.default_rng(77)
    drawn = np.stack([reject_patch(rng, shown.inks, shown.labels) for _ in range(3000)])
    rejects = PatchSet(drawn, np.full(len(drawn), REJECT, np.uint8), digits.names)
    clean_digits = PatchSet(np.stack([to_patch(ink) for ink in digits.inks]), digits.labels, digits.names)
    tried = list(hands("validation", digits.part(np.arange(1500)), ODD_VALIDATION))
    for prototypes.NEAR, prototypes.OF_WAY in product((0.02, 0.03, 0.04, 0.06), (0.2, 0.4, 9)):
        print(f"NEAR {prototypes.NEAR}, OF_WAY {prototypes.OF_WAY}")
        measure(options.model, options.each, tried, clean_digits, rejects)


if __name__ == "__main__":
    main()
