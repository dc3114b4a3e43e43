"""What lies in samples/ is listed, small, and read right."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from camdigits.pipeline import read_image, read_stream
from camdigits.types import Frame
from tests.support.numbers import by_line

SAMPLES = Path(__file__).parent.parent / "samples"
ENTRIES: list[dict[str, Any]] = json.loads((SAMPLES / "labels.json").read_text(encoding="utf-8"))
PICTURES = [entry for entry in ENTRIES if Path(entry["file"]).suffix in {".jpg", ".png"}]
CLIPS = [entry for entry in ENTRIES if Path(entry["file"]).suffix == ".mp4"]
BESIDES = {"labels.json", "README.md", "NOTICE"}


def frames_of(path: Path) -> list[Frame]:
    video = cv2.VideoCapture(str(path))
    frames: list[Frame] = []
    while True:
        more, image = video.read()
        if not more:
            return frames
        frames.append(
            Frame(np.asarray(image, np.uint8), len(frames), len(frames) / video.get(cv2.CAP_PROP_FPS), path.name)
        )


def test_every_file_is_listed_and_every_listed_file_is_there() -> None:
    assert {entry["file"] for entry in ENTRIES} == {path.name for path in SAMPLES.iterdir()} - BESIDES


def test_there_is_enough_to_try() -> None:
    assert len(PICTURES) >= 9
    assert len(CLIPS) == 1


def test_samples_are_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLES.iterdir()) < 4_000_000
    assert all((SAMPLES / clip["file"]).stat().st_size < 1_500_000 for clip in CLIPS)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["file"])
def test_labels_agree_with_themselves(entry: dict[str, Any]) -> None:
    assert entry["lines"] == ["".join(line) for line in entry["numbers"]]
    assert all(number.isdecimal() for line in entry["numbers"] for number in line)
    if "boxes" in entry:
        assert "".join(str(box[4]) for box in entry["boxes"]) == "".join(entry["lines"])


@pytest.mark.parametrize("entry", PICTURES, ids=lambda entry: entry["file"])
def test_boxes_hold_ink(entry: dict[str, Any]) -> None:
    image = cv2.imread(str(SAMPLES / entry["file"]), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    for x, y, w, h, _ in entry["boxes"]:
        assert 0 <= x < x + w <= image.shape[1]
        assert 0 <= y < y + h <= image.shape[0]
        low, high = np.percentile(image[y : y + h, x : x + w], [3, 97])
        assert high - low > 20


def test_readme_names_every_file() -> None:
    readme = (SAMPLES / "README.md").read_text(encoding="utf-8")
    assert all(entry["file"] in readme for entry in ENTRIES)
    assert "composed" in readme


@pytest.mark.parametrize("entry", PICTURES, ids=lambda entry: entry["file"])
def test_every_picture_is_read_as_labelled(entry: dict[str, Any]) -> None:
    image = cv2.imread(str(SAMPLES / entry["file"]))
    assert image is not None
    assert by_line(read_image(np.asarray(image, np.uint8))) == entry["numbers"]


@pytest.mark.parametrize("entry", CLIPS, ids=lambda entry: entry["file"])
def test_the_clip_lasts_and_settles_on_its_numbers(entry: dict[str, Any]) -> None:
    frames = frames_of(SAMPLES / entry["file"])
    assert len(frames) == entry["frames"]
    assert len(frames) / entry["fps"] >= 10
    right = []
    for _, readings in read_stream(frames):
        settled = [reading.number for reading in readings if reading.settled]
        right.append(by_line(settled) == entry["numbers"])
    assert np.mean(right[entry["fps"] :]) > 0.9  # after a second
