"""Rules of another colour than the pen fade, and what is written stays as dark."""

import cv2
import numpy as np
import pytest

from camdigits.rules import faded, find_rules
from camdigits.segment import at_half
from camdigits.types import Image

PAPER = (228, 236, 240)
VIOLET, GREEN, GREY = (215, 150, 165), (150, 200, 140), (150, 150, 150)
PENCIL, BLUE_PEN = (120, 118, 122), (150, 80, 60)
Colour = tuple[int, int, int]


def sheet(rules: Colour, pen: Colour, text: str = "40731 52", noise: float = 1.5) -> Image:
    """A squared sheet with a line of text, seen by a camera."""
    image = np.full((480, 640, 3), PAPER, np.uint8)
    for at in range(12, 640, 24):
        cv2.line(image, (at, 0), (at + 6, 479), rules, 2, cv2.LINE_AA)
        cv2.line(image, (0, at), (639, at - 8), rules, 2, cv2.LINE_AA)
    cv2.putText(image, text, (60, 270), cv2.FONT_HERSHEY_SIMPLEX, 2.6, pen, 4, cv2.LINE_AA)
    noisy = cv2.GaussianBlur(image, (0, 0), 0.8) + np.random.default_rng(0).normal(0, noise, image.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def rules_in(image: Image) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None:
    """What find_rules finds at half the size."""
    grey = cv2.cvtColor(cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    found = find_rules(cv2.subtract(np.full_like(grey, int(np.median(grey))), cv2.blur(grey, (3, 3))))
    return None if found is None else np.asarray(found, np.uint8)


def darkness(image: Image, where: Colour, pen: Colour) -> tuple[float, float]:
    """How much darker than the paper rules and ink are, where the clean sheet has them."""
    clean = sheet(where, pen, noise=0).astype(int)
    rule, ink = (np.abs(clean - colour).max(2) < 12 for colour in (where, pen))
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    paper = np.abs(clean - PAPER).max(2) < 3
    return float(grey[paper].mean() - grey[rule].mean()), float(grey[paper].mean() - grey[ink].mean())


@pytest.mark.parametrize("rules", [VIOLET, GREEN])
@pytest.mark.parametrize("pen", [PENCIL, BLUE_PEN])
def test_coloured_rules_fade_and_ink_stays(rules: Colour, pen: Colour) -> None:
    image = sheet(rules, pen)
    found = rules_in(image)
    assert found is not None
    clearer = faded(image, found)
    assert clearer is not None
    assert clearer.shape == image.shape
    rule, ink = darkness(image, rules, pen)
    less, same = darkness(clearer, rules, pen)
    assert less / same < 0.9 * rule / ink
    assert same > 0.8 * ink


def test_rules_of_the_pens_own_colour_stay_as_they_are() -> None:
    image = sheet(GREY, PENCIL)
    found = rules_in(image)
    assert found is not None
    clearer = faded(image, found)
    assert clearer is not None
    rule, ink = darkness(image, GREY, PENCIL)
    less, same = darkness(clearer, GREY, PENCIL)
    assert abs(less / same - rule / ink) < 0.15


def test_where_nothing_is_written_there_is_no_colour_to_tell() -> None:
    image = np.full((240, 320, 3), PAPER, np.uint8)
    none = np.zeros((120, 160), np.uint8)
    assert faded(image, none) is None
    assert faded(image, np.full_like(none, 255)) is None


def test_a_ruled_page_is_looked_at_in_its_mix_and_a_plain_one_as_it_is() -> None:
    ruled = sheet(VIOLET, PENCIL)
    mixed = at_half(ruled).image
    assert not np.array_equal(mixed, ruled)
    assert np.array_equal(mixed[..., 0], mixed[..., 1])
    plain = np.full((480, 640, 3), PAPER, np.uint8)
    cv2.putText(plain, "4073", (60, 270), cv2.FONT_HERSHEY_SIMPLEX, 2.6, PENCIL, 4, cv2.LINE_AA)
    assert at_half(plain).image is plain
