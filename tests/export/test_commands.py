"""The workshop's commands, as a person types them, in a folder of their own."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from camdigits.classify import Classifier, find_model
from camdigits.errors import CamdigitsError
from camdigits_export import cli, cnn, evaluate, knn, patches
from camdigits_export.patches import Workshop

RUNNER = CliRunner()


@pytest.fixture
def app(workshop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> typer.Typer:
    """The commands, in an empty folder, with the small workshop in MNIST's place."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CAMDIGITS_DATA", raising=False)
    monkeypatch.setattr(patches, "load_workshop", lambda report: workshop)  # noqa: ARG005 - called by that name
    app = typer.Typer()
    cli.register(app)
    return app


def run(app: typer.Typer, *words: str) -> str:
    result = RUNNER.invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_train_then_export_takes_the_newest_run(app: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cnn.Recipe, "__init__", small(cnn.Recipe.__init__))
    said = run(app, "train", "cnn", "--epochs", "1", "--seed", "5")
    assert "validation" in said
    assert "runs/cnn-1" in said
    recipe = json.loads(Path("runs/cnn-1/recipe.json").read_text())
    assert (recipe["epochs"], recipe["seed"]) == (1, 5)
    run(app, "train", "cnn", "second", "--epochs", "1")
    said = run(app, "export")
    assert "1000 patches" in said
    assert "runs/second/model.onnx" in said
    assert Classifier("runs/second/model.onnx").labels == tuple("0123456789")
    run(app, "export", "runs/cnn-1", "--output", "mine.onnx")
    assert Path("mine.onnx").is_file()
    run(app, "train", "cnn", "third", "--start", "runs/cnn-1", "--epochs", "1")
    assert json.loads(Path("runs/third/recipe.json").read_text())["start"] == "runs/cnn-1"
    # nothing is left to do, so going on ends at once, with the newest run
    assert "runs/third" in run(app, "train", "cnn", "--resume")


def small(whole: object) -> object:
    def init(self: cnn.Recipe, **asked: object) -> None:
        whole(self, **{"channels": (4, 4, 4), "dense": 8, "batch": 64, **asked})

    return init


def test_train_knn_writes_an_onnx_file(app: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    init = knn.KnnRecipe.__init__
    monkeypatch.setattr(
        knn.KnnRecipe, "__init__", lambda self, seed: init(self, components=32, seen=10, rare=10, rejects=50, seed=seed)
    )
    said = run(app, "train", "knn", "mine", "--seed", "4")
    assert "runs/mine/model.onnx" in said
    assert json.loads(Path("runs/mine/recipe.json").read_text())["seed"] == 4
    assert Classifier("runs/mine/model.onnx").labels == tuple("0123456789")


def test_export_without_a_run_makes_the_shipped_file_again(app: typer.Typer) -> None:
    said = run(app, "export")
    assert "cnn.onnx" in said
    ours, shipped = Classifier("cnn.onnx"), Classifier("cnn")
    digits = np.random.default_rng(0).random((20, 28, 28), np.float32)
    assert np.abs(ours(digits) - shipped(digits)).max() < 1e-5
    metadata = [c._session.get_modelmeta().custom_metadata_map for c in (ours, shipped)]
    assert metadata[0] == metadata[1]


def test_nothing_to_resume_is_an_error(app: typer.Typer) -> None:
    with pytest.raises(CamdigitsError, match="no cnn run"):
        run(app, "train", "cnn", "--resume")


def test_export_of_no_run_is_an_error(app: typer.Typer) -> None:
    with pytest.raises(CamdigitsError, match="train one"):
        run(app, "export", "nowhere")


@pytest.mark.parametrize(("name", "words"), [("mnist", ()), ("rejects", ("--dataset", "rejects"))])
def test_evaluate_prints_shares_with_intervals_and_time(
    name: str, words: tuple[str, ...], app: typer.Typer, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = {"mnist": workshop.validation, "rejects": workshop.held_rejects}
    monkeypatch.setattr(evaluate, "dataset", lambda asked, _report: sets[asked])
    said = run(app, "evaluate", "cnn", *words)
    assert re.search(r"right: \d+ of 100, [\d.]+% \(95 %: [\d.]+% to [\d.]+%\)", said), name
    assert "rejected: " in said
    assert re.search(r"[\d.]+ ms \(median\)", said)


def test_a_missing_extra_is_one_line(app: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "camdigits_export.cnn", None)
    monkeypatch.delattr("camdigits_export.cnn", raising=False)
    with pytest.raises(CamdigitsError, match=r'pip install "camdigits\[export\]"'):
        run(app, "train", "cnn")


def test_the_command_line_starts_without_the_heavy_packages() -> None:
    heavy = ("tensorflow", "keras", "sklearn", "cv2", "numpy")
    code = f"import sys, camdigits_export.cli; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_an_interval_by_wilson() -> None:
    assert evaluate.wilson(50, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)
    assert evaluate.wilson(100, 100) == pytest.approx((0.9630, 1.0), abs=1e-4)


def test_shipped_keras_weights_are_beside_the_onnx_file() -> None:
    path = find_model("cnn").with_suffix(".keras")
    assert path.is_file()
