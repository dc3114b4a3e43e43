"""The patches that models train on, made once and kept under runs/: every model sees the same.

Each part of a kind has a seed of its own, so the result does not depend on how many processes make it. A kind that is
whole is never made again unless its data set or the recipe of its patches changes.
"""

import hashlib
import os
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from camdigits.normalize import normalize_version
from camdigits_export import augment, rejects, strokes
from camdigits_export.datasets import DIGITS, Dataset, Labels, Split, learnt_and_kept, load

VERSIONS = 2
"""Of each training sign as a camera sees it."""

RARE, REJECTS, HELD_REJECTS = 15_000, 60_000, 5000
"""Of the drawn kinds beside MNIST's 55,000; beside fewer signs, fewer."""

FOLDER = Path("runs") / "patches"

Report = Callable[[str], None]

PART = 5000
"""Patches in one part."""


@dataclass(frozen=True, slots=True, eq=False)
class PatchSet:
    """Patches as (N, 28, 28) uint8 with (N,) uint8 labels: indices of names, or their number for `not a sign`."""

    patches: NDArray[np.uint8]
    labels: Labels
    names: tuple[str, ...] = DIGITS

    def __len__(self) -> int:
        """Return N."""
        return len(self.patches)


@dataclass(frozen=True, slots=True, eq=False)
class Workshop:
    """All that a training needs.

    clean: a data set's training signs. seen: versions of them as a camera sees them, (V, N, 28, 28) uint8. rare: digits
    drawn as MNIST lacks them. rejects: what is no digit. The rest is for choosing only: validation signs, the same as
    a camera sees them, and rejects made of those signs, or with fonts, signs and shapes that training never sees.
    kept: (K,) which signs of the data set those for choosing are.
    """

    clean: PatchSet
    seen: NDArray[np.uint8]
    rare: PatchSet
    rejects: PatchSet
    validation: PatchSet
    validation_seen: PatchSet
    held_rejects: PatchSet
    kept: NDArray[np.int64]

    @property
    def names(self) -> tuple[str, ...]:
        """What the labels mean; becomes the labels of the model."""
        return self.clean.names

    @property
    def reject(self) -> int:
        """The label of `not a sign`."""
        return len(self.names)

    def choosing(self) -> PatchSet:
        """Return all that is for choosing only, one set after the other."""
        sets = self.validation, self.validation_seen, self.held_rejects
        return PatchSet(np.concatenate([s.patches for s in sets]), np.concatenate([s.labels for s in sets]), self.names)

    def figures(self, said: NDArray[np.integer]) -> dict[str, float]:
        """Return what a model does that says these labels of `choosing`, as shares of 0 to 1.

        accuracy: clean signs read right. seen: the same as a camera sees them. rejected: clean signs taken for none.
        caught: rejects taken for none.
        """
        ends = np.cumsum([len(self.validation), len(self.validation_seen)])
        clean, seen, caught = np.split(said == self.choosing().labels, ends)
        return {
            "accuracy": float(clean.mean()),
            "seen": float(seen.mean()),
            "rejected": float(np.mean(said[: ends[0]] == self.reject)),
            "caught": float(caught.mean()),
        }


def load_workshop(name: str = "mnist", report: Report = lambda _: None) -> Workshop:
    """Make or load the patches of a data set, telling `report` what is being made. Raises DataError."""
    data = load(name, "train", report)
    train_at, kept_at = learnt_and_kept(data)
    train, kept = data.part(train_at), data.part(kept_at)
    share = min(1.0, len(train) / 55_000)
    rare = round(RARE * share) if data.names == DIGITS else 0
    drawn = np.array([strokes.RARE[at % len(strokes.RARE)][0] for at in range(rare)], np.uint8)
    return Workshop(
        clean=_made("clean", train, len(train), 0, report),
        seen=np.stack([_made("seen", train, len(train), 100 + v, report).patches for v in range(VERSIONS)]),
        rare=PatchSet(_made("rare", train, rare, 7, report).patches, drawn, data.names),
        rejects=_as_rejects(_made("reject", train, round(REJECTS * share), 8, report)),
        validation=_made("clean-kept", kept, len(kept), 0, report),
        validation_seen=_made("seen-kept", kept, len(kept), 99, report),
        held_rejects=_as_rejects(_made("reject-kept", kept, round(HELD_REJECTS * share), 9, report)),
        kept=kept_at,
    )


def training(name: str, report: Report) -> PatchSet:
    """Return a data set's training signs, as they are. Raises DataError."""
    learnt, _ = _parts(name, report)
    return _made("clean", learnt, len(learnt), 0, report)


def validation(name: str, report: Report) -> PatchSet:
    """Return a data set's validation signs, as they are. Raises DataError."""
    _, kept = _parts(name, report)
    return _made("clean-kept", kept, len(kept), 0, report)


def held_rejects(report: Report) -> PatchSet:
    """Return the rejects that training on MNIST never sees. Raises DataError."""
    _, kept = _parts("mnist", report)
    return _as_rejects(_made("reject-kept", kept, HELD_REJECTS, 9, report))


def _parts(name: str, report: Report) -> tuple[Dataset, Dataset]:
    """Return a data set's signs that train, and those kept back."""
    data = load(name, "train", report)
    learnt, kept = learnt_and_kept(data)
    return data.part(learnt), data.part(kept)


def clean(name: str, split: Split, report: Report = lambda _: None) -> PatchSet:
    """Return a part of a data set through normalize_ink. Raises DataError."""
    data = load(name, split, report)
    return PatchSet(np.stack([augment.to_patch(ink) for ink in data.inks]), data.labels, data.names)


def _as_rejects(made: PatchSet) -> PatchSet:
    return PatchSet(made.patches, np.full(len(made), len(made.names), np.uint8), made.names)


def _made(kind: str, data: Dataset, count: int, seed: int, report: Report) -> PatchSet:
    """Return `count` patches of a kind from the cache, or make them there, of a data set's signs."""
    if not count:
        return PatchSet(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8), data.names)
    labels = data.labels[np.arange(count) % len(data)]
    path = FOLDER / f"{kind}-{seed}-{count}-{_recipe_version(kind)}-{_fingerprint(data)}.npy"
    if path.is_file():
        return PatchSet(np.load(path, mmap_mode="r"), labels, data.names)
    FOLDER.mkdir(parents=True, exist_ok=True)
    report(f"making {count} patches: {kind}")
    jobs = [(kind, start, min(PART, count - start), seed) for start in range(0, count, PART)]
    # spawned, not forked: TensorFlow may already run threads here
    workers = min(os.cpu_count() or 1, len(jobs))
    with ProcessPoolExecutor(workers, get_context("spawn"), _start, (data,)) as pool:
        patches = np.concatenate(list(pool.map(_part, jobs)))
    unfinished = path.with_suffix(f".{os.getpid()}.part.npy")
    try:
        np.save(unfinished, patches)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return PatchSet(patches, labels, data.names)


@cache
def _recipe_version(kind: str) -> str:
    """Return a hash of normalisation and of a kind's patches of drawn digits: a changed recipe makes new ones."""
    digest = hashlib.sha256(normalize_version().encode())
    rng = np.random.default_rng(0)
    labels = np.arange(60, dtype=np.uint8) % 10
    drawn = Dataset("drawn", [augment.to_patch(strokes.draw_digit(rng, int(label))) for label in labels], labels)
    digest.update(np.stack([_make(kind, at, rng, drawn) for at in range(150)]).tobytes())
    return digest.hexdigest()[:12]


def _fingerprint(data: Dataset) -> str:
    """Return a hash of a data set's signs and of what they mean."""
    digest = hashlib.sha256(repr(data.names).encode() + data.labels.tobytes())
    for ink in data.inks:
        digest.update(ink.tobytes())
    return digest.hexdigest()[:12]


_data: Dataset


def _start(data: Dataset) -> None:
    """Prepare a worker: one thread each, the signs handed over once, Ctrl-C left to the parent."""
    global _data  # a worker process has no other place
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    _data = data


def _part(job: tuple[str, int, int, int]) -> NDArray[np.uint8]:
    """Make patches start to start + count of one kind."""
    kind, start, count, seed = job
    rng = np.random.default_rng([seed, start])
    return np.stack([_make(kind, start + i, rng, _data) for i in range(count)])


def _make(kind: str, at: int, rng: np.random.Generator, data: Dataset) -> NDArray[np.uint8]:
    """Return patch number `at` of a kind, from these signs; kinds with -kept are made of validation's."""
    ink = data.inks[at % len(data)]
    match kind.removesuffix("-kept"):
        case "clean":
            return augment.to_patch(ink)
        case "seen":
            return augment.camera_patch(ink, rng, neighbour=data.inks[int(rng.integers(len(data)))])
        case "rare":
            digit, variant = strokes.RARE[at % len(strokes.RARE)]
            return augment.camera_patch(strokes.draw_digit(rng, digit, variant), rng)
        case _:
            if data.names == DIGITS:
                return rejects.reject_patch(rng, data.inks, data.labels, held=kind.endswith("-kept"))
            return rejects.reject_sign(rng, data.inks)
