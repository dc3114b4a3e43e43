"""The patches that models train on, made once and kept under runs/: every model sees the same.

Each part of a kind has a seed of its own, so the result does not depend on how many processes make it. A kind that is
whole is never made again unless the recipe of its patches changes.
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
from camdigits_export.datasets import Images, Labels, load_mnist, validation_split

REJECT = 10
"""The column of `not a digit`."""

VERSIONS = 2
"""Of each training digit as a camera sees it."""

RARE, REJECTS, HELD_REJECTS = 15_000, 60_000, 5000

FOLDER = Path("runs") / "patches"

Report = Callable[[str], None]

PART = 5000
"""Patches in one part."""


@dataclass(frozen=True, slots=True, eq=False)
class PatchSet:
    """Patches as (N, 28, 28) uint8 with (N,) uint8 labels, 0 to 9 and REJECT."""

    patches: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        """Return N."""
        return len(self.patches)


@dataclass(frozen=True, slots=True, eq=False)
class Workshop:
    """All that a training needs.

    clean: MNIST's training digits. seen: versions of them as a camera sees them, (V, N, 28, 28) uint8. rare: digits
    drawn as MNIST lacks them. rejects: what is no digit. The rest is for choosing only: validation digits, the same as
    a camera sees them, and rejects made of those digits, or with fonts, signs and shapes that training never sees.
    """

    clean: PatchSet
    seen: NDArray[np.uint8]
    rare: PatchSet
    rejects: PatchSet
    validation: PatchSet
    validation_seen: PatchSet
    held_rejects: PatchSet

    def choosing(self) -> PatchSet:
        """Return all that is for choosing only, one set after the other."""
        sets = self.validation, self.validation_seen, self.held_rejects
        return PatchSet(np.concatenate([s.patches for s in sets]), np.concatenate([s.labels for s in sets]))

    def figures(self, said: NDArray[np.integer]) -> dict[str, float]:
        """Return what a model does that says these labels of `choosing`, as shares of 0 to 1.

        accuracy: clean digits read right. seen: the same as a camera sees them. rejected: clean digits taken for no
        digit. caught: rejects taken for no digit.
        """
        ends = np.cumsum([len(self.validation), len(self.validation_seen)])
        clean, seen, rejects = np.split(said == self.choosing().labels, ends)
        return {
            "accuracy": float(clean.mean()),
            "seen": float(seen.mean()),
            "rejected": float(np.mean(said[: ends[0]] == REJECT)),
            "caught": float(rejects.mean()),
        }


def load_workshop(report: Report) -> Workshop:
    """Make or load the patches, telling `report` what is being made. Raises DataError where MNIST cannot be had."""
    images, labels = load_mnist("train")
    train, kept = validation_split(len(images))
    drawn = np.array([strokes.RARE[at % len(strokes.RARE)][0] for at in range(RARE)], np.uint8)
    return Workshop(
        clean=PatchSet(_made("clean", len(train), 0, report), labels[train]),
        seen=np.stack([_made("seen", len(train), 100 + version, report) for version in range(VERSIONS)]),
        rare=PatchSet(_made("rare", RARE, 7, report), drawn),
        rejects=_as_rejects(_made("reject", REJECTS, 8, report)),
        validation=validation(report),
        validation_seen=PatchSet(_made("seen-kept", len(kept), 99, report), labels[kept]),
        held_rejects=held_rejects(report),
    )


def validation(report: Report) -> PatchSet:
    """Return the validation digits. Raises DataError."""
    images, labels = load_mnist("train")
    _, kept = validation_split(len(images))
    return PatchSet(_made("clean-kept", len(kept), 0, report), labels[kept])


def held_rejects(report: Report) -> PatchSet:
    """Return the rejects that training never sees. Raises DataError."""
    return _as_rejects(_made("reject-kept", HELD_REJECTS, 9, report))


def mnist_test() -> PatchSet:
    """Return MNIST's 10,000 test digits through normalize_ink. Raises DataError."""
    images, labels = load_mnist("test")
    return PatchSet(np.stack([augment.to_patch(image) for image in images]), labels)


def _as_rejects(patches: NDArray[np.uint8]) -> PatchSet:
    return PatchSet(patches, np.full(len(patches), REJECT, np.uint8))


def _made(kind: str, count: int, seed: int, report: Report) -> NDArray[np.uint8]:
    """Return `count` patches of a kind from the cache, or make them there."""
    path = FOLDER / f"{kind}-{seed}-{count}-{_recipe_version(kind)}.npy"
    if path.is_file():
        loaded: NDArray[np.uint8] = np.load(path, mmap_mode="r")
        return loaded
    FOLDER.mkdir(parents=True, exist_ok=True)
    report(f"making {count} patches: {kind}")
    load_mnist("train")  # a worker could not say what is missing
    jobs = [(kind, start, min(PART, count - start), seed) for start in range(0, count, PART)]
    # spawned, not forked: TensorFlow may already run threads here
    with ProcessPoolExecutor(min(os.cpu_count() or 1, len(jobs)), get_context("spawn"), _start) as pool:
        patches = np.concatenate(list(pool.map(_part, jobs)))
    unfinished = path.with_suffix(".part.npy")
    np.save(unfinished, patches)
    unfinished.replace(path)
    return patches


@cache
def _recipe_version(kind: str) -> str:
    """Return a hash of normalisation and of a kind's patches of drawn digits: a changed recipe makes new ones."""
    digest = hashlib.sha256(normalize_version().encode())
    rng = np.random.default_rng(0)
    labels = np.arange(60, dtype=np.uint8) % 10
    images = np.stack([augment.to_patch(strokes.draw_digit(rng, int(label))) for label in labels])
    digest.update(np.stack([_make(kind, at, rng, images, labels) for at in range(150)]).tobytes())
    return digest.hexdigest()[:12]


_mnist: tuple[Images, Labels]


def _start() -> None:
    """Prepare a worker: one thread each, MNIST loaded once, Ctrl-C left to the parent."""
    global _mnist  # a worker process has no other place
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    _mnist = load_mnist("train")


def _part(job: tuple[str, int, int, int]) -> NDArray[np.uint8]:
    """Make patches start to start + count of one kind."""
    kind, start, count, seed = job
    train, kept = validation_split(len(_mnist[0]))
    at = kept if kind.endswith("-kept") else train
    images, labels = (values[at] for values in _mnist)
    rng = np.random.default_rng([seed, start])
    return np.stack([_make(kind, start + i, rng, images, labels) for i in range(count)])


def _make(kind: str, at: int, rng: np.random.Generator, images: Images, labels: Labels) -> NDArray[np.uint8]:
    """Return patch number `at` of a kind, from these digits; kinds with -kept are made of validation's."""
    match kind.removesuffix("-kept"):
        case "clean":
            return augment.to_patch(images[at % len(images)])
        case "seen":
            neighbour = images[rng.integers(len(images))]
            return augment.camera_patch(images[at % len(images)], rng, neighbour=neighbour)
        case "rare":
            digit, variant = strokes.RARE[at % len(strokes.RARE)]
            return augment.camera_patch(strokes.draw_digit(rng, digit, variant), rng)
        case _:
            return rejects.reject_patch(rng, images, labels, held=kind.endswith("-kept"))
