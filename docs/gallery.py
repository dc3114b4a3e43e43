"""Draws reads.jpg and misses.jpg for the README: composed frames that are read right, and some that are not.

    python docs/gallery.py

Frames of OpenCV's digits are composed and read in turn; of each kind the first that is read right goes into one
picture, the first that is not into the other, cut to what is written.
"""

from pathlib import Path

import cv2
import numpy as np

from camdigits.classify import Classifier
from camdigits.overlay import draw_numbers
from camdigits.pipeline import read_image
from camdigits.types import Box, Image
from camdigits_export.datasets import load
from camdigits_export.frames import Hands, draw_frame

SEED = 22
KINDS = "plain", "ruled", "squared", "board", "pencil", "turned", "touching", "px<22", "printed"
TILE = 400, 260


def tile(image: Image, around: Box, title: str) -> Image:
    """Return (TILE) the part of a picture around what is written in it, with a title."""
    wide, high = TILE[0], TILE[1] - 24
    grown = 1.25 * max(around.w / wide, around.h / high, 0.2)
    width, height = round(grown * wide), round(grown * high)
    # the part lies inside the picture, as far as the picture is large enough
    beyond_x, beyond_y = max(width - image.shape[1], 0), max(height - image.shape[0], 0)
    image = np.pad(image, ((0, beyond_y), (0, beyond_x), (0, 0)), constant_values=255)
    x, y = around.center
    left = min(max(round(x - width / 2), 0), image.shape[1] - width)
    top = min(max(round(y - height / 2), 0), image.shape[0] - height)
    view = image[top : top + height, left : left + width]
    drawn = np.full((TILE[1], TILE[0], 3), 255, np.uint8)
    drawn[:high] = cv2.resize(view, (wide, high), interpolation=cv2.INTER_AREA)
    cv2.putText(drawn, title, (4, TILE[1] - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (40, 40, 40), 1, cv2.LINE_AA)
    return np.asarray(drawn, np.uint8)


def main() -> None:
    """Draw both."""
    digits = load("opencv", "test")
    hands, classifier = Hands(digits.inks, digits.labels), Classifier("cnn")
    found: dict[bool, dict[str, Image]] = {True: {}, False: {}}
    at = 0
    while any(len(tiles) < len(KINDS) for tiles in found.values()) and at < 400:
        frame = draw_frame(np.random.default_rng([SEED, at]), hands)
        at += 1
        if not 2 <= len(frame.numbers) <= 8:
            continue
        read = read_image(frame.image, classifier)
        wanted = [number.text for number in frame.numbers]
        right = sorted("".join(d.label for d in number.digits) for number in read) == sorted(wanted)
        free = [kind for kind in KINDS if kind in frame.kinds and kind not in found[right]]
        if free:
            around = Box.around(number.box for number in frame.numbers)
            title = free[0] if right else f"{free[0]}: {' '.join(wanted)}"
            found[right][free[0]] = tile(draw_numbers(frame.image, read), around, title[:46])
    for right, name in ((True, "reads"), (False, "misses")):
        tiles = [found[right][kind] for kind in KINDS if kind in found[right]]
        tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % 3)
        rows = [np.hstack(tiles[at : at + 3]) for at in range(0, len(tiles), 3)]
        cv2.imwrite(str(Path(__file__).with_name(f"{name}.jpg")), np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()
