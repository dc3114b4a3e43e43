"""Small real trainings: a model learns, goes on after a break, and becomes an ONNX file that says the same."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from camdigits.classify import Classifier
from camdigits.errors import ModelError
from camdigits.normalize import normalize_version
from camdigits_export import calibrate, cnn, runs, to_onnx
from camdigits_export.augment import as_input
from camdigits_export.datasets import DataError
from camdigits_export.patches import Workshop

SMALL = cnn.Recipe(least=0, epochs=4, channels=(8, 12, 16), dense=32, dropout=0.1, batch=32, rate=5e-3, ema=0.9)


@pytest.fixture(scope="module")
def trained(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "small"
    cnn.train(workshop, run, SMALL)
    return run


def test_a_run_says_what_was_asked_and_how_it_went(trained: Path) -> None:
    recipe = json.loads((trained / "recipe.json").read_text())
    assert recipe["kind"] == "cnn"
    assert recipe["epochs"] == 4
    rows = runs.read_log(trained)
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert rows[-1]["accuracy"] > 0.8
    assert rows[-1]["caught"] > 0.3


def test_a_run_says_which_signs_only_chose(trained: Path, workshop: Workshop) -> None:
    assert (trained / "validation.txt").read_text().split() == [str(index) for index in workshop.kept]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"kind": "svm"}',
        '{"kind": "cnn", "epochs"',
        '{"kind": "cnn", "epoch": 3}',
        '{"kind": "cnn", "epochs": "3"}',
        '{"kind": "cnn", "channels": 8}',
        '{"kind": "cnn", "teachers": [1]}',
    ],
)
def test_what_is_no_recipe_is_an_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text(text)
    with pytest.raises(DataError, match=r"name (a recipe\.json|one of a cnn)$"):
        runs.read_recipe(tmp_path / "recipe.json", cnn.Recipe)


def test_training_goes_on_after_a_break(workshop: Workshop, tmp_path: Path) -> None:
    class Stopped(Exception):  # noqa: N818 - stands for Ctrl-C
        pass

    def stop(epoch: int, of: int, done: float, figures: cnn.Figures | None) -> None:
        assert of == 3
        if epoch == 2 and done > 0.3 and not figures:
            raise Stopped

    recipe = cnn.Recipe(least=0, epochs=3, channels=(4, 4, 4), dense=8, batch=64)
    with pytest.raises(Stopped):
        cnn.train(workshop, tmp_path, recipe, report=stop)
    epochs = []
    cnn.train(workshop, tmp_path, recipe, resume=True, report=lambda at, _of, _done, _figures: epochs.append(at))
    assert sorted(set(epochs)) == [2, 3]
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 4


def test_a_break_between_log_and_checkpoint_repeats_the_epoch(
    workshop: Workshop, trained: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(trained, tmp_path / "copy"))
    lines = (trained / "log.csv").read_text().splitlines()
    (copy / "log.csv").write_text("\n".join([*lines, "5,0.1", ""]))  # half a row of an epoch without a checkpoint
    settings = json.loads((copy / "recipe.json").read_text())
    (copy / "recipe.json").write_text(json.dumps(settings | {"epochs": 5}))
    cnn.train(workshop, copy, SMALL, resume=True)
    assert [row["epoch"] for row in runs.read_log(copy)] == [1, 2, 3, 4, 5]


def test_a_run_of_other_patches_is_neither_resumed_nor_exported(
    workshop: Workshop, trained: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(trained, tmp_path / "copy"))
    settings = json.loads((copy / "recipe.json").read_text())
    (copy / "recipe.json").write_text(json.dumps(settings | {"normalize": "1-other"}))
    with pytest.raises(DataError, match="another normalisation"):
        cnn.train(workshop, copy, SMALL, resume=True)
    with pytest.raises(DataError, match="another normalisation"):
        to_onnx.export_run(copy)


def test_weights_of_another_network_are_no_start(workshop: Workshop, trained: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="other layers"):
        cnn.train(workshop, tmp_path / "run", replace(SMALL, dense=24, start=str(trained)))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("has_bfloat16", "tolerance"), [(False, 1e-5), (True, 0.02)])
def test_what_trains_quickly_says_what_is_served(
    has_bfloat16: bool, tolerance: float, workshop: Workshop, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cnn, "_has_bfloat16", lambda: has_bfloat16)
    served = cnn.load_trained(trained)
    quick = cnn.build(SMALL, workshop.reject + 1, quick=True)
    quick.set_weights(served.get_weights())
    ink = as_input(workshop.validation.patches)
    assert np.abs(quick.predict(ink, verbose=0) - served.predict(ink, verbose=0)).max() < tolerance


def test_scales_before_a_pool_are_never_negative() -> None:
    model = cnn.build(SMALL, 11, quick=True)
    pooled = [at for at, layer in enumerate(model.layers) if "max_pooling" in layer.name]
    norms = [model.layers[at + 1] for at in pooled]
    assert [norm.gamma_constraint is not None for norm in norms] == [True, True]


def test_teachers_are_heard_where_they_are_right(
    workshop: Workshop, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cnn, "_has_bfloat16", lambda: False)
    recipe = replace(SMALL, teachers=(str(trained), str(trained)), taught=0.75, softness=2.0)
    patches, labels = cnn.epoch_patches(workshop, recipe, 0)
    said = cnn.load_trained(trained).predict(as_input(patches), verbose=0)
    soft = said**0.5 / (said**0.5).sum(axis=1, keepdims=True)
    right = said.argmax(axis=1) == labels
    assert 0.05 < right.mean() < 0.95
    share = 0.75 * right[:, None]
    expected = share * soft + (1 - share) * np.eye(workshop.reject + 1)[labels]
    batches = cnn._Batches(workshop, recipe, 0)
    learnt = np.concatenate([batches[at][1] for at in range(len(batches))])
    assert np.abs(learnt - expected[: len(learnt)]).max() < 1e-4


def test_teachers_are_asked_once(
    workshop: Workshop, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    taught = replace(SMALL, teachers=(str(trained), str(trained)))
    cnn.train(workshop, tmp_path / "taught", taught)
    assert runs.read_recipe(tmp_path / "taught" / "recipe.json", cnn.Recipe).teachers == [str(trained)] * 2
    answers = {path: path.stat().st_mtime_ns for path in cnn.FOLDER.glob("taught-*.npy")}
    assert len(answers) == SMALL.epochs
    cnn.train(workshop, tmp_path / "again", replace(taught, dense=16))
    assert answers == {path: path.stat().st_mtime_ns for path in cnn.FOLDER.glob("taught-*.npy")}


def test_who_cannot_teach_is_told_before_the_training(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none/recipe\.json: no such file"):
        cnn.check(tmp_path / "run", replace(SMALL, teachers=(str(tmp_path / "none"),)), resume=False)
    other = Path(shutil.copytree(trained, tmp_path / "other"))
    settings = json.loads((other / "recipe.json").read_text())
    (other / "recipe.json").write_text(json.dumps(settings | {"labels": list("abcdefghij")}))
    assert runs.read_recipe(trained, cnn.Recipe) == runs.read_recipe(trained / "recipe.json", cnn.Recipe)
    with pytest.raises(DataError, match="other labels"):
        cnn.check(tmp_path / "run", replace(SMALL, teachers=(str(other),)), resume=False)


def test_a_full_disk_keeps_the_checkpoint(workshop: Workshop, tmp_path: Path) -> None:
    """The second epoch's checkpoint goes to a device that is always full."""

    def fill(epoch: int, _of: int, _done: float, figures: cnn.Figures | None) -> None:
        if epoch == 1 and figures:
            (tmp_path / f"checkpoint.{os.getpid()}.part.keras").symlink_to("/dev/full")

    recipe = cnn.Recipe(least=0, epochs=2, channels=(4, 4, 4), dense=8, batch=64)
    with pytest.raises(DataError, match=r"No space left on device.*--resume"):
        cnn.train(workshop, tmp_path, recipe, report=fill)
    cnn.train(workshop, tmp_path, recipe, resume=True)
    assert [row["epoch"] for row in runs.read_log(tmp_path)] == [1, 2]
    assert not list(tmp_path.glob("*.part.*"))


def test_a_training_that_comes_to_nothing_leaves_nothing(workshop: Workshop, tmp_path: Path) -> None:
    def stop(_epoch: int, _of: int, _done: float, _figures: cnn.Figures | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cnn.train(workshop, tmp_path / "run", SMALL, report=stop)
    assert not (tmp_path / "run").exists()


def test_a_break_while_the_first_epoch_is_drawn_leaves_nothing(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cnn, "epoch_patches", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cnn.train(workshop, tmp_path / "run", SMALL)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("kept", ["model.onnx", "model-int8.onnx", "model.keras", "study.txt"])
def test_a_folder_that_holds_anything_else_is_not_taken(workshop: Workshop, tmp_path: Path, kept: str) -> None:
    (tmp_path / kept).touch()
    with pytest.raises(DataError, match="name another run"):
        cnn.train(workshop, tmp_path, SMALL)
    assert [path.name for path in tmp_path.iterdir()] == [kept]


def test_a_data_set_that_changed_is_not_gone_on_with(workshop: Workshop, trained: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(trained, tmp_path / "copy"))
    with pytest.raises(DataError, match="no longer what it began with"):
        cnn.train(replace(workshop, fingerprint="another"), copy, SMALL, resume=True)


def test_what_was_exported_of_an_earlier_epoch_goes_with_it(workshop: Workshop, tmp_path: Path) -> None:
    def stop(epoch: int, _of: int, _done: float, _figures: cnn.Figures | None) -> None:
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cnn.train(workshop, tmp_path, SMALL, report=stop)
    exported = to_onnx.export_run(tmp_path).path
    cnn.train(workshop, tmp_path, SMALL, resume=True)
    assert not exported.exists()


def test_a_break_while_the_next_epoch_is_drawn_loses_none(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = cnn.epoch_patches

    def interrupted(workshop: Workshop, recipe: cnn.Recipe, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        if epoch == 1:
            raise KeyboardInterrupt
        return draw(workshop, recipe, epoch)

    monkeypatch.setattr(cnn, "epoch_patches", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cnn.train(workshop, tmp_path, SMALL)
    assert (tmp_path / "checkpoint.keras").exists()
    assert [row["epoch"] for row in runs.read_log(tmp_path)] == [1]


def test_few_signs_come_several_times_in_an_epoch(workshop: Workshop) -> None:
    recipe = replace(SMALL, least=1000, rare_share=0.0, reject_share=0.1, frame_share=0.0)
    patches, labels = cnn.epoch_patches(workshop, recipe, 0)
    assert np.bincount(labels).tolist() == [*2 * np.bincount(workshop.clean.labels), 120]
    assert len(patches) == 1320


def test_training_the_smallest_model_twice_gives_the_same_bytes(workshop: Workshop, tmp_path: Path) -> None:
    recipe = replace(cnn.RECIPES["small"], epochs=2, least=0)
    made = []
    for name in ("one", "two"):
        cnn.train(workshop, tmp_path / name, recipe)
        made.append(to_onnx.export_run(tmp_path / name).path.read_bytes())
    assert made[0] == made[1]


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
    assert first.dtype == np.uint8
    assert first.max() == 255
    # of 600 digits, 48 rare ones, 120 rejects and 300 findings of frames, of which four in ten are none
    assert len(labels) == 1068
    assert np.mean(labels == workshop.reject) == pytest.approx(0.225, abs=0.03)


def test_onnx_says_what_keras_says(trained: Path, workshop: Workshop, tmp_path: Path) -> None:
    exported = to_onnx.export_run(trained, tmp_path / "small.onnx")
    assert exported.agreement.difference <= to_onnx.TOLERANCE
    assert (exported.agreement.flipped, exported.agreement.compared) == (0, 1000)
    patches = as_input(workshop.validation_seen.patches)
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


def test_a_difference_is_an_error(trained: Path, workshop: Workshop) -> None:
    data = to_onnx.export_run(trained).path.read_bytes()
    patches = as_input(workshop.validation.patches[:10])
    said = to_onnx.run(data, patches)
    assert to_onnx.agreement(data, said[::-1], patches, tolerance=1).flipped == 10
    with pytest.raises(ModelError, match="differ by"):
        to_onnx.agreement(data, said + np.float32(2e-5), patches)


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
