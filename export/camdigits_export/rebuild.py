"""All of models/ from nothing: what is trained, what of it ships, and what is written about it.

Nothing that is done is done again: a run that is whole stays, one that was stopped goes on.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

from camdigits_export import classical, cnn, forest, knn, mlp, runs, svm
from camdigits_export.cards import renew
from camdigits_export.datasets import DataError
from camdigits_export.patches import PatchSet

SEEDS = 1, 2, 3

Recipe = cnn.Recipe | classical.Recipe

PLAN: dict[str, Recipe] = {
    "knn": knn.Recipe(),
    "svm": svm.Recipe(),
    "forest": forest.Recipe(),
    "mlp": mlp.Recipe(),
    **{f"{name}-{seed}": replace(recipe, seed=seed) for name, recipe in cnn.RECIPES.items() for seed in SEEDS},
    "usps-knn": knn.Recipe(dataset="usps"),
    "usps-cnn": replace(cnn.RECIPES["small"], dataset="usps", epochs=60),
}
"""Runs by name. The best CNN ships in the seed that reads most of validation; so does the KNN."""


State = Literal["new", "begun", "done"]


def state(run: Path, recipe: Recipe) -> State:
    """Return how far a run is. Raises DataError where the folder holds a run of another recipe."""
    if not (run / "recipe.json").exists():
        return "new"
    asked = json.loads((run / "recipe.json").read_text())
    if any(asked.get(name) != value for name, value in json.loads(json.dumps(asdict(recipe))).items()):
        raise DataError(f"{run}: holds a training of another recipe; move it away")
    if isinstance(recipe, classical.Recipe):
        return "done" if (run / "model.onnx").exists() else "new"
    if not (run / "checkpoint.keras").exists():
        return "new"
    return "done" if runs.read_log(run)[-1]["epoch"] == recipe.epochs else "begun"


def ship(folder: Path, models: Path, sets: Mapping[str, PatchSet]) -> list[Path]:
    """Copy what ships from the runs in `folder` into `models`, renew its cards, and return its files.

    Every run of PLAN must be done and exported. sets: as cards.renew takes them.
    """
    best = max((folder / f"best-{seed}" for seed in SEEDS), key=validation)
    shipped = {
        models / "cnn.onnx": best / "model.onnx",
        models / "cnn.keras": best / "model.keras",
        models / "knn.onnx": folder / "knn" / "model.onnx",
    }
    for target, source in shipped.items():
        shutil.copyfile(source, target)
    for name in ("cnn", "knn"):
        renew(models / f"{name}.md", sets)
    return list(shipped)


def validation(run: Path) -> float:
    """Return the share of validation digits that a run reads right in the end, clean ones and as a camera sees them."""
    _, figures = runs.describe(run)
    return (figures["accuracy"] + figures["seen"]) / 2
