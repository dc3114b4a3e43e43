"""The network of camdigits.context: what stands around digits, and around what only looks like one; how it learns that.

    python -m camdigits_export.context

writes models/context.onnx, from composed frames of MNIST's training digits among words; an hour on two cores.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import cv2
import keras
import numpy as np
from keras import layers, ops
from numpy.random import Generator
from numpy.typing import NDArray

from camdigits.classify import Classifier
from camdigits.context import INK, PAPER, SIDE, windows_of
from camdigits.network import CONTEXT
from camdigits.pipeline import propose
from camdigits_export import marks, matching
from camdigits_export.cards import remake_helper
from camdigits_export.cnn import Shuffled, adamw, averaged, convolved, float_of
from camdigits_export.datasets import Dataset, learnt_and_kept, load
from camdigits_export.frames import Frame, Hands, draw_frame
from camdigits_export.patches import Report, in_parts, portions
from camdigits_export.to_onnx import network_to_onnx, write

TEXT = (0.0, 0.38), (0.45, 0.32), (0.8, 0.2), (1.0, 0.1)
"""How much of what is written is no number, and how often that is so."""

EMPTY = 0.06
"""So often nothing is written at all: a picture of the world."""

WORLD_SIDE = 900
"""Pixels of such a picture's longer side."""

PLAUSIBLE = 0.05
"""What reads as a digit with less than this is not asked about."""

OFF = 0.45
"""What shares less than this with a digit is none."""

NO_DIGIT = 10
"""The label of what is no digit."""

AVERAGE = 0.995
"""How slowly the average of the weights follows them."""

GAIN, SHIFT, GRAIN = 0.15, 2.5, 7.0
"""How far contrast (a power), brightness and grain of a window wander, in grey levels."""

PART = 10
"""Frames in one part of the work."""

KEPT = 0.98
"""Of digits: what is passed is counted where this share of them is."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a training is made of.

    frames: composed, those that it learns from, and held ones that judge it. askew: so often one is looked at turned,
    too, as letters on their head or side may look like digits.
    """

    frames: int = 2000
    held: int = 130
    askew: float = 0.5
    epochs: int = 12
    batch: int = 128
    rate: float = 2e-3
    weight_decay: float = 0.02
    channels: tuple[int, int, int, int] = (12, 24, 40, 56)
    dense: int = 64
    seed: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Candidates: (N, SIDE, SIDE, 2) uint8 windows, and (N,) uint8 labels: the digits, or NO_DIGIT."""

    windows: NDArray[np.uint8]
    labels: NDArray[np.uint8]


# --- windows -------------------------------------------------------------------------------------------------------


def draw_page(rng: Generator, hands: Hands) -> Frame:
    """Compose an upright frame of numbers and text, as often as TEXT says, or of nothing that is written."""
    if rng.random() < EMPTY:
        picture = marks.world(rng)
        scale = WORLD_SIDE / max(picture.shape)
        world = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return Frame(
            np.asarray(world, np.uint8), (), (), False, 0, np.zeros(world.shape[:2], np.uint8), np.zeros((0, 4), int)
        )
    text = TEXT[int(rng.choice(len(TEXT), p=[often for _, often in TEXT]))][0]
    return matching.upright(draw_frame(rng, hands, bool(rng.random() < 0.5), text))


def windows_in(frame: Frame, classifier: Classifier) -> Windows:
    """Return what reads like a digit in a frame. Left out is what lies between a digit and none, and turned digits."""
    page = propose(frame.image, classifier)
    match = matching.matched(frame, page.candidates)
    off = (match.best < OFF) | match.joined | ((match.best > matching.SAME) & ~match.right_ink)
    plausible = page.probabilities[:, -1] < 1 - PLAUSIBLE
    at = np.flatnonzero((match.is_digit & (frame.turns == 0)) | (off & plausible & ~match.doubtful))
    labels = np.where(match.is_digit, match.label, NO_DIGIT)[at]
    return Windows(windows_of(page.image, [page.candidates[i] for i in at]), labels.astype(np.uint8))


def windows(digits: Dataset, count: int, askew: float, seed: int, report: Report) -> Windows:
    """Return the windows of so many frames written with a data set's digits, always the same.

    askew: so often one is looked at turned, too.
    """
    jobs = [(*part, askew, seed) for part in portions(0, count, PART)]
    return _together(in_parts(f"{count} frames of numbers and text", _part, jobs, digits, report))


def _part(digits: Dataset, job: tuple[int, int, float, int]) -> Windows:
    start, count, askew, seed = job
    hands, classifier = Hands(digits.inks, digits.labels), Classifier("cnn")
    found = []
    for at in range(start, start + count):
        rng = np.random.default_rng([seed, at])
        frame = draw_page(rng, hands)
        found.append(windows_in(frame, classifier))
        if rng.random() < askew:
            found.append(windows_in(matching.turned(frame, int(rng.integers(1, 4))), classifier))
    return _together(found)


def _together(parts: Sequence[Windows]) -> Windows:
    return Windows(np.concatenate([part.windows for part in parts]), np.concatenate([part.labels for part in parts]))


# --- the network ---------------------------------------------------------------------------------------------------


def build(recipe: Recipe, quick: bool = False) -> keras.Model:
    """Return the network: (N, SIDE, SIDE, 2) windows, 0 to 255, to as many log-odds as there are digits, and one.

    quick: computes in bfloat16 where the processor does.
    """
    dtype = float_of(quick)
    block = partial(convolved, dtype=dtype)
    first, second, third, fourth = recipe.channels

    seen = keras.Input((SIDE, SIDE, 2), name="windows")
    x = layers.Rescaling((1 / (INK - PAPER), 1 / 255), (-PAPER / (INK - PAPER), 0.0))(seen)
    x = block(block(x, first, 5, 2), second, 3, 2)
    x = block(block(block(x, third, 3, 2), third), fourth, 3, 2)
    x = layers.Dropout(0.3)(layers.Flatten()(x))
    x = layers.Dense(recipe.dense, use_bias=False)(x)
    x = layers.Dropout(0.2)(layers.ReLU()(layers.BatchNormalization(momentum=0.98)(x)))
    return keras.Model(seen, layers.Dense(NO_DIGIT + 1)(x))


def train(digits: Dataset, recipe: Recipe, report: Report) -> keras.Model:
    """Return a network that learnt from frames of these digits."""
    learnt = windows(digits, recipe.frames, recipe.askew, recipe.seed, report)
    keras.utils.set_random_seed(recipe.seed)
    batches = _Batches(learnt, recipe)
    optimizer = adamw(recipe.epochs, len(batches), recipe.rate, recipe.weight_decay, AVERAGE)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return averaged(partial(build, recipe), batches, recipe.epochs, optimizer, loss, report)


class _Batches(Shuffled):
    """The windows in another order each epoch, their contrast, brightness, grain and place a little changed."""

    def __init__(self, learnt: Windows, recipe: Recipe) -> None:
        super().__init__(len(learnt.labels), recipe.batch, recipe.seed)
        self._learnt = learnt

    def __getitem__(self, at: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        drawn = self.drawn(at)
        seen = self._learnt.windows[drawn].astype(np.float32)
        each = len(seen), 1, 1
        gain, shift = np.exp(self._rng.normal(0, GAIN, each)), self._rng.normal(0, SHIFT, each)
        around = PAPER + (seen[..., 0] - PAPER) * gain + shift
        if self._rng.random() < 0.5:
            around += self._rng.normal(0, GRAIN * self._rng.random(), around.shape)
        seen[..., 0] = around
        return np.roll(seen, self._rng.integers(-2, 3, 2), (1, 2)), self._learnt.labels[drawn]


def passed(digit: NDArray[np.float32], held: Windows) -> float:
    """Return which share of what is no digit is as likely one, by log-odds, as KEPT of the digits are."""
    is_digit = held.labels != NO_DIGIT
    return float(np.mean(digit[~is_digit] > np.quantile(digit[is_digit], 1 - KEPT)))


def make(path: Path, recipe: Recipe, report: Report) -> float:
    """Train on MNIST's digits, write the file, and return the share of held windows without a digit that it passes.

    Raises DataError where MNIST, a font or a picture cannot be had.
    """
    marks.check()
    mnist = load("mnist", "train", report)
    learnt, kept = learnt_and_kept(mnist)
    model = train(mnist.part(learnt), recipe, report)
    held = windows(mnist.part(kept), recipe.held, recipe.askew, recipe.seed + 1, report)
    answer = answering(model)
    share = passed(answer.predict(held.windows.astype(np.float32), 500, verbose=0), held)
    write(to_onnx(answer, recipe, share), path)
    return share


def answering(model: keras.Model) -> keras.Model:
    """Return the network that says how likely there is a digit, whichever: (N,) log-odds."""
    said = model.output
    return keras.Model(model.input, ops.logsumexp(said[:, :NO_DIGIT], axis=1) - said[:, NO_DIGIT])


def to_onnx(answer: keras.Model, recipe: Recipe, share: float) -> bytes:
    """Return the file. share: of held windows without a digit, those that it passes."""
    return network_to_onnx(answer, "windows", "digit", asdict(recipe), {"passed": share})


if __name__ == "__main__":
    remake_helper(Path("models") / CONTEXT, make, Recipe())
