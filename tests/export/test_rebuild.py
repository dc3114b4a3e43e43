"""models/ made from nothing, in small: what is whole stays, what was stopped goes on, cards say what the files are."""

import os
import re
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from camdigits.classify import Classifier, find_model
from camdigits.network import CONTEXT, INKED, LEFTMOST, LOCATE
from camdigits_export import (
    classical,
    cli,
    cnn,
    compare,
    context,
    evaluate,
    inked,
    knn,
    leftmost,
    locate,
    patches,
    rebuild,
    runs,
    to_onnx,
)
from camdigits_export.datasets import DataError, Dataset
from camdigits_export.patches import Workshop
from tests.export.test_judgement import missing, write_run

TINY = cnn.Recipe(least=0, architecture="small", channels=(4, 4, 8), dense=8, batch=64, epochs=2, rate=5e-3, ema=0.9)
NEIGHBOURS = knn.Recipe(components=16, neighbours=3, seen=100, rejects=150)
TAUGHT = replace(TINY, teachers=("runs/teacher",))
PLAN: dict[str, rebuild.Recipe] = {
    "knn": NEIGHBOURS,
    "teacher": TINY,
    "best-1": TAUGHT,
    "best-2": replace(TAUGHT, seed=2),
    "reader": replace(TAUGHT, start="runs/best-1", teachers=("runs/best-1",)),
}


@pytest.fixture
def app(workshop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> typer.Typer:
    """The commands, in a folder with the shipped cards, the small workshop in MNIST's place, and a small plan."""
    ours = shutil.ignore_patterns("*.onnx", "*.keras", "REPORT.*")
    shutil.copytree(find_model("cnn").parent, tmp_path / "models", ignore=ours)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CAMDIGITS_DATA", raising=False)
    monkeypatch.setattr(patches, "load_workshop", lambda *_, **__: workshop)
    monkeypatch.setattr(evaluate, "clean", lambda *_: workshop.validation)
    monkeypatch.setattr(evaluate, "validation", lambda *_: workshop.validation_seen)
    monkeypatch.setattr(evaluate, "held_rejects", lambda *_: workshop.held_rejects)
    monkeypatch.setattr(compare, "SETS", dict.fromkeys(compare.SETS, missing) | {"MNIST": lambda: workshop.validation})
    digits = Dataset("drawn", list(workshop.validation.patches), workshop.validation.labels)
    for module in (context, inked, leftmost, locate, rebuild, to_onnx):
        monkeypatch.setattr(module, "load", lambda *_: digits)
    monkeypatch.setattr(rebuild, "PLAN", PLAN)
    joined = leftmost.Recipe(strings=200, held=50, epochs=1, batch=50)
    around = context.Recipe(frames=4, held=4, epochs=1, batch=8)
    penned = inked.Recipe(frames=3, held=2, epochs=1, batch=6, channels=(8, 8, 8, 8))
    placed = locate.Recipe(frames=3, held=2, epochs=1, batch=6, channels=(8, 8, 8, 8))
    helpers = {
        INKED: (inked.make, penned),
        LEFTMOST: (leftmost.make, joined),
        LOCATE: (locate.make, placed),
        CONTEXT: (context.make, around),
    }
    monkeypatch.setattr(rebuild, "HELPERS", helpers)
    app = typer.Typer()
    cli.register(app)
    return app


def run(app: typer.Typer) -> tuple[str, str]:
    ran = CliRunner().invoke(app, ["rebuild"], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    return ran.stdout, ran.stderr


@pytest.mark.slow
def test_models_are_made_from_nothing_and_only_once(app: typer.Typer, workshop: Workshop) -> None:
    write_run("mine", 3, kind="cnn", seed=1)
    made, said = run(app)
    assert "done before" not in said
    assert made.split()[:7] == [
        f"models/{name}" for name in ("cnn.onnx", "cnn.keras", "knn.onnx", INKED, LEFTMOST, LOCATE, CONTEXT)
    ]
    assert Path("models/cnn.onnx").read_bytes() == Path("runs/reader/model.onnx").read_bytes()
    assert Path("models/cnn.keras").read_bytes() == Path("runs/reader/model.keras").read_bytes()
    for file in (Path("models") / name for name in (INKED, LEFTMOST, LOCATE, CONTEXT)):
        card = file.with_suffix(".md").read_text()
        assert f"{sha256(file.read_bytes()).hexdigest()}  {file.name}\n" in card
        (figure,) = to_onnx.stated(file)["figures"].values()
        assert f"{100 * figure:.2f} %\n" in card
        assert '"epochs": 1,' in " ".join(card.split())
    for name in ("cnn", "knn"):
        card = Path(f"models/{name}.md").read_text()
        file = Path(f"models/{name}.onnx")
        assert f"{sha256(file.read_bytes()).hexdigest()}  {file.name}\n" in card
        right = evaluate.score(Classifier(str(file)), workshop.validation).right
        assert re.search(rf"^\| MNIST test digits read right \| {right:.2f} % of 100 \| ", card, re.MULTILINE)
    report = Path("models/REPORT.md").read_text()
    named = ["models/cnn.onnx", "models/knn.onnx"]
    named += [f"runs/{name}{kind}" for name in ("teacher", "best-1", "best-2") for kind in ("", ", int8")]
    named += ["runs/reader, int8"]
    assert sorted(re.findall(r"^\*\*(.+?)\*\*", report, re.MULTILINE)) == sorted(named)
    assert "mean of runs/best-1, runs/best-2" in report
    before = {path: path.read_bytes() for path in Path("models").glob("*.onnx")}
    exported = {path: path.stat().st_mtime_ns for path in Path("runs").glob("*/model*.onnx")}
    os.utime("runs/best-2/model.keras")
    _, said = run(app)
    assert said.count("done before") == len(rebuild.HELPERS) + len(PLAN)
    assert before == {path: path.read_bytes() for path in Path("models").glob("*.onnx")}
    anew = {path.parent.name for path, time in exported.items() if path.stat().st_mtime_ns != time}
    assert anew == {"best-2"}  # its weights are newer than its files


@pytest.mark.slow
def test_what_was_stopped_goes_on(app: typer.Typer, workshop: Workshop) -> None:
    def interrupt(epoch: int, _of: int, _done: float, _figures: object) -> None:
        if epoch == 2:
            raise KeyboardInterrupt

    cnn.train(workshop, Path("runs/teacher"), TINY)
    assert rebuild.state(Path("runs/best-1"), TAUGHT) == "new"
    with pytest.raises(KeyboardInterrupt):
        cnn.train(workshop, Path("runs/best-1"), TAUGHT, report=interrupt)
    assert rebuild.state(Path("runs/best-1"), TAUGHT) == "begun"
    run(app)
    assert [row["epoch"] for row in runs.read_log(Path("runs/best-1"))] == [1, 2]
    assert rebuild.state(Path("runs/best-1"), TAUGHT) == "done"


@pytest.mark.usefixtures("app")
def test_a_run_of_another_recipe_is_never_taken(workshop: Workshop) -> None:
    classical.train(workshop, Path("runs/knn"), NEIGHBOURS, lambda *_: None)
    assert rebuild.state(Path("runs/knn"), NEIGHBOURS) == "done"
    with pytest.raises(DataError, match="another recipe"):
        rebuild.state(Path("runs/knn"), replace(NEIGHBOURS, neighbours=4))


def test_what_cannot_be_had_is_told_before_the_first_training(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(name: str, *_: object) -> None:
        if name == "usps":
            raise DataError("zip.train.gz: no mirror handed it over")

    monkeypatch.setattr(rebuild, "load", load)
    monkeypatch.setattr(rebuild, "PLAN", {**PLAN, "usps-knn": replace(NEIGHBOURS, dataset="usps")})
    with pytest.raises(DataError, match=r"zip\.train\.gz"):
        run(app)
    monkeypatch.setattr(rebuild, "PLAN", PLAN)
    monkeypatch.setattr(evaluate, "held_rejects", missing)
    with pytest.raises(DataError, match=r"nowhere\.gz"):
        run(app)
    assert not Path("runs").exists()


def begun(workshop: Workshop) -> Path:
    """A run that says it had both of its epochs."""
    folder = Path("runs/best-1")
    runs.begin(folder, TINY, workshop)
    for epoch in (1, 2):
        runs.log(folder, {"epoch": epoch})
    (folder / "checkpoint.keras").touch()
    return folder


@pytest.mark.usefixtures("app")
def test_a_run_without_a_log_says_so(workshop: Workshop) -> None:
    folder = begun(workshop)
    assert rebuild.state(folder, TINY) == "done"
    (folder / "log.csv").unlink()
    with pytest.raises(DataError, match=r"runs/best-1: no training came to its end there .*log\.csv"):
        rebuild.state(folder, TINY)


@pytest.mark.usefixtures("app")
def test_an_epoch_that_is_in_the_log_only_is_not_done(workshop: Workshop) -> None:
    folder = begun(workshop)
    os.utime(folder / "checkpoint.keras", (0, 0))
    assert rebuild.state(folder, TINY) == "begun"


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ({"kind": "svm", "seed": 1, "cost": 8.0}, "camdigits train svm"),
        ({"kind": "svm", "cost": 4.0, "deskew": False}, "camdigits train svm --no-deskew --cost 4.0"),
        (
            {"kind": "cnn", "architecture": "small", "seed": 3},
            "camdigits train cnn --architecture small --seed 3 && camdigits export",
        ),
        (
            {"kind": "cnn", "weight_decay": 0.1, "int8": True},
            "camdigits train cnn --architecture best --weight-decay 0.1 && camdigits export --int8",
        ),
        (
            {"kind": "cnn", "architecture": "small", "teachers": ["runs/a", "runs/b"]},
            "camdigits train cnn --architecture small --teacher runs/a --teacher runs/b && camdigits export",
        ),
        (
            {"kind": "cnn", "channels": [1, 2, 3]},
            "camdigits train cnn --architecture best --channels 1,2,3 && camdigits export",
        ),
    ],
)
def test_a_recipe_becomes_the_command_that_trains_it(recipe: dict[str, object], expected: str) -> None:
    assert compare.command(recipe) == expected


@pytest.mark.usefixtures("app")
def test_the_report_holds_a_card_of_each_model(tmp_path: Path) -> None:
    write_run("a", 3, kind="svm", dataset="usps", seed=4)
    sets = {"MNIST": compare.SETS["MNIST"]()}
    rows = compare.measure({"runs/a/model.onnx": Classifier("runs/a/model.onnx")}, sets, lambda _: None)
    compare.write_report(rows, [], sets, ["MNIST"], tmp_path / "REPORT.md")
    text = (tmp_path / "REPORT.md").read_text()
    digest = sha256(Path("runs/a/model.onnx").read_bytes()).hexdigest()
    assert "**runs/a**. svm on usps, seed 4: `camdigits train svm --dataset usps --seed 4`." in text
    assert re.search(rf"MNIST 10\.00 % of 100 \([\d.]+ to [\d.]+, 95 %, Wilson\)\. 0\.00 MB, sha256 `{digest}`", text)
