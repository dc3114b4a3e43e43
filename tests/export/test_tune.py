"""Small real searches: each kind ends, goes on where it stopped, and writes a recipe that trains."""

import json
import math
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from camdigits_export import classical, cnn, forest, knn, mlp, runs, svm, tune
from camdigits_export.datasets import DataError
from camdigits_export.patches import Workshop

TINY = cnn.Recipe(architecture="small", channels=(4, 4, 8), epochs=1, seed=3)
FEW: tune.Space = {"rate": tune.Range(1e-4, 2e-2, log=True), "dense": (8, 16)}


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tune.SPACES, "cnn", FEW)


def test_a_search_writes_the_best_recipe_and_its_plot(workshop: Workshop, tmp_path: Path) -> None:
    told: dict[int, float | None] = {}
    best = tune.tune(workshop, TINY, "random", 3, tmp_path / "study", report=told.__setitem__)
    assert list(told) == [0, 1, 2]
    assert best.value == max(value for value in told.values() if value is not None)
    recipe = runs.read_recipe(best.recipe, cnn.Recipe)
    assert recipe == replace(TINY, channels=[4, 4, 8], **best.chosen)
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


def test_a_study_goes_on_and_never_with_another_recipe(workshop: Workshop, tmp_path: Path) -> None:
    tune.tune(workshop, TINY, "tpe", 1, tmp_path)
    told: list[int] = []
    best = tune.tune(workshop, TINY, "tpe", 1, tmp_path, report=lambda number, _: told.append(number))
    assert (told, best.trials) == ([1], 2)
    with pytest.raises(DataError, match="another recipe"):
        tune.tune(workshop, replace(TINY, epochs=2), "tpe", 1, tmp_path)


@pytest.mark.parametrize("search", ["grid", "random", "tpe"])
def test_each_way_finds_the_summit_of_a_plain_hill(search: tune.Search, tmp_path: Path) -> None:
    def height(_: object, settings: dict[str, float]) -> float:
        return -abs(math.log(settings["rate"] / 1.4e-3)) - settings["dense"] / 8

    tried: list[int] = []
    best = tune._search("hill", {"seed": 2}, FEW, height, search, 40, tmp_path, None, lambda n, _: tried.append(n))
    assert len(tried) == (6 if search == "grid" else 40)  # a grid ends with its last place: three rates, two sizes
    assert best.chosen["dense"] == 8
    assert best.chosen["rate"] == pytest.approx(1.4e-3, rel=0.2)


def test_a_database_that_is_none_is_one_line(workshop: Workshop, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no study can be opened") as caught:
        tune.tune(workshop, TINY, "tpe", 1, tmp_path, storage="nothing://here")
    assert "\n" not in str(caught.value)
