"""The network of camdigits.inked: where a pen went in a frame, and how it learns that.

    python -m camdigits_export.inked

writes models/inked.onnx, from composed frames of MNIST's training digits, of which every pixel is known; an
hour on two cores.
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

from camdigits.network import INKED
from camdigits_export import marks
from camdigits_export.cards import remake_helper
from camdigits_export.cnn import Varied, adamw, averaged, convolved, float_of, widened
from camdigits_export.context import draw_page
from camdigits_export.datasets import Dataset, learnt_and_kept, load
from camdigits_export.frames import Frame, Hands, draw_frame
from camdigits_export.patches import Report, in_parts, portions
from camdigits_export.scenes import Floats, Mask
from camdigits_export.to_onnx import network_to_onnx, write

SIDE = 160
"""Pixels of a part of a frame."""

EACH = 10
"""Parts that are taken from a frame …"""

AT_INK, STRAY = 0.75, 40.0
"""… so often around ink, and so far from it (standard deviation, pixels), the others anywhere."""

LOW, HIGH = 14.0, 60.0
"""Larger digits are reduced until they are so high, pixels: anything between."""

ENLARGED = 2.0
"""Smaller ones are enlarged, at most so many times."""

SMALLEST = 0.35
"""Frames without a digit are reduced to this size at least."""

WORDS = 1 / 3
"""Frames that have words and signs, as those of camdigits_export.context."""

PART = 25
"""Frames in one part of the work."""

RULED = 0.25
"""So often rules or a grid are printed across a part: as forms, tables and riddles have them, thin and thick."""

FAINT = 0.25
"""So often ink is fainter than it was composed, as hard pencil is."""

NEAR, COUNTED = 7, 3.0
"""Pixels within half of so many of ink are counted so many times: what is far from it is mostly easy."""

MEAN, SPREAD = 128.0, 64.0
"""What the network takes off a grey level, and what it divides it by."""

AVERAGE = 0.998
"""How slowly the average of the weights follows them."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a training is made of. frames: composed, those that it learns from, and held ones that judge it."""

    frames: int = 1300
    held: int = 60
    epochs: int = 26
    batch: int = 24
    rate: float = 3e-3
    weight_decay: float = 0.01
    channels: tuple[int, int, int, int] = (16, 24, 40, 64)
    seed: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """(N, SIDE, SIDE, 3) uint8 parts of frames, BGR, and (N, SIDE, SIDE) uint8, how much of each pixel is ink."""

    pictures: NDArray[np.uint8]
    inks: NDArray[np.uint8]


# --- parts of frames -----------------------------------------------------------------------------------------------


def parts_of(frame: Frame, rng: Generator) -> Parts:
    """Return parts of a frame, in sizes in which the network looks at such."""
    tall = [digit.box.w if frame.turns % 2 else digit.box.h for number in frame.numbers for digit in number.digits]
    pictures, inks = [], []
    for _ in range(EACH):
        scale = drawn_scale(frame, tall, SIDE, rng)
        seen, ink = (scaled(whole, scale) for whole in (frame.image, frame.ink))
        top, left = _place(ink, rng)
        pictures.append(seen[top : top + SIDE, left : left + SIDE])
        inks.append(ink[top : top + SIDE, left : left + SIDE])
    return Parts(np.stack(pictures), np.stack(inks))


def drawn_scale(frame: Frame, heights: Sequence[int], least: int, rng: Generator) -> float:
    """Return to how many times its size a frame is brought where the network looks at digits of such heights.

    No side becomes shorter than so many pixels.
    """
    if heights:
        tall = float(np.median(heights))
        scale = min(ENLARGED * tall, float(np.exp(rng.uniform(np.log(LOW), np.log(HIGH))))) / tall
    else:
        scale = float(np.exp(rng.uniform(np.log(SMALLEST), 0)))
    return float(max(scale, least / min(frame.ink.shape)))


def scaled(whole: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """Return a picture in so many times its size, a part at least."""
    if scale == 1:
        return whole
    size = max(SIDE, round(whole.shape[1] * scale)), max(SIDE, round(whole.shape[0] * scale))
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(whole, size, interpolation=flags), np.uint8)


def _place(ink: Mask, rng: Generator) -> tuple[int, int]:
    """Return top and left of a part of a frame."""
    most = np.array(ink.shape) - SIDE
    written = np.argwhere(ink[::4, ::4] > 100) * 4
    if len(written) and rng.random() < AT_INK:
        middle = written[int(rng.integers(len(written)))] + rng.normal(0, STRAY, 2)
        corner = np.clip(np.round(middle - SIDE / 2).astype(int), 0, most)
    else:
        corner = rng.integers(most + 1)
    return int(corner[0]), int(corner[1])


def parts(digits: Dataset, count: int, seed: int, report: Report) -> Parts:
    """Return the parts of so many frames written with a data set's digits, always the same."""
    jobs = [(*part, seed) for part in portions(0, count, PART)]
    return _together(in_parts(f"{count} frames and their ink", _part, jobs, digits, report))


def _part(digits: Dataset, job: tuple[int, int, int]) -> Parts:
    start, count, seed = job
    hands = Hands(digits.inks, digits.labels)
    made = []
    for at in range(start, start + count):
        rng = np.random.default_rng([seed, at])
        words = rng.random() < WORDS
        made.append(parts_of(draw_page(rng, hands) if words else draw_frame(rng, hands, bool(rng.random() < 0.5)), rng))
    return _together(made)


def _together(made: Sequence[Parts]) -> Parts:
    return Parts(np.concatenate([part.pictures for part in made]), np.concatenate([part.inks for part in made]))


# --- the network ---------------------------------------------------------------------------------------------------


def build(recipe: Recipe, quick: bool = False) -> keras.Model:
    """Return the network: (N, H, W, 3) pictures, 0 to 255, to (N, H, W) log-odds of ink.

    quick: computes in bfloat16 where the processor does.
    """
    dtype = float_of(quick)
    block, wider = partial(convolved, dtype=dtype), partial(widened, dtype=dtype)
    one, two, three, four = recipe.channels

    picture = keras.Input((None, None, 3), name="picture")
    half = block(layers.Rescaling(1 / SPREAD, -MEAN / SPREAD)(picture), one, 4, 2)
    quarter = block(block(half, two, 3, 2), two)
    eighth = block(block(quarter, three, 3, 2), three)
    x = block(block(block(eighth, four, 3, 2), four), four)
    x = wider(wider(wider(x, eighth, three), quarter, two), half, one)
    odds = layers.Conv2DTranspose(1, 2, strides=2, dtype="float32")(x)
    return keras.Model(picture, ops.squeeze(odds, axis=-1))


def train(digits: Dataset, recipe: Recipe, report: Report) -> keras.Model:
    """Return a network that learnt from frames of these digits."""
    learnt = parts(digits, recipe.frames, recipe.seed, report)
    keras.utils.set_random_seed(recipe.seed)
    batches = _Batches(learnt, recipe)
    optimizer = adamw(recipe.epochs, len(batches), recipe.rate, recipe.weight_decay, AVERAGE)
    return averaged(partial(build, recipe), batches, recipe.epochs, optimizer, _wrong, report)


class _Batches(Varied):
    """The parts in another order each epoch, turned, mirrored, ruled, and in another light."""

    def __init__(self, learnt: Parts, recipe: Recipe) -> None:
        super().__init__(len(learnt.inks), recipe.batch, recipe.seed)
        self._learnt = learnt

    def __getitem__(self, at: int) -> tuple[Floats, Floats]:
        rng = self.drawing(at)
        drawn = [_varied(self._learnt.pictures[i], self._learnt.inks[i], rng) for i in self.drawn(at)]
        return np.stack([seen for seen, _ in drawn]), np.stack([ink for _, ink in drawn])


def _varied(picture: NDArray[np.uint8], ink: NDArray[np.uint8], rng: Generator) -> tuple[Floats, Floats]:
    """Return a part and its ink as another camera may see them."""
    quarters = int(rng.choice(4, p=[0.7, 0.1, 0.1, 0.1]))
    picture, ink = np.rot90(picture, quarters), np.rot90(ink, quarters)
    if rng.random() < 0.5:
        picture, ink = picture[:, ::-1], ink[:, ::-1]
    seen, share = picture.astype(np.float32), ink.astype(np.float32) / np.float32(255)
    if rng.random() < FAINT:
        seen = faint(seen, share, float(rng.uniform(0.1, 0.55)))
    if rng.random() < RULED:
        seen = ruled(seen, share, rng)
    if rng.random() < 0.2:
        seen = seen + np.float32(rng.uniform(0.3, 1.5)) * (seen - cv2.GaussianBlur(seen, (0, 0), rng.uniform(0.7, 2)))
    seen *= np.exp(rng.normal(0, 0.2) + rng.normal(0, 0.06, 3)).astype(np.float32)
    seen += np.float32(rng.normal(0, 8))
    if rng.random() < 0.25:
        seen = 255 - seen
    if rng.random() < 0.3:
        seen[:] = seen.mean(axis=2, keepdims=True)
    if rng.random() < 0.4:
        seen += np.float32(rng.uniform(1, 7)) * rng.standard_normal(seen.shape, np.float32)
    return np.clip(seen, 0, 255), share


def faint(seen: Floats, share: Floats, less: float) -> Floats:
    """Return a (SIDE, SIDE, 3) picture whose ink is so much nearer to its paper."""
    bare = (1 - share)[..., None] + np.float32(1e-3)
    paper = cv2.GaussianBlur(seen * bare, (0, 0), 4) / cv2.GaussianBlur(bare, (0, 0), 4)[..., None]
    return np.asarray(seen + np.float32(less) * share[..., None] * (paper - seen), np.float32)


def ruled(seen: Floats, share: Floats, rng: Generator) -> Floats:
    """Return a square (S, S, 3) picture with rules or a grid across it, under its ink. share: how much ink each has."""
    side = len(share)
    lines = np.zeros((side, side), np.uint8)
    angle = rng.normal(0, 0.08) + (np.pi / 2 if rng.random() < 0.3 else 0)
    apart, thick = rng.uniform(18, 95), int(rng.choice([1, 2, 3, 4, 5, 7], p=[0.3, 0.3, 0.15, 0.1, 0.1, 0.05]))
    along = np.array([np.cos(angle), np.sin(angle)])
    for way in [along, along[::-1] * (-1, 1)][: 2 if rng.random() < 0.6 else 1]:
        across = way[::-1] * (-1, 1)
        for away in np.arange(-side, side, apart) + rng.uniform(0, apart):
            ends = [side / 2 + away * across + end * side * way for end in (-1.5, 1.5)]
            first, last = (tuple(np.round(16 * end).astype(int).tolist()) for end in ends)
            cv2.line(lines, first, last, 255, thick, cv2.LINE_AA, 4)
    strength = cv2.GaussianBlur(lines, (0, 0), rng.uniform(0.5, 1.3)).astype(np.float32) / 255 * rng.uniform(0.2, 1)
    strength = (strength * (1 - share))[..., None]
    colour = (rng.uniform(0, 90) + rng.uniform(-30, 60, 3)).clip(0, 255)
    if seen.mean() < 90:
        colour = 255 - colour
    return np.asarray(seen + strength * (colour - seen), np.float32)


def _wrong(share: keras.KerasTensor, odds: keras.KerasTensor) -> keras.KerasTensor:
    """Return the cross-entropy, most of it near ink, and how little what is found and what is written overlap.

    That is one less Dice's coefficient (Milletari et al. 2016, "V-Net").
    """
    near = ops.max_pool(share[..., None], NEAR, 1, "same")[..., 0]
    entropy = ops.mean((1 + (COUNTED - 1) * near) * (ops.softplus(odds) - share * odds))
    chance = ops.sigmoid(odds)
    # a hundred pixels more, for parts that have no ink
    overlap = (2 * ops.sum(chance * share) + 100) / (ops.sum(chance**2) + ops.sum(share**2) + 100)
    return 10 * entropy + 1 - overlap


def found(odds: Floats, held: Parts) -> float:
    """Return how much of the ink of parts is found, and of what is found is ink: the harmonic mean (F1)."""
    said, true = odds > 0, held.inks > 127
    both = int(np.count_nonzero(said & true))
    return 2 * both / max(int(np.count_nonzero(said)) + int(np.count_nonzero(true)), 1)


def to_onnx(model: keras.Model, recipe: Recipe, share: float) -> bytes:
    """Return the file. share: of held parts, as `found` says."""
    return network_to_onnx(model, "picture", "ink", asdict(recipe), {"found": share})


def make(path: Path, recipe: Recipe, report: Report) -> float:
    """Train on MNIST's digits, write the file, and return how much of the ink of held frames is found (F1).

    Raises DataError where MNIST, a font or a picture cannot be had.
    """
    marks.check()
    mnist = load("mnist", "train", report)
    learnt, kept = learnt_and_kept(mnist)
    model = train(mnist.part(learnt), recipe, report)
    held = parts(mnist.part(kept), recipe.held, recipe.seed + 1, report)
    share = found(model.predict(held.pictures.astype(np.float32), 50, verbose=0), held)
    write(to_onnx(model, recipe, share), path)
    return share


if __name__ == "__main__":
    remake_helper(Path("models") / INKED, make, Recipe())
