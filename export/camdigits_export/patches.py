"""The patches that models train on, made once and kept under runs/: every model sees the same.

Each part of a kind has a seed of its own, so the result does not depend on how many processes make it. A kind that is
whole is never made again unless its data set or the recipe of its patches changes.
"""

import hashlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from camdigits.normalize import normalize_version
from camdigits_export import augment, frames, matching, rejects, strokes
from camdigits_export.datasets import DIGITS, Dataset, Labels, Split, learnt_and_kept, load

VERSIONS = 2
"""Of each training sign as a camera sees it."""

RARE, REJECTS, HELD_REJECTS = 15_000, 60_000, 5000
"""Of the drawn kinds beside MNIST's 55,000; beside fewer signs, fewer, but a LEAST of these."""

LEAST = 0.04
"""Some thousands of rejects: what is none of ten signs is as manifold as what is none of thousands."""

ENOUGH = 50
"""Signs for choosing; of fewer, one in ten read wrong may be chance."""

FRAMES, HELD_FRAMES = 2000, 150
"""Composed frames for training and for choosing; each gives some ten digits, and as much that is none."""

FOLDER = Path("runs") / "patches"

Report = Callable[[str], None]

LARGE = 28
"""Pixels; larger digits are written in frames as patches have them."""

PART, FRAMES_PART, FRAMES_FILE = 5000, 10, 250
"""Patches, and frames, in one part of the work; frames in one file."""

Job = TypeVar("Job")
Part = TypeVar("Part")


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
    kept: the signs for choosing, by their places in the data set or their files. fingerprint: of the data set. framed:
    what the reader finds in composed frames, digits and rejects; validation_framed: in frames of validation digits.
    Both are empty where not asked for.
    """

    clean: PatchSet
    seen: NDArray[np.uint8]
    rare: PatchSet
    rejects: PatchSet
    validation: PatchSet
    validation_seen: PatchSet
    held_rejects: PatchSet
    kept: tuple[str, ...]
    fingerprint: str
    framed: PatchSet
    validation_framed: PatchSet

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
        sets = self.validation, self.validation_seen, self.held_rejects, self.validation_framed
        return PatchSet(np.concatenate([s.patches for s in sets]), np.concatenate([s.labels for s in sets]), self.names)

    def figures(self, said: NDArray[np.integer]) -> dict[str, float]:
        """Return what a model does that says these labels of `choosing`, as shares of 0 to 1.

        accuracy: clean signs read right. seen: the same as a camera sees them. rejected: clean signs taken for none.
        caught: rejects taken for none. With frames, also framed: of the digits in them, those read right; passed: of
        all else in them, what is taken for a digit.
        """
        ends = np.cumsum([len(self.validation), len(self.validation_seen), len(self.held_rejects)])
        clean, seen, caught, framed = np.split(said == self.choosing().labels, ends)
        figures = {
            "accuracy": float(clean.mean()),
            "seen": float(seen.mean()),
            "rejected": float(np.mean(said[: ends[0]] == self.reject)),
            "caught": float(caught.mean()),
        }
        if len(framed):
            is_digit = self.validation_framed.labels != self.reject
            figures |= {"framed": float(framed[is_digit].mean()), "passed": float(1 - framed[~is_digit].mean())}
        return figures


def load_workshop(name: str = "mnist", report: Report = lambda _: None, with_frames: bool = False) -> Workshop:
    """Make or load the patches of a data set, telling `report` what is being made. Raises DataError.

    with_frames: of composed frames too, which take a second each; only for data sets of digits.
    """
    data = load(name, "train", report)
    train_at, kept_at = learnt_and_kept(data)
    train, kept = data.part(train_at), data.part(kept_at)
    if len(kept) < ENOUGH:
        report(f"{name}: only {len(kept)} of its signs choose and calibrate; more pictures make figures surer")
    share = min(1.0, max(LEAST, len(train) / 55_000))
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
        kept=kept.files or tuple(map(str, kept_at)),
        fingerprint=data.fingerprint(),
        framed=_framed(train, round(FRAMES * share) if with_frames else 0, 1, report),
        validation_framed=_framed(kept, round(HELD_FRAMES * share) if with_frames else 0, 2, report),
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


def _framed(data: Dataset, count: int, seed: int, report: Report) -> PatchSet:
    """Return what the reader finds in composed frames of a data set's digits, from the cache, or made there."""
    if not count or data.names != DIGITS:
        return PatchSet(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8), data.names)
    found = []
    # in several files: composing takes long, and what is whole is never made again
    for first in range(0, count, FRAMES_FILE):
        last = min(first + FRAMES_FILE, count)
        path = FOLDER / f"frames-{seed}-{first}-{last}-{_frames_version()}-{data.fingerprint()}.npz"
        if not path.is_file():
            jobs = [(*part, seed) for part in portions(first, last, FRAMES_PART)]
            parts = in_parts(f"frames {first} to {last} of {count}", _frames_part, jobs, data, report)
            patches, labels = np.concatenate([p for p, _ in parts]), np.concatenate([n for _, n in parts])
            save(path, partial(np.savez, patches=patches, labels=labels))
        with np.load(path) as kept:
            found.append((kept["patches"], kept["labels"]))
    return PatchSet(np.concatenate([p for p, _ in found]), np.concatenate([n for _, n in found]), data.names)


def _made(kind: str, data: Dataset, count: int, seed: int, report: Report) -> PatchSet:
    """Return `count` patches of a kind from the cache, or make them there, of a data set's signs."""
    if not count:
        return PatchSet(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8), data.names)
    labels = data.labels[np.arange(count) % len(data)]
    path = FOLDER / f"{kind}-{seed}-{count}-{_recipe_version(kind, data.names)}-{data.fingerprint()}.npy"
    if path.is_file():
        return PatchSet(np.load(path, mmap_mode="r"), labels, data.names)
    jobs = [(kind, *part, seed) for part in portions(0, count, PART)]
    patches = np.concatenate(in_parts(f"{count} patches: {kind}", _part, jobs, data, report))
    save(path, partial(np.save, arr=patches))
    return PatchSet(patches, labels, data.names)


def portions(first: int, last: int, most: int) -> list[tuple[int, int]]:
    """Return where parts of first to last begin, and of how many each is, at most so many."""
    return [(start, min(most, last - start)) for start in range(first, last, most)]


def in_parts(
    what: str, make: Callable[[Dataset, Job], Part], jobs: Sequence[Job], data: Dataset, report: Report
) -> list[Part]:
    """Return what `make` makes of a data set's signs for each job, on all cores."""
    report(f"making {what}")
    # spawned, not forked: TensorFlow may already run threads here
    workers = min(os.cpu_count() or 1, len(jobs))
    with ProcessPoolExecutor(workers, get_context("spawn"), _start, (data,)) as pool:
        try:
            with _uninterrupted():
                made = pool.map(partial(_make_part, make), jobs)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise
        return list(made)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back while workers are handed the signs, which they inherit: it is for their parent alone."""
    pressed: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if sys.platform != "win32" else set()
    try:
        yield
    finally:
        if sys.platform != "win32":
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        signal.signal(signal.SIGINT, handler)
    if pressed:
        raise KeyboardInterrupt


def save(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file aside first, so that what is there is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.part{path.suffix}")
    try:
        write(unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@cache
def _frames_version() -> str:
    """Return a hash of a few frames of drawn digits, and of what the reader finds in them."""
    labels = np.arange(20, dtype=np.uint8) % 10
    rng = np.random.default_rng(0)
    hands = frames.Hands([augment.to_patch(strokes.draw_digit(rng, int(label))) for label in labels], labels)
    digest = hashlib.sha256(normalize_version().encode())
    for hard in (False, True):
        patches, found = matching.frame_patches(frames.draw_frame(rng, hands, hard), len(DIGITS), rng)
        digest.update(patches.tobytes() + found.tobytes())
    return digest.hexdigest()[:12]


@cache
def _recipe_version(kind: str, names: tuple[str, ...]) -> str:
    """Return a hash of normalisation and of a kind's patches of drawn digits: a changed recipe makes new ones.

    names: of the signs; rejects are made of digits in one way, of others in another.
    """
    digest = hashlib.sha256(normalize_version().encode())
    rng = np.random.default_rng(0)
    labels = np.arange(60, dtype=np.uint8) % 10
    drawn = Dataset("drawn", [augment.to_patch(strokes.draw_digit(rng, int(label))) for label in labels], labels, names)
    digest.update(np.stack([_make(kind, at, rng, drawn) for at in range(150)]).tobytes())
    return digest.hexdigest()[:12]


_data: Dataset


def _start(data: Dataset) -> None:
    """Prepare a worker: one thread each, the signs handed over once, Ctrl-C left to the parent."""
    global _data  # a worker process has no other place
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    _data = data


def _make_part(make: Callable[[Dataset, Job], Part], job: Job) -> Part:
    return make(_data, job)


def _part(data: Dataset, job: tuple[str, int, int, int]) -> NDArray[np.uint8]:
    """Make patches start to start + count of one kind."""
    kind, start, count, seed = job
    rng = np.random.default_rng([seed, start])
    return np.stack([_make(kind, start + i, rng, data) for i in range(count)])


def _frames_part(data: Dataset, job: tuple[int, int, int]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Compose frames start to start + count and return what the reader finds in them, and its labels."""
    start, count, seed = job
    # to follow the strokes of a large picture takes seconds
    inks = [augment.to_patch(ink) if max(ink.shape) > LARGE else ink for ink in data.inks]
    hands = frames.Hands(inks, data.labels)
    found = []
    for at in range(start, start + count):
        rng = np.random.default_rng([seed, at])
        found.append(matching.frame_patches(frames.draw_frame(rng, hands, hard=at % 2 == 1), len(DIGITS), rng))
    return np.concatenate([p for p, _ in found]), np.concatenate([n for _, n in found])


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
