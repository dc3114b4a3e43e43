"""Numbers drawn on a strip of paper, without a scene around them: a hundred a second, to learn to read them whole."""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from camdigits_export import augment, strokes
from camdigits_export.augment import Ink
from camdigits_export.datasets import Dataset
from camdigits_export.leftmost import RARE, _touching

HEIGHT, TALL, AROUND = 56, 24, 1.2
"""Pixels of a strip's height and of the digits in it, and how much is beside them, in digit heights."""

LENGTHS = 0.1, 0.34, 0.18, 0.12, 0.09, 0.07, 0.05, 0.05
"""How often a number has one digit, two, and so on."""

JOINED, TOUCHING, BROKEN, BESIDE, RULED, LIGHT = 0.55, 0.75, 0.35, 0.3, 0.4, 0.2
"""How often digits of a number touch, and each of them then; are broken; others are above or below; paper is ruled or
squared; ink is light."""


def draw_strip(rng: Generator, digits: Dataset) -> tuple[NDArray[np.uint8], str]:
    """Return (HEIGHT, width) uint8 grey and the digits written there."""
    inks, boxes, text = _row(rng, digits, 1 + int(rng.choice(len(LENGTHS), p=LENGTHS)))
    size = float(np.median(boxes[:, 3]))
    scale = TALL / size
    left, right = boxes[:, 0].min() - AROUND * size, (boxes[:, 0] + boxes[:, 2]).max() + AROUND * size
    width = max(8, round((right - left) * scale))
    middle = float(np.median(boxes[:, 1] + boxes[:, 3] / 2))
    move = np.array([[scale, 0, -scale * left], [0, scale, HEIGHT / 2 - scale * middle]])
    ink = _reduced(inks, move, width)
    if rng.random() < BESIDE:
        move[:, 2] += TALL * np.array([rng.uniform(-3, 3), rng.choice([-1, 1]) * rng.uniform(1.35, 2.2)])
        ink = np.maximum(ink, _reduced(_row(rng, digits, int(rng.integers(1, 7)))[0], move, width))
    sharp = rng.uniform(0.55, 1.3)
    if sharp < 1:  # as smaller writing is
        small = cv2.resize(ink, None, fx=sharp, fy=sharp, interpolation=cv2.INTER_AREA)
        ink = np.asarray(cv2.resize(small, (width, HEIGHT)), np.float32)
    ink = cv2.GaussianBlur(ink, (0, 0), rng.uniform(0.3, 1.1)) * rng.uniform(0.85, 1)
    paper = rng.uniform(110, 235)
    contrast = min(float(np.exp(rng.uniform(np.log(14), np.log(150)))), paper - 10)
    y, x = np.mgrid[:HEIGHT, :width].astype(np.float32)
    seen = paper + rng.normal(0, 6) * (x - width / 2) / 60 + rng.normal(0, 4) * (y - HEIGHT / 2) / 28
    if rng.random() < RULED:
        seen -= contrast * rng.uniform(0.1, 0.7) * _rules(rng, x, y)
    seen -= contrast * ink
    if rng.random() < LIGHT:
        seen = 255 - seen
    seen += rng.normal(0, min(6, 0.12 * contrast) * rng.random(), seen.shape)
    return np.clip(seen, 0, 255).astype(np.uint8), text


def _row(rng: Generator, digits: Dataset, count: int) -> tuple[NDArray[np.float32], NDArray[np.float64], str]:
    """Return (h, w) ink 0 or 1 of digits of one pen, their (N, 4) boxes, and what they are."""
    pen, high = int(rng.integers(2**32)), augment.CANVAS
    joined, broken, spacing = rng.random() < JOINED, rng.random() < BROKEN, float(rng.uniform(0.05, 0.6))
    drawn = [_digit(rng, digits, pen) for _ in range(count)]
    owners = np.zeros((3 * high, sum(ink.shape[1] + high for ink, _ in drawn) + high), np.uint8)
    boxes: list[tuple[int, int, int, int]] = []
    for number, (whole, _) in enumerate(drawn, 1):
        ink = _interrupted(whole, rng) if broken and rng.random() < 0.8 else whole
        h, w = ink.shape
        top = 2 * high - h + round(float(np.clip(rng.normal(0, 0.06), -0.3, 0.3)) * high)
        left = high // 2
        if boxes:
            left = boxes[-1][0] + boxes[-1][2] + round(100 * max(0.03, rng.normal(spacing, 0.08)))
            if joined and rng.random() < TOUCHING:
                left = max(0, _touching(owners == number - 1, ink, top) - round(abs(rng.normal(0, 0.04)) * high))
        owners[top : top + h, left : left + w][ink > 127] = number
        boxes.append((left, top, w, h))
    return (owners > 0).astype(np.float32), np.array(boxes, float), "".join(label for _, label in drawn)


def _digit(rng: Generator, digits: Dataset, pen: int) -> tuple[Ink, str]:
    at = int(rng.integers(len(digits)))
    ink, label = digits.inks[at], int(digits.labels[at])
    if rng.random() < RARE:
        label, variant = strokes.RARE[int(rng.integers(len(strokes.RARE)))]
        ink = strokes.draw_digit(rng, label, variant)
    ink = augment.repen(augment.warp(ink, rng, 8), np.random.default_rng(pen))
    x, y, w, h = cv2.boundingRect((ink > 127).view(np.uint8))
    return ink[y : y + h, x : x + w], str(label)


def _interrupted(ink: Ink, rng: Generator) -> Ink:
    """Return ink whose stroke is broken once, if much of it is left."""
    broken = ink.copy()
    width = 2 * float(cv2.distanceTransform((ink > 127).view(np.uint8), cv2.DIST_L2, 3).max())
    rows, columns = np.nonzero(ink > 127)
    at = int(rng.integers(len(rows)))
    cv2.circle(broken, (int(columns[at]), int(rows[at])), max(1, round(rng.uniform(0.55, 0.85) * width)), 0, -1)
    return broken if np.count_nonzero(broken > 127) > len(rows) / 2 else ink


def _reduced(ink: NDArray[np.float32], move: NDArray[np.float64], width: int) -> NDArray[np.float32]:
    soft = cv2.GaussianBlur(ink, (0, 0), 0.45 / move[0, 0])
    return np.asarray(cv2.warpAffine(soft, move, (width, HEIGHT)), np.float32)


def _rules(rng: Generator, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the strength of ruled lines, or of squares, 0 to 1."""
    pitch, slope, half = TALL * rng.uniform(0.22, 1.2), rng.normal(0, 0.03), rng.uniform(0.4, 0.9)
    lying = abs((y + slope * x + rng.uniform(0, 99)) % pitch - pitch / 2)
    nearest = lying
    if rng.random() < 0.65:
        nearest = np.minimum(lying, abs((x - slope * y + rng.uniform(0, 99)) % pitch - pitch / 2))
    return np.clip(half + 0.5 - nearest, 0, 1).astype(np.float32)
