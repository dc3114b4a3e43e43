"""Drawn scenes in, candidates out: the truth is known to the pixel."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camdigits.segment import at_full, at_half, segment, single_sign
from camdigits.types import Box, Candidate, Image
from tests.support.drawing import SEGMENTS, SHAPES, draw_digit, paper, shade


def iou(a: Box, b: Box) -> float:
    """Return intersection over union, 0 to 1."""
    w, h = min(a.right, b.right) - max(a.x, b.x), min(a.bottom, b.bottom) - max(a.y, b.y)
    both = max(w, 0) * max(h, 0)
    return both / (a.w * a.h + b.w * b.h - both)


def found(candidates: list[Candidate], box: Box, least: float = 0.7) -> Candidate | None:
    best = max(candidates, key=lambda candidate: iou(candidate.box, box), default=None)
    return best if best is not None and iou(best.box, box) >= least else None


def test_empty_paper_has_next_to_nothing() -> None:
    assert len(segment(paper())) <= 3


@pytest.mark.parametrize("height", [14, 20, 40, 80, 160, 320, 460])
def test_any_height_up_to_the_frame(height: int) -> None:
    image = paper()
    box = Box(300 - height // 4, 10, max(height // 2, 8), height)
    draw_digit(image, "5", box, pen=max(2, height // 10))
    assert found(segment(image), box)


@pytest.mark.parametrize(("page", "ink"), [(210, 50), (40, 200), (120, 60), (128, 220), (200, 160)])
def test_dark_on_light_and_light_on_dark(page: int, ink: int) -> None:
    image = paper(level=page)
    box = Box(200, 150, 60, 100)
    draw_digit(image, "2", box, pen=8, level=ink)
    candidate = found(segment(image), box)
    assert candidate is not None
    assert candidate.ink.shape == (candidate.box.h, candidate.box.w)
    inside = candidate.ink[candidate.ink > 0]
    assert np.median(inside) > 180  # strokes are stretched to full ink whatever their contrast was


@pytest.mark.parametrize(("height", "is_fine"), [(14, True), (60, False)])
def test_the_full_size_is_for_writing_that_half_of_it_hides(height: int, is_fine: bool) -> None:
    image = paper()
    boxes = [Box(40 + 60 * at, 100, height // 2, height) for at in range(8)]
    for box in boxes:
        draw_digit(image, "2", box, pen=2 if is_fine else 6)
    half = at_half(image)
    assert half.is_fine == is_fine
    assert all(found(half.candidates, box, 0.5) for box in boxes) != is_fine
    full, others = at_full(half)
    assert all(found(full, box, 0.5) for box in boxes)
    kept = [half.candidates[i] for i in others]
    assert not any(found(kept, seen.box, 0.76) for seen in full)  # what both show is proposed once
    assert [seen.box for seen in segment(image)] == [seen.box for seen in full + kept]


def test_contrast_orders_pens() -> None:
    image = paper()
    pencil, pen = Box(100, 100, 40, 60), Box(400, 100, 40, 60)
    draw_digit(image, "3", pencil, level=170)
    draw_digit(image, "3", pen, level=30)
    candidates = segment(image)
    faint, strong = found(candidates, pencil), found(candidates, pen)
    assert faint is not None
    assert strong is not None
    assert 0.05 < faint.contrast < strong.contrast <= 1


@pytest.mark.parametrize("height", [60, 120, 240])
def test_a_line_fainter_than_the_noise_is_found(height: int) -> None:
    image = paper()
    box = Box(240, 60, height // 2, height)
    draw_digit(image, "5", box, pen=max(4, height // 15), level=190)
    noisy = image + np.random.default_rng(height).normal(0, 12, image.shape[:2])[..., None]
    assert found(segment(np.clip(noisy, 0, 255).astype(np.uint8)), box)


def test_faint_writing_on_a_small_sheet_does_not_drown_in_its_desk() -> None:
    image = (100 + 0.2 * texture("leather", 900)[:640]).astype(np.uint8)
    image[300:420, 360:600] = paper(240, 120, level=200)
    box = Box(440, 340, 24, 40)
    draw_digit(image, "5", box, pen=4, level=160)
    assert found(segment(image), box)


def test_uneven_light_and_a_shadow_edge() -> None:
    image = paper(800, 600)
    boxes = [Box(60 + 140 * i, 80 + 240 * j, 50, 80) for i in range(5) for j in range(2)]
    for i, box in enumerate(boxes):
        draw_digit(image, "0234567890"[i], box, pen=7, level=60)
    x = np.linspace(1, 0.45, 800, dtype=np.float32)[None, :].repeat(600, axis=0)
    x[:, 390:] *= 0.6  # a soft shadow's edge between two digits
    image = shade(image, cv2.GaussianBlur(x, (0, 0), 6).astype(np.float32))
    candidates = segment(image)
    assert [box for box in boxes if not found(candidates, box)] == []


def test_a_loose_stroke_is_joined() -> None:
    image = paper()
    body, bar = Box(200, 112, 50, 78), Box(205, 100, 50, 8)
    cv2.rectangle(image, (bar.x, bar.y), (bar.right - 1, bar.bottom - 1), (50,) * 3, cv2.FILLED)
    draw_digit(image, "5", body, pen=8)
    candidates = segment(image)
    assert found(candidates, body, 0.85)
    assert found(candidates, body.union(bar), 0.9)


def test_neighbours_are_not_joined() -> None:
    image = paper()
    left, right = Box(200, 100, 40, 60), Box(246, 100, 40, 60)
    draw_digit(image, "1", left)
    draw_digit(image, "8", right)
    assert not found(segment(image), left.union(right), 0.9)


def test_a_digit_inside_a_frame_is_found() -> None:
    image = paper()
    cv2.rectangle(image, (100, 100), (200, 200), (40,) * 3, 4)
    box = Box(130, 120, 36, 60)
    draw_digit(image, "4", box)
    assert found(segment(image), box)


def test_what_touches_the_edge_is_marked_cut() -> None:
    image = paper()
    inner, outer = Box(300, 200, 40, 60), Box(0, 200, 40, 60)
    draw_digit(image, "8", inner)
    draw_digit(image, "8", outer)
    candidates = segment(image)
    inside, outside = found(candidates, inner), found(candidates, outer)
    assert inside is not None
    assert not inside.cut
    assert outside is not None
    assert outside.cut


@pytest.mark.parametrize("polarity", ["black on white", "white on black"])
@pytest.mark.parametrize("side", [28, 64, 120])
def test_a_tight_crop_is_not_cut(side: int, polarity: str) -> None:
    image = np.full((side, side, 3), 255, np.uint8)
    box = Box(side // 4, 0, side // 2, side)  # the ink touches two borders
    draw_digit(image, "5", box, pen=max(2, side // 12), level=0)
    candidates = segment(image if polarity == "black on white" else 255 - image)
    candidate = found(candidates, box, 0.6)
    assert candidate is not None
    assert not candidate.cut


def test_large_pictures_keep_their_own_coordinates() -> None:
    image = paper(4000, 3000)
    box = Box(2600, 1700, 220, 400)
    draw_digit(image, "6", box, pen=40)
    assert found(segment(image), box, 0.85)


def test_a_small_digit_of_a_4k_frame_is_found() -> None:
    image = paper(3840, 2160)
    box = Box(1900, 1003, 10, 16)
    draw_digit(image, "7", box, pen=2)
    assert found(segment(image), box, 0.6)


def test_digits_in_a_grid_are_not_joined_to_it() -> None:
    image = paper(1000, 1000)
    for at in range(100, 1000, 100):
        cv2.line(image, (50, at), (950, at), (60,) * 3, 3)
        cv2.line(image, (at, 50), (at, 950), (60,) * 3, 3)
    cells = [Box(100 * x + 30, 100 * y + 20, 40, 60) for x in range(1, 9) for y in range(1, 9)]
    for cell in cells:
        draw_digit(image, "3", cell, pen=6)
    candidates = segment(image)
    assert all(found(candidates, cell) for cell in cells)
    assert sum(candidate.box.h > 500 for candidate in candidates) <= 2


@pytest.mark.parametrize("slope", [-0.15, 0.0, 0.1])
@pytest.mark.parametrize("squared", [False, True])
def test_digits_are_found_on_rules_as_strong_as_they(squared: bool, slope: float) -> None:
    image = paper(1280, 720)
    for at in range(-400, 1700, 45):
        cv2.line(image, (0, at), (1280, at + round(1280 * slope)), (165,) * 3, 3, cv2.LINE_AA)
        if squared:
            cv2.line(image, (at, 0), (at - round(720 * slope), 720), (165,) * 3, 3, cv2.LINE_AA)
    boxes = []
    for at in range(15):
        ink = np.full_like(image, 255)
        place = 150 + 200 * (at % 5), 230 + 170 * (at // 5)
        cv2.putText(ink, "5293"[at % 4], place, cv2.FONT_HERSHEY_SIMPLEX, 4, (190,) * 3, 8, cv2.LINE_AA)
        boxes.append(Box(*cv2.boundingRect((ink[..., 0] < 220).view(np.uint8))))
        image = cv2.multiply(image, ink, scale=1 / 255).astype(np.uint8)
    candidates = segment(image)
    assert sum(found(candidates, box) is not None for box in boxes) >= 10


def test_small_digits_are_found_on_rules() -> None:
    image = paper(1280, 720)
    for at in range(10, 720, 30):
        cv2.line(image, (0, at), (1280, at), (150,) * 3, 2, cv2.LINE_AA)
    boxes = [Box(60 + 60 * at, 103, 12, 20) for at in range(20)]  # across the rule at 110
    for at, box in enumerate(boxes):
        draw_digit(image, "5293"[at % 4], box, pen=3, level=60)
    candidates = segment(image)
    assert sum(found(candidates, box) is not None for box in boxes) >= 18


def texture(kind: str, size: int) -> Image:
    rng = np.random.default_rng(1)
    if kind == "specks":
        return np.where(rng.random((size, size, 1)) < 0.05, 30, 220).repeat(3, axis=2).astype(np.uint8)
    noise = cv2.GaussianBlur(rng.normal(0, 1, (size, size)), (0, 0), 2)
    return np.clip(128 + 90 * noise / noise.std(), 0, 255).astype(np.uint8)[..., None].repeat(3, axis=2)


@pytest.mark.parametrize("kind", ["specks", "leather"])
def test_texture_is_bounded(kind: str) -> None:
    assert len(segment(texture(kind, 1400))) <= 800


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (3, 3), (200, 20_000), (27, 31)])
def test_odd_sizes_do_not_fail(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    segment(rng.integers(0, 256, (*shape, 3), dtype=np.uint8))


@settings(max_examples=25, deadline=None)
@given(
    x=st.integers(4, 500),
    y=st.integers(4, 330),
    w=st.integers(16, 120),
    h=st.integers(24, 130),
    label=st.sampled_from("0123456789"),
    page=st.integers(90, 250),
)
def test_a_digit_anywhere_is_found_inside_the_frame(x: int, y: int, w: int, h: int, label: str, page: int) -> None:
    image = paper(level=page)
    box = Box(x, y, min(w, 2 * h), h)
    draw_digit(image, label, box, pen=max(3, min(w, h) // 8), level=page // 4)
    ink = cv2.boundingRect((image[..., 0] < 0.6 * page).astype(np.uint8))
    candidates = segment(image)
    assert found(candidates, Box(*ink), 0.4)  # blur widens a stroke of three pixels
    for candidate in candidates:
        assert candidate.box.x >= 0 <= candidate.box.y
        assert candidate.box.right <= 640
        assert candidate.box.bottom <= 480
        assert candidate.ink.dtype == np.uint8
        assert 0 <= candidate.contrast <= 1


def draw_display(image: Image, label: str, box: Box, pen: int, level: int = 50) -> Box:
    """Draw a digit of a display, whose segments do not touch, and return the box around them."""
    gap = pen + 4
    drawn = []
    for name in SHAPES[label]:
        (x0, y0), (x1, y1) = SEGMENTS[name]
        aside, below = (gap, 0) if x1 > x0 else (0, gap)
        left, top = round(box.x + x0 * (box.w - pen)) + aside, round(box.y + y0 * (box.h - pen)) + below
        right, bottom = round(box.x + x1 * (box.w - pen)) + pen - aside, round(box.y + y1 * (box.h - pen)) + pen - below
        cv2.rectangle(image, (left, top), (right - 1, bottom - 1), (level,) * 3, cv2.FILLED)
        drawn.append(Box(left, top, right - left, bottom - top))
    return Box.around(drawn)


LOOSE = {
    "=": [((0, 30), (80, 30)), ((0, 55), (80, 55))],
    "divided by": [((0, 40), (80, 40)), ((40, 12), (40, 12)), ((40, 68), (40, 68))],
    "i": [((40, 35), (40, 80)), ((40, 5), (40, 5))],
    "%": [((10, 80), (70, 0)), ((8, 10), (20, 10)), ((60, 70), (72, 70))],
}


def draw_loose(image: Image, name: str, x: int, y: int, level: int = 50) -> Box:
    """Draw a sign of several parts with a round pen, and return its box."""
    ends = [np.array(end) + np.array([x, y]) for line in LOOSE[name] for end in line]
    for start, end in zip(ends[::2], ends[1::2], strict=True):
        cv2.line(image, start, end, (level,) * 3, 10)
    low, high = np.min(ends, axis=0) - 5, np.max(ends, axis=0) + 5
    return Box(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))


@pytest.mark.parametrize("name", ["=", "divided by", "i"])
def test_loose_parts_are_one_candidate_only_where_signs_are_looked_for(name: str) -> None:
    image = paper()
    box = draw_loose(image, name, 250, 200)
    assert found(at_full(at_half(image, any_sign=True))[0], box)
    assert not found(segment(image), box)


@pytest.mark.parametrize("label", "0235689")
def test_a_displays_segments_are_one_candidate(label: str) -> None:
    image = paper()
    box = draw_display(image, label, Box(250, 150, 80, 150), 12)
    assert found(at_half(image, any_sign=True).candidates, box, 0.85)
    assert not found(segment(image), box, 0.85)


def test_rows_of_writing_are_not_joined() -> None:
    image = paper()
    boxes = [Box(200, 60 + 100 * row, 45, 60) for row in range(3)]
    for box in boxes:
        draw_digit(image, "5", box, pen=6)
    candidates = at_half(image, any_sign=True).candidates
    assert all(found(candidates, box) for box in boxes)
    assert max(candidate.box.h for candidate in candidates) < 80


def test_a_low_stroke_is_a_candidate_only_where_signs_are_looked_for() -> None:
    image = paper()
    cv2.line(image, (250, 200), (350, 200), (50,) * 3, 8)
    box = Box(246, 196, 108, 8)
    assert found(at_half(image, any_sign=True).candidates, box, 0.6)
    assert not found(segment(image), box, 0.6)


@pytest.mark.parametrize("name", LOOSE)
@pytest.mark.parametrize("level", [50, 250])
def test_a_single_sign_is_all_its_parts_without_specks_and_shadows(name: str, level: int) -> None:
    image = paper(260, 220, level=200 if level == 50 else 60)
    box = draw_loose(image, name, 80, 70, level)
    cv2.circle(image, (25, 30), 3, (level,) * 3, cv2.FILLED)
    image[:, 235:] = (image[:, 235:] * 0.6).astype(np.uint8)
    sign = single_sign(image)
    assert sign is not None
    assert found([sign], box)
    assert cv2.connectedComponents((sign.ink > 127).view(np.uint8))[0] - 1 == len(LOOSE[name])


@pytest.mark.parametrize("label", "0123456789")
@pytest.mark.parametrize("scale", [1.0, 0.2])
def test_a_single_display_digit_is_all_its_segments(label: str, scale: float) -> None:
    image = paper(140, 200, noise=0)
    box = draw_display(image, label, Box(35, 25, 70, 150), 12)
    for seen in (image, 255 - image):
        sign = single_sign(cv2.resize(seen, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
        assert sign is not None
        assert found([sign], box.scaled(scale), 0.45 if scale < 1 else 0.8)


def test_no_single_sign_on_empty_paper() -> None:
    assert single_sign(np.full((90, 90, 3), 220, np.uint8)) is None


@pytest.mark.parametrize("level", [40, 215])
def test_the_paper_between_digits_is_hardly_ever_ink(level: int) -> None:
    image = paper(level=level)
    for at, label in enumerate("6236"):
        draw_digit(image, label, Box(80 + 80 * at, 200, 60, 100), pen=12, level=255 - level)
    as_paper = 0
    for candidate in segment(image):
        x, y, w, h = candidate.box
        own = cv2.resize(candidate.ink, (w, h)) > 200
        as_paper += abs(float(image[y : y + h, x : x + w][own].mean()) - level) < 60
    assert as_paper < 3
