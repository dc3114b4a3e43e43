"""Numbers that are hard to take apart, on plain paper: two digits that touch, and digits whose strokes are broken."""

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from camdigits_export.camera import compose
from camdigits_export.frames import PENS, Frame, Hands, compose_folder
from camdigits_export.scenes import Camera, Glyph, Hand, Light, Scene, Sheet

HEIGHT = 24, 120
"""Heights of the digits in the frame, pixels: least and most."""


def draw_pair(rng: Generator, hands: Hands, broken: bool) -> Frame:
    """Compose a frame of two digits that touch once, or of two whose strokes are each broken once."""
    px = float(np.exp(rng.uniform(*np.log(HEIGHT))))
    name = list(PENS)[int(rng.integers(len(PENS)))]
    pen = PENS[name][0]
    height = 1.25 * px
    hand = Hand(height=height, jitter=0.05, touching=float(not broken), broken=float(broken))
    camera = Camera(
        width=640,
        height=480,
        turn=float(rng.normal(0, 4)),
        pitch=float(rng.normal(0, 4)),
        fill=px / 480,  # two digits are higher than half their width
        defocus=float(rng.uniform(0.3, 0.9)),
        noise=float(rng.uniform(0.5, 2)),
    )
    light = Light(angle=float(rng.uniform(0, 360)))
    sheet = Sheet(margin=(9, 9, 9, 9), grain=0.003)
    at = rng.integers(len(hands.inks), size=2)
    page = [[[Glyph(hands.inks[i], str(hands.labels[i])) for i in at]]]
    scene = Scene(sheet, hand, replace(pen, width=pen.width * height / 85), "wood", light, camera)
    composed = compose(scene, page, rng)
    kinds = ("broken" if broken else "touching", name)
    return Frame(composed.image, composed.numbers, kinds, False, 0, composed.ink, np.zeros((0, 4), int))


def main() -> None:
    """Compose a folder of them, of MNIST's validation digits, always the same: as many that touch as are broken."""
    compose_folder(main.__doc__, 5, lambda at, rng, hands: draw_pair(rng, hands, broken=at % 2 == 1))


if __name__ == "__main__":
    main()
