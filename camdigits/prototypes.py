"""Prototypes: examples of one person's writing that correct what a model says of patches like them.

A cache beside the network, as Tip-Adapter has it (Zhang et al. 2022, "Tip-Adapter: Training-free Adaption of CLIP for
Few-shot Classification"): the log-probability of a label rises by LIFT where a patch is one of its examples, and by
less the less it is like the nearest of them. What is like none, as most of what is no digit, keeps what the model said.
Two patches are alike where they look alike and the model says the same of them: any model can be corrected so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from camdigits.errors import ModelError, SinkError
from camdigits.normalize import SIDE, normalize_version
from camdigits.types import Patches, Probabilities

SUFFIX = ".npz"
"""What the files of lessons are called."""

LIFT = 12.0
"""Log-odds that an example adds where the patch is the example itself: what a model is still surer of stands."""

NEAR = 0.04
"""Distance, 1 less the cosine, at which an example adds 1/e of that, …"""

OF_WAY = 0.2
"""… or at this share of the way to the nearest example of another label, if that is less: the more hands differ, the
less one example says. Chosen so that, of the lessons tried, mirrored digits alone cost any of MNIST's 5,000 validation
digits (`python tests/benchmarks/teach.py --validation --each 30`)."""

LEAST = 1e-12
"""Smaller probabilities count as this."""

Features = NDArray[np.float32]
"""(N, F), rows of length 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """What `camdigits teach` writes.

    patches: (N, 28, 28) uint8. labels: what each of the N means. model: which one they correct, as find_model takes it.
    """

    patches: NDArray[np.uint8]
    labels: Sequence[str]
    model: str

    def save(self, path: Path) -> None:
        """Write them in one step, in place of earlier ones. Raises SinkError, also where another file is there."""
        if path.exists():
            try:
                open_lessons(path, any_version=True)
            except ModelError as error:
                raise SinkError(f"{path}: was not written by camdigits teach; move it away") from error
        unfinished = path.with_name(f".{path.name}")
        try:
            with unfinished.open("wb") as file:
                np.savez_compressed(
                    file,
                    patches=self.patches,
                    labels=np.array(self.labels, str),
                    model=np.array(self.model),
                    normalize=np.array(normalize_version()),
                )
            unfinished.replace(path)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise SinkError(f"{path}: cannot be written: {error.strerror or error}") from error


def open_lessons(path: Path, any_version: bool = False) -> Lessons:
    """Return the lessons in a file. any_version: also of another normalisation. Raises ModelError."""
    cure = "make it again: camdigits teach FOLDER"
    if not path.is_file():
        raise ModelError(f"{path}: no such file; camdigits teach makes one")
    try:
        with np.load(BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            patches, labels, model, version = (arrays[name] for name in ("patches", "labels", "model", "normalize"))
    except Exception as error:  # zipfile and NumPy raise many unrelated classes for broken archives
        raise ModelError(f"{path}: not a file that camdigits teach wrote, or broken; {cure}") from error
    kinds = labels.dtype.kind + model.dtype.kind + version.dtype.kind
    count = labels.size
    if patches.shape != (count, SIDE, SIDE) or patches.dtype != np.uint8 or kinds != "UUU" or not count:
        raise ModelError(f"{path}: holds {patches.dtype} {patches.shape} with {count} labels, no lessons; {cure}")
    if str(version) != normalize_version() and not any_version:
        raise ModelError(
            f"{path}: its patches are of normalisation {version}, this camdigits has {normalize_version()}; {cure}"
        )
    return Lessons(patches, tuple(map(str, labels.ravel())), str(model))


class Prototypes:
    """Examples in memory, with what the model that they correct says of them."""

    def __init__(self, patches: Patches, probabilities: Probabilities, labels: NDArray[np.int64]) -> None:
        """Take N patches, (N, C + 1) probabilities of them, and (N,) the columns that they ought to be in."""
        order = np.argsort(labels, kind="stable")
        self._features = _features(patches, probabilities)[order]
        self._columns, self._starts = np.unique(labels[order], return_index=True)
        self._order = order
        others = labels[order, None] != labels[order]
        away = np.where(others, 1 - self._features @ self._features.T, np.inf).min(axis=1)
        self._near = np.clip(OF_WAY * away, LEAST, NEAR).astype(np.float32)

    def __call__(self, patches: Patches, probabilities: Probabilities) -> Probabilities:
        """Return what M patches are, (M, C + 1), given what the model says of them."""
        return self._corrected(_features(patches, probabilities) @ self._features.T, probabilities)

    def of_one_another(self, probabilities: Probabilities) -> Probabilities:
        """Return what the N examples are, each corrected by the others, given what the model says of them."""
        alike = self._features @ self._features.T
        np.fill_diagonal(alike, -1)
        corrected = np.empty_like(probabilities)
        corrected[self._order] = self._corrected(alike, probabilities[self._order])
        return corrected

    def _corrected(self, alike: Features, probabilities: Probabilities) -> Probabilities:
        """Return probabilities (M, C + 1) corrected by examples that are so alike, (M, N) cosines."""
        if not len(alike):
            return probabilities
        distance = np.minimum.reduceat((1 - alike) / self._near, self._starts, axis=1)
        logits = np.log(np.maximum(probabilities, LEAST))
        logits[:, self._columns] += LIFT * np.exp(-(distance**2))
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        corrected: Probabilities = (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)
        return corrected


def _features(patches: Patches, probabilities: Probabilities) -> Features:
    """Return what patches are compared by: the blurred patch and the log-probabilities, of equal weight."""
    rows = patches[:, ::2] + patches[:, 1::2]
    pixels = _blurred(rows[:, :, ::2] + rows[:, :, 1::2])
    logits = np.log(np.maximum(probabilities, LEAST))
    logits -= logits.mean(axis=1, keepdims=True)
    halves = [_unit(pixels.reshape(len(patches), -1)), _unit(logits)]
    return np.concatenate(halves, axis=1, dtype=np.float32) * np.float32(np.sqrt(0.5))


def _blurred(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (N, h, w) images weighted by 1, 2, 1 both ways: strokes a pixel apart are still alike."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    rows = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    blurred: NDArray[np.float32] = rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]
    return blurred


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), LEAST)
    return unit
