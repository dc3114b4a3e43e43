"""Small real searches: each kind ends, goes on where it stopped, and writes a recipe that trains."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import optuna
import pytest
import typer
from matplotlib.figure import Figure
from typer.testing import CliRunner

from camdigits_export import classical, cli, cnn, forest, knn, mlp, patches, rebuild, runs, svm, tune
from camdigits_export.datasets import DataError
from camdigits_export.patches import Workshop

TINY = cnn.Recipe(least=0, architecture="small", channels=(4, 4, 8), epochs=1, seed=3)
FEW: tune.Space = {"rate": tune.Range(1e-4, 2e-2, log=True), "dense": (8, 16)}


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tune.SPACES, "small", FEW)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[cnn.Recipe]:
    """Recipes that a stand-in for training was asked for: it ends at once with the same figures."""
    recipes: list[cnn.Recipe] = []
    figures = cnn.Figures(training=1.0, accuracy=0.9, seen=0.8, rejected=0.0, caught=0.7, temperature=1.0)

    def train(_workshop: Workshop, _run: Path, recipe: cnn.Recipe, report: cnn.Report) -> None:
        recipes.append(recipe)
        report(recipe.epochs, recipe.epochs, 1.0, figures)

    monkeypatch.setattr(cnn, "train", train)
    return recipes


def search_hill(search: tune.Search, trials: int, folder: Path, value: Any) -> Any:
    """Search for settings, whose worth `value` says, without a model."""
    folder.mkdir(exist_ok=True)
    study = tune._open("hill", FEW, search, 1, folder, None)
    tune._search(study, FEW, lambda _, settings: value(settings), trials, folder, lambda *_: None)
    return study


def test_a_search_writes_the_best_recipe_and_its_plot(workshop: Workshop, tmp_path: Path) -> None:
    told: dict[int, float | None] = {}
    best = tune.tune(workshop, TINY, "random", 3, tmp_path / "study", report=told.__setitem__)
    assert list(told) == [0, 1, 2]
    assert best.value == max(value for value in told.values() if value is not None)
    recipe = runs.read_recipe(best.recipe, cnn.Recipe)
    assert recipe == replace(TINY, channels=[4, 4, 8], teachers=[], **best.chosen)
    assert 1e-4 <= recipe.rate <= 2e-2
    assert json.loads(best.recipe.read_text())["kind"] == "cnn"
    assert cv2.imread(str(best.plot)).shape[1] > 600


CLASSICAL: tuple[classical.Recipe, ...] = (
    knn.Recipe(seen=100, rejects=150),
    svm.Recipe(seen=100, rejects=150),
    forest.Recipe(seen=100, rejects=150, trees=5),
    mlp.Recipe(seen=100, rejects=150, epochs=2),
)


@pytest.mark.parametrize("base", CLASSICAL, ids=lambda base: base.kind)
def test_every_classical_model_is_searched(base: classical.Recipe, workshop: Workshop, tmp_path: Path) -> None:
    best = tune.tune(workshop, base, "random", 2, tmp_path)
    assert best.start is not None
    assert best.value >= best.start
    recipe = runs.read_recipe(best.recipe, type(base))
    assert recipe == replace(base, **best.chosen)
    assert set(best.chosen) == set(tune.SPACES[base.kind])
    figures = classical.fit(workshop, recipe).figures
    assert best.value == pytest.approx((figures["accuracy"] + figures["seen"] + figures["caught"]) / 3)


@pytest.mark.parametrize("base", [*cnn.RECIPES.values(), knn.Recipe(), svm.Recipe(), forest.Recipe(), mlp.Recipe()])
def test_what_is_searched_holds_what_is_bettered(base: rebuild.Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    for name, values in tune.space(base).items():
        usual = getattr(base, name)
        assert values.low <= usual <= values.high if isinstance(values, tune.Range) else usual in values, name


def test_small_stays_small_and_classic_is_searched_where_adadelta_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    small, classic = (cnn.RECIPES[name] for name in ("small", "classic"))
    for dense in tune.space(small)["dense"]:
        assert 25_000 < cnn.build(replace(small, dense=dense), 11).count_params() < 33_000
    assert tune.space(classic)["rate"].low >= 0.1
    assert "weight_decay" not in tune.space(classic)


@pytest.mark.usefixtures("trained")
def test_trials_of_other_epochs_are_another_study(workshop: Workshop, tmp_path: Path) -> None:
    tune.tune(workshop, TINY, "random", 1, tmp_path, epochs=2)
    with pytest.raises(DataError, match=r"another recipe; name another STUDY"):
        tune.tune(workshop, TINY, "random", 1, tmp_path, epochs=3)


@pytest.mark.parametrize("search", ["random", "tpe"])
def test_who_goes_on_draws_anew(search: tune.Search, tmp_path: Path) -> None:
    rates: list[float] = []
    for _ in range(3):
        search_hill(search, 2, tmp_path, lambda settings: rates.append(settings["rate"]) or 0)
    assert len(set(rates)) == 6


def test_a_trial_that_fails_ends_no_search(tmp_path: Path) -> None:
    def value(settings: dict[str, float]) -> float:
        if settings["dense"] == 8:
            raise DataError("the loss is no longer a number")
        return settings["rate"]

    study = search_hill("grid", 10, tmp_path, value)
    assert len(study.trials) == 6
    assert study.best_params == {"dense": 16, "rate": pytest.approx(2e-2)}


def test_a_search_that_is_stopped_writes_what_it_found(
    trained: list[cnn.Recipe], workshop: Workshop, tmp_path: Path
) -> None:
    def stop(number: int, _value: float | None) -> None:
        if number:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune.tune(workshop, TINY, "random", 9, tmp_path, report=stop)
    assert len(trained) == 2
    assert runs.read_recipe(tmp_path / "recipe.json", cnn.Recipe).rate in {recipe.rate for recipe in trained}


def test_a_search_of_failures_says_why(tmp_path: Path) -> None:
    def value(_: object) -> float:
        raise DataError("the disk is full")

    with pytest.raises(DataError, match=r"no trial came to its end; the disk is full"):
        search_hill("random", 2, tmp_path, value)


def test_a_study_goes_on_and_never_with_another_recipe(workshop: Workshop, tmp_path: Path) -> None:
    tune.tune(workshop, TINY, "tpe", 1, tmp_path)
    told: list[int] = []
    best = tune.tune(workshop, TINY, "tpe", 1, tmp_path, report=lambda number, _: told.append(number))
    assert (told, best.trials) == ([1], 2)
    with pytest.raises(DataError, match="another recipe"):
        tune.tune(workshop, replace(TINY, epochs=2), "tpe", 1, tmp_path)


@pytest.mark.parametrize("search", ["grid", "random", "tpe"])
def test_each_way_finds_the_summit_of_a_plain_hill(search: tune.Search, tmp_path: Path) -> None:
    def height(settings: dict[str, float]) -> float:
        return -abs(math.log(settings["rate"] / 1.4e-3)) - settings["dense"] / 8

    study = search_hill(search, 150, tmp_path, height)
    # a grid ends with its last place: three rates, two sizes
    assert len(study.trials) == (6 if search == "grid" else 150)
    assert study.best_params["dense"] == 8
    # chance misses this far in one of 100,000 searches
    assert study.best_params["rate"] == pytest.approx(1.4e-3, rel=0.4)


def test_a_database_that_is_none_is_one_line(workshop: Workshop, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no study can be opened") as caught:
        tune.tune(workshop, TINY, "tpe", 1, tmp_path, storage="nothing://here")
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("trained")
def test_a_database_holds_studies_of_many_recipes_and_a_folder_one(workshop: Workshop, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ours.sqlite'}"
    other = replace(TINY, seed=9)
    for base, folder in ((TINY, "one"), (other, "other"), (TINY, "one")):
        best = tune.tune(workshop, base, "random", 1, tmp_path / folder, storage=url)
    assert best.trials == 2
    names = sorted(optuna.get_all_study_names(url))
    assert names == sorted((tmp_path / folder / "study.txt").read_text().split()[0] for folder in ("one", "other"))
    with pytest.raises(DataError, match=r"one: holds a study of another recipe; name another STUDY"):
        tune.tune(workshop, other, "random", 1, tmp_path / "one", storage=url)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.usefixtures("trained")
def test_a_folder_never_takes_what_another_study_finds(workshop: Workshop, tmp_path: Path) -> None:
    tune.tune(workshop, knn.Recipe(seen=100, rejects=150), "random", 1, tmp_path / "mine")
    before = files(tmp_path / "mine")
    url = f"sqlite:///{tmp_path / 'ours.sqlite'}"
    for base, storage, said in (
        (svm.Recipe(seen=100, rejects=150), None, "another recipe; name another STUDY"),
        (TINY, None, "another recipe; name another STUDY"),
        (TINY, url, "another recipe; name another STUDY"),
        (knn.Recipe(seen=100, rejects=150), url, r"its study is in study\.sqlite; leave out --storage"),
    ):
        with pytest.raises(DataError, match=said):
            tune.tune(workshop, base, "random", 1, tmp_path / "mine", storage)
    assert files(tmp_path / "mine") == before
    tune.tune(workshop, TINY, "random", 1, tmp_path / "shared", url)
    with pytest.raises(DataError, match="a database of its own; name it with --storage"):
        tune.tune(workshop, TINY, "random", 1, tmp_path / "shared")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.json").write_text("{}")
    with pytest.raises(DataError, match="run: holds a recipe that is no study's; name another STUDY"):
        tune.tune(workshop, TINY, "random", 1, tmp_path / "run")


INSIDE = replace(TINY, rate=3e-3, dense=16)
"""A recipe that lies in what is searched."""


@pytest.mark.parametrize("search", ["grid", "random", "tpe"])
def test_the_first_trial_is_the_recipe_itself_and_only_once(
    search: tune.Search, trained: list[cnn.Recipe], workshop: Workshop, tmp_path: Path
) -> None:
    for _ in range(2):
        best = tune.tune(workshop, INSIDE, search, 20, tmp_path)
    assert trained[0] == INSIDE
    assert trained.count(INSIDE) == 1
    assert best.start == pytest.approx(0.8)
    if search == "grid":
        assert len({(recipe.rate, recipe.dense) for recipe in trained}) == 7  # six places, and the recipe


def test_the_recipe_itself_is_tried_again_where_it_did_not_come_to_its_end(
    trained: list[cnn.Recipe], workshop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cnn, "train", stop)
        with pytest.raises(KeyboardInterrupt):
            tune.tune(workshop, INSIDE, "random", 1, tmp_path)
    best = tune.tune(workshop, INSIDE, "random", 1, tmp_path)
    assert (trained[0], best.start) == (INSIDE, pytest.approx(0.8))


def test_a_grid_goes_on_past_the_recipe_itself_to_its_last_place(tmp_path: Path) -> None:
    study = search_hill("grid", 5, tmp_path, lambda settings: settings["rate"])
    study.enqueue_trial({"rate": 3e-3, "dense": 16})
    study = search_hill("grid", 9, tmp_path, lambda settings: settings["rate"])
    assert len({tuple(trial.params.values()) for trial in study.trials}) == 7


def test_a_recipe_outside_of_what_is_searched_is_not_tried_and_that_is_known(
    trained: list[cnn.Recipe], workshop: Workshop, tmp_path: Path
) -> None:
    best = tune.tune(workshop, replace(TINY, rate=1.0, dense=96), "random", 2, tmp_path)
    assert (best.start, best.outside) == (None, ("rate", "dense"))
    assert all(recipe.dense in (8, 16) for recipe in trained)


@pytest.mark.parametrize("search", ["random", "tpe"])
def test_the_seed_says_what_is_tried(
    search: tune.Search, trained: list[cnn.Recipe], workshop: Workshop, tmp_path: Path
) -> None:
    rates = {}
    for folder, seed in (("one", 5), ("same", 5), ("other", 6)):
        trained.clear()
        for trials in (2, 3):
            tune.tune(workshop, replace(INSIDE, seed=seed), search, trials, tmp_path / folder)
        rates[folder] = [recipe.rate for recipe in trained]
    assert rates["one"] == rates["same"]
    assert rates["one"] != rates["other"]
    assert len(set(rates["one"])) == 5


def test_who_works_on_one_database_with_others_draws_what_they_do_not(
    trained: list[cnn.Recipe], workshop: Workshop, tmp_path: Path
) -> None:
    for worker in "ab":
        url = f"sqlite:///{tmp_path / worker}.sqlite"  # as empty as the other's
        tune.tune(workshop, INSIDE, "random", 4, tmp_path / worker, url)
    assert len({recipe.rate for recipe in trained}) == 7  # both begin with the recipe itself


def test_the_plot_counts_trials_in_whole_numbers_and_its_legend_covers_none(
    trained: list[cnn.Recipe], workshop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    drawn: list[Figure] = []
    save = Figure.savefig

    def keep(figure: Figure, *args: Any, **more: Any) -> None:
        drawn.append(figure)
        save(figure, *args, **more)

    monkeypatch.setattr(Figure, "savefig", keep)
    tune.tune(workshop, INSIDE, "random", 3, tmp_path)
    (figure,) = drawn
    ticks = figure.axes[0].get_xticks()
    assert np.array_equal(ticks, np.round(ticks))
    (legend,) = figure.legends
    assert not any(legend.get_window_extent().overlaps(axes.get_tightbbox()) for axes in figure.axes)
    assert trained


def test_only_a_cnn_needs_tensorflow(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for letter in "AB":
        (tmp_path / "signs" / letter).mkdir(parents=True)
        for at in range(12):
            picture = np.full((90, 90, 3), 230, np.uint8)
            place = int(rng.integers(15, 25)), int(rng.integers(65, 75))
            cv2.putText(picture, letter, place, cv2.FONT_HERSHEY_SIMPLEX, 2, (40, 40, 50), 3 + at % 4)
            cv2.imwrite(str(tmp_path / "signs" / letter / f"{at}.png"), picture)
    code = """if __name__ == "__main__":
    import sys, typer
    from camdigits_export import cli
    app = typer.Typer()
    cli.register(app)
    app(["tune", "mlp", "--dataset", "signs", "--trials", "1"], standalone_mode=False)
    print([name for name in ("tensorflow", "keras") if name in sys.modules])
"""
    (tmp_path / "main.py").write_text(code)
    ran = subprocess.run(
        [sys.executable, "main.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.splitlines() == ["runs/study-mlp/recipe.json", "[]"]


def test_a_folder_that_is_taken_is_refused_before_patches_are_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()
    Path("mine/study.txt").write_text("svm-01234567 in study.sqlite\n")
    monkeypatch.setattr(patches, "load_workshop", lambda *_, **__: pytest.fail("made patches"))
    app = typer.Typer()
    cli.register(app)
    with pytest.raises(DataError, match=r"mine: holds a study of another recipe; name another STUDY"):
        CliRunner().invoke(app, ["tune", "knn", "mine"], catch_exceptions=False)


@pytest.mark.parametrize(
    ("base", "said"),
    [
        (INSIDE, "the recipe it starts from: 80.00%; nothing tried was better"),
        (replace(INSIDE, dense=96), "the recipe it starts from: not tried: its dense lies outside what is searched"),
    ],
)
@pytest.mark.usefixtures("trained")
def test_the_command_says_how_the_recipe_itself_did(
    base: cnn.Recipe, said: str, workshop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(patches, "load_workshop", lambda *_, **__: workshop)
    monkeypatch.setitem(cnn.RECIPES, "small", base)
    app = typer.Typer()
    cli.register(app)
    ran = CliRunner().invoke(app, ["tune", "cnn", "--trials", "2"], catch_exceptions=False)
    assert said in ran.stderr


@pytest.mark.parametrize(("words", "epochs"), [((), 3), (("--epochs", "2"), 2)])
def test_the_command_says_of_what_its_best_is_and_keeps_the_recipes_epochs(
    words: tuple[str, ...],
    epochs: int,
    workshop: Workshop,
    trained: list[cnn.Recipe],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(patches, "load_workshop", lambda *_, **__: workshop)
    monkeypatch.setitem(cnn.RECIPES, "small", replace(TINY, epochs=30))
    app = typer.Typer()
    cli.register(app)
    ran = CliRunner().invoke(app, ["tune", "cnn", "--trials", "2", *words], catch_exceptions=False)
    assert "best of 2: 80.00%, the mean of validation signs read right" in ran.stderr
    assert [recipe.epochs for recipe in trained] == [epochs] * 2
    assert json.loads(Path("runs/study-cnn/recipe.json").read_text())["epochs"] == 30
