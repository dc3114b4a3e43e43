"""The network of camdigits.locate: where digits are in ink, and which; and how it learns that.

    python -m camdigits_export.locate

writes models/locate.onnx, from composed frames of MNIST's training digits, of which inked.onnx found the ink; an hour
on two cores.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
from keras import layers, ops
from numpy.random import Generator
from numpy.typing import NDArray

from camdigits.inked import inked
from camdigits.locate import NO_DIGIT, SAID, STEP, located
from camdigits.network import LOCATE
from camdigits_export import marks, matching
from camdigits_export.cards import remake_helper
from camdigits_export.cnn import Varied, adamw, averaged, convolved, float_of, widened
from camdigits_export.context import draw_page
from camdigits_export.datasets import Dataset, learnt_and_kept, load
from camdigits_export.frames import Frame, Hands, draw_frame
from camdigits_export.inked import drawn_scale, ruled, scaled
from camdigits_export.patches import Report, in_parts, portions
from camdigits_export.scenes import Floats, Mask
from camdigits_export.to_onnx import network_to_onnx, write

SIDE, RIM = 160, 16
"""Pixels of a part of a frame, and of what is looked at around it to find its ink, …"""

WHOLE = SIDE + 2 * RIM
"""… and both."""

EACH = 8
"""Parts that are taken from a frame …"""

AT_DIGITS, STRAY = 0.85, 40.0
"""… so often around a digit, and so far from it (standard deviation, pixels), the others anywhere."""

RULED = 0.3
"""So often rules or a grid are printed across a part: as forms, tables and riddles have them, thin and thick."""

WORDS = 0.4
"""Frames that have words and signs, as those of camdigits_export.context."""

PART = 25
"""Frames in one part of the work."""

UNKNOWN = 255
"""Labels what a person may take for a digit, and what lies between a digit's middle and its rim."""

MIDDLE, RING = 0.22, 0.4
"""A place belongs to a digit within this share of its width and height from its middle, and is UNKNOWN within that."""

SURER = 2.0
"""What is no digit is counted by this power of how wrong it is: nearly all of it is easily told (Lin et al. 2017)."""

NONE_FOUND = 20
"""Errors are counted for each place of a digit, as if there were so many more: some parts have none."""

AVERAGE = 0.998
"""How slowly the average of the weights follows them."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a training is made of. frames: composed, those that it learns from, and held ones that judge it."""

    frames: int = 1600
    held: int = 60
    epochs: int = 32
    batch: int = 32
    rate: float = 3e-3
    weight_decay: float = 0.01
    channels: tuple[int, int, int, int] = (16, 32, 56, 96)
    seed: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """(N, SIDE, SIDE) uint8 ink of parts of frames, and their digits, (n, 5) each: x, y, width, height and label."""

    inks: NDArray[np.uint8]
    digits: tuple[Floats, ...]


# --- parts of frames -----------------------------------------------------------------------------------------------


def parts_of(frame: Frame, rng: Generator) -> Parts:
    """Return parts of an upright frame, in sizes in which the network looks at such."""
    written = [(*digit.box, int(digit.label)) for number in frame.numbers for digit in number.digits]
    known = np.array([*written, *((*box, UNKNOWN) for box in frame.doubtful)], np.float32).reshape(-1, 5)
    inks, digits = [], []
    for _ in range(EACH):
        scale = drawn_scale(frame, [box[3] for box in written], WHOLE, rng)
        seen, ink = (scaled(whole, scale) for whole in (frame.image, frame.ink))
        down, across = (now / before for now, before in zip(seen.shape[:2], frame.ink.shape, strict=True))
        there = known * np.array([across, down, across, down, 1], np.float32)
        x, y = _place(seen, there[: len(written)], rng)
        at = slice(y, y + WHOLE), slice(x, x + WHOLE)
        part = seen[at]
        if rng.random() < RULED:
            share = ink[at].astype(np.float32) / np.float32(255)
            part = np.clip(ruled(part.astype(np.float32), share, rng), 0, 255).astype(np.uint8)
        inks.append(inked(np.ascontiguousarray(part))[RIM:-RIM, RIM:-RIM])
        there = there - np.array([x + RIM, y + RIM, 0, 0, 0], np.float32)
        digits.append(there[(there[:, :2] < SIDE).all(1) & (there[:, :2] + there[:, 2:4] > 0).all(1)])
    return Parts(np.stack(inks), tuple(digits))


def _place(seen: NDArray[np.uint8], digits: Floats, rng: Generator) -> tuple[int, int]:
    """Return left and top of a part with its rim."""
    most = np.array(seen.shape[1::-1]) - WHOLE
    if len(digits) and rng.random() < AT_DIGITS:
        box = digits[int(rng.integers(len(digits)))]
        middle = box[:2] + box[2:4] / 2 + rng.normal(0, STRAY, 2)
    else:
        middle = rng.uniform(0, 1, 2) * seen.shape[1::-1]
    x, y = np.clip(np.round(middle - WHOLE / 2).astype(int), 0, most)
    return int(x), int(y)


def parts(digits: Dataset, count: int, seed: int, report: Report) -> Parts:
    """Return the parts of so many frames written with a data set's digits, always the same."""
    jobs = [(*part, seed) for part in portions(0, count, PART)]
    return _together(in_parts(f"{count} frames and the digits in their ink", _part, jobs, digits, report))


def _part(digits: Dataset, job: tuple[int, int, int]) -> Parts:
    start, count, seed = job
    hands = Hands(digits.inks, digits.labels)
    made = []
    for at in range(start, start + count):
        rng = np.random.default_rng([seed, at])
        frame = draw_page(rng, hands) if rng.random() < WORDS else draw_frame(rng, hands, hard=True)
        made.append(parts_of(matching.upright(frame), rng))
    return _together(made)


def _together(made: Sequence[Parts]) -> Parts:
    return Parts(np.concatenate([part.inks for part in made]), sum((part.digits for part in made), ()))


# --- the network ---------------------------------------------------------------------------------------------------


def build(recipe: Recipe, quick: bool = False) -> keras.Model:
    """Return the network: (N, H, W) ink, 0 to 255, to (N, H / STEP, W / STEP, SAID).

    That are log-odds of each digit and of none, and how far it reaches to the left, top, right and bottom, before
    softplus. quick: computes in bfloat16 where the processor does.
    """
    dtype = float_of(quick)
    block, wider = partial(convolved, dtype=dtype), partial(widened, dtype=dtype)
    one, two, three, four = recipe.channels

    ink = keras.Input((None, None), name="ink")
    half = block(layers.Rescaling(1 / 128, -0.5)(ink[..., None]), one, 4, 2)
    quarter = block(block(half, two, 3, 2), two)
    eighth = block(block(quarter, three, 3, 2), three)
    x = block(block(block(eighth, four, 3, 2), four), four)
    x = block(wider(wider(x, eighth, three), quarter, two), two)
    return keras.Model(ink, layers.Conv2D(SAID, 1, dtype="float32")(x))


def train(digits: Dataset, recipe: Recipe, report: Report) -> keras.Model:
    """Return a network that learnt from frames of these digits."""
    learnt = parts(digits, recipe.frames, recipe.seed, report)
    keras.utils.set_random_seed(recipe.seed)
    batches = _Batches(learnt, recipe)
    optimizer = adamw(recipe.epochs, len(batches), recipe.rate, recipe.weight_decay, AVERAGE)
    return averaged(partial(build, recipe), batches, recipe.epochs, optimizer, _wrong, report)


class _Batches(Varied):
    """The parts in another order each epoch, as another hand, pen and picture may give them."""

    def __init__(self, learnt: Parts, recipe: Recipe) -> None:
        super().__init__(len(learnt.inks), recipe.batch, recipe.seed)
        self._learnt = learnt

    def __getitem__(self, at: int) -> tuple[Floats, Floats]:
        rng = self.drawing(at)
        drawn = [varied(self._learnt.inks[i], self._learnt.digits[i], rng) for i in self.drawn(at)]
        return np.stack([ink for ink, _ in drawn]), np.stack([wanted(digits) for _, digits in drawn])


def varied(ink: Mask, digits: Floats, rng: Generator) -> tuple[Floats, Floats]:
    """Return (SIDE, SIDE) ink and its digits otherwise written and seen."""
    angle, slant, wider = rng.normal(0, 0.07), rng.normal(0, 0.1), np.exp(rng.normal(0, 0.06))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ [[1, slant], [0, 1]]
    turn = turn @ np.diag([wider, 1 / wider]) * np.exp(rng.normal(0, 0.12))
    shift = SIDE / 2 - turn @ [SIDE / 2, SIDE / 2] + rng.normal(0, 6, 2)
    seen: NDArray[Any] = cv2.warpAffine(ink, np.column_stack([turn, shift]), (SIDE, SIDE)).astype(np.float32)
    half = digits[:, 2:4] / 2
    middle = (digits[:, :2] + half) @ turn.T + shift
    half = np.sqrt(half**2 @ (turn**2).T)  # as the ellipse in a box becomes, not its corners
    boxes = np.column_stack([middle - half, 2 * half, digits[:, 4]]).astype(np.float32)
    if rng.random() < 0.3:
        seen = 255 * (seen / 255) ** np.exp(rng.normal(0, 0.4))
    if rng.random() < 0.3:
        seen = (cv2.dilate if rng.random() < 0.5 else cv2.erode)(seen, np.ones((2, 2), np.uint8))
    if rng.random() < 0.2:
        seen = cv2.GaussianBlur(seen, (0, 0), rng.uniform(0.4, 1))
    if rng.random() < 0.3:
        _interrupt(seen, rng)
    if rng.random() < 0.15:
        _strike(seen, rng)
    if rng.random() < 0.2:
        seen = seen + np.float32(rng.uniform(2, 20)) * rng.standard_normal(seen.shape, np.float32)
    return np.clip(seen, 0, 255).astype(np.float32), boxes


def _interrupt(seen: Floats, rng: Generator) -> None:
    """Take ink away in some places."""
    written = np.argwhere(seen > 127)
    for y, x in written[rng.integers(len(written), size=int(rng.integers(1, 6)))] if len(written) else []:
        cv2.circle(seen, (int(x), int(y)), int(rng.integers(1, 4)), 0, -1)


def _strike(seen: Floats, rng: Generator) -> None:
    """Draw some straight lines, as what is left of rules and grids."""
    strength = rng.uniform(40, 255)
    for _ in range(int(rng.integers(1, 4))):
        angle = rng.normal(0, 0.1) + (np.pi / 2 if rng.random() < 0.4 else 0)
        along = np.array([np.cos(angle), np.sin(angle)]) * rng.uniform(10, SIDE)
        middle = rng.uniform(0, SIDE, 2)
        first, last = (tuple(np.round(middle + side * along).astype(int).tolist()) for side in (-1, 1))
        cv2.line(seen, first, last, strength, int(rng.choice([1, 2, 4], p=[0.6, 0.3, 0.1])))


def wanted(digits: Floats) -> Floats:
    """Return what the network should say of a part, (SIDE / STEP, SIDE / STEP, 5): labels and distances, in pixels."""
    said = np.ones((SIDE // STEP, SIDE // STEP, 5), np.float32)
    said[..., 0] = NO_DIGIT
    y, x = np.mgrid[: SIDE // STEP, : SIDE // STEP] * STEP + (STEP - 1) / 2
    nearest = np.full(x.shape, np.inf)
    for left, top, w, h, label in digits.tolist():
        aside, above = abs(x - left - w / 2), abs(y - top - h / 2)
        # where steps are wide beside a digit, its middle is one of them
        middle, ring = (
            (aside < max(share * w, n * STEP / 2)) & (above < max(share * h, n * STEP / 2))
            for share, n in ((MIDDLE, 1.02), (RING, 2.05))
        )
        said[ring & (said[..., 0] == NO_DIGIT), 0] = UNKNOWN
        if label != UNKNOWN:
            away = (aside / max(w, STEP)) ** 2 + (above / h) ** 2
            own = middle & (away < nearest)
            nearest[own] = away[own]
            said[own, 0] = label
            reach = np.stack([x - left, y - top, left + w - x, top + h - y], axis=-1)
            said[own, 1:] = np.maximum(reach[own], 0.5)
    return said


def _wrong(true: keras.KerasTensor, said: keras.KerasTensor) -> keras.KerasTensor:
    """Return how wrong labels are, and how little the boxes of digits overlap with what they should be.

    That is the cross-entropy, focal where there is no digit (Lin et al. 2017, "Focal loss for dense object detection"),
    and -log of the intersection over union (Yu et al. 2016, "UnitBox").
    """
    label = true[..., 0]
    digit, none = ops.cast(label < NO_DIGIT, "float32"), ops.cast(label == NO_DIGIT, "float32")
    each = ops.one_hot(ops.cast(ops.minimum(label, NO_DIGIT), "int32"), NO_DIGIT + 1)
    entropy = -ops.sum(each * ops.log_softmax(said[..., : NO_DIGIT + 1]), -1)
    doubt = 2 * none * (1 - ops.exp(-entropy)) ** SURER
    reach, far = true[..., 1:], ops.softplus(said[..., NO_DIGIT + 1 :]) * 2 * STEP
    least = ops.minimum(reach, far)
    both = (least[..., 0] + least[..., 2]) * (least[..., 1] + least[..., 3])
    area, own = ((side[..., 0] + side[..., 2]) * (side[..., 1] + side[..., 3]) for side in (reach, far))
    apart = -ops.log(ops.maximum(both / (area + own - both), 1e-3))
    return ops.sum((digit + doubt) * entropy + digit * apart) / (ops.sum(digit) + NONE_FOUND)


def answering(model: keras.Model) -> keras.Model:
    """Return the network that says how likely each digit is, and none, and how far each reaches, in pixels."""
    said = model.output
    chances, reach = ops.softmax(said[..., : NO_DIGIT + 1]), ops.softplus(said[..., NO_DIGIT + 1 :]) * 2 * STEP
    return keras.Model(model.input, ops.concatenate([chances, reach], axis=-1))


def found(answers: Floats, held: Parts) -> float:
    """Return how many digits of parts are found and read right, and of what is found is so: the harmonic mean (F1).

    answers: of `answering`. Digits that the part cuts, and what is UNKNOWN, count neither way.
    """
    right = said = true = 0
    for answer, digits in zip(answers, held.digits, strict=True):
        boxes, chances = located(answer)
        inside = (digits[:, :2] >= 0).all(1) & (digits[:, :2] + digits[:, 2:4] <= SIDE).all(1)
        counts = inside & (digits[:, 4] != UNKNOWN)
        middles = boxes[:, None, :2] + boxes[:, None, 2:] / 2
        near = (middles > digits[:, :2]) & (middles < digits[:, :2] + digits[:, 2:4])
        in_box = near[..., 0] & near[..., 1]
        labels = chances[:, :NO_DIGIT].argmax(1)
        said += len(boxes) - int(np.count_nonzero(in_box[:, ~counts].any(1)))
        true += int(np.count_nonzero(counts))
        right += int(np.count_nonzero((in_box & (labels[:, None] == digits[:, 4]))[:, counts].any(0)))
    return 2 * right / max(said + true, 1)


def to_onnx(answer: keras.Model, recipe: Recipe, share: float) -> bytes:
    """Return the file. share: of held parts, as `found` says."""
    return network_to_onnx(answer, "ink", "digits", asdict(recipe), {"found": share})


def make(path: Path, recipe: Recipe, report: Report) -> float:
    """Train on MNIST's digits, write the file, and return how many digits of held frames are found and right (F1).

    Raises DataError where MNIST, a font or a picture cannot be had.
    """
    marks.check()
    mnist = load("mnist", "train", report)
    learnt, kept = learnt_and_kept(mnist)
    answer = answering(train(mnist.part(learnt), recipe, report))
    held = parts(mnist.part(kept), recipe.held, recipe.seed + 1, report)
    share = found(answer.predict(held.inks.astype(np.float32), 50, verbose=0), held)
    write(to_onnx(answer, recipe, share), path)
    return share


if __name__ == "__main__":
    remake_helper(Path("models") / LOCATE, make, Recipe())
