"""What evaluate and compare say of a model: the page, its figures, the mistakes it shows, models side by side."""

import base64
import json
import re
from collections.abc import Callable
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
import typer
from typer.testing import CliRunner

from camdigits.classify import Classifier
from camdigits.errors import ModelError
from camdigits_export import classical, cli, cnn, compare, evaluate, forest, knn, mistakes, mlp, patches, rebuild, svm
from camdigits_export.augment import as_input
from camdigits_export.corruptions import CORRUPTIONS
from camdigits_export.datasets import DataError, Dataset, load
from camdigits_export.patches import PatchSet, Workshop
from camdigits_export.traits import traits
from tests.support.models import write_model

RUNNER = CliRunner()
EMPTY = {"meta", "img", "br"}


class Page(HTMLParser):
    """Notes tags, text and pictures, and that every tag is closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.pictures: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "img":
            self.pictures.append(dict(attrs)["src"] or "")
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def patch_of(picture: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    png = base64.b64decode(picture.removeprefix("data:image/png;base64,"))
    return 255 - np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED))


def mislabelled(patches: PatchSet) -> PatchSet:
    """Four 3s and a 7 that are said to be 8s: mistakes that any good model makes."""
    labels = patches.labels.copy()
    labels[[3, 13, 23, 33, 7]] = 8
    return PatchSet(patches.patches, labels)


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> typer.Typer:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CAMDIGITS_DATA", raising=False)
    app = typer.Typer()
    cli.register(app)
    return app


def run(app: typer.Typer, *words: str) -> tuple[str, str]:
    ran = RUNNER.invoke(app, words, catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    return ran.stdout, ran.stderr


def missing(*_: object) -> PatchSet:
    raise DataError("nowhere.gz: no such file")


@pytest.fixture
def evaluated(
    app: typer.Typer, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> tuple[PatchSet, str, Any, Page, str]:
    """The patches, what was printed, and the report's figures, page and text, of the shipped CNN."""
    test = mislabelled(workshop.validation)
    monkeypatch.setattr(evaluate, "clean", lambda _name, split, _report: {"test": test}[split])
    monkeypatch.setattr(patches, "training", lambda name, _report: {"mnist": workshop.clean}[name])
    said, _ = run(app, "evaluate", "cnn", "--report", "out")
    text = Path("out/report.html").read_text(encoding="utf-8")
    return test, said, json.loads(Path("out/report.json").read_text()), Page(text), text


def test_the_page_is_whole_and_needs_nothing_else(evaluated: tuple[PatchSet, str, Any, Page, str]) -> None:
    _, said, _, page, text = evaluated
    assert "out/report.html" in said
    written = re.sub(r"base64,[\w+/=]+", "", text)  # pixels may spell anything
    assert not re.search(r"https?://|//www|@import|url\(", written)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert page.pictures
    assert all(source.startswith("data:image/png;base64,") for source in page.pictures)
    headings = "By class", "Confusion matrix", "Calibration", "Answers and errors", "Confusions", "Worst mistakes"
    assert set(headings) <= set(page.words)


def test_the_figures_are_those_printed(evaluated: tuple[PatchSet, str, Any, Page, str]) -> None:
    _, said, figures, page, _ = evaluated
    low, high = figures["accuracy_interval"]
    macro, answered = figures["macro"], figures["answered"]
    for line in (
        f"right: {figures['right']} of 100, {figures['accuracy']:.2%} (95 %: {low:.2%} to {high:.2%})",
        f"rejected: {figures['rejected']} of 100,",
        f"precision {macro['precision']:.2%}, recall {macro['recall']:.2%}, F1 {macro['f1']:.2%}",
        f"calibration error: {figures['calibration_error']:.2%}",
        f"at 50% confidence: {answered['share']:.2%} answered, {answered['error']:.2%} of these wrong",
        f"{figures['milliseconds']:.2f} ms (median), {figures['microseconds_a_digit']:.0f} us a digit",
        "confused most: 8 as 3 (4), ",
    ):
        assert line in said
        assert any(line in words for words in page.words)


def test_the_figures_are_true(evaluated: tuple[PatchSet, str, Any, Page, str]) -> None:
    test, _, figures, page, _ = evaluated
    probabilities = Classifier("cnn")(as_input(test.patches))
    wrong = probabilities.argmax(1) != test.labels
    assert figures["right"] == 100 - wrong.sum() <= 95
    matrix = np.array(figures["matrix"])
    assert (matrix.sum(), matrix.trace(), matrix[8, 3]) == (100, figures["right"], 4)
    assert [c["count"] for c in figures["classes"]] == np.bincount(test.labels, minlength=11).tolist()
    assert figures["answered"] == min(figures["coverage"], key=lambda a: abs(a["threshold"] - 0.5)) | {"threshold": 0.5}
    assert f"{figures['classes'][8]['recall']:.2%}" in page.words


def test_the_gallery_shows_the_mistakes_beside_training_patches(
    evaluated: tuple[PatchSet, str, Any, Page, str], workshop: Workshop
) -> None:
    test, _, figures, page, _ = evaluated
    training, labels = workshop.clean.patches, workshop.clean.labels
    probabilities = Classifier("cnn")(as_input(test.patches))
    wrong = np.nonzero(probabilities.argmax(1) != test.labels)[0].tolist()
    shown = figures["mistakes"]
    assert sorted(mistake["at"] for mistake in shown) == wrong
    sureness = [mistake["confidence"] for mistake in shown]
    assert sureness == sorted(sureness, reverse=True)
    pictures = [patch_of(source) for source in page.pictures[2:]]  # two plots come first
    assert len(pictures) == 4 * len(shown)
    for mistake, at in zip(shown, range(0, len(pictures), 4), strict=True):
        assert np.array_equal(pictures[at], test.patches[mistake["at"]])
        distances = ((training.astype(float) - pictures[at]) ** 2).sum(axis=(1, 2))
        near = np.argsort(distances)[:3]
        assert mistake["nearest"] == [str(labels[i]) for i in near]
        assert all(np.array_equal(pictures[at + 1 + n], training[i]) for n, i in enumerate(near))
    assert ["8", "3"] in [[mistake["true"], mistake["read"]] for mistake in shown]


def test_without_training_patches_the_gallery_goes_without(
    app: typer.Typer, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = mislabelled(workshop.validation)
    monkeypatch.setattr(evaluate, "clean", lambda *_: test)
    monkeypatch.setattr(patches, "training", missing)
    _, told = run(app, "evaluate", "cnn", "--report", "out")
    assert "no training patches to show beside mistakes: nowhere.gz: no such file" in told
    assert all(m["nearest"] == [] for m in json.loads(Path("out/report.json").read_text())["mistakes"])


def test_a_model_without_mistakes_has_a_report_too(
    app: typer.Typer, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    sevens = PatchSet(workshop.validation.patches[7::10], workshop.validation.labels[7::10])
    monkeypatch.setattr(evaluate, "clean", lambda *_: sevens)
    monkeypatch.setattr(patches, "training", lambda *_: workshop.clean)
    said, _ = run(app, "evaluate", str(write_model(Path("7.onnx"), 7)), "--report", "out")
    assert "right: 10 of 10, 100.00%" in said
    assert "confused" not in said
    assert Page(Path("out/report.html").read_text()).words.count("None.") == 2


def drawn(draw: Callable[[np.ndarray[Any, np.dtype[np.uint8]]], object]) -> dict[str, float]:
    patch = np.zeros((28, 28), np.uint8)
    draw(patch)
    return {name: float(value) for name, (value,) in traits(patch[None]).items()}


def test_traits_are_measured() -> None:
    bar = drawn(lambda p: p[4:24, 13:16].fill(255))
    assert (bar["slant"], bar["loops"], bar["pieces"]) == pytest.approx((0, 0, 1), abs=0.5)
    assert (bar["stroke"], bar["size"]) == pytest.approx((3, 3), abs=0.4)
    leaning = drawn(lambda p: cv2.line(p, (9, 23), (19, 4), 255, 3))  # to the right, as italics do
    assert leaning["slant"] == pytest.approx(np.degrees(np.arctan2(10, 19)), abs=3)
    ring = drawn(lambda p: cv2.circle(p, (14, 14), 8, 255, 2))
    assert (ring["loops"], ring["pieces"]) == (1, 1)
    # corners that touch close a loop: the paper inside does not run out between them
    far = abs(np.arange(28) - 14)
    diamond = drawn(lambda p: np.copyto(p, 255, where=np.add.outer(far, far) == 8))
    assert (diamond["loops"], diamond["pieces"]) == (1, 1)
    eight = drawn(lambda p: (cv2.circle(p, (14, 8), 4, 255, 2), cv2.circle(p, (14, 18), 5, 255, 2)))
    assert (eight["loops"], eight["pieces"]) == (2, 1)
    apart = drawn(lambda p: (p[4:10, 4:7].fill(255), p[15:24, 4:7].fill(255)))
    assert (apart["loops"], apart["pieces"]) == (0, 2)


def test_what_goes_with_a_confusion_is_found() -> None:
    """Rings read right, and of the same class three that are open at the top and were read as the other class."""
    patches = np.zeros((40, 28, 28), np.uint8)
    for at, patch in enumerate(patches):
        cv2.ellipse(patch, (14, 14), (7, 9), 0, 0, 360, 255, 2)
        patch[:8, 12:17] = 0 if at < 3 else patch[:8, 12:17]
    truth, said = np.zeros(40, np.uint8), np.array([1] * 3 + [0] * 37)
    matrix = np.array([[37, 3, 0], [0, 0, 0], [0, 0, 0]])
    (confusion,) = mistakes.confusions(matrix, patches, truth, said, ("0", "6", "not a digit"), {})
    assert (confusion.true, confusion.read, confusion.count) == ("0", "6", 3)
    loops = next(trait for trait in confusion.traits if trait.name == "loops")
    assert (loops.here, loops.usual, loops.stands_out) == (0, pytest.approx(37 / 40), True)
    assert confusion.attempt == mistakes.TRY["loops", False]
    (rejected,) = mistakes.confusions(matrix[:, [0, 2, 1]], patches, truth, said * 2, ("0", "6", "not a digit"), {})
    assert rejected.attempt.startswith(mistakes.REJECTED)


KINDS: tuple[rebuild.Recipe, ...] = (
    *(cnn.RECIPES["best"], knn.Recipe(), svm.Recipe(), forest.Recipe(), mlp.Recipe()),
    *(knn.Recipe(deskew=False), mlp.Recipe(deskew=False)),
)


@pytest.mark.parametrize("recipe", KINDS, ids=lambda recipe: recipe.kind)
def test_what_is_to_be_tried_is_an_option_of_the_models_own(
    recipe: rebuild.Recipe, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Upright bars, and of the same class three that lean and were read as the other class or rejected."""
    monkeypatch.chdir(tmp_path)
    patches = np.zeros((40, 28, 28), np.uint8)
    for at, patch in enumerate(patches):
        cv2.line(patch, (9 if at < 3 else 14, 23), (19 if at < 3 else 14, 4), 255, 3)
    truth, said = np.zeros(40, np.uint8), np.array([1, 1, 1] + [0] * 37)
    stated = json.loads(json.dumps({"kind": recipe.kind, **asdict(recipe)}))
    app = typer.Typer()
    cli.register(app)
    usage = RUNNER.invoke(app, ["train", recipe.kind, "--help"], env={"COLUMNS": "200"}).output
    matrix = np.array([[37, 3, 0], [0, 0, 0], [0, 0, 0]])
    for read, order in ((1, [0, 1, 2]), (2, [0, 2, 1])):
        (confusion,) = mistakes.confusions(
            matrix[:, order], patches, truth, said * read, ("1", "7", "not a digit"), stated
        )
        assert "lean to the right" in confusion.attempt
        options = re.findall(r"--[\w-]+", confusion.attempt)
        assert all(option in usage for option in options)
        assert ("--deskew" in options) == (getattr(recipe, "deskew", None) is False)
        assert read == 1 or len(options) > ("--deskew" in options)


@pytest.fixture
def signs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two classes, twelve pictures each, and a cache of its own."""
    monkeypatch.setattr(patches, "FOLDER", tmp_path / "cache")
    for letter in "AB":
        (tmp_path / "signs" / letter).mkdir(parents=True)
        for at in range(12):
            picture = np.full((90, 90, 3), 230, np.uint8)
            cv2.putText(picture, letter, (20, 70), cv2.FONT_HERSHEY_SIMPLEX, 2, (40, 40, 50), 3 + at % 4)
            cv2.imwrite(str(tmp_path / "signs" / letter / f"{at}.png"), picture)
    return tmp_path / "signs"


def relabelled(path: str, labels: str) -> None:
    """Let a model of digits read other signs."""
    proto = onnx.load(path)
    next(entry for entry in proto.metadata_props if entry.key == "camdigits.labels").value = json.dumps(list(labels))
    onnx.save(proto, path)


@pytest.mark.parametrize(
    ("trained", "dataset", "count", "part"),
    [
        ("signs", "signs", 4, "test signs of signs"),
        ("signs", "../{}/signs/", 4, "test signs of ../{}/signs/"),
        ("signs", "validation", 2, "validation signs of signs"),
        ("mnist", "signs", 24, "signs of signs, all: not those that the model learnt from"),
    ],
)
def test_a_model_is_judged_on_what_it_never_saw(
    trained: str, dataset: str, count: int, part: str, app: typer.Typer, signs: Path
) -> None:
    write_run("mine", 0, kind="knn", dataset=trained)
    relabelled("runs/mine/model.onnx", "ABcdefghij")
    here = signs.parent.name
    said, told = run(app, "evaluate", "runs/mine/model.onnx", "--dataset", dataset.format(here))
    assert f"right: {count // 2} of {count}, 50.00%" in said
    assert f"judged on {count} {part.format(here)}\n" in told


def test_a_folder_is_known_again_wherever_it_lies(signs: Path, tmp_path: Path) -> None:
    recipe = {"dataset": "signs", "fingerprint": load(str(signs), "train").fingerprint()}
    moved = str(signs.rename(tmp_path / "moved"))
    assert len(evaluate.dataset(moved, print, recipe)) == 4
    assert len(evaluate.dataset(moved, print, recipe | {"fingerprint": "another"})) == 24
    said: list[str] = []
    evaluate.dataset(moved, said.append, {"dataset": moved, "fingerprint": "another"})
    assert any("changed since the model learnt from it" in line for line in said)


def test_rejects_of_digits_say_nothing_of_a_model_of_letters(
    app: typer.Typer, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "held_rejects", lambda _: workshop.held_rejects)
    relabelled(str(write_model(Path("letters.onnx"), 0)), "abcdefghij")
    relabelled(str(write_model(Path("digits.onnx"), 10)), "9876543210")
    with pytest.raises(DataError, match=r"reads a, b, .* may be one of them"):
        run(app, "evaluate", "letters.onnx", "--dataset", "rejects")
    assert "right: 100 of 100" in run(app, "evaluate", "digits.onnx", "--dataset", "rejects")[0]


@pytest.fixture
def side(app: typer.Typer, workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    """The commands, with small sets in the place of all but HwD, which is not at hand."""
    fifteen = PatchSet(np.tile(workshop.clean.patches[:20], (15, 1, 1)), np.tile(workshop.clean.labels[:20], 15))
    sets = {
        "MNIST": lambda: workshop.validation,
        "USPS": lambda: workshop.validation_seen,
        "HwD": missing,
        "rejects": lambda: workshop.held_rejects,
        "corrupted": lambda: fifteen,
    }
    assert list(sets) == list(compare.SETS)
    monkeypatch.setattr(compare, "SETS", sets)
    return app


def cells(table: str) -> dict[str, list[str]]:
    lines = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line] for line in lines]
    return {row[0]: row[1:] for row in rows if row[0].strip("-")}


def test_models_stand_side_by_side(side: typer.Typer, workshop: Workshop) -> None:
    write_model(Path("7.onnx"), 7)
    said, told = run(side, "compare", "cnn", "7.onnx")
    rows = cells(said)
    assert rows["model"] == ["trained on", "MNIST %", "USPS %", "HwD %", "rejects %", "corrupted %", "MB", "us a digit"]
    assert rows["7.onnx"][:7] == ["-", "10.00", "10.00", "-", "0.00", "10.00", "0.00"]
    right = evaluate.score(Classifier("cnn"), workshop.validation).right
    assert rows["cnn"][:2] == ["mnist", f"{right:.2f}"]
    assert (rows["cnn"][3], rows["cnn"][6]) == ("-", f"{Classifier('cnn').path.stat().st_size / 1e6:.2f}")
    assert float(rows["cnn"][7]) > float(rows["7.onnx"][7]) > 0
    assert "not at hand: HwD (HwD: nowhere.gz: no such file)" in told
    assert set(rows) == {"model", "cnn", "7.onnx"}


def write_run(name: str, digit: int, **recipe: object) -> None:
    folder = Path("runs", name)
    folder.mkdir(parents=True)
    proto = onnx.load(write_model(folder / "model.onnx", digit))
    entry = proto.metadata_props.add()
    entry.key, entry.value = "camdigits.training", json.dumps({"recipe": recipe})
    onnx.save(proto, folder / "model.onnx")


def test_a_model_that_cannot_be_opened_is_an_error_before_patches_are_made(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "SETS", {"MNIST": lambda: pytest.fail("made patches")})
    for words in (("nowhere",), ("cnn", "nowhere", "--dataset", "mnist")):
        with pytest.raises(ModelError, match="nowhere"):
            run(app, "compare", *words)


def test_where_no_data_set_can_be_had_it_is_one_line(app: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "SETS", dict.fromkeys(compare.SETS, missing))
    with pytest.raises(DataError) as caught:
        run(app, "compare", "cnn", "--output", "REPORT.md")
    reason = "nowhere.gz: no such file"
    assert str(caught.value) == (
        f"not at hand: MNIST, USPS, HwD, rejects, corrupted (MNIST: {reason}; USPS: {reason}; HwD: {reason})"
    )
    assert not Path("REPORT.md").exists()


@pytest.mark.filterwarnings("error")
def test_without_mnist_the_report_is_of_what_is_at_hand(side: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    write_model(Path("7.onnx"), 7)
    run(side, "compare", "7.onnx", "--output", "REPORT.md")
    for name in ("MNIST", "rejects", "corrupted"):
        monkeypatch.setitem(compare.SETS, name, missing)
    write_model(Path("3.onnx"), 3)
    _, told = run(side, "compare", "3.onnx", "--output", "REPORT.md", "--join")
    assert "not at hand: MNIST, HwD, rejects, corrupted (MNIST: nowhere.gz" in told.replace("\n", " ")
    report = Path("REPORT.md").read_text(encoding="utf-8")
    assert cells(report)["3.onnx"][:6] == ["-", "-", "10.00", "-", "-", "-"]
    assert cells(report)["7.onnx"][:6] == ["-", "10.00", "10.00", "-", "0.00", "10.00"]  # of when MNIST was there
    assert "USPS's 10.00 of 3.onnx stands for" in report
    run(side, "compare", "3.onnx", "--output", "REPORT.md")
    assert "## Corruptions" not in Path("REPORT.md").read_text(encoding="utf-8")


def test_models_of_a_users_own_signs_are_compared_on_those(side: typer.Typer, signs: Path) -> None:
    write_run("mine", 0, kind="knn", dataset="signs")
    write_run("other", 1, kind="svm", dataset="other")
    for name in ("mine", "other"):
        relabelled(f"runs/{name}/model.onnx", "ABcdefghij")
    files = [f"runs/{name}/model.onnx" for name in ("mine", "other")]
    said, told = run(side, "compare", *files, "cnn", "--dataset", str(signs), "--output", "REPORT.md")
    assert "judged on 4 test signs" in told
    rows = cells(said)
    assert rows["model"] == ["trained on", f"{signs} %", "MB", "us a digit"]
    assert [rows[name][1] for name in ("runs/mine", "runs/other", "cnn")] == ["50.00", "50.00", "-"]
    assert "does not know A, B" in told.replace("\n", " ")
    report = Path("REPORT.md").read_text(encoding="utf-8")
    assert f"Patches judged: {signs} 4." in report
    assert f"- **{signs}**: signs read right" in report
    assert "- **MNIST" not in report
    # no model here learnt from it: all its signs are new to them
    said, told = run(side, "compare", files[1], "--dataset", "signs", "--dataset", "usps")
    assert cells(said)["runs/other"][1:3] == ["50.00", "-"]
    assert "judged on 24 signs of signs" in told


def test_a_data_set_that_is_named_and_cannot_be_had_is_an_error(side: typer.Typer) -> None:
    with pytest.raises(DataError, match=r"nowhere\.gz: no such file"):
        run(side, "compare", "cnn", "--dataset", "usps", "--dataset", "hwd")
    with pytest.raises(DataError, match="no such data set; name one of mnist"):
        run(side, "compare", "cnn", "--dataset", "gone")


@pytest.mark.parametrize(
    "recipe",
    [*rebuild.PLAN.values(), cnn.Recipe(start="runs/cnn-1", jitter_share=0.5)],
    ids=lambda recipe: f"{recipe.kind}-{recipe.dataset}",
)
def test_the_command_beside_a_model_makes_its_recipe(
    recipe: rebuild.Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[rebuild.Recipe] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "_train_cnn", lambda _run, made, _resume: asked.append(made))

    def fit(_run: Path, made: classical.Recipe) -> None:
        asked.append(made)
        raise typer.Exit

    monkeypatch.setattr(cli, "_fit_run", fit)
    stated = json.loads(json.dumps({"kind": recipe.kind, **asdict(recipe)}))
    train, _, export = compare.command(stated).partition(" && ")
    app = typer.Typer()
    cli.register(app)
    CliRunner().invoke(app, train.split()[1:], catch_exceptions=False)
    assert asked == [recipe]
    assert export == ("camdigits export" if recipe.kind == "cnn" else "")


def test_all_models_are_compared_and_seeds_of_a_recipe_averaged(side: typer.Typer) -> None:
    write_run("a", 3, kind="cnn", dataset="usps", seed=1)
    write_run("b", 10, kind="cnn", dataset="usps", seed=2)  # rejects everything
    write_run("c", 4, kind="cnn", dataset="mnist", seed=3)
    Path("runs/broken").mkdir()
    Path("runs/broken/model.onnx").write_bytes(b"no model")
    Path("runs/same").mkdir()
    Path("runs/same/model.onnx").write_bytes(Path("runs/a/model.onnx").read_bytes())
    said, told = run(side, "compare", "--output", "out/REPORT.md")
    rows = cells(said)
    assert {"cnn", "knn", "runs/a", "runs/b", "runs/c"} <= set(rows)
    assert "runs/same" not in rows
    assert [name for name in rows if name.startswith("mean")] == ["mean of runs/a, runs/b"]
    assert rows["runs/b"][0] == "usps"
    # 10 and 0 percent of MNIST, 0 and 100 of the rejects
    mean = rows["mean of runs/a, runs/b"]
    assert (mean[1], mean[4]) == ("5.00 ± 7.07", "50.00 ± 70.71")
    assert "left out: runs/broken/model.onnx" in told.replace("\n", " ")
    report = Path("out/REPORT.md").read_text(encoding="utf-8")
    assert said.strip() in report
    assert "](REPORT.png)" in report
    assert cv2.imread("out/REPORT.png").shape[1] > 500
    by_kind = {name: row for name, row in cells(report).items() if name.replace(" ", "_") in CORRUPTIONS}
    assert len(by_kind) == 15
    assert all(row[2] == "10.0" for row in by_kind.values())
    best = max(("cnn", "knn"), key=lambda name: float(rows[name][1]))
    assert re.search(rf"MNIST's {re.escape(rows[best][1])} of {best} stands for", report)
    for heading in ("What the figures mean", "Corruptions", "Limits", "Of use"):
        assert f"\n## {heading}\n" in report


def test_models_made_at_several_times_stand_in_one_report(side: typer.Typer) -> None:
    write_run("a", 3, kind="cnn", seed=1)
    first, _ = run(side, "compare", "runs/a/model.onnx", "--output", "out/REPORT.md", "--join")
    assert set(cells(first)) == {"model", "runs/a"}
    Path("runs/a").rename("a")
    write_run("a", 10, kind="cnn", seed=2)  # the same file, another model, which rejects everything
    second, _ = run(side, "compare", "runs/a/model.onnx", "--output", "out/REPORT.md", "--join")
    rows = cells(second)
    assert set(rows) == {"model", "runs/a", "runs/a, earlier", "mean of runs/a, runs/a, earlier"}
    assert rows["runs/a"][1:5] == ["0.00", "0.00", "-", "100.00"]
    assert rows["runs/a, earlier"] == cells(first)["runs/a"]
    assert second.strip() in Path("out/REPORT.md").read_text(encoding="utf-8")
    Path("a").rename("runs/b")  # measured again under another name: the earlier row goes
    third, _ = run(side, "compare", "runs/b/model.onnx", "--output", "out/REPORT.md", "--join")
    assert set(cells(third)) == {"model", "runs/b", "runs/a", "mean of runs/b, runs/a"}
    alone, _ = run(side, "compare", "runs/b/model.onnx", "--output", "out/REPORT.md")
    assert set(cells(alone)) == {"model", "runs/b"}


def test_rows_that_are_none_are_not_joined(side: typer.Typer) -> None:
    write_run("a", 3, kind="cnn", seed=1)
    Path("REPORT.json").write_text('[{"name": "b"}]')
    with pytest.raises(DataError, match=r"REPORT\.json: not the rows of a report .*leave out --join"):
        run(side, "compare", "runs/a/model.onnx", "--output", "REPORT.md", "--join")
    assert CliRunner().invoke(side, ["compare", "--join"]).exit_code == 2


def test_a_report_says_nothing_of_models_that_are_not_in_it(side: typer.Typer) -> None:
    write_model(Path("7.onnx"), 7)
    run(side, "compare", "7.onnx", "--output", "REPORT.md")
    report = Path("REPORT.md").read_text(encoding="utf-8")
    assert "**7.onnx**. MNIST 10.00 % of 100 (5.52 to 17.44, 95 %, Wilson). " in report
    assert not re.search(r"\b[ck]nn\b", report)


def test_a_model_of_other_signs_has_dashes(side: typer.Typer) -> None:
    relabelled(str(write_model(Path("letters.onnx"), 1)), "abcdefghij")
    said, told = run(side, "compare", "letters.onnx")
    assert cells(said)["letters.onnx"][:6] == ["-"] * 6
    assert "letters.onnx: does not know 0, 1, 2" in told.replace("\n", " ")
    assert re.search(r"no rejects: \S*letters.onnx: reads a, b, .* what is none of 0, 1, .* may be one of them", told)


def test_the_corrupted_digits_are_mnists_first(monkeypatch: pytest.MonkeyPatch, workshop: Workshop) -> None:
    monkeypatch.setattr(compare, "CORRUPTED", 4)
    digits = Dataset("mnist", list(workshop.clean.patches), workshop.clean.labels)
    monkeypatch.setattr(compare, "load", lambda name, split: {("mnist", "test"): digits}[name, split])
    made = compare.SETS["corrupted"]()
    assert made.labels.tolist() == [0, 1, 2, 3] * 15
    assert len({patch.tobytes() for patch in made.patches}) == 60


def test_ten_patches_are_timed_even_where_there_are_fewer(workshop: Workshop) -> None:
    one = PatchSet(workshop.clean.patches[:1], workshop.clean.labels[:1])
    seen: list[int] = []

    class Counting(Classifier):
        def __call__(self, patches: Any) -> Any:
            seen.append(len(patches))
            return super().__call__(patches)

    assert evaluate.milliseconds(Counting("cnn"), one) > 0
    assert set(seen) == {10}
