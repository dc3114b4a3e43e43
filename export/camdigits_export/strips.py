"""The network of camdigits.strips: numbers in strips of a picture, and what only looks like one; how it learns them.

    python -m camdigits_export.strips

writes models/strips.onnx, from composed frames of MNIST's training digits; an hour and a half on two cores.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import keras
import numpy as np
from keras import layers
from numpy.random import Generator
from numpy.typing import NDArray

from camdigits import context
from camdigits.classify import Classifier
from camdigits.decode import decode
from camdigits.network import STRIPS
from camdigits.pipeline import propose
from camdigits.strips import BLANK, HEIGHT, MARGIN, STEP, TALL, Floats, as_ink, place_of, strip_of, text_of, together
from camdigits.types import Box, shared_area
from camdigits_export import marks, matching
from camdigits_export.cards import remake_helper
from camdigits_export.cnn import Varied, adamw
from camdigits_export.context import draw_page
from camdigits_export.datasets import Dataset, learnt_and_kept, load
from camdigits_export.frames import Frame, Hands, draw_frame
from camdigits_export.patches import Report, in_parts, portions
from camdigits_export.to_onnx import network_to_onnx, write

ROOMY, LARGER, AROUND = 56, 24, 1.2
"""Strips are kept so high, with digits so tall and so much beside them, in digit heights: room to vary them."""

HARD = 0.6
"""So often digits of a full page touch, are broken or are printed more often."""

MOST = 60
"""Strips of one page, at most."""

ALIKE = 0.7
"""What was taken for a number is one where both cover so much of what they cover together, …"""

BESIDE = 0.6
"""… and nothing of it lies farther outside than this, in digit heights: it is seen."""

ELSEWHERE, HEIGHTS = 4, (12.0, 90.0)
"""So many places of a frame where there is no number are looked at, as if digits of such heights were there."""

LIKELY = 0.35
"""Digits as sure as this make what is shown as a number."""

ASKEW = 0.4
"""So often a frame is looked at turned, too: letters on their head or side may look like digits."""

PART = 10
"""Frames in one part of the work."""

TOGETHER = 16
"""Of so many batches strips of about the same length are put together."""

SAME_SHAPE = 16
"""Pixels of whose multiple batches are as wide: the training is made ready for each width once."""

AVERAGE = 0.998
"""How slowly the average of the weights follows them."""

WORST = 50.0
"""A strip counts no more than as if it were so unlikely, in nats."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a training is made of.

    pages: full of numbers. frames: among words, as the reader reads them. held: of each, that judge it.
    """

    pages: int = 700
    frames: int = 450
    held: int = 60
    epochs: int = 10
    batch: int = 48
    rate: float = 2e-3
    weight_decay: float = 0.01
    channels: tuple[int, int, int, int, int] = (16, 24, 48, 72, 128)
    seed: int = 1


class Strip(NamedTuple):
    """(ROOMY, width) uint8 grey, and the digits of the number in it, none where there is no number."""

    grey: NDArray[np.uint8]
    text: str


# --- strips --------------------------------------------------------------------------------------------------------


def strips_of_page(frame: Frame, rng: Generator) -> list[Strip]:
    """Return the strips of an upright frame's numbers."""
    grey = np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY), np.uint8)
    chosen = rng.permutation(len(frame.numbers))[:MOST]
    numbers = [frame.numbers[int(i)] for i in chosen]
    # turned upright, a number keeps the angle it had
    return [
        _strip(grey, [d.box for d in n.digits], (n.angle + 45) % 90 - 45, "".join(d.label for d in n.digits))
        for n in numbers
    ]


def strips_as_read(frame: Frame, classifier: Classifier) -> list[Strip]:
    """Return the strips of what the reader takes for numbers in an upright frame: of numbers, and of what is none.

    Left out is what lies between.
    """
    page = propose(frame.image, classifier)
    probabilities = context.in_context(page.image, page.candidates, page.probabilities)
    grey = np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY), np.uint8)
    every = np.array([d.box for n in frame.numbers for d in n.digits], int).reshape(-1, 4)
    unsure = np.concatenate([every, frame.doubtful])
    strips = []
    for line in decode(page.candidates, probabilities, classifier.labels, LIKELY, clutter=0):
        boxes, angle = [digit.box for digit in line.digits], line.angle
        inside = [n for n in frame.numbers if _same(n.box, line.box)]
        if inside:
            strips.append(_strip(grey, boxes, angle, "".join(d.label for d in inside[0].digits)))
        elif not shared_area(np.array([line.box]), unsure).any():
            strips.append(_strip(grey, boxes, angle, ""))
    return strips


def strips_elsewhere(frame: Frame, rng: Generator) -> list[Strip]:
    """Return strips of an upright frame in which there is no number: of words, scribbles and what else lies there."""
    grey = np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY), np.uint8)
    written = np.array([digit.box for number in frame.numbers for digit in number.digits], int).reshape(-1, 4)
    unsure = np.concatenate([written, frame.doubtful])
    rows, columns = np.nonzero(frame.ink)
    found = []
    for _ in range(ELSEWHERE):
        tall = float(np.exp(rng.uniform(*np.log(HEIGHTS))))
        if len(written) and rng.random() < 0.5:
            tall = float(np.median(written[:, 3]))
        x, y = int(rng.integers(grey.shape[1])), int(rng.integers(grey.shape[0]))
        if len(rows) and rng.random() < 0.8:
            at = int(rng.integers(len(rows)))
            x, y = int(columns[at]), int(rows[at])
        wide, room = 0.5 * tall + 0.7 * tall * int(rng.integers(4)), 0.3 * tall
        box = Box(round(x - wide / 2), round(y - tall / 2), round(wide), round(tall))
        around = Box(round(box.x - room), round(box.y - room), round(wide + 2 * room), round(tall + 2 * room))
        if not shared_area(np.array([around]), unsure).any():
            found.append(_strip(grey, [box], float(rng.normal(0, 5)), ""))
    return found


def _same(number: Box, read: Box) -> bool:
    shared = shared_area(np.array([number]), np.array([read]))[0, 0]
    alike = shared > ALIKE * (number.w * number.h + read.w * read.h - shared)
    room = BESIDE * read.h
    return bool(alike and number.x > read.x - room and number.right < read.right + room)


def _strip(grey: NDArray[np.uint8], boxes: Sequence[Box], angle: float, text: str) -> Strip:
    return Strip(strip_of(grey, place_of(boxes, angle, ROOMY, LARGER, AROUND), ROOMY), text)


def strips(digits: Dataset, pages: int, frames: int, seed: int, report: Report) -> list[Strip]:
    """Return the strips of so many pages and frames written with a data set's digits, always the same."""
    jobs = [("page", *part, seed) for part in portions(0, pages, PART)]
    jobs += [("frame", *part, seed) for part in portions(0, frames, PART)]
    parts = in_parts(f"{pages} pages full of numbers and {frames} frames", _part, jobs, digits, report)
    return [strip for part in parts for strip in part]


def _part(digits: Dataset, job: tuple[str, int, int, int]) -> list[Strip]:
    kind, start, count, seed = job
    hands, classifier = Hands(digits.inks, digits.labels), Classifier("cnn")
    found = []
    for at in range(start, start + count):
        rng = np.random.default_rng([seed, at, kind == "page"])
        if kind == "page":
            found += strips_of_page(matching.upright(draw_frame(rng, hands, bool(rng.random() < HARD), full=True)), rng)
            continue
        frame = draw_page(rng, hands)
        found += strips_as_read(frame, classifier) + strips_elsewhere(frame, rng)
        if rng.random() < ASKEW:
            askew = strips_as_read(matching.turned(frame, int(rng.integers(1, 4))), classifier)
            found += [strip for strip in askew if not strip.text]  # turned digits are left out
    return found


def varied(grey: NDArray[np.uint8], rng: Generator | None = None) -> Floats:
    """Return (HEIGHT, width) ink of a kept strip as it is cut out to be read, or otherwise cut, leant, lit, grained."""
    high, wide = grey.shape
    scale, wider, lean, turn, lift = TALL / LARGER, 1.0, 0.0, 0.0, 0.0
    left = right = (AROUND - MARGIN) * LARGER
    if rng:
        scale *= np.exp(rng.normal(0, 0.1))
        wider, lean, turn, lift = (
            np.exp(rng.normal(0, 0.07)),
            rng.normal(0, 0.12),
            rng.normal(0, 0.02),
            rng.normal(0, 1),
        )
        left, right = (AROUND - np.clip(rng.normal(MARGIN, 0.18, 2), 0.15, 1.1)) * LARGER
    across = scale * wider
    middle = high / 2 + lift
    move = np.array(
        [
            [across, lean * scale, -across * left - lean * scale * middle],
            [scale * turn, scale, HEIGHT / 2 - scale * middle - scale * turn * wide / 2],
        ]
    )
    size = max(8, round((wide - left - right) * across)), HEIGHT
    seen: NDArray[Any] = cv2.warpAffine(grey, move, size, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    if not rng:
        return as_ink(seen)
    if rng.random() < 0.3:
        seen = seen + np.float32(rng.uniform(0, 8)) * rng.standard_normal(seen.shape, np.float32)
    if rng.random() < 0.15:
        seen = cv2.GaussianBlur(seen, (0, 0), rng.uniform(0.3, 0.9))
    return as_ink(seen) * np.float32(rng.normal(1, 0.1)) + np.float32(rng.normal(0, 0.05))


# --- the network ---------------------------------------------------------------------------------------------------


def build(recipe: Recipe) -> keras.Model:
    """Return the network: (N, HEIGHT, W, 1) ink to (N, W / 2, 11) log-odds of each digit, and of none."""
    one, two, three, four, five = recipe.channels

    def block(x: keras.KerasTensor, channels: int, size: Any = 3, stride: int = 1, pad: str = "same") -> Any:
        x = layers.Conv2D(channels, size, stride, pad, use_bias=False)(x)
        return layers.ReLU()(layers.BatchNormalization(momentum=0.98)(x))

    ink = keras.Input((HEIGHT, None, 1), name="ink")
    x = block(block(ink, one, 5, 2), two)
    x = block(block(x, three, 3, 2), three)
    x = layers.AveragePooling2D((2, 1))(block(x, four))
    x = block(layers.ZeroPadding2D((0, 1))(block(x, four)), five, (HEIGHT // 8, 3), pad="valid")
    x = layers.Dropout(0.1)(x)
    x = layers.Add()([x, block(block(x, five, (1, 5)), five, (1, 5))])
    # each of its columns speaks for two: digits written close need them
    x = layers.Conv2D(2 * (BLANK + 1), (1, 3), padding="same")(layers.Dropout(0.1)(x))
    return keras.Model(ink, layers.Reshape((-1, BLANK + 1), name="columns")(x))


def train(learnt: Sequence[Strip], recipe: Recipe, report: Report) -> keras.Model:
    """Return a network that learnt from strips."""
    import tensorflow as tf

    report(f"{len(learnt)} strips, {sum(not strip.text for strip in learnt)} of them without a number")
    keras.utils.set_random_seed(recipe.seed)
    model = build(recipe)
    batches = _Batches(learnt, recipe)
    optimizer = adamw(recipe.epochs, len(batches), recipe.rate, recipe.weight_decay, AVERAGE)

    def step(ink: Any, wanted: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(_unlikely(wanted, model(ink, training=True)))
        weights = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    # with batches of ever other shapes Keras' own loop takes half as long again
    learn = tf.function(step, reduce_retracing=True)
    for epoch in range(1, recipe.epochs + 1):
        losses = [float(learn(*map(tf.constant, batches[at]))) for at in range(len(batches))]
        batches.on_epoch_end()
        report(f"epoch {epoch} of {recipe.epochs}: loss {np.mean(losses):.4f}")
    optimizer.finalize_variable_values(model.trainable_variables)  # the average of the weights
    return model


class _Batches(Varied):
    """The strips in another order each epoch, as they may be seen; those of a batch are about as long."""

    def __init__(self, learnt: Sequence[Strip], recipe: Recipe) -> None:
        self._learnt = learnt
        super().__init__(len(learnt), recipe.batch, recipe.seed)

    def __getitem__(self, at: int) -> tuple[Floats, NDArray[np.int32]]:
        rng, drawn = self.drawing(at), [self._learnt[i] for i in self.drawn(at)]
        seen = [varied(strip.grey, rng) for strip in drawn]
        return together(seen, SAME_SHAPE), _wanted([strip.text for strip in drawn], [ink.shape[1] for ink in seen])

    def on_epoch_end(self) -> None:
        """Draw another order."""
        super().on_epoch_end()
        lengths = np.array([strip.grey.shape[1] for strip in self._learnt])
        most = self._batch * TOGETHER
        parts = [self._order[i : i + most] for i in range(0, len(self._order), most)]
        order = np.concatenate([part[np.argsort(lengths[part], kind="stable")] for part in parts])
        batches = order[: len(self) * self._batch].reshape(-1, self._batch)
        self._order = self._rng.permutation(batches).ravel()


def _wanted(texts: Sequence[str], widths: Sequence[int]) -> NDArray[np.int32]:
    """Return how many columns each strip has, and its digits, BLANK behind them: (N, 1 + most digits)."""
    told = np.full((len(texts), 1 + max(1, *map(len, texts))), BLANK, np.int32)
    told[:, 0] = np.array(widths) // STEP
    for text, row in zip(texts, told, strict=True):
        row[1 : 1 + len(text)] = [int(digit) for digit in text]
    return told


def _unlikely(wanted: Any, said: Any) -> Any:
    """Return how unlikely the texts are by what columns say (Graves et al. 2006), long ones counting less a digit."""
    import tensorflow as tf

    wanted = tf.cast(wanted, tf.int32)
    length, texts = wanted[:, 0], wanted[:, 1:]
    count = tf.reduce_sum(tf.cast(texts < BLANK, tf.int32), 1)
    # the operation wants a digit: without one each column must say that it begins none
    is_none = count == 0
    blank = tf.nn.log_softmax(said)[..., BLANK]
    none = -tf.reduce_sum(blank * tf.sequence_mask(length, tf.shape(said)[1], tf.float32), 1)
    some = tf.where(is_none[:, None], 0, texts)
    there = tf.where(some < BLANK)
    sparse = tf.SparseTensor(there, tf.gather_nd(some, there), tf.cast(tf.shape(some), tf.int64))
    # a digit that is cut too narrow to be seen is passed over
    each = tf.compat.v1.nn.ctc_loss(sparse, said, length, ignore_longer_outputs_than_inputs=True, time_major=False)
    unlikely = tf.minimum(tf.where(is_none, none, each), WORST)
    return unlikely / tf.sqrt(tf.cast(tf.maximum(count, 1), tf.float32))


def read(model: keras.Model, held: Sequence[Strip]) -> float:
    """Return which share of strips is read as it is written, those without a number as none."""
    right = 0
    for inks, texts in _by_length(held):
        said = model.predict_on_batch(together(inks))
        right += sum(
            text_of(columns[: ink.shape[1] // STEP]) == text
            for columns, ink, text in zip(said, inks, texts, strict=True)
        )
    return right / len(held)


def _by_length(held: Sequence[Strip]) -> Iterator[tuple[list[Floats], list[str]]]:
    ordered = sorted(held, key=lambda strip: strip.grey.shape[1])
    for at in range(0, len(ordered), 64):
        part = ordered[at : at + 64]
        yield [varied(strip.grey) for strip in part], [strip.text for strip in part]


def to_onnx(model: keras.Model, recipe: Recipe, share: float) -> bytes:
    """Return the file. share: of held strips, those that are read."""
    return network_to_onnx(model, "ink", "columns", asdict(recipe), {"read": share})


def make(path: Path, recipe: Recipe, report: Report) -> float:
    """Train on MNIST's digits, write the file, and return the share of held strips that are read.

    Raises DataError where MNIST, a font or a picture cannot be had.
    """
    marks.check()
    mnist = load("mnist", "train", report)
    learnt, kept = learnt_and_kept(mnist)
    seen = strips(mnist.part(learnt), recipe.pages, recipe.frames, recipe.seed, report)
    model = train(seen, recipe, report)
    held = strips(mnist.part(kept), recipe.held, recipe.held, recipe.seed + 1, report)
    share = read(model, held)
    write(to_onnx(model, recipe, share), path)
    return share


if __name__ == "__main__":
    remake_helper(Path("models") / STRIPS, make, Recipe())
