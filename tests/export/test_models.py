"""Small real trainings: a model learns, goes on after a break, and becomes an ONNX file that says the same."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from camdigits.classify import Classifier
from camdigits.errors import ModelError
from camdigits.normalize import normalize_version
from camdigits_export import calibrate, cnn, knn, to_onnx
from camdigits_export.augment import as_input
from camdigits_export.datasets import DataError
from camdigits_export.patches import Workshop

SMALL = cnn.Recipe(epochs=4, channels=(8, 12, 16), dense=32, dropout=0.1, batch=32, rate=5e-3, ema=0.9)


@pytest.fixture(scope="module")
def trained(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "small"
    cnn.train(workshop, run, SMALL)
    return run


def test_a_run_says_what_was_asked_and_how_it_went(trained: Path) -> None:
    recipe = json.loads((trained / "recipe.json").read_text())
    assert recipe["kind"] == "cnn"
    assert recipe["epochs"] == 4
    with (trained / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert float(rows[-1]["accuracy"]) > 0.8
    assert float(rows[-1]["caught"]) > 0.3


def test_training_goes_on_after_a_break(workshop: Workshop, tmp_path: Path) -> None:
    class Stopped(Exception):  # noqa: N818 - stands for Ctrl-C
        pass

    def stop(epoch: int, of: int, done: float, figures: cnn.Figures | None) -> None:
        assert of == 3
        if epoch == 2 and done > 0.3 and not figures:
            raise Stopped

    recipe = cnn.Recipe(epochs=3, channels=(4, 4, 4), dense=8, batch=64)
    with pytest.raises(Stopped):
        cnn.train(workshop, tmp_path, recipe, report=stop)
    epochs = []
    cnn.train(workshop, tmp_path, recipe, resume=True, report=lambda at, _of, _done, _figures: epochs.append(at))
    assert sorted(set(epochs)) == [2, 3]
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 4


def test_a_run_is_never_overwritten(workshop: Workshop, trained: Path) -> None:
    with pytest.raises(DataError, match="--resume"):
        cnn.train(workshop, trained, SMALL)


def test_nothing_to_resume(workshop: Workshop, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no training to resume"):
        cnn.train(workshop, tmp_path, SMALL, resume=True)


def test_epochs_differ_and_repeat(workshop: Workshop) -> None:
    first, labels = cnn.epoch_patches(workshop, SMALL, 0)
    again, _ = cnn.epoch_patches(workshop, SMALL, 0)
    other, _ = cnn.epoch_patches(workshop, SMALL, 1)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.dtype == np.float32
    assert first.max() == 1.0
    assert np.mean(labels == workshop.reject) == pytest.approx(0.19, abs=0.02)


def test_onnx_says_what_keras_says(trained: Path, tmp_path: Path) -> None:
    exported = to_onnx.export_run(trained, tmp_path / "small.onnx")
    assert exported.difference <= to_onnx.TOLERANCE
    assert exported.compared == 1000
    patches = to_onnx.parity_patches(50)
    expected = np.asarray(cnn.load_trained(trained).predict(patches, verbose=0))
    assert np.abs(Classifier(exported.path)(patches) - expected).max() < 1e-5


def test_the_same_run_gives_the_same_bytes(trained: Path, tmp_path: Path) -> None:
    first = to_onnx.export_run(trained, tmp_path / "a.onnx").path.read_bytes()
    assert to_onnx.export_run(trained, tmp_path / "b.onnx").path.read_bytes() == first


def test_the_file_keeps_the_contract(trained: Path) -> None:
    path = to_onnx.export_run(trained).path
    assert path == trained / "model.onnx"
    proto = onnx.load(path)
    (taken,), (given,) = proto.graph.input, proto.graph.output
    assert (taken.name, given.name) == ("patches", "probabilities")
    shapes = [[d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim] for value in (taken, given)]
    assert shapes == [["N", 28, 28], ["N", 11]]
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    assert json.loads(metadata["camdigits.labels"]) == list("0123456789")
    assert metadata["camdigits.normalize"] == normalize_version()
    assert json.loads(metadata["camdigits.training"])["recipe"]["epochs"] == 4
    assert json.loads(metadata["camdigits.figures"])["accuracy"] > 0.8
    assert Classifier(path).labels == tuple("0123456789")


def test_a_difference_is_an_error(trained: Path) -> None:
    data = to_onnx.export_run(trained).path.read_bytes()
    patches = to_onnx.parity_patches(10)
    with pytest.raises(ModelError, match="differ by"):
        to_onnx.difference(data, np.full((10, 11), 1 / 11, np.float32), patches)


def test_a_broken_model_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no trained model there"):
        cnn.load_trained(tmp_path)
    (tmp_path / "model.keras").write_bytes(b"not a model")
    with pytest.raises(DataError, match="Keras cannot read it"):
        cnn.load_trained(tmp_path)


def test_temperature_undoes_what_was_multiplied() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 11)).astype(np.float32)
    powers = np.exp(logits)
    chances = powers / powers.sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(11, p=row / row.sum()) for row in chances.astype(np.float64)], np.uint8)
    assert calibrate.fit_temperature(logits * 3, labels) == pytest.approx(3, rel=0.08)


@pytest.fixture(scope="module")
def neighbours(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, knn.KnnRecipe]:
    recipe = knn.KnnRecipe(components=32, neighbours=5, seen=200, rare=50, rejects=300)
    run = tmp_path_factory.mktemp("runs") / "small"
    return knn.train(workshop, run, recipe, lambda _doing, _done: None), recipe


def test_the_neighbours_graph_says_what_scikit_learn_says(
    workshop: Workshop, neighbours: tuple[Path, knn.KnnRecipe]
) -> None:
    path, recipe = neighbours
    model, figures = knn.calibrate(knn.fit(workshop, recipe), recipe, workshop)
    patches = np.concatenate([workshop.validation_seen.patches, workshop.held_rejects.patches])
    expected = knn.probabilities(model, patches)
    found = Classifier(path)(as_input(patches))
    assert np.abs(found - expected).max() < 1e-5
    assert found.sum(axis=1) == pytest.approx(np.ones(len(patches)), abs=1e-5)
    assert figures["accuracy"] > 0.9


def test_neighbours_give_empty_patches_a_probability(neighbours: tuple[Path, knn.KnnRecipe]) -> None:
    assert np.isfinite(Classifier(neighbours[0])(np.zeros((2, 28, 28), np.float32))).all()


def test_a_fit_is_never_overwritten(workshop: Workshop, neighbours: tuple[Path, knn.KnnRecipe]) -> None:
    with pytest.raises(DataError, match="name another run"):
        knn.train(workshop, neighbours[0].parent, neighbours[1], lambda _doing, _done: None)


def test_int8_says_nearly_the_same_in_the_same_bytes(trained: Path, tmp_path: Path, workshop: Workshop) -> None:
    floats = to_onnx.export_run(trained, tmp_path / "floats.onnx")
    small = [to_onnx.export_run(trained, tmp_path / f"int8-{at}.onnx", int8=True).path for at in range(2)]
    assert small[0].read_bytes() == small[1].read_bytes()
    assert small[0].stat().st_size < floats.path.stat().st_size
    patches = as_input(workshop.validation.patches)
    ours, theirs = Classifier(small[0])(patches), Classifier(floats.path)(patches)
    assert not np.array_equal(ours, theirs)
    assert np.mean(ours.argmax(axis=1) == theirs.argmax(axis=1)) > 0.95
    assert ours.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert to_onnx.check(small[0]).source is None


def test_check_passes_what_is_sound_and_names_what_is_not(trained: Path, tmp_path: Path) -> None:
    sound = to_onnx.export_run(trained, tmp_path / "model.onnx").path
    assert to_onnx.check(sound).source is None
    (tmp_path / "model.keras").write_bytes((trained / "model.keras").read_bytes())
    checked = to_onnx.check(sound)
    assert checked.source is not None
    assert checked.source < 1e-5
    proto = onnx.load(sound)
    (last,) = (node for node in proto.graph.node if "probabilities" in node.output)
    last.op_type = "Sigmoid"  # shares that do not sum to one
    del last.attribute[:]
    onnx.save(proto, sound)
    with pytest.raises(ModelError, match="miss one"):
        to_onnx.check(sound)


def test_a_loss_that_is_no_number_stops_the_training(workshop: Workshop, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no longer a number in epoch 1; lower --rate"):
        cnn.train(workshop, tmp_path / "run", replace(SMALL, rate=1e30))


@pytest.mark.parametrize(("name", "most"), [("small", 30_000), ("best", 400_000)])
def test_architectures_keep_their_size(name: cnn.Architecture, most: int) -> None:
    assert most / 2 < cnn.build(cnn.RECIPES[name], 11).count_params() <= most


def test_classic_is_keras_old_example() -> None:
    layers = [layer.__class__.__name__ for layer in cnn.build(cnn.RECIPES["classic"], 11).layers]
    assert layers == [
        "InputLayer", "Reshape", "Conv2D", "Conv2D", "MaxPooling2D", "Dropout", "Flatten", "Dense", "Dropout", "Dense",
        "Softmax",
    ]  # fmt: skip
    assert cnn.RECIPES["classic"].rate == 1.0


def test_the_curves_are_drawn(trained: Path) -> None:
    picture = cv2.imread(str(trained / "curves.png"))
    assert picture is not None
    assert (picture != 255).any(axis=2).mean() > 0.02
