"""The network of camdigits.leftmost: digits written so that they touch, whose ink is whose, and how it learns that.

    python -m camdigits_export.leftmost

writes models/leftmost.onnx, from MNIST's training digits; a quarter of an hour on two cores.
"""

from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path

import cv2
import keras
import numpy as np
from keras import layers, ops
from numpy.random import Generator
from numpy.typing import NDArray

from camdigits.leftmost import HEIGHT, WIDTH, left_end
from camdigits.network import LEFTMOST
from camdigits_export import augment, strokes
from camdigits_export.augment import Ink
from camdigits_export.cards import remake_helper
from camdigits_export.cnn import Shuffled, convolved, losses_told, rate_over
from camdigits_export.datasets import Dataset, learnt_and_kept, load
from camdigits_export.patches import Report, in_parts, portions
from camdigits_export.to_onnx import network_to_onnx, write

LENGTHS = 0.12, 0.5, 0.25, 0.13
"""How often one, two, three and four digits are joined."""

BEGUN = 0.35
"""How often another digit stood before them and was taken away: the network is asked again about what it left."""

RARE = 0.12
"""How often a digit is drawn as MNIST hardly has it."""

OVERLAP, LIFT = 0.04, 0.06
"""How far strokes that touch run into one another, and digits leave the line: standard deviations, in digit heights."""

PART = 500
"""Strings in one part of the work."""

WRONG = 0.08
"""A first digit is found where a smaller share of the ink is coloured wrong."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a training is made of. strings: of joined digits, those that it learns from, and held ones that judge it."""

    strings: int = 80_000
    held: int = 3000
    epochs: int = 8
    batch: int = 128
    rate: float = 3e-3
    weight_decay: float = 0.01
    channels: tuple[int, int, int, int] = (16, 24, 32, 48)
    seed: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Strings:
    """(N, HEIGHT, WIDTH) uint8 left ends of joined digits, and which pixels are nearest to the first digit."""

    inks: Ink
    firsts: Ink


# --- strings -------------------------------------------------------------------------------------------------------


def draw_joined(rng: Generator, digits: Dataset) -> tuple[Ink, Ink]:
    """Return the (h, w) uint8 ink of digits that touch, as a camera sees it, and 255 nearest to the first."""
    while True:
        begun = bool(rng.random() < BEGUN)
        count = 1 + int(rng.choice(len(LENGTHS), p=LENGTHS)) + begun
        owners = _row(rng, digits, count)
        if begun:
            owners = _without_first(owners, rng)
        x, y, w, h = cv2.boundingRect((owners > 0).view(np.uint8))
        if h:
            owners = owners[y : y + h, x : x + w]
            ink = augment.photograph(np.where(owners > 0, 255, 0).astype(np.uint8), rng, count)
            x, y, w, h = cv2.boundingRect((ink > 64).view(np.uint8))
            if h:
                first = _nearest(owners, ink.shape) == 1
                return ink[y : y + h, x : x + w], np.where(first, 255, 0).astype(np.uint8)[y : y + h, x : x + w]


def _row(rng: Generator, digits: Dataset, count: int) -> NDArray[np.uint8]:
    """Return (h, w): whose ink it is, counted from 1, of digits of one pen that touch."""
    pen = rng.integers(2**32)
    drawn = [_digit(rng, digits, int(pen)) for _ in range(count)]
    height = augment.CANVAS
    canvas = np.zeros((3 * height, sum(ink.shape[1] for ink in drawn) + height), np.uint8)
    left = height // 2
    for number, ink in enumerate(drawn, 1):
        h, w = ink.shape
        top = 2 * height - h + round(float(np.clip(rng.normal(0, LIFT), -0.3, 0.3)) * height)
        if number > 1:
            left = _touching(canvas == number - 1, ink, top) - round(abs(rng.normal(0, OVERLAP)) * height)
        part = canvas[top : top + h, max(0, left) : left + w]
        part[ink[:, -part.shape[1] :] > 127] = number
    return canvas


def _digit(rng: Generator, digits: Dataset, pen: int) -> Ink:
    """Return a digit's ink, cropped to it: turned and slanted a little, written with the pen of that seed."""
    ink = digits.inks[int(rng.integers(len(digits)))]
    if rng.random() < RARE:
        ink = strokes.draw_digit(rng, *strokes.RARE[int(rng.integers(len(strokes.RARE)))])
    ink = augment.repen(augment.warp(ink, rng, 8), np.random.default_rng(pen))
    x, y, w, h = cv2.boundingRect((ink > 127).view(np.uint8))
    return ink[y : y + h, x : x + w]


def _touching(before: NDArray[np.bool_], ink: Ink, top: int) -> int:
    """Return the column at which ink that begins in row `top` just touches what stands before it."""
    there, here = before[top : top + ink.shape[0]], ink > 127
    both = there.any(axis=1) & here.any(axis=1)
    if not both.any():  # they pass each other by in height
        return int(np.flatnonzero(before.any(axis=0))[-1])
    ends = there.shape[1] - there[:, ::-1].argmax(axis=1)
    return int((ends - here.argmax(axis=1))[both].max())


def _without_first(owners: NDArray[np.uint8], rng: Generator) -> NDArray[np.uint8]:
    """Return what is left where the first digit was taken away, a little more or less than it."""
    first = (owners == 1).view(np.uint8)
    by = np.ones([int(rng.integers(1, 6))] * 2, np.uint8)
    gone = cv2.dilate(first, by) if rng.random() < 0.85 else cv2.erode(first, by[:3, :3])
    left = np.where(gone > 0, 0, owners)
    # a rim of the first that stays is as if it were the second's
    return np.where(left > 1, left - 1, left).astype(np.uint8)


def _nearest(owners: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return whose ink each pixel of a photograph is: blur widens strokes, and each pixel is whose ink is nearest."""
    h, w = shape[0] - 2 * augment.MARGIN, shape[1] - 2 * augment.MARGIN
    small = np.pad(cv2.resize(owners, (w, h), interpolation=cv2.INTER_NEAREST), augment.MARGIN).astype(np.uint8)
    if not small.any():
        return small
    _, places = cv2.distanceTransformWithLabels(
        (small == 0).view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    whose = np.zeros(int(places.max()) + 1, np.uint8)
    whose[places[small > 0]] = small[small > 0]
    return np.asarray(whose[places])


def strings(digits: Dataset, count: int, seed: int, report: Report) -> Strings:
    """Return so many strings of a data set's digits, always the same."""
    jobs = [(*part, seed) for part in portions(0, count, PART)]
    parts = in_parts(f"{count} strings of joined digits", _part, jobs, digits, report)
    return Strings(np.concatenate([inks for inks, _ in parts]), np.concatenate([firsts for _, firsts in parts]))


def _part(digits: Dataset, job: tuple[int, int, int]) -> tuple[Ink, Ink]:
    start, count, seed = job
    rng = np.random.default_rng([seed, start])
    drawn = [draw_joined(rng, digits) for _ in range(count)]
    return np.stack([left_end(ink) for ink, _ in drawn]), np.stack([left_end(first) for _, first in drawn])


# --- the network ---------------------------------------------------------------------------------------------------


def build(recipe: Recipe) -> keras.Model:
    """Return the network: (N, HEIGHT, WIDTH) ink to as many log-odds that it is the first digit's."""
    one, two, three, four = recipe.channels

    def twice(x: keras.KerasTensor, channels: int, size: int = 3, stride: int = 1) -> keras.KerasTensor:
        return convolved(convolved(x, channels, size, stride), channels)

    def wider(x: keras.KerasTensor, beside: keras.KerasTensor, channels: int) -> keras.KerasTensor:
        return twice(layers.Concatenate()([layers.UpSampling2D(interpolation="bilinear")(x), beside]), channels)

    ink = keras.Input((HEIGHT, WIDTH), name="ink")
    half = twice(layers.Reshape((HEIGHT, WIDTH, 1))(ink), one, 5, 2)
    quarter = twice(layers.MaxPooling2D()(half), two)
    eighth = twice(layers.MaxPooling2D()(quarter), three)
    least = twice(layers.MaxPooling2D()(eighth), four)
    # where one digit ends depends on all that is there
    x = layers.Dense(64, activation="relu")(layers.Flatten()(least))
    x = layers.Reshape(least.shape[1:])(layers.Dense(prod(least.shape[1:]), activation="relu")(x))
    x = wider(wider(wider(x, eighth, three), quarter, two), half, one)
    x = layers.UpSampling2D(interpolation="bilinear")(layers.Conv2D(1, 3, padding="same")(x))
    return keras.Model(ink, layers.Reshape((HEIGHT, WIDTH), name="first")(x))


def train(digits: Dataset, recipe: Recipe, report: Report) -> keras.Model:
    """Return a network that learnt from strings of these digits."""
    learnt = strings(digits, recipe.strings, recipe.seed, report)
    keras.utils.set_random_seed(recipe.seed)
    model = build(recipe)
    steps = len(learnt.inks) // recipe.batch
    schedule = rate_over(recipe.epochs, steps, recipe.rate / 30, recipe.rate)
    model.compile(keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay), _wrong)
    model.fit(
        _Batches(learnt, recipe),
        epochs=recipe.epochs,
        shuffle=False,
        verbose=0,
        callbacks=[losses_told(recipe.epochs, report)],
    )
    return model


class _Batches(Shuffled):
    """The strings in another order each epoch; targets are the first's share of each pixel, and how much ink it is."""

    def __init__(self, learnt: Strings, recipe: Recipe) -> None:
        super().__init__(len(learnt.inks), recipe.batch, recipe.seed)
        self._strings = learnt

    def __getitem__(self, at: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        drawn = self.drawn(at)
        ink, first = augment.as_input(self._strings.inks[drawn]), augment.as_input(self._strings.firsts[drawn])
        return ink, np.stack([first, ink], axis=-1)


def _wrong(targets: keras.KerasTensor, first: keras.KerasTensor) -> keras.KerasTensor:
    """Return the cross-entropy of the pixels, each counted as much as it is ink."""
    share, ink = targets[..., 0], targets[..., 1]
    return ops.sum(ink * (ops.softplus(first) - share * first)) / ops.sum(ink)


def found(first: NDArray[np.float32], held: Strings) -> float:
    """Return the share of strings of which the first digit is found, by a network's (N, HEIGHT, WIDTH) log-odds."""
    ink = held.inks > 64
    wrong = ((first > 0) != (held.firsts > 127)) & ink
    return float(np.mean(wrong.sum(axis=(1, 2)) < WRONG * ink.sum(axis=(1, 2))))


def to_onnx(model: keras.Model, recipe: Recipe, share: float) -> bytes:
    """Return the file. share: of held strings, those whose first digit is found."""
    return network_to_onnx(model, "ink", "first", asdict(recipe), {"found": share})


def make(path: Path, recipe: Recipe, report: Report) -> float:
    """Train on MNIST, write the file, and return the share of held strings whose first digit is found.

    Raises DataError where MNIST cannot be had.
    """
    mnist = load("mnist", "train", report)
    learnt, kept = learnt_and_kept(mnist)
    model = train(mnist.part(learnt), recipe, report)
    held = strings(mnist.part(kept), recipe.held, recipe.seed, report)
    share = found(model.predict(augment.as_input(held.inks), 500, verbose=0), held)
    write(to_onnx(model, recipe, share), path)
    return share


if __name__ == "__main__":
    remake_helper(Path("models") / LEFTMOST, make, Recipe())
