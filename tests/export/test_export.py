"""Exports: compared with what trained them, on signs that only chose; int8 the same everywhere; any file verified."""

import json
import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from camdigits.classify import Classifier, find_model
from camdigits.errors import ModelError
from camdigits_export import cli, cnn, knn, patches, runs, strokes, to_onnx
from camdigits_export.augment import as_input, to_patch
from camdigits_export.datasets import DIGITS, DataError, Dataset, learnt_and_kept
from camdigits_export.patches import Workshop
from tests.support.models import write_model

TINY = cnn.Recipe(channels=(4, 4, 4), dense=8)


def signs(seed: int, names: Sequence[str] = DIGITS) -> Dataset:
    """360 drawn digits, by other names where asked; of ten classes 26 are for validation, of two 30."""
    rng = np.random.default_rng(seed)
    labels = np.arange(360, dtype=np.uint8) % len(names)
    return Dataset("drawn here", [strokes.draw_digit(rng, int(label)) for label in labels], labels, tuple(names))


def kept(data: Dataset) -> Any:
    return np.stack([to_patch(ink) for ink in data.part(learnt_and_kept(data)[1]).inks])


@pytest.fixture
def at_hand(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Every data set is one of drawn digits; the list of which were asked for."""
    asked: list[tuple[str, str]] = []

    def load(name: str, split: str) -> Dataset:
        asked.append((name, split))
        return signs(1)

    monkeypatch.setattr(to_onnx, "load", load)
    return asked


@pytest.fixture
def shipped(workshop: Workshop, tmp_path: Path) -> Path:
    """A run on USPS, whose weights are those that ship."""
    run = tmp_path / "runs" / "usps"
    runs.begin(run, cnn.Recipe(dataset="usps"), workshop)
    runs.log(run, {"epoch": 1, "accuracy": 0.123})
    shutil.copyfile(find_model("cnn").with_suffix(".keras"), run / "model.keras")
    return run


def figures(path: Path) -> Any:
    return to_onnx.stated(path)["figures"]


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> typer.Typer:
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    cli.register(app)
    return app


def run(app: typer.Typer, *words: str | Path) -> tuple[str, str]:
    ran = CliRunner().invoke(app, ["export", *map(str, words)], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    return ran.stdout, ran.stderr


def test_an_export_is_compared_on_the_runs_own_validation_signs(
    shipped: Path, at_hand: list[tuple[str, str]], app: typer.Typer
) -> None:
    made, said = run(app, shipped)
    assert made.strip() == str(shipped / "model.onnx")
    assert at_hand == [("usps", "train")]
    assert "Keras and ONNX on drawn here: largest difference" in said
    assert "another label for 0 of 26 patches" in said
    assert figures(shipped / "model.onnx") == {"epoch": 1, "accuracy": 0.123}


def test_int8_is_the_same_wherever_its_signs_are_the_same(
    shipped: Path, at_hand: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = [to_onnx.export_run(shipped, tmp_path / f"{at}.onnx", int8=True).path.read_bytes() for at in range(2)]
    assert made[0] == made[1]
    assert at_hand == [("usps", "train")] * 2
    monkeypatch.setattr(to_onnx, "load", lambda *_: signs(2))
    other = to_onnx.export_run(shipped, tmp_path / "other.onnx", int8=True)
    assert other.path.read_bytes() != made[0]


def test_without_its_signs_there_is_no_int8(shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert to_onnx.export_run(shipped).of == "drawn digits"
    with pytest.raises(DataError, match="not at hand"):
        to_onnx.export_run(shipped, int8=True)
    monkeypatch.setattr(to_onnx, "load", lambda *_: signs(1, "ABCDEFGHIJ"))
    with pytest.raises(DataError, match="usps: holds other classes"):
        to_onnx.export_run(shipped, int8=True)
    assert not (shipped / "model-int8.onnx").exists()


@pytest.mark.usefixtures("at_hand")
def test_int8_states_its_own_figures(shipped: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = to_onnx.export_run(shipped, int8=True).path
    data = signs(1)
    said = Classifier(path)(as_input(kept(data))).argmax(axis=1)
    labels = data.labels[learnt_and_kept(data)[1]]
    assert figures(path) == {"accuracy": np.mean(said == labels), "rejected": np.mean(said == 10)}
    assert figures(path)["accuracy"] > 0.9
    wrong = Dataset("wrong", data.inks, 9 - data.labels)
    monkeypatch.setattr(to_onnx, "load", lambda *_: wrong)
    assert figures(to_onnx.export_run(shipped, tmp_path / "x.onnx", int8=True).path)["accuracy"] < 0.1


@pytest.mark.usefixtures("at_hand")
def test_int8_leaves_the_log_of_others_alone(shipped: Path) -> None:
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    to_onnx.export_run(shipped, int8=True)
    assert (root.level, root.handlers) == before


def test_a_model_of_letters_becomes_int8(
    app: typer.Typer, workshop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    letters = tmp_path / "runs" / "letters"
    runs.begin(letters, TINY, workshop)
    settings = json.loads((letters / "recipe.json").read_text())
    (letters / "recipe.json").write_text(json.dumps(settings | {"labels": ["A", "B"]}))
    runs.log(letters, {"epoch": 1})
    cnn.build(TINY, 3).save(letters / "model.keras")
    monkeypatch.setattr(to_onnx, "load", lambda *_: signs(1, "AB"))
    made, said = run(app, letters, "--int8")
    assert Classifier(made.strip()).labels == ("A", "B")
    for kind in ("float", "int8"):
        assert f"\n{kind}: " in said
    assert said.count("% of 30 validation signs right, ten patches in") == 2


@pytest.mark.usefixtures("at_hand")
def test_eight_bits_convert_keras_once(shipped: Path, app: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, count = to_onnx.keras_to_onnx, []
    monkeypatch.setattr(to_onnx, "keras_to_onnx", lambda model: count.append(1) or whole(model))
    run(app, shipped, "--int8")
    assert len(count) == 1


@pytest.mark.usefixtures("at_hand")
def test_a_check_compares_with_the_source_or_says_that_it_does_not(shipped: Path, app: typer.Typer) -> None:
    for words in ((), ("--int8",), ("-o", "away.onnx")):
        run(app, shipped, *words)
    made, said = run(app, "--check", shipped / "model.onnx")
    assert made.endswith("model.onnx: sound\n")
    assert "the Keras weights beside it: largest difference" in said
    assert "another label for 0 of 26 patches" in said
    shutil.copyfile(shipped / "model.keras", shipped / "model-int8.keras")
    write_model(Path("constant.onnx"), 7)
    for file in (shipped / "model-int8.onnx", Path("away.onnx"), Path("constant.onnx")):
        made, said = run(app, "--check", file)
        assert made.endswith("sound\n")
        assert "source not compared" in said
        assert "beside it: largest" not in said


def test_a_check_finds_other_weights_beside_a_file(shipped: Path) -> None:
    path = to_onnx.export_run(shipped).path
    cnn.build(TINY, 11).save(shipped / "model.keras")
    with pytest.raises(ModelError, match="differ by"):
        to_onnx.check(path)


@pytest.fixture
def neighbours(workshop: Workshop, tmp_path: Path) -> Path:
    """A run of a classical model."""
    folder = tmp_path / "runs" / "knn-1"
    runs.begin(folder, knn.Recipe(), workshop)
    write_model(folder / "model.onnx", 7)
    return folder


def test_a_classical_run_is_checked_and_copied(neighbours: Path, app: typer.Typer) -> None:
    written = neighbours / "model.onnx"
    made, _ = run(app, neighbours)
    assert made.strip() == str(written)
    made, _ = run(app, neighbours, "-o", "mine.onnx")
    assert made.strip() == "mine.onnx"
    assert Path("mine.onnx").read_bytes() == written.read_bytes()


def test_what_a_classical_run_does_not_give(neighbours: Path) -> None:
    with pytest.raises(DataError, match="only a CNN becomes int8"):
        to_onnx.export_fitted(neighbours, Path("mine.onnx"), int8=True)
    (neighbours / "model.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError):
        to_onnx.export_fitted(neighbours, Path("mine.onnx"))
    assert not Path("mine.onnx").exists()


def test_a_name_that_no_model_can_have_is_refused_first(shipped: Path, app: typer.Typer) -> None:
    ran = CliRunner().invoke(app, ["export", str(shipped), "-o", "mine.bin"])
    assert ran.exit_code == 2
    assert not Path("mine.bin").exists()


@pytest.mark.slow
def test_the_shipped_file_reads_all_of_mnist_as_keras_does() -> None:
    if not os.environ.get("CAMDIGITS_DATA"):
        pytest.skip("needs MNIST in CAMDIGITS_DATA")
    path = find_model("cnn")
    digits = as_input(patches.clean("mnist", "test").patches)
    expected = np.asarray(cnn.load_trained(path.with_suffix(".keras")).predict(digits, verbose=0))
    agreed = to_onnx.agreement(path.read_bytes(), expected, digits)
    assert (agreed.flipped, agreed.compared) == (0, 10_000)
