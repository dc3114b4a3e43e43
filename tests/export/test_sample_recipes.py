import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from camdigits_export.camera import aim, compose
from camdigits_export.samples import (
    CLEAR,
    CLIP,
    DIGITS,
    FRAMES,
    PICTURES,
    RATE,
    Recipe,
    crops,
    entry,
    glyphs,
    held_by_hand,
    page_of,
    save,
)
from camdigits_export.scenes import Mask, project
from camdigits_export.writing import write

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """A sheet in the shape of OpenCV's digits.png, a filled block in every cell, wider from label to label."""
    sheet = np.zeros((1000, 2000), np.uint8)
    for row in range(50):
        for column in range(100):
            sheet[row * 20 + 3 : row * 20 + 17, column * 20 + 4 : column * 20 + 6 + row // 5] = 255
    path = tmp_path / "digits.png"
    cv2.imwrite(str(path), sheet)
    return path


def test_the_recipes_are_those_of_the_shipped_labels() -> None:
    shipped = json.loads((SAMPLES / "labels.json").read_text(encoding="utf-8"))
    numbers = {row["file"]: row["numbers"] for row in shipped}
    for recipe in (*PICTURES, CLIP):
        assert numbers[recipe.file] == entry(recipe.file, recipe.text)["numbers"]
    assert len(numbers) == len(PICTURES) + 3  # the clip and two crops


def test_glyphs_come_by_label(digits: Path) -> None:
    cells = glyphs(digits)
    assert {label: len(found) for label, found in cells.items()} == {key: len(row) for key, row in CLEAR.items()}
    for label, found in cells.items():
        assert all(cell.shape == (20, 20) and cv2.boundingRect(cell)[2] == 2 + int(label) for cell in found)


def test_another_picture_is_refused_in_words(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "other.png"), np.zeros((9, 9), np.uint8))
    for path in (tmp_path / "other.png", tmp_path / "missing.png"):
        with pytest.raises(SystemExit, match="opencv-doc"):
            glyphs(path)


def test_a_page_repeats_a_glyph_only_when_all_are_used() -> None:
    cells: dict[str, list[Mask]] = {"7": [np.full((20, 20), shade, np.uint8) for shade in range(3)]}
    page = page_of("7 77/777", cells, np.random.default_rng(1))
    assert [[len(number) for number in line] for line in page] == [[1, 2], [3]]
    shades = [int(glyph.ink[0, 0]) for line in page for number in line for glyph in number]
    assert sorted(shades[:3]) == sorted(shades[3:]) == [0, 1, 2]


def test_crops_are_28_pixels_of_both_polarities(digits: Path, tmp_path: Path) -> None:
    entries = list(crops(glyphs(digits), tmp_path))
    dark, light = (cv2.imread(str(tmp_path / row["file"]), cv2.IMREAD_GRAYSCALE) for row in entries)
    assert dark is not None
    assert light is not None
    assert dark.shape == light.shape == (28, 28)
    assert dark[0, 0] == 255
    assert light[0, 0] == 0
    assert light[0].max() > 200  # ink touches the border
    assert light[-1].max() > 200


def test_the_held_camera_moves_smoothly_and_keeps_the_writing_in_sight(digits: Path) -> None:
    rng = np.random.default_rng(CLIP.seed)
    extent = write(page_of(CLIP.text, glyphs(digits), rng), CLIP.scene, rng).extent
    seen = np.array([project(extent, aim(camera, extent)) for camera in held_by_hand(CLIP.scene.camera)])
    assert len(seen) == FRAMES
    assert FRAMES / RATE >= 10
    assert seen.min() > 0
    assert (seen.max(axis=(0, 1)) < (CLIP.scene.camera.width, CLIP.scene.camera.height)).all()
    steps = np.hypot(*np.moveaxis(np.diff(seen, axis=0), -1, 0))
    assert steps.max() < 12  # pixels from frame to frame
    assert np.ptp(seen.mean(axis=1), axis=0).min() > 40  # it does move


def test_saving_keeps_png_exact_and_jpeg_close(tmp_path: Path) -> None:
    image = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 256, (40, 60, 3)).astype(np.uint8), (0, 0), 3)
    for name, tolerance in (("a.png", 0), ("a.jpg", 12)):
        save(tmp_path / name, np.asarray(image, np.uint8))
        again = cv2.imread(str(tmp_path / name))
        assert again is not None
        assert np.abs(again.astype(int) - image).max() <= tolerance


@pytest.mark.skipif(not DIGITS.is_file(), reason="needs Debian's package opencv-doc")
@pytest.mark.parametrize("recipe", PICTURES[:2], ids=lambda recipe: recipe.file)
def test_a_shipped_picture_can_be_made_again(recipe: Recipe) -> None:
    rng = np.random.default_rng(recipe.seed)
    composed = compose(recipe.scene, page_of(recipe.text, glyphs(DIGITS), rng), rng)
    shipped = cv2.imread(str(SAMPLES / recipe.file))
    assert shipped is not None
    labels = json.loads((SAMPLES / "labels.json").read_text(encoding="utf-8"))
    boxes = next(row["boxes"] for row in labels if row["file"] == recipe.file)
    # Another version of OpenCV may move ink by a pixel and draw other clouds; JPEG does its part.
    again = [[*digit.box, int(digit.label)] for number in composed.numbers for digit in number.digits]
    assert np.abs(np.array(again) - boxes).max() <= 4
    assert [box[4] for box in again] == [box[4] for box in boxes]
    assert np.abs(composed.image.astype(float) - shipped).mean() < 10
