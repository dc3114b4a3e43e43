"""The workshop's commands, as a person types them, in a folder of their own."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pytest
import typer
from numpy.typing import NDArray
from typer.testing import CliRunner

from camdigits.classify import Classifier, find_model
from camdigits.errors import CamdigitsError
from camdigits_export import cli, cnn, evaluate, marks, patches
from camdigits_export.augment import as_input
from camdigits_export.patches import PatchSet, Workshop
from tests.support.command import camdigits
from tests.support.models import write_model

RUNNER = CliRunner()


@pytest.fixture
def app(workshop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> typer.Typer:
    """The commands, in an empty folder, with the small workshop in MNIST's place."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CAMDIGITS_DATA", raising=False)
    monkeypatch.setattr(patches, "load_workshop", lambda *_, **__: workshop)
    app = typer.Typer()
    cli.register(app)
    return app


def run(app: typer.Typer, *words: str) -> str:
    result = RUNNER.invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


TINY = cnn.Recipe(least=0, channels=(4, 4, 4), dense=8, batch=64, rate=1e-12)
"""A tiny network that keeps the weights it begins with, so that a test sees which they were."""


def first_weights(run: str) -> NDArray[np.float32]:
    weights: NDArray[np.float32] = cnn.load_trained(Path(run)).get_weights()[0]
    return weights


def epochs_in(run: str) -> list[str]:
    with Path(run, "log.csv").open(newline="") as file:
        return [row["epoch"] for row in csv.DictReader(file)]


def training_of(file: str) -> Any:
    return json.loads(Classifier(file)._session.get_modelmeta().custom_metadata_map["camdigits.training"])


def test_train_then_export_takes_the_newest_run(app: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cnn.RECIPES, "best", TINY)
    said = run(app, "train", "cnn", "--epochs", "2", "--seed", "5")
    assert "validation" in said
    assert "runs/cnn-1" in said
    assert epochs_in("runs/cnn-1") == ["1", "2"]
    keras.utils.set_random_seed(5)
    expected = cnn.build(TINY, 11).get_weights()[0]
    assert first_weights("runs/cnn-1") == pytest.approx(expected, abs=1e-6)
    run(app, "train", "cnn", "second", "--epochs", "1")
    assert epochs_in("runs/second") == ["1"]
    assert first_weights("runs/second") != pytest.approx(first_weights("runs/cnn-1"), abs=1e-3)
    said = run(app, "export")
    assert "another label for 0 of 1000 patches" in said
    assert "runs/second/model.onnx" in said
    assert training_of("runs/second/model.onnx")["recipe"]["seed"] == 1
    run(app, "export", "runs/cnn-1", "-o", "mine.onnx")
    assert training_of("mine.onnx")["recipe"]["seed"] == 5
    assert not Path("runs/cnn-1/model.onnx").exists()
    run(app, "train", "cnn", "third", "--start", "runs/cnn-1", "--epochs", "1")
    assert first_weights("runs/third") == pytest.approx(first_weights("runs/cnn-1"), abs=1e-6)


@pytest.mark.slow
def test_resume_goes_on_with_the_newest_run_and_with_no_other_than_the_one_named(
    app: typer.Typer, workshop: Workshop
) -> None:
    def interrupt(epoch: int, _of: int, _done: float, _figures: object) -> None:
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cnn.train(workshop, Path("runs/older"), replace(TINY, epochs=2), report=interrupt)
    shutil.copytree("runs/older", "runs/newer", copy_function=shutil.copyfile)
    assert "runs/newer" in run(app, "train", "cnn", "--resume")
    assert (epochs_in("runs/older"), epochs_in("runs/newer")) == (["1"], ["1", "2"])
    with pytest.raises(CamdigitsError, match=r"runs/other: no training to resume"):
        run(app, "train", "cnn", "other", "--resume")


def test_train_knn_writes_an_onnx_file(app: typer.Typer, workshop: Workshop) -> None:
    few = ("--components", "32", "--seen", "10", "--rare", "10", "--rejects", "50")
    said = run(app, "train", "knn", "mine", "--seed", "4", *few)
    assert "runs/mine/model.onnx" in said
    assert Classifier("runs/mine/model.onnx").labels == tuple("0123456789")
    assert "runs/knn-1/model.onnx" in run(app, "train", "knn", *few)
    patches = as_input(workshop.validation_seen.patches)
    mine, other = (Classifier(f"runs/{name}/model.onnx")(patches) for name in ("mine", "knn-1"))
    assert np.abs(mine - other).max() > 0.01  # another seed takes other examples


def test_export_without_a_run_makes_the_shipped_file_again(app: typer.Typer) -> None:
    said = run(app, "export")
    assert "cnn.onnx" in said
    ours, shipped = Classifier("cnn.onnx"), Classifier("cnn")
    digits = np.random.default_rng(0).random((20, 28, 28), np.float32)
    assert np.abs(ours(digits) - shipped(digits)).max() < 1e-5
    metadata = [c._session.get_modelmeta().custom_metadata_map for c in (ours, shipped)]
    assert metadata[0] == metadata[1]


@pytest.mark.parametrize(
    "words",
    [
        ("train", "cnn", "--recipe", "recipe.json", "--architecture", "small"),
        ("train", "cnn", "--resume", "--architecture", "small"),
        ("train", "cnn", "--channels", "8,x,8"),
        ("train", "cnn", "--channels", "8,8"),
        ("train", "cnn", "--ema", "1", "--dropout", "0.95"),
        ("train", "knn", "--seed", "99999999999"),
        ("tune", "knn", "--architecture", "small"),
        ("tune", "svm", "--epochs", "2"),
        ("export", "runs/cnn-1", "--check", "cnn.onnx"),
        ("compare", "cnn", "--output", "page.png"),
        ("evaluate", "cnn", "--report", __file__),
        ("train", "cnn", "--channels", ""),
        ("train", "knn", "../elsewhere"),
        ("train", "knn", "patches"),
        ("compare", "cnn", "--output", "signs"),
        ("evaluate", "cnn", "--report", ""),
        ("tune", "knn", ""),
        ("rebuild", ""),
    ],
)
def test_options_that_contradict_one_another_are_refused(app: typer.Typer, words: tuple[str, ...]) -> None:
    assert RUNNER.invoke(app, words).exit_code == 2


def test_shares_are_options_and_a_run_may_be_named_by_its_path(app: typer.Typer) -> None:
    shares = ("--seen-share", "0.3", "--frame-share", "0", "--reject-bias", "0.1", "--dense", "8", "--epochs", "1")
    run(app, "train", "cnn", "runs/mine", "--architecture", "small", "--channels", "4,4,8", *shares)
    recipe = json.loads(Path("runs/mine/recipe.json").read_text())
    assert [recipe[name] for name in ("seen_share", "frame_share", "reject_bias", "dense")] == [0.3, 0, 0.1, 8]
    assert recipe["channels"] == [4, 4, 8]


def test_fonts_that_frames_lack_are_named_before_patches_are_made(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marks, "HANDWRITTEN", ["nowhere.ttf"])
    with pytest.raises(CamdigitsError, match=r"no such font.*apt install.*--frame-share 0"):
        run(app, "train", "cnn", "mine")


def test_ctrl_c_while_patches_are_made_is_quiet(tmp_path: Path) -> None:
    for sign in "ab":
        (tmp_path / "signs" / sign).mkdir(parents=True)
        for at in range(8):
            picture = np.full((60, 60), 230, np.uint8)
            cv2.line(picture, (20, 20), (40 + at, 45 if sign == "a" else 20), 30, 5)
            cv2.imwrite(str(tmp_path / "signs" / sign / f"{at}.png"), picture)
    command = [sys.executable, "-m", "camdigits", "train", "knn", "--dataset", "signs"]
    for wait in (0, 0.2, 0.5):  # while workers begin, load their packages, and work
        with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True) as told:
            assert told.stderr is not None
            said = next(line for line in told.stderr if line.startswith("making"))
            time.sleep(wait)
            os.killpg(told.pid, signal.SIGINT)
            said += told.stderr.read()
        assert told.returncode == 130
        assert all(line.startswith("making") for line in said.splitlines()), said
        shutil.rmtree(tmp_path / "runs", ignore_errors=True)


def test_nothing_to_resume_is_an_error(app: typer.Typer) -> None:
    with pytest.raises(CamdigitsError, match="no cnn run"):
        run(app, "train", "cnn", "--resume")


def test_export_of_no_run_is_an_error(app: typer.Typer) -> None:
    with pytest.raises(CamdigitsError, match="train one"):
        run(app, "export", "nowhere")


@pytest.mark.parametrize(
    ("words", "count", "kind"),
    [((), 60, "digits"), (("--dataset", "validation"), 80, "digits"), (("--dataset", "rejects"), 90, "rejects")],
)
def test_evaluate_prints_shares_with_intervals_and_time(
    words: tuple[str, ...],
    count: int,
    kind: str,
    app: typer.Typer,
    workshop: Workshop,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """MNIST itself is not at hand here: drawn sets of different sizes stand for its parts."""

    def first(part: PatchSet, size: int) -> PatchSet:
        return PatchSet(part.patches[:size], part.labels[:size])

    monkeypatch.setattr(evaluate, "clean", lambda _name, _split, _report: first(workshop.validation, 60))
    monkeypatch.setattr(evaluate, "validation", lambda _name, _report: first(workshop.validation, 80))
    monkeypatch.setattr(evaluate, "held_rejects", lambda _report: first(workshop.held_rejects, 90))
    said = run(app, "evaluate", "cnn", *words)
    shares = rf": (\d+) of {count}, [\d.]+% \(95 %: [\d.]+% to [\d.]+%\)"
    right, rejected = (int(re.search(title + shares, said)[1]) for title in ("right", "rejected"))  # type: ignore[index]  # None fails
    assert right > 0.8 * count
    assert rejected == right if kind == "rejects" else rejected < 0.2 * count
    assert re.search(r"[\d.]+ ms \(median\)", said)


def test_evaluate_measures_the_file_that_was_named(
    app: typer.Typer, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "clean", lambda _name, _split, _report: workshop.validation)  # ten of each digit
    write_model(Path("7.onnx"), 7, 0.9)
    said = run(app, "evaluate", "7.onnx")
    assert "right: 10 of 100, 10.00%" in said
    assert "rejected: 0 of 100" in said
    assert "mean confidence: 90.00%" in said


@pytest.mark.slow
@pytest.mark.parametrize(("dataset", "count", "floor"), [("mnist", 10_000, 99), ("validation", 5000, 98)])
def test_evaluate_on_mnist_itself(dataset: str, count: int, floor: float, tmp_path: Path) -> None:
    if not os.environ.get("CAMDIGITS_DATA"):
        pytest.skip("needs MNIST in CAMDIGITS_DATA")
    said = camdigits("evaluate", "cnn", "--dataset", dataset, cwd=tmp_path).stdout
    found = re.search(rf"right: \d+ of {count}, ([\d.]+)%", said)
    assert found
    assert float(found[1]) > floor


def test_a_missing_extra_is_one_line(app: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "camdigits_export.cnn", None)
    monkeypatch.delattr("camdigits_export.cnn", raising=False)
    with pytest.raises(CamdigitsError, match=r'pip install "\.\[export\]"'):
        run(app, "train", "cnn")


def test_the_command_line_starts_without_the_heavy_packages() -> None:
    heavy = ("tensorflow", "keras", "sklearn", "cv2", "numpy")
    code = f"import sys, camdigits_export.cli; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_shipped_keras_weights_are_beside_the_onnx_file() -> None:
    path = find_model("cnn").with_suffix(".keras")
    assert path.is_file()
