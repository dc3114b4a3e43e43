"""The fifteen corruptions of MNIST-C (Mu and Gilmer 2019, "MNIST-C: A Robustness Benchmark for Computer Vision").

Written afresh: kinds and strengths follow the paper, but not bit for bit its files. Each takes a (28, 28) float image,
ink 1 on 0, and a generator; `corrupt` makes uint8 of it. A corrupted image goes to the model through normalize_ink, as
everything does, but not through the reader's segmentation, which takes the paper's own level away first: haze, stripes
and brightness hurt a model alone more than the reader.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from camdigits_export.augment import to_patch
from camdigits_export.datasets import Inks

Floats = NDArray[np.float64]

SIDE = 28
MIDDLE = (SIDE - 1) / 2


def corrupt(image: NDArray[np.uint8], kind: str, seed: int) -> NDArray[np.uint8]:
    """Return (28, 28) uint8: an image with one of CORRUPTIONS; the same for the same seed."""
    spoilt = CORRUPTIONS[kind](image / 255, np.random.default_rng([seed, list(CORRUPTIONS).index(kind)]))
    return np.round(np.clip(spoilt, 0, 1) * 255).astype(np.uint8)


def corrupted_patches(images: Inks, kind: str) -> NDArray[np.uint8]:
    """Return (N, 28, 28) uint8 patches of corrupted images; each image's place is its seed."""
    return np.stack([to_patch(corrupt(image, kind, seed)) for seed, image in enumerate(images)])


def _shot_noise(image: Floats, rng: Generator) -> Floats:
    """Count photons, five where ink is full."""
    return rng.poisson(image * 5) / 5


def _impulse_noise(image: Floats, rng: Generator) -> Floats:
    """Make one pixel in six black or white."""
    return np.where(rng.random(image.shape) < 0.17, rng.integers(0, 2, image.shape), image)


def _glass_blur(image: Floats, rng: Generator) -> Floats:
    """Blur, swap half of the pixels with one beside them, twice, and blur again."""
    mixed = cv2.GaussianBlur(image, (0, 0), 0.7)
    for _ in range(2):
        places = np.argwhere(rng.random((SIDE - 1, SIDE - 1)) < 0.5) + 1
        beside = places - rng.integers(0, 2, places.shape)
        for (y, x), (v, u) in zip(places.tolist(), beside.tolist(), strict=True):
            mixed[y, x], mixed[v, u] = mixed[v, u], mixed[y, x]
    return cv2.GaussianBlur(mixed, (0, 0), 0.7).astype(np.float64)


def _motion_blur(image: Floats, rng: Generator) -> Floats:
    """Smear over ten pixels, fading, up to 45 degrees from level."""
    angle = rng.uniform(-np.pi / 4, np.pi / 4)
    weights = np.exp(-(np.arange(10) ** 2) / 18)
    smeared = np.zeros_like(image)
    for step, weight in enumerate(weights / weights.sum()):
        smeared += weight * _warp(image, np.eye(2), (step * np.cos(angle), step * np.sin(angle)))
    return smeared


def _shear(image: Floats, rng: Generator) -> Floats:
    return _warp(image, np.array([[1, _sign(rng) * np.tan(0.4)], [0, 1]]))


def _scale(image: Floats, _rng: Generator) -> Floats:
    return _warp(image, np.eye(2) * 0.7)


def _rotate(image: Floats, rng: Generator) -> Floats:
    angle = _sign(rng) * 0.4
    return _warp(image, np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]))


def _brightness(image: Floats, _rng: Generator) -> Floats:
    return image + 0.5


def _translate(image: Floats, rng: Generator) -> Floats:
    return _warp(image, np.eye(2), (_sign(rng) * 3, _sign(rng) * 3))


def _stripe(image: Floats, _rng: Generator) -> Floats:
    """Turn the left and right quarter into negatives."""
    return np.asarray(np.where(np.abs(np.arange(SIDE) - MIDDLE) > 7, 1 - image, image))


def _fog(image: Floats, rng: Generator) -> Floats:
    """Add clouds three times as bright as the ink, each octave half as strong as the one before."""
    clouds = np.zeros((128, 128))
    for octave in range(1, 8):
        grid = rng.uniform(-1, 1, (2**octave + 1, 2**octave + 1))
        clouds += cv2.resize(grid, clouds.shape, interpolation=cv2.INTER_LINEAR) / 2**octave
    clouds = 3 * (clouds - clouds.min()) / np.ptp(clouds)
    ink = float(image.max())
    hazy: Floats = (image + clouds[:SIDE, :SIDE]) * ink / (ink + 3)
    return hazy


def _spatter(image: Floats, rng: Generator) -> Floats:
    """Cover with splashes of mud, a quarter as bright as ink."""
    wet = cv2.GaussianBlur(rng.normal(0.65, 0.3, image.shape), (0, 0), 1) > 0.65
    mud = cv2.GaussianBlur(wet.astype(np.float64), (0, 0), 1.5)
    mud = np.where(mud < 0.8, 0, mud)
    return image * (1 - mud) + mud / 4


def _dotted_line(image: Floats, rng: Generator) -> Floats:
    """Draw a line from edge to edge, two pixels of line, two of gap."""
    ends = rng.integers(0, 27, 2)
    dots = np.arange(SIDE) // 2 % 2 == 1
    dotted: Floats = image + dots * _line([(0, ends[0]), (27, ends[1])])
    return dotted


def _zigzag(image: Floats, rng: Generator) -> Floats:
    """Draw teeth across the image, four pixels long and as high."""
    start = rng.integers(0, 27)
    end = start + rng.integers(-5, 5)
    x = np.arange(2, 26, 4)
    teeth = np.resize((2, -2), len(x))
    return image + _line(list(zip(x, start + (end - start) * (x - 2) / 23 + teeth, strict=True)))


def _canny_edges(image: Floats, _rng: Generator) -> Floats:
    soft = cv2.GaussianBlur(image, (0, 0), 1)
    return cv2.Canny((soft * 255).astype(np.uint8), 102, 204, L2gradient=True) / 255


CORRUPTIONS: dict[str, Callable[[Floats, Generator], Floats]] = {
    function.__name__.lstrip("_"): function
    for function in (
        _shot_noise,
        _impulse_noise,
        _glass_blur,
        _motion_blur,
        _shear,
        _scale,
        _rotate,
        _brightness,
        _translate,
        _stripe,
        _fog,
        _spatter,
        _dotted_line,
        _zigzag,
        _canny_edges,
    )
}
"""By their names in the paper."""


def _warp(image: Floats, linear: Floats, shift: tuple[float, float] = (0, 0)) -> Floats:
    """Turn or stretch about the middle, then shift right and down."""
    offset = np.full(2, MIDDLE) - linear @ np.full(2, MIDDLE) + shift
    return cv2.warpAffine(image, np.column_stack([linear, offset]), (SIDE, SIDE)).astype(np.float64)


def _line(corners: list[tuple[float, float]]) -> Floats:
    """Draw a soft line through (x, y) corners."""
    sixteenths = np.round(np.array(corners) * 16).astype(np.int32)
    drawn = np.zeros((SIDE, SIDE), np.uint8)
    cv2.polylines(drawn, [sixteenths], isClosed=False, color=255, thickness=2, lineType=cv2.LINE_AA, shift=4)
    return drawn / 255


def _sign(rng: Generator) -> int:
    return int(rng.choice((-1, 1)))
