from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camdigits_export.camera import aim, compose, expose
from camdigits_export.scenes import (
    DESKS,
    DOUBTFUL,
    PAPERS,
    Camera,
    Desk,
    Glyph,
    Hand,
    Light,
    Page,
    Paper,
    Pen,
    Scene,
    Sheet,
    project,
)
from camdigits_export.surfaces import surface
from camdigits_export.writing import stroke, thin, write

STEADY = Scene(
    sheet=Sheet(margin=(2, 2, 2, 2)),
    hand=Hand(height=44),
    pen=Pen(colour=(0, 0, 0), width=5, opacity=1, grain=0),
    light=Light(level=1, gradient=0, vignette=0),
    camera=Camera(width=320, height=240, defocus=0, noise=0),
)


def drawn(label: str) -> Glyph:
    """A digit written by a thick line, so that no test needs a data set."""
    ink = np.zeros((28, 28), np.uint8)
    cv2.putText(ink, label, (5, 23), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 3)
    return Glyph(ink, label)


def page_of(text: str) -> Page:
    return [[[drawn(label) for label in number] for number in line.split()] for line in text.split("/")]


def texts(text: str) -> list[tuple[int, str]]:
    return [(row, number) for row, line in enumerate(text.split("/")) for number in line.split()]


def ink_alone(scene: Scene, page: Page, seed: int) -> np.ndarray:
    """Ink (height, width), 0 to 1, seen through the same camera, without paper, light or noise."""
    strokes, *_ = np.random.default_rng(seed).spawn(3)
    writing = write(page, scene, strokes)
    view = aim(scene.camera, writing.extent)
    size = (scene.camera.width, scene.camera.height)
    return cv2.warpPerspective(writing.ink, view, size)


def test_boxes_surround_the_ink_exactly() -> None:
    scene = replace(STEADY, camera=replace(STEADY.camera, turn=6, pitch=10, yaw=-8))
    page = page_of("205 64/1738")
    composed = compose(scene, page, np.random.default_rng(7))
    ink = ink_alone(scene, page, 7) > 0.5
    outside = ink.copy()
    for number in composed.numbers:
        for digit in number.digits:
            x, y, w, h = digit.box
            inside = ink[y : y + h, x : x + w]
            assert inside.any(axis=0).mean() > 0.85
            assert inside.any(axis=1).mean() > 0.85
            outside[y - 1 : y + h + 1, x - 1 : x + w + 1] = False
    assert not outside.any()


def test_boxes_lie_where_the_picture_is_dark() -> None:
    composed = compose(STEADY, page_of("38/52"), np.random.default_rng(3))
    dark = composed.image.max(axis=2) < 90
    for number in composed.numbers:
        for x, y, w, h in (digit.box for digit in number.digits):
            found = cv2.boundingRect(dark[y - 3 : y + h + 3, x - 3 : x + w + 3].astype(np.uint8))
            assert np.abs(np.array(found) - (3, 3, w, h)).max() <= 2


def test_the_same_seed_makes_the_same_picture() -> None:
    scene = replace(STEADY, camera=replace(STEADY.camera, noise=3, defocus=1, motion=(3, 1)))
    first, again, other = (compose(scene, page_of("19/47"), np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(first.image, again.image)
    assert first.numbers == again.numbers
    assert not np.array_equal(first.image, other.image)


@pytest.mark.parametrize("desk", DESKS)
@pytest.mark.parametrize("paper", PAPERS)
def test_every_paper_lies_on_every_desk(paper: Paper, desk: Desk) -> None:
    scene = replace(STEADY, sheet=Sheet(paper), desk=desk, camera=replace(STEADY.camera, fill=0.2))
    composed = compose(scene, page_of("12"), np.random.default_rng(1))
    assert composed.image.shape == (240, 320, 3)
    assert composed.image.dtype == np.uint8
    corner, middle = composed.image[:20, :20].mean(axis=(0, 1)), composed.image[90:150, 130:190].mean(axis=(0, 1))
    assert np.abs(corner - middle).max() > 10


def test_chalk_is_lighter_than_its_board() -> None:
    scene = replace(STEADY, sheet=Sheet("board", (9, 9, 9, 9)), pen=replace(STEADY.pen, colour=(230, 230, 230)))
    composed = compose(scene, page_of("8"), np.random.default_rng(1))
    x, y, w, h = composed.numbers[0].box
    assert composed.image[y : y + h, x : x + w].max() > composed.image[:20].mean() + 80


def test_a_shadow_darkens_one_side() -> None:
    bare = replace(STEADY, sheet=Sheet(margin=(9, 9, 9, 9)))
    shaded = replace(bare, light=replace(bare.light, shadow=0.5, shadow_angle=0, shadow_softness=2))
    lit, dark = (compose(scene, page_of("1"), np.random.default_rng(2)).image for scene in (bare, shaded))
    ratio = dark.mean(axis=(0, 2)) / lit.mean(axis=(0, 2))
    assert ratio[:60].mean() == pytest.approx(1, abs=0.05)
    assert ratio[-60:].mean() == pytest.approx(0.5, abs=0.05)


def test_glare_lights_one_place() -> None:
    bare = replace(STEADY, sheet=Sheet(margin=(9, 9, 9, 9)), light=replace(STEADY.light, level=0.5))
    shiny = replace(bare, light=replace(bare.light, glare=0.4))
    plain, lit = (compose(scene, page_of("1"), np.random.default_rng(2)).image.mean(axis=2) for scene in (bare, shiny))
    gain = cv2.blur(lit, (9, 9)) / cv2.blur(plain, (9, 9))
    assert gain.max() > 1.4
    assert gain.min() < 1.1


def test_what_is_behind_the_paper_shows_through_mirrored() -> None:
    bare = replace(STEADY, sheet=Sheet(margin=(2, 2, 4, 2)), camera=replace(STEADY.camera, fill=0.15))
    seen = replace(bare, sheet=replace(bare.sheet, through=1.0))
    alone, through = (
        compose(scene, page_of("8"), np.random.default_rng(2)).image.mean(axis=2) for scene in (bare, seen)
    )
    darker = alone - through
    x, _, w, _ = compose(bare, page_of("8"), np.random.default_rng(2)).numbers[0].box
    assert darker.max() > 20
    # the sheet is far wider on the right, so the mirrored digit lies there
    assert np.flatnonzero(darker.max(axis=0) > 20).min() > x + w


def test_a_fold_shows_and_turns_the_paper_from_the_light() -> None:
    flat = replace(STEADY, sheet=Sheet(margin=(9, 9, 9, 9)), camera=replace(STEADY.camera, fill=0.15))
    folded = replace(flat, sheet=replace(flat.sheet, creases=3))
    smooth, creased = (compose(scene, page_of("1"), np.random.default_rng(5)).image for scene in (flat, folded))
    assert creased[:, :120].std() > smooth[:, :120].std() + 1


def test_a_sheet_has_the_tint_and_the_rules_it_is_told() -> None:
    sheet = Sheet("ruled", (9, 9, 9, 9), tint=(60, 160, 220), rules=((0, 0, 0), 1.0), spacing=0.5)
    image = compose(replace(STEADY, sheet=sheet), page_of("1"), np.random.default_rng(5)).image
    assert np.median(image, axis=(0, 1)) == pytest.approx((60, 160, 220), abs=12)
    dark = (image.max(axis=2) < 120).mean(axis=1) > 0.5
    usual = replace(STEADY, sheet=replace(sheet, spacing=0.0))
    wide = (compose(usual, page_of("1"), np.random.default_rng(5)).image.max(axis=2) < 120).mean(axis=1) > 0.5
    assert np.diff(dark.astype(int)).clip(0).sum() == pytest.approx(2 * np.diff(wide.astype(int)).clip(0).sum(), abs=1)


def test_a_backdrop_takes_the_desks_place() -> None:
    red = np.full((40, 30, 3), (0, 0, 255), np.uint8)
    scene = replace(
        STEADY, sheet=Sheet(margin=(0.5, 0.5, 0.5, 0.5)), camera=replace(STEADY.camera, fill=0.2), backdrop=red
    )
    image = compose(scene, page_of("12"), np.random.default_rng(1)).image
    assert image[:20, :20].mean(axis=(0, 1)) == pytest.approx((0, 0, 255), abs=3)


def test_a_mark_is_drawn_to_scale_is_no_digit_and_parts_numbers() -> None:
    bar = np.full((3, 12), 255, np.uint8)
    one, two = drawn("4"), drawn("2")
    for printed in (False, True):
        minus = Glyph(bar, "", 1 / 24, -0.4, printed)
        composed = compose(STEADY, [[[one, minus, two]]], np.random.default_rng(1))
        assert [number.text for number in composed.numbers] == ["4", "2"]
        left, right = (number.box for number in composed.numbers)
        dark = (composed.image.max(axis=2) < 90).astype(np.uint8)
        between = dark[:, left.right + 3 : right.x - 3]
        _, y, w, h = cv2.boundingRect(between)
        assert w == pytest.approx(0.5 * left.h, rel=0.35)
        assert y + h / 2 == pytest.approx(left.y + 0.55 * left.h, abs=0.2 * left.h)


def test_doubtful_marks_are_told_apart() -> None:
    composed = compose(STEADY, [[[drawn("4"), Glyph(drawn("1").ink, DOUBTFUL)]]], np.random.default_rng(1))
    assert [number.text for number in composed.numbers] == ["4"]
    (box,) = composed.doubtful
    assert box.x > composed.numbers[0].box.right
    assert (composed.image[box.y : box.bottom, box.x : box.right].max(axis=2) < 90).any()


def test_digits_touch_where_the_hand_joins_them() -> None:
    def parts(touching: float) -> int:
        hand = replace(STEADY.hand, touching=touching, jitter=0)
        image = compose(replace(STEADY, hand=hand), page_of("00"), np.random.default_rng(1)).image
        return cv2.connectedComponents((image.max(axis=2) < 100).astype(np.uint8))[0] - 1

    assert parts(0) == 2
    assert parts(1) == 1


def test_a_broken_stroke_has_two_ends_more() -> None:
    def parts(broken: float, seed: int) -> int:
        hand = replace(STEADY.hand, broken=broken, jitter=0)
        scene = replace(STEADY, hand=hand)
        image = compose(scene, page_of("1"), np.random.default_rng(seed)).image
        return cv2.connectedComponents((image.max(axis=2) < 100).astype(np.uint8))[0] - 1

    assert all(parts(0, seed) == 1 for seed in range(8))
    # where it breaks near its end nothing is left there
    assert sum(parts(1, seed) == 2 for seed in range(8)) >= 5


def test_defocus_and_motion_blur_soften_edges() -> None:
    def sharpness(camera: Camera) -> float:
        image = compose(replace(STEADY, camera=camera), page_of("47"), np.random.default_rng(1)).image
        return float(cv2.Laplacian(image, cv2.CV_64F).var())

    sharp = sharpness(STEADY.camera)
    assert sharpness(replace(STEADY.camera, defocus=1.5)) < 0.5 * sharp
    assert sharpness(replace(STEADY.camera, motion=(6.0, 0.0))) < 0.8 * sharp


def test_noise_is_as_strong_as_told() -> None:
    rng = np.random.default_rng(1)
    grey = np.full((200, 200, 3), 128, np.uint8)
    scene = replace(STEADY, camera=replace(STEADY.camera, width=200, height=200, noise=4))
    seen = expose(grey, np.eye(3), scene, rng).astype(float)
    assert seen.mean() == pytest.approx(128, abs=0.5)
    assert 3 < seen.std() < 6


def test_a_turned_camera_tilts_the_numbers() -> None:
    for turn in (-20, 0, 15):
        scene = replace(STEADY, hand=replace(STEADY.hand, jitter=0), camera=replace(STEADY.camera, turn=turn))
        composed = compose(scene, page_of("7777777"), np.random.default_rng(1))
        assert composed.numbers[0].angle == pytest.approx(turn, abs=1.5)


def test_one_surface_serves_many_views() -> None:
    strokes, textures, sensor = np.random.default_rng(4).spawn(3)
    writing = write(page_of("90/21"), STEADY, strokes)
    cameras = [replace(STEADY.camera, turn=turn, center=(0.5, 0.45)) for turn in (-5.0, 5.0)]
    views = [aim(camera, writing.extent) for camera in cameras]
    painted, origin = surface(STEADY, writing, views, textures)
    for camera, view in zip(cameras, views, strict=True):
        corners = np.array([[0, 0], [camera.width, 0], [camera.width, camera.height], [0, camera.height]], float)
        reach = project(corners, np.asarray(np.linalg.inv(view @ origin), np.float64))
        assert reach.min() >= 0
        assert (reach.max(axis=0) < painted.shape[1::-1]).all()
        assert expose(painted, view @ origin, replace(STEADY, camera=camera), sensor).std() > 20


def test_a_camera_that_sees_the_horizon_is_refused() -> None:
    scene = replace(STEADY, camera=replace(STEADY.camera, fill=0.02, pitch=6))
    with pytest.raises(ValueError, match="lean it less"):
        compose(scene, page_of("12"), np.random.default_rng(1))


@pytest.mark.parametrize("height", [25, 60, 150])
@pytest.mark.parametrize("width", [3, 8])
def test_strokes_have_the_pens_width_whatever_the_digits_size(height: int, width: int) -> None:
    ink = stroke(drawn("7").ink, height, width, np.random.default_rng(1))
    assert ink.shape[0] == pytest.approx(height, abs=0.8 * width + 4)
    solid = np.pad((ink > 0.5).astype(np.uint8), 1)
    spine = thin(solid) > 0
    assert 2 * np.median(cv2.distanceTransform(solid, cv2.DIST_L2, 5)[spine]) == pytest.approx(width, abs=2)


def test_strokes_are_smooth_not_blocks() -> None:
    ink = stroke(drawn("0").ink, 140, 10, np.random.default_rng(1))
    outline = max(cv2.findContours((ink > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=len)
    hull = cv2.arcLength(cv2.convexHull(outline), closed=True)
    smooth = cv2.arcLength(cv2.approxPolyDP(outline, 2, closed=True), closed=True)
    assert smooth < 1.05 * hull


def test_thinning_keeps_loops_and_ends() -> None:
    ring = np.zeros((60, 60), np.uint8)
    cv2.circle(ring, (30, 30), 20, 1, 7)
    spine = thin(ring)
    assert cv2.connectedComponents(spine)[0] == 2
    assert cv2.connectedComponents(1 - spine, connectivity=4)[0] == 3
    assert spine.sum() == pytest.approx(2 * np.pi * 20, rel=0.25)


@pytest.mark.parametrize("side", [1, 2, 3, 4, 7, 10])
def test_thinning_leaves_something_of_a_dot(side: int) -> None:
    dot = np.pad(np.ones((side, side), np.uint8), 3)
    assert 1 <= thin(dot).sum() <= 4


def test_nothing_thins_to_nothing() -> None:
    nothing = np.zeros((5, 7), np.uint8)
    assert np.array_equal(thin(nothing), nothing)


def test_a_point_is_drawn_by_a_pen_that_breaks() -> None:
    hand = replace(STEADY.hand, broken=1.0)
    for seed in range(5):
        writing = write(page_of("7.5"), replace(STEADY, hand=hand), np.random.default_rng(seed))
        assert [digit.label for digit in writing.digits] == ["7", ".", "5"]


@given(
    text=st.lists(
        st.lists(st.text("0123456789", min_size=1, max_size=4), min_size=1, max_size=2).map(" ".join),
        min_size=1,
        max_size=3,
    ).map("/".join),
    seed=st.integers(0, 1000),
    turn=st.floats(-30, 30),
    pitch=st.floats(-20, 20),
    yaw=st.floats(-20, 20),
    fill=st.floats(0.3, 0.95),
    slope=st.floats(-3, 3),
)
@settings(max_examples=25, deadline=None)
def test_every_digit_lies_in_the_frame_and_numbers_come_in_reading_order(
    text: str, seed: int, turn: float, pitch: float, yaw: float, fill: float, slope: float
) -> None:
    camera = replace(STEADY.camera, turn=turn, pitch=pitch, yaw=yaw, fill=fill)
    scene = replace(STEADY, hand=replace(STEADY.hand, slope=slope, height=30), camera=camera)
    composed = compose(scene, page_of(text), np.random.default_rng(seed))
    assert [(number.line, number.text) for number in composed.numbers] == texts(text)
    for number in composed.numbers:
        assert "".join(digit.label for digit in number.digits) == number.text
        for digit in number.digits:
            assert digit.box.x >= 0
            assert digit.box.y >= 0
            assert digit.box.right <= camera.width
            assert digit.box.bottom <= camera.height
            assert number.box.union(digit.box) == number.box
