from dataclasses import replace

import numpy as np
import pytest

from camdigits.overlay import draw, draw_numbers, draw_regions, draw_trace
from camdigits.types import Box, Candidate, Frame, Reading, Trace
from tests.support.numbers import make_number

SIZES = [(320, 240), (640, 480), (1280, 720), (720, 1280), (3840, 2160)]


def paper(width, height, shade=200):
    return np.full((height, width, 3), shade, np.uint8)


def box_of_change(before, after):
    rows, columns = np.nonzero((before != after).any(axis=2))
    return Box(columns.min(), rows.min(), columns.max() - columns.min() + 1, rows.max() - rows.min() + 1)


def yellow(image):
    """Return where letters are all but full yellow: OpenCV 4 never quite reaches a thin line's colour."""
    return (np.abs(image.astype(int) - (66, 228, 240)) < 40).all(axis=2)


def reading(number, settled=True):
    return Reading(1, number, settled, 5)


def trace_of(number, labels=10):
    candidates = tuple(Candidate(d.box, np.full((d.box.h, d.box.w), 255, np.uint8), 1.0) for d in number.digits)
    probabilities = np.full((len(candidates), labels + 1), 0.5 / labels, np.float32)
    probabilities[:, 3] = 0.5
    return Trace(candidates, probabilities, (number,)), np.ones((len(candidates), 28, 28), np.float32)


@pytest.mark.parametrize("shade", [0, 128, 255])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_boxes_and_text_are_drawn_on_a_copy(width, height, shade):
    before = paper(width, height, shade)
    number = make_number("2021", width / 4, height / 2, height / 10)
    after = draw_numbers(before, [number])
    assert (before == shade).all()
    changed = box_of_change(before, after)
    assert changed.x <= number.box.x
    assert changed.right >= number.box.right
    assert changed.y < number.box.y - height / 40  # the text above
    inside = number.digits[0].box
    assert (
        after[inside.y + 2 : inside.bottom - 2, inside.x + 2 : inside.right - 2] == shade
    ).all()  # ink is not hidden


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_text_is_a_fixed_part_of_the_picture_and_never_illegible(width, height):
    before = paper(width, height)
    number = make_number("7", width / 2, height / 2, height / 8)
    changed = box_of_change(before, draw_numbers(before, [number]))
    text = number.box.y - changed.y
    assert text >= 15
    assert min(width, height) / 25 <= text <= max(36, min(width, height) / 10)


@pytest.mark.parametrize("x", [-50, 0, 290, 400])
@pytest.mark.parametrize("y", [-50, 0, 200, 239, 300])
def test_text_stays_inside_the_picture(x, y):
    before = paper(320, 240)
    after = draw_numbers(before, [make_number("20212021", x, y, 20)])
    text = yellow(after).any(axis=1).sum()  # rows with letters
    assert text >= 8


def test_a_number_too_long_for_the_picture_is_written_smaller():
    before = paper(320, 240)
    after = draw_numbers(before, [make_number("1234567890" * 4, 10, 100, 20)])
    assert (after[:, -3:] != 200).any()
    assert yellow(after).any()


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 3), (28, 28), (3000, 5), (5, 3000)])
def test_any_picture_can_be_drawn_on(width, height):
    image = paper(width, height)
    number = make_number("42", 0, 0, height)
    trace, patches = trace_of(number)
    assert draw_numbers(image, [number]).shape == image.shape
    assert draw_trace(image, trace, "0123456789", patches).shape == image.shape


def test_a_picture_seen_through_a_window_can_be_drawn_on():
    image = paper(640, 480)[::2, ::-2]
    assert draw_numbers(image, [make_number("42", 50, 50)]).shape == (240, 320, 3)


def test_unsettled_readings_are_dimmed():
    frame = Frame(paper(640, 480), 0, 0.0, "test")
    number = make_number("42", 200, 200)

    def colorful(image):
        return int((np.ptp(image.astype(int), axis=2) > 60).sum())

    assert colorful(draw(frame, [reading(number)])) > 500
    assert colorful(draw(frame, [reading(number, settled=False)])) == 0
    assert (draw(frame, [reading(number, settled=False)]) != frame.image).any()
    assert (draw(frame, []) == frame.image).all()


def test_settled_readings_are_drawn_over_unsettled_ones():
    frame = Frame(paper(640, 480), 0, 0.0, "test")
    settled, unsettled = reading(make_number("42", 200, 200)), reading(make_number("42", 203, 200), settled=False)
    assert (draw(frame, [settled, unsettled]) == draw(frame, [unsettled, settled])).all()


def test_what_is_held_back_stands_there_with_the_reason():
    frame = Frame(paper(640, 480), 0, 0.0, "test")
    settled = reading(make_number("42", 200, 200))
    held = replace(settled, held="more than 9")
    drawn = draw(frame, [held])
    vermilion = (np.abs(drawn.astype(int) - (0, 94, 213)) < 40).all(axis=2)
    assert vermilion.sum() > 50
    assert np.ptp(np.nonzero(vermilion)[1]) > settled.number.box.w  # wider than the number alone
    assert (draw(frame, [replace(settled, stale=True)]) != draw(frame, [settled])).any()


def test_a_bar_below_each_digit_is_as_long_as_it_is_sure():
    lengths = []
    for confidence in (0.3, 0.6, 0.9):
        number = make_number("4", 200, 200, 100, confidence=confidence)
        drawn = draw_numbers(paper(640, 480), [number])
        box = number.digits[0].box
        below = yellow(drawn)[box.bottom : box.bottom + 8, box.x : box.right]
        lengths.append(below.any(axis=0).sum() / box.w)
    assert np.abs(np.subtract(lengths, (0.3, 0.6, 0.9))).max() < 0.06


def test_what_is_held_back_stands_beside_the_number_before_it():
    frame = Frame(paper(640, 480), 0, 0.0, "test")
    held = replace(reading(make_number("42", 200, 200)), held="more than 9")
    assert (draw(frame, [held]) != draw(frame, [replace(held, stands="7")])).any()


def test_all_but_the_regions_is_darkened():
    image = paper(640, 480)
    before = image.copy()
    drawn = draw_regions(image, [Box(100, 50, 60, 40), Box(600, 470, 500, 500)])
    assert (image == before).all()
    assert (drawn[50:90, 100:160] == image[50:90, 100:160]).all()
    assert (drawn[470:, 600:] == image[470:, 600:]).all()
    assert drawn[:40].mean() < 0.6 * image[:40].mean()


def test_the_trace_shows_candidates_and_patches_with_the_likeliest_digits_first():
    image = paper(640, 480)
    trace, patches = trace_of(make_number("4242", 100, 300))
    trace.probabilities[0] = [0] * 10 + [1]
    patches[0] = 0.5
    after = draw_trace(image, trace, "0123456789", patches)
    assert (after[5:15, 5:15] == 255).all()  # a patch that may be a digit stands first, the rejected one last
    for candidate in trace.candidates:
        box = candidate.box
        assert (after[box.y - 2 : box.y + 1, box.x : box.right] != 200).any()


def test_patches_and_their_captions_stand_on_a_ground_of_their_own():
    trace, patches = trace_of(make_number("4242", 100, 300))
    on_black, on_white = (draw_trace(paper(640, 480, shade), trace, "0123456789", patches) for shade in (0, 255))
    same = (on_black == on_white).all(axis=2)
    assert same[:50, :150].all()
    assert not same[100:200].any()
