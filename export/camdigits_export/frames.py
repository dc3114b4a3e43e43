"""Frames as a camera sees them, drawn at random: numbers, and all that may lie and stand around them."""

import argparse
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from string import ascii_letters
from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from camdigits.types import Image, Number
from camdigits_export import marks, strokes
from camdigits_export.camera import compose
from camdigits_export.datasets import Inks, Labels, learnt_and_kept, load
from camdigits_export.samples import BALLPOINT, CHALK, FELT, GEL, PENCIL
from camdigits_export.scenes import DESKS, PAPERS, Camera, Colour, Glyph, Hand, Light, Mask, Page, Paper, Scene, Sheet
from camdigits_export.surfaces import BARE

PENS = {"ballpoint": (BALLPOINT, 0.33), "gel": (GEL, 0.25), "felt": (FELT, 0.12), "pencil": (PENCIL, 0.3)}
"""Pens for paper, and how often each is taken."""

TINTS: tuple[Colour, ...] = ((205, 235, 245), (200, 225, 200), (235, 215, 190), (190, 200, 240), (170, 215, 235))
BOARDS: tuple[Colour, ...] = ((62, 70, 52), (40, 42, 40), (70, 92, 48), (90, 60, 40))

TILT = 18.0
"""Degrees by which the sheet may lean away."""

THINNEST = 1.6
"""Width of a stroke in the frame, pixels, at least: a pen draws a tenth of the height of the smallest digits."""

NOISE = 0.25
"""Of the ink's contrast where the light is weakest, for the smallest digits: noisier ones no person can read."""

SMALLEST, USUAL, LARGEST = 14.0, 110.0, 420.0
"""Heights of digits in the frame, pixels; a quarter of the frames have them larger than usual."""


TEXT = 0.5, 0.3, 0.1, 0.1
"""How often text is a word, single letters, signs, and a scribble."""

LONGEST = 10
"""Letters of a word, at most."""

Mark = Callable[[Generator, int], list[Glyph]]
"""Draws what is no number, about as long as so many digits."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A composed frame.

    kinds: what it is an example of. light_ink: it is lighter than the paper. turns: by how many quarters the writing is
    turned counterclockwise. ink: (height, width) uint8, how much of each pixel a pen went over, to 255. doubtful:
    (N, 4) boxes of what a person may take for digits.
    """

    image: Image
    numbers: tuple[Number, ...]
    kinds: tuple[str, ...]
    light_ink: bool
    turns: int
    ink: Mask
    doubtful: NDArray[np.int_]


class Hands(NamedTuple):
    """Digits to write with, and their labels."""

    inks: Inks
    labels: Labels


def draw_frame(rng: Generator, hands: Hands, hard: bool = False, text: float | None = None) -> Frame:
    """Compose a frame: numbers of these hands, and all that may lie and stand around them.

    hard: to learn from, its digits more often touch, are broken or are printed. text: this share of what is written,
    from 0 to 1, is no number but words and signs; else some letters are on a third of the frames.
    """
    smallest, largest = (SMALLEST, USUAL) if rng.random() < 0.75 else (USUAL, LARGEST)
    px = float(np.exp(rng.uniform(np.log(smallest), np.log(largest))))
    width, height = ((1280, 720), (960, 720), (640, 480))[int(rng.choice(3, p=[0.3, 0.3, 0.4]))]
    px = min(px, 0.75 * height)
    turns = int(rng.choice(4, p=[0.85, 0.05, 0.05, 0.05]))
    across, down = (width, height) if turns % 2 == 0 else (height, width)
    touching = float(rng.uniform(0.15, 0.6)) if rng.random() < (0.6 if hard else 0.15) else 0.0
    hand = Hand(
        height=float(np.clip(1.25 * px, 26, 130)),
        gap=float(rng.choice([rng.uniform(0.06, 0.2), rng.uniform(0.2, 0.6)])),
        touching=touching,
        broken=0.1 * hard,
        number_gap=float(rng.uniform(1.4, 3)),
        pitch=float(rng.uniform(1.45, 2.6)),
        jitter=float(rng.uniform(0.03, 0.1)),
        slope=float(rng.normal(0, 2)),
    )
    printed, mixed = bool(rng.random() < (0.25 if hard else 0.1)), bool(rng.random() < 0.35)
    beside = 0.5 * mixed if text is None else text
    mark = _mark if text is None else _text
    page, widest = _page(rng, hands, hand, 0.9 * across / px, 0.9 * down / px, printed, beside, mark)
    tall = (len(page) - 1) * hand.pitch + 1
    paper: Paper = PAPERS[int(rng.choice(len(PAPERS), p=[0.3, 0.06, 0.22, 0.2, 0.08, 0.14]))]
    light_ink = paper == "board"
    pen_name = "chalk" if light_ink else list(PENS)[int(rng.choice(len(PENS), p=[share for _, share in PENS.values()]))]
    pen = CHALK if light_ink else PENS[pen_name][0]
    pen = replace(
        pen,
        colour=tuple(float(np.clip(c + d, 0, 255)) for c, d in zip(pen.colour, _ink_tint(rng), strict=True)),  # type: ignore[arg-type]  # three of them
        width=hand.height * max(pen.width / 85 * float(np.exp(rng.normal(0, 0.3))), THINNEST / px),
        opacity=float(np.clip(pen.opacity * rng.triangular(0.5, 1.05, 1.05), 0.25, 0.98)),
    )
    fill = float(np.clip(max(widest * px / across, tall * px / down), 0.02, 0.95))
    room = min(0.1, 0.49 - fill / 2)  # all that is written is in the frame
    # who looks at small writing stands far away and sees little perspective
    most = TILT * min(1.0, 2 * fill)
    sheet, light = _sheet(rng, paper), _light(rng, light_ink)
    weakest = light.level * (1 - light.gradient) * (1 - light.vignette) * (1 - light.shadow)
    contrast = weakest * pen.opacity * abs(np.mean(pen.colour) - np.mean(sheet.tint or BARE[paper]))
    camera = Camera(
        width=width,
        height=height,
        turn=90.0 * turns + float(rng.normal(0, 7)),
        pitch=float(np.clip(rng.normal(0, most / 2), -most, most)),
        yaw=float(np.clip(rng.normal(0, most / 2), -most, most)),
        fill=fill,
        center=(float(rng.uniform(0.5 - room, 0.5 + room)), float(rng.uniform(0.5 - room, 0.5 + room))),
        defocus=float(rng.triangular(0.3, 0.3, 1.1 + px / 90)),
        motion=(float(rng.exponential(0.5)), float(rng.exponential(0.5))),
        noise=min(float(np.exp(rng.normal(0, 0.7))), NOISE * contrast * (px / SMALLEST) ** 0.5),
        balance=tuple(rng.uniform(0.9, 1.1, 3)),
    )
    scene = Scene(
        sheet,
        hand,
        pen,
        DESKS[int(rng.integers(len(DESKS)))],
        light,
        camera,
        marks.world(rng) if rng.random() < 0.3 else None,
    )
    composed = compose(scene, page, rng)
    sizes = "px<22" if px < 22 else "px<40" if px < 40 else "px<90" if px < 90 else "px90+"
    kinds = [paper, pen_name, sizes, "touching" if touching else "apart", "turned" if turns else "upright"]
    kinds += ["printed"] * printed + ["mixed"] * (beside > 0)
    doubtful = np.array(composed.doubtful, int).reshape(-1, 4)
    return Frame(
        _as_jpeg(composed.image, rng), composed.numbers, tuple(kinds), light_ink, turns, composed.ink, doubtful
    )


def _page(
    rng: Generator, hands: Hands, hand: Hand, across: float, down: float, printed: bool, beside: float, mark: Mark
) -> tuple[Page, float]:
    """Return a page of at most that size in digit heights, and how wide it is. beside: the share of marks."""
    lines: list[list[list[Glyph]]] = []
    widest = 0.65
    count = min(int(rng.integers(1, 8)), max(1, int(down / hand.pitch)))
    faces = marks.fonts(printed=True)
    face = faces[int(rng.integers(len(faces)))]
    for _ in range(count):
        line: list[list[Glyph]] = []
        x = 0.0
        for _ in range(int(rng.choice([1, 1, 1, 2, 3, 4]))):
            room = int((across - x) / (0.65 + hand.gap))
            if room < 1:
                break
            length = min(int(rng.integers(1, 9)), room)
            if beside and rng.random() < beside:
                glyphs = mark(rng, length)
            elif printed:
                digits = [marks.sign(face, str(rng.integers(10)), True) for _ in range(length)]
                glyphs = [glyph for glyph in digits if glyph]
            else:
                glyphs = [_digit(rng, hands) for _ in range(length)]
            if beside and not printed and rng.random() < 0.4:
                sign = marks.word(rng, marks.OPERATORS, 1, False)
                at = int(rng.integers(len(glyphs) + 1))
                glyphs[at:at] = sign
            line.append(glyphs)
            x += sum(_width(glyph) + hand.gap for glyph in glyphs) + hand.number_gap
        line = [glyphs for glyphs in line if glyphs]
        if line:
            lines.append(line)
            widest = max(widest, x - hand.number_gap)
    return lines or [[[_digit(rng, hands)]]], widest


def _width(glyph: Glyph) -> float:
    """Return about how wide a glyph is, in digit heights: a word is as it is drawn."""
    return max(0.65, glyph.ink.shape[1] * glyph.scale) if glyph.is_word else 0.65


def _digit(rng: Generator, hands: Hands) -> Glyph:
    """Return a digit of these hands, at times one drawn as MNIST lacks them."""
    if rng.random() < 0.12:
        label, variant = strokes.RARE[int(rng.integers(len(strokes.RARE)))]
        drawing = strokes.draw_digit(rng, label, variant)
        return Glyph(np.asarray(cv2.resize(drawing, (28, 28), interpolation=cv2.INTER_AREA), np.uint8), str(label))
    at = int(rng.integers(len(hands.inks)))
    return Glyph(hands.inks[at], str(hands.labels[at]))


def _mark(rng: Generator, length: int) -> list[Glyph]:
    """Return a word, or a scribble."""
    if rng.random() < 0.2:
        return [marks.scribble(rng)]
    return marks.word(rng, marks.LETTERS, length, bool(rng.random() < 0.3))


def _text(rng: Generator, length: int) -> list[Glyph]:
    """Return a word, letters one by one, signs, or a scribble."""
    kind = int(rng.choice(4, p=TEXT))
    if kind == 0:
        return marks.written(rng, 1 + int(rng.integers(min(length + 3, LONGEST))))
    if kind == 1:
        letters = marks.word(
            rng, marks.LETTERS if rng.random() < 0.5 else ascii_letters, length, bool(rng.random() < 0.3)
        )
        # among others, an O is a letter
        return [letter._replace(label="") for letter in letters] if len(letters) > 2 else letters
    if kind == 2:
        return marks.word(rng, marks.OPERATORS, int(rng.integers(1, 4)), False)
    return [marks.scribble(rng)]


def _ink_tint(rng: Generator) -> NDArray[np.float64]:
    """Return how far an ink's blue, green and red are from usual."""
    return rng.normal(0, 12, 3) + rng.normal(0, 10)


def _sheet(rng: Generator, paper: Paper) -> Sheet:
    around = tuple(float(part) for part in rng.uniform(0.7, 4, 4)) if rng.random() < 0.6 else (9.0, 9.0, 9.0, 9.0)
    tint: Colour | None = None
    if paper == "board":
        tint = BOARDS[int(rng.integers(len(BOARDS)))]
    elif paper != "sticky" and rng.random() < 0.2:
        tint = TINTS[int(rng.integers(len(TINTS)))]
    rules: Colour = (
        float(rng.uniform(120, 220)),
        float(rng.uniform(110, 180)),
        float(rng.uniform(90, 190)),
    )
    spacing = rng.uniform(0.2, 0.6) if paper == "squared" else rng.uniform(0.5, 1.1)
    return Sheet(
        paper,
        around,  # type: ignore[arg-type]  # four of them
        tint,
        (rules, float(rng.uniform(0.25, 0.7))),
        float(spacing),
        int(rng.choice([0, 1, 2, 4], p=[0.75, 0.1, 0.1, 0.05])),
        float(rng.choice([0, rng.uniform(0.1, 0.5)], p=[0.85, 0.15])),
        float(np.exp(rng.normal(np.log(0.003), 0.5))),
    )


def _light(rng: Generator, board: bool) -> Light:
    return Light(
        level=float(rng.uniform(0.65, 1)),
        gradient=float(rng.uniform(0.02, 0.35)),
        angle=float(rng.uniform(0, 360)),
        vignette=float(rng.uniform(0, 0.3)),
        shadow=float(rng.choice([0, rng.uniform(0.15, 0.55)], p=[0.7, 0.3])),
        shadow_angle=float(rng.uniform(0, 360)),
        shadow_softness=float(rng.uniform(4, 60)),
        glare=float(rng.choice([0, rng.uniform(0.1, 0.4)], p=[0.7, 0.3] if board else [0.9, 0.1])),
    )


def _as_jpeg(image: Image, rng: Generator) -> Image:
    """Return a picture as a JPEG file keeps it."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 97))])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


# --- a folder of them ----------------------------------------------------------------------------------------------


def label_of(frame: Frame, file: str) -> dict[str, object]:
    """Return what labels.json says of a frame, as tests/benchmarks/photos.py takes it."""
    lines: dict[int, list[Number]] = {}
    for number in frame.numbers:
        lines.setdefault(number.line, []).append(number)
    return {
        "file": file,
        "set": "composed",
        "kinds": frame.kinds,
        "rotation_cw_deg": -90 * frame.turns % 360,
        "lines": ["".join(number.text for number in line) for line in lines.values()],
        "groups": [[number.text for number in line] for line in lines.values()],
        "boxes": [[*d.box, d.label] for line in lines.values() for number in line for d in number.digits],
    }


def save(folder: Path, drawn: Iterable[Frame]) -> None:
    """Write frames into a folder, with a labels.json; those without a number are left out."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = []
    for at, frame in enumerate(drawn):
        if frame.numbers:
            file = f"{at:04}.png"
            cv2.imwrite(str(folder / file), frame.image)
            labels.append(label_of(frame, file))
    (folder / "labels.json").write_text(json.dumps(labels, indent=1) + "\n", encoding="utf-8")


def compose_folder(description: str | None, seed: int, draw: Callable[[int, Generator, Hands], Frame]) -> None:
    """Compose a folder as the command line asks, of MNIST's validation digits, always the same.

    draw: makes a frame, told how many came before it.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=seed)
    options = parser.parse_args()
    data = load("mnist", "train")
    kept = data.part(learnt_and_kept(data)[1])
    hands = Hands(kept.inks, kept.labels)
    generators = (np.random.default_rng([options.seed, at]) for at in range(options.count))
    save(options.folder, (draw(at, rng, hands) for at, rng in enumerate(generators)))


def main() -> None:
    """Compose a folder of labelled frames, of MNIST's validation digits, always the same."""
    compose_folder(main.__doc__, 3, lambda _, rng, hands: draw_frame(rng, hands))


if __name__ == "__main__":
    main()
