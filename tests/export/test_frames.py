"""Frames drawn at random, and what the reader makes of them: patches whose labels are true."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from camdigits.classify import Classifier
from camdigits.segment import segment
from camdigits_export import frames, marks, matching, strokes
from camdigits_export.augment import as_input
from camdigits_export.camera import compose
from camdigits_export.frames import Frame, Hands
from camdigits_export.scenes import Camera, Glyph, Hand, Scene, Sheet

pytestmark = pytest.mark.skipif(
    not (marks.PICTURES.exists() and all(path.exists() for path in marks.every_font())),
    reason=f"apt install opencv-doc {marks.FONT_PACKAGES}",
)

REJECT = 10


def hands(among: str = "0123456789") -> Hands:
    """Digits drawn as pen strokes, as large as MNIST's."""
    rng = np.random.default_rng(1)
    labels = np.array([int(label) for label in among * 3], np.uint8)
    inks = []
    for label in labels:
        drawing = strokes.draw_digit(rng, int(label))
        ys, xs = np.nonzero(drawing)
        inks.append(np.pad(drawing[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1][::3, ::3], 4))
    return Hands(inks, labels)


@pytest.fixture(scope="module")
def drawn() -> list[Frame]:
    return [frames.draw_frame(np.random.default_rng([7, seed]), hands()) for seed in range(40)]


def test_the_same_seed_draws_the_same_frame(drawn: list[Frame]) -> None:
    again = frames.draw_frame(np.random.default_rng([7, 0]), hands())
    assert np.array_equal(again.image, drawn[0].image)
    assert again.numbers == drawn[0].numbers


def test_frames_are_of_many_kinds(drawn: list[Frame]) -> None:
    kinds = {kind for frame in drawn for kind in frame.kinds}
    assert kinds >= {
        "plain",
        "ruled",
        "squared",
        "board",
        "pencil",
        "chalk",
        "touching",
        "turned",
        "mixed",
        "px<22",
        "px90+",
    }
    heights = [digit.box.h for frame in drawn for number in frame.numbers for digit in number.digits]
    assert min(heights) < 20
    assert max(heights) > 120


def test_writing_differs_from_its_surroundings(drawn: list[Frame]) -> None:
    """Boxes lie where the ink is: on most frames the box's ink is far from what lies just around it."""
    seen = 0
    for frame in drawn:
        for number in frame.numbers:
            x, y, w, h = number.box
            inside = frame.image[max(y, 0) : y + h, max(x, 0) : x + w].mean(axis=2)
            if inside.size:
                spread = np.percentile(inside, 98) - np.percentile(inside, 2)
                seen += bool(spread > 18)
    assert seen > 0.8 * sum(len(frame.numbers) for frame in drawn)


def test_a_1_and_a_0_that_touch_are_no_0() -> None:
    one, zero, over = (10, 10, 8, 40), (20, 10, 22, 40), (22, 10, 8, 40)
    joined = np.array([(10, 10, 32, 40), zero, one])
    assert matching.are_joined(joined, np.array([one, zero])).tolist() == [True, False, False]
    # slanted digits' boxes overlap, their ink does not
    assert not matching.are_joined(np.array([zero]), np.array([zero, over])).any()
    assert not matching.are_joined(joined, np.zeros((0, 4), int)).any()


def test_hard_frames_touch_and_are_printed_more_often(drawn: list[Frame]) -> None:
    hard = [frames.draw_frame(np.random.default_rng([7, seed]), hands(), hard=True) for seed in range(20)]
    for kind in ("touching", "printed"):
        usual, often = (np.mean([kind in frame.kinds for frame in some]) for some in (drawn[:20], hard))
        assert often > usual, kind


def test_all_that_is_written_is_in_the_frame(drawn: list[Frame]) -> None:
    for frame in drawn:
        height, width = frame.image.shape[:2]
        for number in frame.numbers:
            assert number.box.x >= 0
            assert number.box.y >= 0
            assert number.box.right <= width
            assert number.box.bottom <= height


def test_digits_that_touch_become_patches_of_each() -> None:
    inks, labels = hands("68")
    scene = Scene(Sheet(margin=(9, 9, 9, 9)), Hand(touching=1.0, jitter=0.0), camera=Camera(fill=0.3))
    page = [[[Glyph(ink, str(label)) for ink, label in zip(inks[:2], labels[:2], strict=True)]]]
    composed = compose(scene, page, np.random.default_rng(1))
    assert not {digit.box for digit in composed.numbers[0].digits} & {seen.box for seen in segment(composed.image)}
    frame = Frame(composed.image, composed.numbers, (), False, 0, composed.ink, np.zeros((0, 4), int))
    _, found = matching.frame_patches(frame, REJECT, np.random.default_rng(0))
    assert {6, 8} <= set(found.tolist())


@pytest.mark.parametrize("turned", [False, True])
def test_patches_of_digits_are_upright_and_truly_labelled(drawn: list[Frame], turned: bool) -> None:
    classify = Classifier("cnn")
    right = []
    for frame in drawn:
        if bool(frame.turns) == turned:
            patches, labels = matching.frame_patches(frame, REJECT, np.random.default_rng(0))
            digits = labels != REJECT
            right.extend(classify(as_input(patches[digits]))[:, :REJECT].argmax(axis=1) == labels[digits])
    assert len(right) > 20
    # the reader misses one in eight of such digits; turned the wrong way, or labelled as others, it would miss most
    assert np.mean(right) > 0.75


def test_the_inside_of_a_zero_is_no_digit(drawn: list[Frame]) -> None:
    """Filled shapes have far more ink than any digit drawn by a pen."""
    for frame in drawn:
        patches, labels = matching.frame_patches(frame, REJECT, np.random.default_rng(0))
        assert (patches[labels == 0] > 127).mean(axis=(1, 2)).max(initial=0) < 0.4


def test_rejects_are_bounded_and_rarely_look_like_digits(drawn: list[Frame]) -> None:
    classify = Classifier("cnn")
    sure = []
    for frame in drawn:
        patches, labels = matching.frame_patches(frame, REJECT, np.random.default_rng(0))
        digits = sum(len(number.digits) for number in frame.numbers)
        assert (labels == REJECT).sum() <= matching.FEWEST + matching.EACH * digits
        if (labels == REJECT).any():
            sure.extend(classify(as_input(patches[labels == REJECT]))[:, :REJECT].max(axis=1) > 0.9)
    assert len(sure) > 100
    assert np.mean(sure) < 0.15


def test_a_folder_of_frames_is_labelled(drawn: list[Frame], tmp_path: Path) -> None:
    blank = Frame(
        np.full((200, 300, 3), 200, np.uint8), (), (), False, 0, np.zeros((200, 300), np.uint8), np.zeros((0, 4), int)
    )
    frames.save(tmp_path, [drawn[0], blank, drawn[1]])
    labels = json.loads((tmp_path / "labels.json").read_text())
    assert [label["file"] for label in labels] == ["0000.png", "0002.png"]
    for label, frame in zip(labels, drawn, strict=False):
        assert np.array_equal(cv2.imread(str(tmp_path / label["file"])), frame.image)
        assert sorted(text for line in label["groups"] for text in line) == sorted(n.text for n in frame.numbers)
        assert len(label["boxes"]) == sum(len(number.digits) for number in frame.numbers)


def test_a_picture_without_anything_gives_no_patches() -> None:
    blank = Frame(
        np.full((200, 300, 3), 200, np.uint8), (), (), False, 0, np.zeros((200, 300), np.uint8), np.zeros((0, 4), int)
    )
    patches, labels = matching.frame_patches(blank, REJECT, np.random.default_rng(0))
    assert patches.shape == (0, 28, 28)
    assert labels.shape == (0,)
