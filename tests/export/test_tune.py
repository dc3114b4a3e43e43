"""Small real searches: each kind ends, goes on where it stopped, and writes a recipe that trains."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import pytest
import typer
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
    study = tune._open("hill", {}, FEW, search, folder, None)
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
def test_a_study_in_a_database_of_ones_own_is_never_taken_for_another(workshop: Workshop, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ours.sqlite'}"
    tune.tune(workshop, TINY, "random", 1, tmp_path / "one", storage=url)
    with pytest.raises(DataError, match=r"ours\.sqlite: holds a study of another recipe; name another --storage"):
        tune.tune(workshop, replace(TINY, seed=9), "random", 1, tmp_path / "other", storage=url)


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
