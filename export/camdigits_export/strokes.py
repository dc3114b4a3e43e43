"""Digits and signs drawn as pen strokes: the shapes that people write and MNIST hardly has, without any data set.

A 1 with a long up-stroke and a foot, a crossed 7, an open 4, a slashed 0 are common in much of the world. The plain ten
are here as well: tests and the check of an export need digits where MNIST is not at hand.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 112
"""Drawings are SIDE x SIDE."""

MARGIN = 24

Points = tuple[tuple[float, float], ...]
"""(x, y) in the unit square, y down."""


class Stroke(NamedTuple):
    """One movement of the pen. curved: a spline through the points, else straight lines between them."""

    points: Points
    curved: bool = False


Shape = tuple[Stroke, ...]

_ZERO = Stroke(((0.55, 0), (0.12, 0.25), (0.1, 0.72), (0.48, 1), (0.86, 0.72), (0.86, 0.25), (0.52, 0)), True)
_ONE_UP = Stroke(((0.15, 0.38), (0.6, 0), (0.6, 1)))
_SEVEN = Stroke(((0.1, 0.05), (0.9, 0.02), (0.42, 1)))

DIGITS: tuple[tuple[Shape, ...], ...] = (
    (
        (_ZERO,),
        (_ZERO, Stroke(((0.85, 0.1), (0.15, 0.9)))),
        (_ZERO, Stroke(((0.72, 0.25), (0.28, 0.75)))),
    ),
    (
        (Stroke(((0.5, 0), (0.5, 1))),),
        (_ONE_UP,),
        (Stroke(((0.05, 0.55), (0.6, 0), (0.6, 1))),),
        (_ONE_UP, Stroke(((0.25, 1), (0.92, 1)))),
        (Stroke(((0.3, 0.2), (0.55, 0), (0.55, 1))), Stroke(((0.2, 1), (0.88, 1)))),
        (Stroke(((0.1, 0.45), (0.4, 0.22), (0.62, 0), (0.58, 0.5), (0.56, 1)), True),),
    ),
    (
        (
            Stroke(((0.1, 0.25), (0.45, 0), (0.85, 0.22), (0.6, 0.6), (0.08, 1)), True),
            Stroke(((0.08, 1), (0.92, 0.98))),
        ),
        (
            Stroke(
                (
                    (0.1, 0.22),
                    (0.5, 0),
                    (0.8, 0.25),
                    (0.5, 0.7),
                    (0.12, 0.95),
                    (0.2, 0.82),
                    (0.5, 0.93),
                    (0.92, 0.95),
                ),
                True,
            ),
        ),
    ),
    (
        (
            Stroke(((0.12, 0.1), (0.55, 0), (0.82, 0.22), (0.45, 0.47)), True),
            Stroke(((0.45, 0.47), (0.9, 0.68), (0.6, 0.98), (0.08, 0.9)), True),
        ),
        (
            Stroke(((0.1, 0.02), (0.85, 0), (0.42, 0.4))),
            Stroke(((0.42, 0.4), (0.88, 0.65), (0.6, 1), (0.1, 0.9)), True),
        ),
    ),
    (
        (Stroke(((0.3, 0), (0.08, 0.58), (0.9, 0.56))), Stroke(((0.7, 0.2), (0.68, 1)))),
        (Stroke(((0.12, 0), (0.1, 0.5), (0.85, 0.48))), Stroke(((0.82, 0), (0.8, 1)))),
        (Stroke(((0.45, 0), (0.05, 0.65), (0.95, 0.62))), Stroke(((0.6, 0.35), (0.55, 1)))),
        (Stroke(((0.7, 1), (0.7, 0), (0.05, 0.68), (0.95, 0.68))),),
        (Stroke(((0.1, 0), (0.15, 0.42), (0.5, 0.5), (0.85, 0.4)), True), Stroke(((0.85, 0), (0.8, 1)))),
    ),
    (
        (
            Stroke(((0.85, 0), (0.25, 0.02), (0.18, 0.45))),
            Stroke(((0.18, 0.45), (0.6, 0.38), (0.88, 0.68), (0.55, 0.98), (0.08, 0.9)), True),
        ),
        (
            Stroke(((0.25, 0.02), (0.18, 0.45))),
            Stroke(((0.18, 0.45), (0.6, 0.38), (0.88, 0.68), (0.55, 0.98), (0.08, 0.9)), True),
            Stroke(((0.25, 0.03), (0.9, 0))),
        ),
    ),
    (
        (
            Stroke(
                ((0.75, 0), (0.35, 0.25), (0.12, 0.68), (0.45, 1), (0.85, 0.75), (0.55, 0.5), (0.16, 0.68)),
                True,
            ),
        ),
    ),
    (
        (_SEVEN,),
        (_SEVEN, Stroke(((0.3, 0.5), (0.92, 0.46)))),
        (_SEVEN, Stroke(((0.4, 0.55), (0.85, 0.5)))),
        (Stroke(((0.08, 0.22), (0.1, 0.03), (0.9, 0), (0.45, 1))), Stroke(((0.32, 0.48), (0.88, 0.5)))),
        (
            Stroke(((0.05, 0.08), (0.35, 0.02), (0.85, 0.04), (0.6, 0.45), (0.5, 1)), True),
            Stroke(((0.3, 0.5), (0.9, 0.5))),
        ),
    ),
    (
        (
            Stroke(
                (
                    (0.75, 0.12),
                    (0.45, 0),
                    (0.18, 0.2),
                    (0.5, 0.48),
                    (0.85, 0.76),
                    (0.48, 1),
                    (0.14, 0.76),
                    (0.5, 0.48),
                    (0.8, 0.2),
                    (0.7, 0.06),
                ),
                True,
            ),
        ),
    ),
    (
        (
            Stroke(((0.8, 0.2), (0.45, 0), (0.15, 0.28), (0.45, 0.52), (0.8, 0.22)), True),
            Stroke(((0.8, 0.2), (0.72, 1))),
        ),
        (
            Stroke(((0.8, 0.2), (0.45, 0), (0.15, 0.28), (0.45, 0.52), (0.8, 0.22)), True),
            Stroke(((0.8, 0.2), (0.78, 0.7), (0.5, 1), (0.15, 0.9)), True),
        ),
    ),
)
"""Ways to write each digit."""

RARE: tuple[tuple[int, int], ...] = (
    (0, 1),
    (0, 2),
    (1, 2),
    (1, 3),
    (1, 4),
    (1, 3),
    (4, 1),
    (4, 2),
    (4, 4),
    (7, 1),
    (7, 2),
    (7, 3),
    (7, 4),
)
"""(digit, variant) of those that MNIST lacks; the European 1 twice, since it is the most common."""


def draw_digit(rng: np.random.Generator, digit: int, variant: int | None = None) -> NDArray[np.uint8]:
    """Return one hand's version of a digit, (SIDE, SIDE) uint8 ink, 255 on 0."""
    ways = DIGITS[digit]
    return draw(ways[int(rng.integers(len(ways))) if variant is None else variant], rng)


def draw(shape: Shape, rng: np.random.Generator, jitter: float = 0.03) -> NDArray[np.uint8]:
    """Draw strokes with one pen: their points moved a little, the whole stretched; (SIDE, SIDE) uint8 ink."""
    width, height = rng.uniform(0.4, 0.95), 1.0
    if max(x for s in shape for x, _ in s.points) - min(x for s in shape for x, _ in s.points) < 0.05:
        width = 0.5  # an upright stroke stays one
    size = np.array([width, height]) * (SIDE - 2 * MARGIN)
    pen = int(rng.integers(3, 11))
    ink = np.zeros((SIDE, SIDE), np.uint8)
    for stroke in shape:
        points = np.array(stroke.points) + rng.normal(0, jitter, (len(stroke.points), 2))
        points = _spline(points) if stroke.curved else points
        # sixteenths of a pixel, so that slow curves stay smooth
        fixed = np.round((points * size + (SIDE - size) / 2) * 16).astype(np.int32)
        cv2.polylines(ink, [fixed], isClosed=False, color=255, thickness=pen, lineType=cv2.LINE_AA, shift=4)
    return ink


def _spline(points: NDArray[np.float64], steps: int = 10) -> NDArray[np.float64]:
    """Return a Catmull-Rom spline through (K, 2) points."""
    padded = np.concatenate([points[:1], points, points[-1:]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    parts = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        parts.append(b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a))))
    return np.concatenate([*parts, points[-1:]])
