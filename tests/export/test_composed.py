"""An accuracy floor on composed frames: numbers of OpenCV's digits, which no model was trained on, read whole."""

from collections import Counter

import numpy as np
import pytest

from camdigits.classify import Classifier
from camdigits.pipeline import read_image
from camdigits_export import frames, marks
from camdigits_export.datasets import load

SEED, COUNT = 21, 60


@pytest.mark.slow
@pytest.mark.skipif(
    not (marks.PICTURES.exists() and all(path.exists() for path in marks.every_font())),
    reason=f"apt install opencv-doc {marks.FONT_PACKAGES}",
)
def test_most_numbers_in_composed_frames_are_read_whole() -> None:
    digits = load("opencv", "test")
    hands = frames.Hands(digits.inks, digits.labels)
    classifier = Classifier("cnn")
    right, written = 0, 0
    for at in range(COUNT):
        frame = frames.draw_frame(np.random.default_rng([SEED, at]), hands)
        wanted = Counter(number.text for number in frame.numbers)
        read = Counter("".join(d.label for d in number.digits) for number in read_image(frame.image, classifier))
        right += (wanted & read).total()
        written += wanted.total()
    assert written > COUNT
    assert right / written > 0.4
