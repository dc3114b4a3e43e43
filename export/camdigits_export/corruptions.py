"""The fifteen corruptions of MNIST-C (Mu and Gilmer 2019, "MNIST-C: A Robustness Benchmark for Computer Vision").

Written afresh: kinds and strengths are those of its published code, what is drawn by chance is not that of its files.
Each takes a (28, 28) float image, ink 1 on 0, and a generator; `corrupt` makes uint8 of it. A corrupted image goes to
the model through normalize_ink, as everything does, but not through the reader's segmentation, which takes the paper's
own level away first: haze, stripes and brightness hurt a model alone more than the reader.
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
    """Count photons, three where ink is full."""
    return rng.poisson(image * 3) / 3


def _impulse_noise(image: Floats, rng: Generator) -> Floats:
    """Make one pixel in six black or white."""
    return np.where(rng.random(image.shape) < 0.17, rng.integers(0, 2, image.shape), image)


def _glass_blur(image: Floats, rng: Generator) -> Floats:
    """Blur, swap half of the pixels with one beside them from the last on, twice, and blur again."""
    mixed = _blur(image, 0.7)
    for _ in range(2):
        places = np.argwhere(rng.random((SIDE - 2, SIDE - 2)) < 0.5)[::-1] + 2
        beside = places - rng.integers(0, 2, places.shape)
        for (y, x), (v, u) in zip(places.tolist(), beside.tolist(), strict=True):
            mixed[y, x], mixed[v, u] = mixed[v, u], mixed[y, x]
    return _blur(mixed, 0.7)


def _motion_blur(image: Floats, rng: Generator) -> Floats:
    """Smear to the left over ten pixels, fading, up to 45 degrees from level."""
    angle = rng.uniform(-np.pi / 4, np.pi / 4)
    weights = np.exp(-(np.arange(11) ** 2) / 18)
    smeared = np.zeros_like(image)
    for step, weight in enumerate(weights / weights.sum()):
        smeared += weight * _warp(image, np.eye(2), (-step * np.cos(angle), -step * np.sin(angle)))
    return smeared


def _shear(image: Floats, rng: Generator) -> Floats:
    # 1 / cos: the scikit-image that MNIST-C was made with also stretched what it slanted
    return _warp(image, np.array([[1, _sign(rng) * np.tan(0.4)], [0, 1 / np.cos(0.4)]]))


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
    """Add clouds three times as bright as the ink."""
    ink = float(image.max())
    hazy: Floats = (image + 3 * _clouds(rng)[:SIDE, :SIDE]) * ink / (ink + 3)
    return hazy


def _clouds(rng: Generator) -> Floats:
    """Return (256, 256) heights of 0 to 1, opposite edges alike (diamond and square, Fournier et al. 1982).

    Amid four heights lies their mean and chance, which shrinks by 1.4 squared where the distance halves.
    """
    heights = np.zeros((1, 1))
    for octave in range(8):
        chance = rng.uniform(-1, 1, (3, *heights.shape)) / 1.4 ** (2 * octave)
        beside, below = heights + np.roll(heights, -1, 1), heights + np.roll(heights, -1, 0)
        middles = (beside + np.roll(beside, -1, 0)) / 4 + chance[0]
        finer = np.empty((2 * len(heights),) * 2)
        finer[::2, ::2], finer[1::2, 1::2] = heights, middles
        finer[::2, 1::2] = (beside + middles + np.roll(middles, 1, 0)) / 4 + chance[1]
        finer[1::2, ::2] = (below + middles + np.roll(middles, 1, 1)) / 4 + chance[2]
        heights = finer
    clouds: Floats = (heights - heights.min()) / np.ptp(heights)
    return clouds


def _spatter(image: Floats, rng: Generator) -> Floats:
    """Cover with splashes of mud, a quarter as bright as ink."""
    wet = _blur(rng.normal(0.65, 0.3, image.shape), 1) > 0.65
    mud = _blur(wet.astype(np.float64), 1.5)
    mud = np.where(mud < 0.8, 0, mud)
    return image * (1 - mud) + mud * 63 / 255


def _dotted_line(image: Floats, rng: Generator) -> Floats:
    """Draw a line from edge to edge, two pixels of line, two of gap."""
    dots = np.arange(SIDE) // 2 % 2 == 1
    dotted: Floats = image + dots * _line(np.array([0.0, 27.0]), rng.integers(0, 27, 2).astype(np.float64))
    return dotted


def _zigzag(image: Floats, rng: Generator) -> Floats:
    """Draw teeth from left to right about a line that may rise or fall, four pixels long and as high."""
    start = rng.integers(0, 27)
    angle = np.arctan(rng.integers(-5, 5) / 23)
    end = 23 / np.cos(angle)
    along = np.array([0, *range(2, 23, 4), end])
    teeth = np.array([0, *np.resize((2, -2), 6), -1 / (end - 20)])
    x, y = along * np.cos(angle) - teeth * np.sin(angle), along * np.sin(angle) + teeth * np.cos(angle)
    return image + _line(x + 2, y + start)


def _canny_edges(image: Floats, _rng: Generator) -> Floats:
    """Draw edges of a tenth of full ink that go on from edges of a fifth."""
    soft = (_blur(image, 1) * 255).astype(np.uint8)
    return cv2.Canny(soft, 0.1 * 255, 0.2 * 255, L2gradient=True) / 255


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


def _blur(image: Floats, sigma: float) -> Floats:
    return cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE).astype(np.float64)


def _line(x: Floats, y: Floats) -> Floats:
    """Draw a line from left to right through corners; ink fades with the distance above and below it."""
    places = np.arange(SIDE)
    away = np.abs(places[:, None] - np.interp(places, x, y))
    ink = 1 + np.log(1 - np.minimum(away, 2.29) / 2.3)
    drawn: Floats = np.maximum(ink, 0) * ((x[0] <= places) & (places < x[-1]))
    return drawn


def _sign(rng: Generator) -> int:
    return int(rng.choice((-1, 1)))
