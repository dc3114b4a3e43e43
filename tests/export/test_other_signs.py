"""Letters instead of digits: a folder of pictures becomes a model that the reader takes unchanged."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from camdigits import Classifier, read_image
from camdigits.types import Image
from camdigits_export import cnn, datasets
from camdigits_export.datasets import DataError
from tests.support.drawing import paper
from tests.support.lessons import shown_by_image_and_live, train_on, write_lessons

LETTERS = "AHKW"
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX)


def picture(letter: str, rng: np.random.Generator) -> np.ndarray:
    image = np.full((90, 90, 3), int(rng.integers(190, 240)), np.uint8)
    place = int(rng.integers(8, 20)), int(rng.integers(66, 76))
    font = FONTS[int(rng.integers(len(FONTS)))]
    cv2.putText(image, letter, place, font, float(rng.uniform(1.7, 2.3)), (40, 40, 50), int(rng.integers(3, 7)))
    return image


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lessons(tmp_path_factory.mktemp("letters"), dict.fromkeys(LETTERS, 40), picture, 0)


@pytest.fixture(scope="module")
def model(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = cnn.Recipe(least=0, channels=(8, 12, 16), dense=32, epochs=15, batch=16, rate=5e-3, dropout=0.0)
    return train_on(folder, tmp_path_factory.mktemp("runs") / "letters", recipe)


def written(word: str) -> Image:
    image = paper(900, 300)
    for at, letter in enumerate(word):
        cv2.putText(image, letter, (120 + 170 * at, 200), cv2.FONT_HERSHEY_SIMPLEX, 4, (40, 40, 50), 10)
    return image


def test_the_folders_names_become_the_labels(model: Path) -> None:
    assert Classifier(model).labels == tuple(LETTERS)


def test_letters_are_read_as_digits_are(model: Path) -> None:
    assert [number.text for number in read_image(written("HAWK"), Classifier(model))] == ["HAWK"]


def test_image_and_live_show_letters(model: Path, tmp_path: Path) -> None:
    still, live = shown_by_image_and_live(written("HAWK"), model, tmp_path)
    assert "HAWK" in still
    assert "HAWK" in live


def test_test_and_training_pictures_are_apart(folder: Path) -> None:
    train, test = datasets.load(str(folder), "train"), datasets.load(str(folder), "test")
    assert (len(train), len(test)) == (136, 24)
    seen = {ink.tobytes() for ink in train.inks}
    assert sum(ink.tobytes() in seen for ink in test.inks) < 3  # drawn alike by chance


def test_what_cannot_be_read_is_named_counted_and_skipped(tmp_path: Path) -> None:
    write_lessons(tmp_path, dict.fromkeys("AB", 10), picture, 1)
    (tmp_path / "A" / "broken.png").write_bytes(b"no picture")
    cv2.imwrite(str(tmp_path / "B" / "empty.png"), np.full((90, 90, 3), 220, np.uint8))
    said: list[str] = []
    datasets.load(str(tmp_path), "train", said.append)
    assert any("broken.png" in line for line in said)
    assert any("empty.png: no ink found" in line for line in said)
    assert said[-1].endswith("20 pictures read, 2 skipped")


@pytest.mark.parametrize(
    ("classes", "words"),
    [({}, "0 subfolders"), ({"A": 9}, "1 subfolders"), ({"A": 9, "B": 3}, r"fewer than 8 .* in B \(3\)")],
)
def test_a_folder_that_teaches_nothing_says_why(tmp_path: Path, classes: dict[str, int], words: str) -> None:
    write_lessons(tmp_path, classes, picture, 2)
    with pytest.raises(DataError, match=words):
        datasets.load(str(tmp_path), "train")


def test_a_folder_to_judge_by_may_be_small(tmp_path: Path) -> None:
    write_lessons(tmp_path, {"A": 1}, picture, 4)
    data = datasets.load(str(tmp_path), "all")
    assert (len(data), data.names, data.files) == (1, ("A",), ("A/0.png",))
    (tmp_path / "A" / "0.png").unlink()
    with pytest.raises(DataError, match="no picture that can be read"):
        datasets.load(str(tmp_path), "all")


def test_pictures_that_contradict_one_another_are_named(tmp_path: Path) -> None:
    write_lessons(tmp_path, dict.fromkeys("AB", 8), picture, 5)
    (tmp_path / "B" / "3.png").write_bytes((tmp_path / "A" / "5.png").read_bytes())
    said: list[str] = []
    datasets.load(str(tmp_path), "train", said.append)
    assert any("A/5.png and B/3.png show the same" in line for line in said)
    (tmp_path / "B").rename(tmp_path / "not a digit")
    with pytest.raises(DataError, match="take the subfolder away"):
        datasets.load(str(tmp_path), "train")


def test_a_run_names_the_pictures_that_only_chose(folder: Path, model: Path) -> None:
    chose = (model.parent / "validation.txt").read_text().split()
    assert len(chose) == 8
    assert all((folder / file).is_file() for file in chose)


def test_uneven_classes_are_told(tmp_path: Path) -> None:
    write_lessons(tmp_path, {"A": 90, "B": 8}, picture, 3)
    said: list[str] = []
    datasets.load(str(tmp_path), "train", said.append)
    assert any("uneven, 8 to 90" in line for line in said)


@pytest.mark.parametrize("split", ["train", "all"])
def test_too_many_classes_are_told(tmp_path: Path, split: datasets.Split) -> None:
    for at in range(258):
        (tmp_path / str(at)).mkdir()
    with pytest.raises(DataError, match="258 classes are too many"):
        datasets.load(str(tmp_path), split)


def test_a_missing_folder_names_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no such data set; name one of mnist, usps"):
        datasets.load(str(tmp_path / "gone"), "train")
