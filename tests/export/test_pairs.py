"""Pairs of digits that touch or are broken: what is drawn is what the labels say."""

import cv2
import numpy as np

from camdigits_export import pairs, strokes
from camdigits_export.frames import Hands


def hands() -> Hands:
    rng = np.random.default_rng(1)
    labels = np.arange(10, dtype=np.uint8)
    return Hands([strokes.draw_digit(rng, int(label))[::3, ::3] for label in labels], labels)


def ink(image: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """Say which pixels around a box are nearer to its darkest than to paper."""
    x, y, w, h = box
    grey = image[y - 3 : y + h + 3, x - 3 : x + w + 3].min(axis=2).astype(float)
    return (grey < (np.median(image) + grey.min()) / 2).astype(np.uint8)


def test_pairs_touch() -> None:
    joined = 0
    for seed in range(12):
        frame = pairs.draw_pair(np.random.default_rng(seed), hands(), broken=False)
        (number,) = frame.numbers
        assert len(number.digits) == 2
        assert "touching" in frame.kinds
        left, right = (digit.box for digit in number.digits)
        assert left.right >= right.x
        _, _, stats, _ = cv2.connectedComponentsWithStats(ink(frame.image, number.box))
        joined += stats[1:, cv2.CC_STAT_WIDTH].max() > 0.95 * number.box.w
    assert joined >= 9  # pencil is grainy


def test_broken_digits_stand_apart() -> None:
    for seed in range(6):
        frame = pairs.draw_pair(np.random.default_rng(seed), hands(), broken=True)
        (number,) = frame.numbers
        left, right = (digit.box for digit in number.digits)
        assert left.right < right.x
        assert "broken" in frame.kinds
