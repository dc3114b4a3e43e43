"""Printed rules and grids: how strong they are at each pixel, so that writing which crosses them stays."""

import cv2
import numpy as np
from cv2.typing import MatLike

from camdigits.types import Image

STEP = 0.07
"""The slopes at which rules are looked for differ by this: four degrees."""

SLOPES = STEP * np.arange(-4, 5)
"""Of lines that lie; lines that stand are looked for as far from upright."""

PART = 21
"""A rule is straight and even over three times so many pixels: longer than the strokes of the digits meant."""

WIDTH = 3
"""Pixels from the middle of a rule to where it is no more."""

LEVELS = 4.0
"""A rule may be a single grey level strong: steps of a quarter make room for the fractions of means."""

RULED = 0.007
"""A page is ruled where rules at one slope cover this share of it."""

GAIN = 2.0
"""So many times what a ridge is stronger by is taken away: blurred, it is stronger than its mean."""

SMALLEST = 120
"""Pixels on the shorter side below which nobody looks for rules."""

AROUND = 25
"""Pixels, at half size, in which the lightest is paper."""

DARKEST, LEAST = 0.97, 8
"""What is darker than this share of what is no rule, and so many grey levels darker than its paper, is ink."""

FEWEST = 30, 200
"""Pixels of ink, and of rules, that tell their colours."""

TAKEN = 0.8
"""Of what ink and rules have in common in colour so much is taken away: without all of it, noise would be left."""


def find_rules(strength: MatLike) -> MatLike | None:
    """Return, in steps of 1 / LEVELS, how strong printed rules and grids are at each pixel, if there are any.

    strength: (h, w) uint8, how strong ink is.

    A rule is a ridge, stronger than what lies beside it, all along a straight line that is longer than most strokes of
    digits. Only what it is stronger by is to be taken away, so writing that crosses it stays.
    """
    if min(strength.shape) < SMALLEST:
        return None
    levels = cv2.convertScaleAbs(strength, alpha=LEVELS)
    lying = _lying_rules(levels)
    if lying is not None:
        levels = cv2.subtract(levels, cv2.convertScaleAbs(lying, alpha=GAIN))
    standing = _lying_rules(cv2.transpose(levels))
    if standing is None:
        return lying
    standing = cv2.transpose(standing)
    return standing if lying is None else cv2.max(lying, standing)


def without_rules(strength: MatLike, rules: MatLike) -> MatLike:
    """Return the strength of ink less that of the rules which find_rules found, at this size or another."""
    if rules.shape != strength.shape:
        rules = cv2.resize(rules, strength.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return cv2.subtract(strength, cv2.convertScaleAbs(rules, alpha=GAIN / LEVELS))


def faded(image: Image, rules: MatLike) -> Image | None:
    """Return a (height, width, 3) BGR picture in grey, mixed from its colours so that ink is as dark and rules fade.

    rules: what find_rules found in it at half its size, or at less where it is large. Rules are mostly of another
    colour than the pen: where blue ones are hardly seen, blue counts more. None where too little is written to tell.

    The mix is Fisher's (1936, "The use of multiple measurements in taxonomic problems") of ink against rules.
    """
    half = cv2.blur(cv2.resize(image, rules.shape[::-1], interpolation=cv2.INTER_AREA), (3, 3))
    lightest = cv2.morphologyEx(half, cv2.MORPH_CLOSE, np.ones((AROUND, AROUND), np.uint8))
    paper = cv2.blur(lightest, (AROUND, AROUND))
    missing = cv2.subtract(paper, half)
    printed = rules > 2 * LEVELS
    apart = cv2.dilate(printed.view(np.uint8), np.ones((5, 5), np.uint8)) == 0
    strength = without_rules(cv2.cvtColor(missing, cv2.COLOR_BGR2GRAY), rules)
    if not apart.any():
        return None
    written = apart & (strength >= max(np.quantile(strength[apart], DARKEST), LEAST))
    if any(np.count_nonzero(found) < least for found, least in zip((written, printed), FEWEST, strict=True)):
        return None
    ink, rule = (np.median(missing[found], axis=0) for found in (written, printed))
    mix = ink - TAKEN * (ink @ rule) / max(rule @ rule, 1) * rule
    mix *= ink.mean() / (mix @ ink)
    light = cv2.mean(paper)[:3]
    grey = cv2.transform(image, np.append(mix, np.mean(light) - mix @ light)[None])
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)


def _lying_rules(levels: MatLike) -> MatLike | None:
    """Return the rules at SLOPES."""
    h, w = levels.shape
    squeezed = cv2.resize(levels, (w // 8, h // 2), interpolation=cv2.INTER_AREA)
    # squeezed, rules are narrower; fine grids would hide each other's
    ridges = (_ridges(squeezed, 4 * slope, PART // 5, WIDTH - 1) for slope in SLOPES)
    shares = [np.mean(found > 2 * LEVELS) for found in ridges]
    if max(shares) < RULED:
        return None
    best = SLOPES[int(np.argmax(shares))]
    rules = np.zeros_like(levels)
    for slope in (best - STEP / 2, best, best + STEP / 2):
        rules = cv2.max(rules, _ridges(levels, slope, PART, WIDTH))
    return rules


def _ridges(strength: MatLike, slope: float, part: int, off: int) -> MatLike:
    """Return by how much lines that fall by `slope` are stronger than what lies `off` pixels beside them.

    That is the least of three means over `part` pixels, one after the other, of which a pixel is in any.
    """
    h, w = strength.shape
    level = np.array([[1, 0, 0], [slope, 1, off + max(0.0, -slope * w)]], np.float32)
    means = cv2.blur(cv2.warpAffine(strength, level, (w, h + int(abs(slope) * w) + 2 * off)), (part, 1))
    above = cv2.subtract(means[off:-off], cv2.max(means[: -2 * off], means[2 * off :]))
    least = cv2.min(cv2.min(above[:, : -2 * part], above[:, part:-part]), above[:, 2 * part :])
    ridges = np.zeros_like(means)
    for start in (0, part, 2 * part):
        place = ridges[off:-off, start : start + least.shape[1]]
        cv2.max(place, least, dst=place)
    return cv2.warpAffine(ridges, level, (w, h), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
