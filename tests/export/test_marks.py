"""What stands beside numbers: in the right place and size, and named as what a person would take it for."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from camdigits_export import marks
from camdigits_export.datasets import DataError
from camdigits_export.scenes import DOUBTFUL

PRINTED = marks.fonts(printed=True)[0]

needs_fonts = pytest.mark.skipif(
    not all(path.exists() for path in marks.every_font()),
    reason=f"apt install {marks.FONT_PACKAGES}",
)


def of(text: str, printed: bool = True) -> marks.Glyph:
    glyph = marks.sign(PRINTED, text, printed)
    assert glyph is not None
    return glyph


@pytest.mark.parametrize("printed", [False, True])
def test_signs_stand_on_the_line_or_hang_from_it(printed: bool) -> None:
    assert of("4", printed).foot == pytest.approx(0, abs=0.06)
    assert of("g", printed).foot == pytest.approx(0.29, abs=0.1)
    assert of("-", printed).foot < -0.2
    assert of(",", printed).foot == pytest.approx(0.15, abs=0.1)


@pytest.mark.parametrize("printed", [False, True])
def test_signs_are_as_high_as_beside_digits(printed: bool) -> None:
    for text, high in (("4", 1.0), ("x", 0.75), ("-", 0.12)):
        glyph = of(text, printed)
        assert glyph.ink.shape[0] * glyph.scale == pytest.approx(high, abs=0.09)
        assert glyph.ink.max() > 120


def test_digits_are_digits_and_what_looks_like_one_is_doubtful() -> None:
    assert [of(text).label for text in "7kO+"] == ["7", "", DOUBTFUL, ""]


def test_a_font_that_lacks_a_sign_has_none_and_a_font_that_is_missing_is_named() -> None:
    assert marks.sign(PRINTED, " ", True) is None
    with pytest.raises(DataError, match=r"nowhere\.ttf.*apt install fonts-breip"):
        marks.sign(Path("nowhere.ttf"), "a", True)


@needs_fonts
@pytest.mark.parametrize("printed", [False, True])
def test_words_hold_letters_only(printed: bool) -> None:
    glyphs = marks.word(np.random.default_rng(3), marks.LETTERS, 20, printed)
    assert len(glyphs) > 15
    assert all(glyph.label in ("", DOUBTFUL) and glyph.printed == printed for glyph in glyphs)


@needs_fonts
@pytest.mark.parametrize("printed", [False, True])
def test_every_font_has_digits(printed: bool) -> None:
    for font in marks.fonts(printed):
        assert marks.sign(font, "5", printed) is not None, font


def test_scribbles_are_one_line_of_some_size() -> None:
    for seed in range(20):
        scribble = marks.scribble(np.random.default_rng(seed))
        assert scribble.label == DOUBTFUL
        assert cv2.connectedComponents((scribble.ink > 60).astype(np.uint8))[0] == 2
        assert 0.3 < scribble.ink.shape[1] * scribble.scale < 4


@pytest.mark.skipif(not marks.PICTURES.exists(), reason="apt install opencv-doc")
def test_the_world_is_seen_in_parts() -> None:
    parts = [marks.world(np.random.default_rng(seed)) for seed in range(12)]
    assert len({part.shape for part in parts}) > 6
    assert all(part.ndim == 3 and min(part.shape[:2]) >= 32 and part.std() > 1 for part in parts)
    with pytest.raises(DataError, match="opencv-doc"):
        marks.world(np.random.default_rng(0), ["no-such-picture.jpg"])
