"""Examples correct a model where a patch is like them, and nowhere else; lessons that do not fit are refused."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from camdigits import Classifier
from camdigits.errors import ModelError, SinkError
from camdigits.normalize import normalize_ink, normalize_version
from camdigits.prototypes import Lessons, Prototypes, open_lessons
from camdigits.types import Patches
from camdigits_export.strokes import Stroke, draw, draw_digit
from tests.support.sheets import ROOF


def roofs(count: int, seed: int = 0) -> Patches:
    rng = np.random.default_rng(seed)
    return np.stack([normalize_ink(draw(ROOF, rng)) for _ in range(count)])


def usual(seed: int = 5) -> tuple[Patches, list[str]]:
    rng = np.random.default_rng(seed)
    digits = [digit for digit in range(10) for _ in range(6)]
    return np.stack([normalize_ink(draw_digit(rng, digit, 0)) for digit in digits]), [str(digit) for digit in digits]


def write(path: Path, patches: Patches, labels: list[str], model: str = "cnn") -> Path:
    Lessons(np.round(patches * 255).astype(np.uint8), labels, model).save(path)
    return path


@pytest.mark.parametrize("model", ["cnn", "knn"])
def test_what_no_model_reads_is_read_once_taught(tmp_path: Path, model: str) -> None:
    taught = Classifier(write(tmp_path / "mine.npz", roofs(5), ["1"] * 5, model))
    others = roofs(40, seed=1)
    before, after = (np.mean(read(others).argmax(axis=1) == 1) for read in (Classifier(model), taught))
    assert before < 0.1
    assert after > 0.6
    assert taught(others).sum(axis=1) == pytest.approx(np.ones(40), abs=1e-5)
    assert taught(others).dtype == np.float32


def test_what_is_unlike_every_example_stays_as_it_was(tmp_path: Path) -> None:
    taught = Classifier(write(tmp_path / "mine.npz", roofs(5), ["1"] * 5))
    rng = np.random.default_rng(2)
    texture = np.stack([cv2.GaussianBlur(rng.random((28, 28), np.float32), (0, 0), s) for s in (0.6, 1.0, 1.5, 2.5)])
    same = np.concatenate([usual()[0], texture, np.zeros((1, 28, 28), np.float32)])
    assert taught(same) == pytest.approx(Classifier("cnn")(same), abs=1e-3)


def test_of_two_labels_the_nearer_one_counts(tmp_path: Path) -> None:
    digits, names = usual()
    taught = Classifier(write(tmp_path / "mine.npz", np.concatenate([roofs(5), digits]), ["1"] * 5 + names))
    others, meant = usual(seed=6)
    assert [taught.labels[at] for at in taught(others).argmax(axis=1)] == meant
    assert np.mean(taught(roofs(40, seed=1)).argmax(axis=1) == 1) > 0.6


def test_what_the_model_takes_for_another_digit_is_corrected(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    barred = Stroke(((0, 0), (1, 0), (0, 1), (1, 1))), Stroke(((0.2, 0.5), (0.8, 0.5)))
    twos = np.stack([normalize_ink(draw(barred, rng)) for _ in range(40)])
    assert np.mean(Classifier("cnn")(twos).argmax(axis=1) == 7) > 0.8
    taught = Classifier(write(tmp_path / "mine.npz", twos[:8], ["2"] * 8))
    assert np.mean(taught(twos[8:]).argmax(axis=1) == 2) > 0.8


def test_a_wrong_label_does_not_outweigh_what_the_model_is_surest_of(tmp_path: Path) -> None:
    digits, _ = usual()
    assert Classifier(write(tmp_path / "mine.npz", digits[:1], ["7"]))(digits[:1]).argmax() == 0


def test_no_patches_give_no_probabilities(tmp_path: Path) -> None:
    taught = Classifier(write(tmp_path / "mine.npz", roofs(1), ["1"]))
    assert taught(np.zeros((0, 28, 28), np.float32)).shape == (0, 11)


def test_the_order_of_examples_says_nothing() -> None:
    digits, names = usual()
    model = Classifier("cnn")
    order = np.random.default_rng(1).permutation(len(digits))
    labels = np.array([int(name) for name in names])
    others = roofs(5)
    one, other = (
        Prototypes(digits[at], model(digits[at]), labels[at])(others, model(others))
        for at in (np.arange(len(digits)), order)
    )
    assert one == pytest.approx(other, abs=1e-6)


def test_no_example_judges_itself() -> None:
    patches = np.concatenate([roofs(1), usual()[0][-6:], roofs(4, seed=3)])
    labels = np.array([1, *[9] * 6, *[1] * 4])
    said = Classifier("cnn")(patches)
    alone = Prototypes(patches[:7], said[:7], labels[:7]).of_one_another(said[:7])
    assert alone[0].argmax() == said[0].argmax() == 10  # the only roof
    together = Prototypes(patches, said, labels).of_one_another(said)
    assert together[0].argmax() == 1
    assert together[1:7].argmax(axis=1).tolist() == [9] * 6


def test_lessons_come_back_and_replace_earlier_ones(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.npz", roofs(3), ["1"] * 3)
    write(path, roofs(2), ["1", "7"], "knn")
    lessons = open_lessons(path)
    assert (lessons.labels, lessons.model, lessons.patches.shape) == (("1", "7"), "knn", (2, 28, 28))
    assert [file.name for file in tmp_path.iterdir()] == ["mine.npz"]


def test_another_file_is_never_replaced(tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", x=np.arange(3))
    with pytest.raises(SinkError, match="not written by camdigits teach; move it away"):
        write(tmp_path / "mine.npz", roofs(1), ["1"])
    with pytest.raises(SinkError, match="cannot be written"):
        write(tmp_path / "gone" / "mine.npz", roofs(1), ["1"])


def test_lessons_of_another_normalisation_are_refused_and_may_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    patches = np.zeros((1, 28, 28), np.uint8)
    np.savez(path, patches=patches, labels=np.array(["1"]), model=np.array("cnn"), normalize=np.array("0123"))
    with pytest.raises(
        ModelError, match=f"normalisation 0123, this camdigits has {normalize_version()}; make it again"
    ):
        Classifier(path)
    write(path, roofs(1), ["1"])
    Classifier(path)


def test_labels_that_the_model_lacks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"teaches x, which .*cnn\.onnx does not read; teach again"):
        Classifier(write(tmp_path / "mine.npz", roofs(2), ["1", "x"]))


def test_a_model_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"corrects a model that is gone .*other\.onnx.*teach again"):
        Classifier(write(tmp_path / "mine.npz", roofs(1), ["1"], str(tmp_path / "other.onnx")))


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off", b"\x80\x04\x95pickle"])
def test_broken_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mine.npz").write_bytes(content)
    with pytest.raises(ModelError, match="not a file that camdigits teach wrote, or broken; make it again"):
        Classifier(tmp_path / "mine.npz")


def test_a_pickle_inside_is_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    labels = np.array(["1"], object)
    patches = np.zeros((1, 28, 28), np.uint8)
    np.savez(path, patches=patches, labels=labels, model=np.array("cnn"), normalize=np.array(normalize_version()))
    with pytest.raises(ModelError, match="broken"):
        Classifier(path)


@pytest.mark.parametrize(
    "patches", [np.zeros((2, 28, 28), np.uint8), np.zeros((1, 28, 28)), np.zeros((1, 8), np.uint8)]
)
def test_arrays_that_are_no_lessons_are_refused(tmp_path: Path, patches: Patches) -> None:
    path = tmp_path / "mine.npz"
    version = np.array(normalize_version())
    np.savez(path, patches=patches, labels=np.array(["1"]), model=np.array("cnn"), normalize=version)
    with pytest.raises(ModelError, match="no lessons; make it again"):
        Classifier(path)


def test_a_file_that_is_not_there_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file; camdigits teach makes one"):
        Classifier(tmp_path / "mine.npz")
