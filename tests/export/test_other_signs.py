"""Letters instead of digits: a folder of pictures becomes a model that the reader takes unchanged."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from camdigits import Classifier, read_image
from camdigits.types import Image
from camdigits_export import cnn, datasets, patches, to_onnx
from camdigits_export.datasets import DataError
from tests.support.command import camdigits
from tests.support.drawing import paper

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
    root = tmp_path_factory.mktemp("letters")
    rng = np.random.default_rng(0)
    for letter in LETTERS:
        (root / letter).mkdir()
        for at in range(40):
            cv2.imwrite(str(root / letter / f"{at}.png"), picture(letter, rng))
    return root


@pytest.fixture(scope="module")
def model(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patches, "FOLDER", run / "patches")
        workshop = patches.load_workshop(str(folder))
    recipe = cnn.Recipe(least=0, channels=(8, 12, 16), dense=32, epochs=15, batch=16, rate=5e-3, dropout=0.0)
    cnn.train(workshop, run / "letters", recipe)
    return to_onnx.export_run(run / "letters").path


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
    page = written("HAWK")
    cv2.imwrite(str(tmp_path / "page.png"), page)
    assert "HAWK" in camdigits("image", tmp_path / "page.png", "--model", model).stdout
    film = cv2.VideoWriter(str(tmp_path / "page.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, page.shape[1::-1])
    for _ in range(20):
        film.write(page)
    film.release()
    ran = camdigits("live", "--source", tmp_path / "page.avi", "--model", model, "--headless")
    assert ran.returncode == 0, ran.stderr
    assert "HAWK" in ran.stdout


def test_test_and_training_pictures_are_apart(folder: Path) -> None:
    train, test = datasets.load(str(folder), "train"), datasets.load(str(folder), "test")
    assert (len(train), len(test)) == (136, 24)
    seen = {ink.tobytes() for ink in train.inks}
    assert sum(ink.tobytes() in seen for ink in test.inks) < 3  # drawn alike by chance


def test_what_cannot_be_read_is_named_counted_and_skipped(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for letter in "AB":
        (tmp_path / letter).mkdir()
        for at in range(10):
            cv2.imwrite(str(tmp_path / letter / f"{at}.png"), picture(letter, rng))
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
    rng = np.random.default_rng(2)
    for letter, count in classes.items():
        (tmp_path / letter).mkdir()
        for at in range(count):
            cv2.imwrite(str(tmp_path / letter / f"{at}.png"), picture(letter, rng))
    with pytest.raises(DataError, match=words):
        datasets.load(str(tmp_path), "train")


def test_a_folder_to_judge_by_may_be_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    (tmp_path / "A").mkdir()
    cv2.imwrite(str(tmp_path / "A" / "one.png"), picture("A", rng))
    data = datasets.load(str(tmp_path), "all")
    assert (len(data), data.names, data.files) == (1, ("A",), ("A/one.png",))
    (tmp_path / "A" / "one.png").unlink()
    with pytest.raises(DataError, match="no picture that can be read"):
        datasets.load(str(tmp_path), "all")


def test_pictures_that_contradict_one_another_are_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    for letter in "AB":
        (tmp_path / letter).mkdir()
        for at in range(8):
            cv2.imwrite(str(tmp_path / letter / f"{at}.png"), picture(letter, rng))
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
    rng = np.random.default_rng(3)
    for letter, count in (("A", 90), ("B", 8)):
        (tmp_path / letter).mkdir()
        for at in range(count):
            cv2.imwrite(str(tmp_path / letter / f"{at}.png"), picture(letter, rng))
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
