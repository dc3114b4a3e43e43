"""What is not a digit: lines, signs, letters, shapes, texture, pieces and pairs of digits.

What a person would take for a digit is left out: an upright stroke is a 1, the letter O a 0, an upper half of an 8 a
0. Half of the held-out kind is drawn with fonts, signs and shapes that training never sees, so its figure says
something of the unknown.
"""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from camdigits_export.augment import CANVAS, camera_patch, photograph, repen, to_patch, warp
from camdigits_export.datasets import Inks, Labels
from camdigits_export.strokes import Stroke, draw

Ink = NDArray[np.uint8]

LETTERS = "AEFHKMNPRVWXacdefhkmnprtvwx&%@#?{}<>~^€äñΔΣΩλπ"
HELD_LETTERS = "LTwKahrtEmRN="
"""In fonts that training lacks. Left out of both: O Q D G l I i S s $ Z z B b ß g q J j y U u Y look like digits."""

FONTS = (
    "DejaVuSans",
    "DejaVuSerif-Italic",
    "DejaVuSansMono",
    "STIXGeneralItalic",
    "STIXGeneral",
    "cmr10",
    "cmmi10",
    "DejaVuSans-Bold",
)
HELD_FONTS = ("DejaVuSerif", "STIXGeneralBolIta", "DejaVuSansMono-Oblique")

HERSHEY = (cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX, cv2.FONT_HERSHEY_SIMPLEX)

SIGNS: tuple[tuple[Stroke, ...], ...] = (
    (Stroke(((0, 0.5), (1, 0.5))), Stroke(((0.5, 0), (0.5, 1)))),  # +
    (Stroke(((0, 0), (1, 1))), Stroke(((1, 0), (0, 1)))),  # x
    (Stroke(((0, 0.3), (1, 0.3))), Stroke(((0, 0.7), (1, 0.7)))),  # =
    (Stroke(((0, 0.55), (0.35, 0.9), (1, 0.1))),),  # check mark
    (Stroke(((0, 0), (0.5, 1), (1, 0))),),  # v
    (Stroke(((0, 1), (0.5, 0), (1, 1))),),  # ^
    (Stroke(((0, 0), (0.9, 0.5), (0, 1))),),  # >
    (Stroke(((0.9, 0), (0, 0.5), (0.9, 1))),),  # <
    (Stroke(((0, 0), (0, 1), (1, 1))),),  # a corner
    (Stroke(((0, 0), (1, 0))), Stroke(((0.5, 0), (0.5, 1)))),  # T
    (Stroke(((0, 1), (1, 1))), Stroke(((0.5, 0), (0.5, 1)))),  # upside down
    (Stroke(((0, 0.5), (0.3, 0.2), (0.65, 0.8), (1, 0.5)), curved=True),),  # ~
    (Stroke(((0.9, 0), (0.2, 0.2), (0.05, 0.5), (0.2, 0.8), (0.9, 1)), curved=True),),  # c
    (Stroke(((0.1, 0), (0.8, 0.2), (0.95, 0.5), (0.8, 0.8), (0.1, 1)), curved=True),),  # reversed
    (Stroke(((0, 0), (0.1, 0.75), (0.5, 1), (0.9, 0.75), (1, 0)), curved=True),),  # u, round
    (Stroke(((0, 1), (0.1, 0.25), (0.5, 0), (0.9, 0.25), (1, 1)), curved=True),),  # n, round
    (Stroke(((0, 0.5), (1, 0.5))), Stroke(((0, 0), (1, 1))), Stroke(((1, 0), (0, 1)))),  # *
    (Stroke(((0.2, 0), (0.2, 1))), Stroke(((0.8, 0), (0.8, 1)))),  # two uprights
    (Stroke(((0.1, 0), (0.1, 1))), Stroke(((0.5, 0), (0.5, 1))), Stroke(((0.9, 0), (0.9, 1)))),  # three
    (Stroke(((0, 0), (0.25, 1), (0.5, 0), (0.75, 1), (1, 0))),),  # zigzag
    (Stroke(((0, 1), (0.5, 0), (1, 1), (0, 1))),),  # triangle
)
HELD_SIGNS: tuple[tuple[Stroke, ...], ...] = (
    (Stroke(((0, 1), (0, 0), (0.5, 0.7), (1, 0), (1, 1))),),
    (
        Stroke(((0.3, 0), (0.3, 1))),
        Stroke(((0.7, 0), (0.7, 1))),
        Stroke(((0, 0.3), (1, 0.3))),
        Stroke(((0, 0.7), (1, 0.7))),
    ),
    (Stroke(((0, 0.5), (1, 0.5))), Stroke(((0.7, 0.2), (1, 0.5), (0.7, 0.8)))),
    (Stroke(((0, 0), (1, 1), (1, 0), (0, 1))),),
    (Stroke(((0, 0), (1, 0))), Stroke(((0.25, 0), (0.2, 1))), Stroke(((0.75, 0), (0.8, 1)))),
    (Stroke(((0, 0.6), (0.2, 0.3), (0.4, 0.7), (0.6, 0.3), (0.8, 0.7), (1, 0.4)), curved=True),),
)

PIECES = {
    "left": (0, 3, 7),
    "right": (5,),
    "top": (0, 4, 5),
    "bottom": (0, 2, 3, 5),
}
"""Halves that no longer look like any digit."""

TURNED = {90: (2, 3, 5, 7, 8), 180: (3, 4), 270: (2, 3, 4, 7, 8)}
"""Degrees, and the digits that then are none."""


def reject_patch(rng: np.random.Generator, images: Inks, labels: Labels, held: bool = False) -> NDArray[np.uint8]:
    """Return one (28, 28) uint8 patch of something that is not a digit.

    images, labels: digits to cut and join. held: draw with fonts, signs and shapes that training never sees.
    """
    makers: Makers = (
        (0.10, lambda: _line(rng)),
        (
            0.14,
            lambda: camera_patch(
                draw((HELD_SIGNS if held else SIGNS)[_pick(rng, len(HELD_SIGNS if held else SIGNS))], rng, 0.05),
                rng,
                20,
            ),
        ),
        (0.26, lambda: _letter(rng, held)),
        (0.08, lambda: _filled(rng, held)),
        (0.16, lambda: _texture(rng)),
        (0.10, lambda: _piece(rng, images, labels)),
        (0.10, lambda: _pair(rng, images, labels)),
        (0.06, lambda: _turned(rng, images, labels)),
    )
    return _any(rng, makers)


def reject_sign(rng: np.random.Generator, inks: Inks) -> NDArray[np.uint8]:
    """Return one (28, 28) uint8 patch of what is none of some signs of which nothing is known.

    They may be letters, lines or shapes: left are texture, and several of them at once.
    """
    return _any(rng, ((0.6, lambda: _texture(rng)), (0.4, lambda: _crowd(rng, inks))))


Makers = Sequence[tuple[float, Callable[[], NDArray[np.uint8]]]]
"""Ways to make a patch and how often each is taken."""


def _any(rng: np.random.Generator, makers: Makers) -> NDArray[np.uint8]:
    """Return a patch by one of the makers that has ink."""
    weights = np.array([weight for weight, _ in makers])
    while True:
        patch = makers[int(rng.choice(len(makers), p=weights / weights.sum()))][1]()
        if patch.any():
            return patch


def _crowd(rng: np.random.Generator, inks: Inks) -> NDArray[np.uint8]:
    """Write three signs in a row or in two rows, as what is no single sign."""
    tight = [warp(inks[_pick(rng, len(inks))], rng) for _ in range(3 if rng.random() < 0.5 else 4)]
    rows = [np.hstack(tight)] if len(tight) == 3 else [np.hstack(tight[:2]), np.hstack(tight[2:])]
    return to_patch(photograph(np.vstack(rows), rng))


def _pick(rng: np.random.Generator, count: int) -> int:
    return int(rng.integers(count))


def _line(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a line that lies flat (anything nearer to upright may be a 1), a dot, or a wide arc."""
    ink = np.zeros((CANVAS, CANVAS), np.uint8)
    kind = rng.random()
    middle = np.array([CANVAS / 2, CANVAS / 2])
    if kind < 0.6:
        angle = np.deg2rad(rng.uniform(-28, 28))
        half = rng.uniform(15, 60) * np.array([np.cos(angle), np.sin(angle)])
        a, b = (tuple(int(v) for v in np.round(middle + sign * half)) for sign in (-1, 1))
        cv2.line(ink, a, b, 255, int(rng.integers(1, 14)), cv2.LINE_AA)
    elif kind < 0.75:
        axes = int(rng.integers(4, 40)), int(rng.integers(4, 40))
        # an ellipse much taller than wide may be a stroke
        cv2.ellipse(
            ink,
            (CANVAS // 2, CANVAS // 2),
            (max(axes), min(axes)),
            rng.uniform(-30, 30),
            0,
            360,
            255,
            -1,
            cv2.LINE_AA,
        )
    else:
        start, sweep = rng.uniform(0, 360), rng.uniform(110, 230)
        axes = int(rng.integers(18, 45)), int(rng.integers(25, 50))
        cv2.ellipse(
            ink,
            (CANVAS // 2, CANVAS // 2),
            axes,
            0,
            start,
            start + sweep,
            255,
            int(rng.integers(2, 12)),
            cv2.LINE_AA,
        )
    return to_patch(photograph(ink, rng))


@cache
def _font(name: str) -> Any:
    import matplotlib as mpl
    from PIL import ImageFont

    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf", 64)


def _letter(rng: np.random.Generator, held: bool) -> NDArray[np.uint8]:
    """Write a letter or sign of a font with any pen, at times two together."""
    from PIL import Image, ImageDraw

    letters, fonts = (HELD_LETTERS, HELD_FONTS) if held else (LETTERS, FONTS)
    text = "".join(letters[_pick(rng, len(letters))] for _ in range(1 if rng.random() < 0.8 else 2))
    if not held and text.isascii() and rng.random() < 0.3:
        ink = np.zeros((CANVAS, 2 * CANVAS), np.uint8)
        cv2.putText(
            ink,
            text,
            (CANVAS // 2, 3 * CANVAS // 4),
            HERSHEY[_pick(rng, len(HERSHEY))],
            2.5,
            255,
            int(rng.integers(2, 7)),
            cv2.LINE_AA,
        )
    else:
        image = Image.new("L", (2 * CANVAS, CANVAS))
        ImageDraw.Draw(image).text((CANVAS // 2, 20), text, fill=255, font=_font(fonts[_pick(rng, len(fonts))]))
        ink = np.asarray(image)
    x, y, w, h = cv2.boundingRect(ink)
    if not w:  # the font lacks it
        return np.zeros((28, 28), np.uint8)
    framed = cv2.copyMakeBorder(ink[y : y + h, x : x + w], 8, 8, 8, 8, cv2.BORDER_CONSTANT, value=0)
    return camera_patch(np.asarray(framed, np.uint8), rng, 20)


def _filled(rng: np.random.Generator, held: bool) -> NDArray[np.uint8]:
    """Fill a polygon or blob, never narrow: that may be a 1."""
    ink = np.zeros((CANVAS, CANVAS), np.uint8)
    corners = int(rng.integers(7, 12)) if held else int(rng.choice([3, 4, 5, 6, 24]))
    angles = (
        np.sort(rng.uniform(0, 2 * np.pi, corners))
        if rng.random() < 0.5
        else np.arange(corners) * 2 * np.pi / corners + rng.uniform(0, 7)
    )
    radii = rng.uniform(0.7, 1, corners) * 50
    if held:
        radii[::2] *= 0.5
    points = np.stack([np.cos(angles) * radii, np.sin(angles) * radii * rng.uniform(0.4, 1)], axis=1) + CANVAS / 2
    cv2.fillPoly(ink, [np.round(points).astype(np.int32)], 255, cv2.LINE_AA)
    _, (w, h), _ = cv2.minAreaRect(cv2.findNonZero(ink))
    if min(w, h) < 0.45 * max(w, h):
        return np.zeros((28, 28), np.uint8)
    return to_patch(photograph(ink, rng))


def _texture(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Threshold noise of several scales: a crop, or one connected piece, as paper, cloth and walls give."""
    field = np.zeros((CANVAS, CANVAS), np.float32)
    for cells in (4, 9, 20, 50, CANVAS):
        shape = max(2, round(cells * rng.uniform(0.5, 2))), max(2, round(cells * rng.uniform(0.5, 2)))
        noise = rng.normal(0, rng.uniform(0, 1) ** 2, shape).astype(np.float32)
        field += cv2.resize(noise, (CANVAS, CANVAS), interpolation=cv2.INTER_CUBIC)
    mask = (field > np.quantile(field, rng.uniform(0.55, 0.97))).view(np.uint8)
    if rng.random() < 0.6:
        count, pieces, stats, _ = cv2.connectedComponentsWithStats(mask)
        order = np.argsort(stats[1:, cv2.CC_STAT_AREA])[::-1][:6] + 1
        at = int(order[_pick(rng, len(order))]) if count > 1 else 0
        x, y, w, h = stats[at, :4]
        # a small compact or upright piece is a speck, a dash or a 1: it says nothing
        if max(w, h) < 12 or w < 0.5 * h:
            return np.zeros((28, 28), np.uint8)
        mask = (pieces[y : y + h, x : x + w] == at).view(np.uint8)
    else:
        side = rng.integers(20, CANVAS, 2)
        y, x = rng.integers(0, CANVAS - side + 1)
        mask = mask[y : y + side[0], x : x + side[1]]
        if side[1] < 0.4 * side[0]:
            return np.zeros((28, 28), np.uint8)
    return to_patch(photograph(np.multiply(mask, 255, dtype=np.uint8), rng))


def _digit(rng: np.random.Generator, images: Inks, labels: Labels, wanted: Sequence[int]) -> tuple[Ink, int]:
    """Return one of the digits wanted, tightly cut, about 80 pixels high, with its label."""
    while True:
        at = _pick(rng, len(images))
        if labels[at] in wanted:
            break
    ink = warp(images[at], rng)
    if rng.random() < 0.6:
        ink = repen(ink, rng)
    x, y, w, h = cv2.boundingRect((ink > 100).view(np.uint8))
    return ink[y : y + max(h, 1), x : x + max(w, 1)], int(labels[at])


def _piece(rng: np.random.Generator, images: Inks, labels: Labels) -> NDArray[np.uint8]:
    """Cut a digit in two."""
    side = tuple(PIECES)[_pick(rng, len(PIECES))]
    ink, _ = _digit(rng, images, labels, PIECES[side])
    h, w = ink.shape
    part = rng.uniform(0.35, 0.5)
    cut = {
        "left": ink[:, : max(1, round(w * part))],
        "right": ink[:, w - max(1, round(w * part)) :],
        "top": ink[: max(1, round(h * part))],
        "bottom": ink[h - max(1, round(h * part)) :],
    }[side]
    return to_patch(photograph(cut, rng))


def _pair(rng: np.random.Generator, images: Inks, labels: Labels) -> NDArray[np.uint8]:
    """Join two digits so that they touch, side by side or one above the other, at times three in a row."""
    stacked = rng.random() < 0.3
    everything = range(10)
    # stacked rounds are an 8, a straight stroke below anything is still part of it
    first, top = _digit(rng, images, labels, everything if not stacked else (2, 3, 4, 5, 7))
    other, _ = _digit(rng, images, labels, everything if not stacked else (0, 2, 3, 4, 5, 6, 8, 9))
    inks = [first, other]
    if not stacked and (rng.random() < 0.2 or top == 1):
        inks.append(_digit(rng, images, labels, everything)[0])
    if stacked:
        inks = [np.ascontiguousarray(ink.T) for ink in inks]
    height = max(ink.shape[0] for ink in inks)
    joined = np.zeros((height, sum(ink.shape[1] for ink in inks)), np.uint8)
    x = 0
    for ink in inks:
        h, w = ink.shape
        y = int(rng.integers(0, height - h + 1))
        np.maximum(joined[y : y + h, x : x + w], ink, out=joined[y : y + h, x : x + w])
        x += max(1, w - int(rng.integers(0, 1 + w // 6)))
    return to_patch(photograph(np.ascontiguousarray(joined.T) if stacked else joined, rng))


def _turned(rng: np.random.Generator, images: Inks, labels: Labels) -> NDArray[np.uint8]:
    """Take a digit of a page that lies on its side or on its head."""
    degrees = (90, 180, 270)[_pick(rng, 3)]
    ink, _ = _digit(rng, images, labels, TURNED[degrees])
    return to_patch(photograph(np.ascontiguousarray(np.rot90(ink, degrees // 90)), rng))
