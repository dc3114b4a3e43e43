"""All of models/ from nothing: what is trained, what of it ships, and what is written about it.

Nothing that is done is done again: a run that is whole stays, one that was stopped goes on.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

from camdigits.network import CONTEXT, INKED, LEFTMOST, LOCATE
from camdigits_export import classical, cnn, context, forest, inked, knn, leftmost, locate, marks, mlp, runs, svm
from camdigits_export.cards import Make, renew, renew_helper
from camdigits_export.datasets import DataError, load
from camdigits_export.patches import PatchSet
from camdigits_export.to_onnx import stated

SEEDS = 1, 2, 3

Recipe = cnn.Recipe | classical.Recipe

TEACHER = replace(cnn.RECIPES["best"], channels=(64, 128, 192), dense=128, epochs=18, reject_bias=0.0)
"""A wider network that never ships: what its seeds say together is most of what the others learn."""

TEACHERS = {f"teacher-{seed}": replace(TEACHER, seed=seed) for seed in (1, 2)}

_RUNS = tuple(f"runs/{name}" for name in TEACHERS)

CNNS = {
    # softened lessons halve log-odds, and so what is taken from them
    **{name: replace(cnn.RECIPES[name], teachers=_RUNS, reject_bias=0.5) for name in ("best", "small")},
    "classic": cnn.RECIPES["classic"],
}

FIRST_READER = replace(
    cnn.RECIPES["best"],
    start="runs/best-1",
    teachers=("runs/best-1",),
    rate=1e-3,
    epochs=12,
    frame_share=1.0,
    reject_bias=0.4,
)
"""A network that goes on with more of what frames show."""

READER = replace(FIRST_READER, start="runs/reader-1", teachers=("runs/reader-1",), rate=5e-4, epochs=8, reject_bias=0.5)
"""What ships: the same once more, more slowly, taught by what it knew."""

HELPERS: dict[str, tuple[Make, inked.Recipe | leftmost.Recipe | locate.Recipe | context.Recipe]] = {
    INKED: (inked.make, inked.Recipe()),
    LEFTMOST: (leftmost.make, leftmost.Recipe()),
    LOCATE: (locate.make, locate.Recipe()),
    CONTEXT: (context.make, context.Recipe()),
}
"""What finds ink, takes joined digits apart, finds digits in ink, and looks around them. Frames to learn from are read
with the files that are installed, not with these."""

PLAN: dict[str, Recipe] = {
    "knn": knn.Recipe(),
    "svm": svm.Recipe(),
    "forest": forest.Recipe(),
    "mlp": mlp.Recipe(),
    **TEACHERS,
    **{f"{name}-{seed}": replace(recipe, seed=seed) for name, recipe in CNNS.items() for seed in SEEDS},
    "reader-1": FIRST_READER,
    "reader": READER,
    "usps-knn": knn.Recipe(dataset="usps"),
    "usps-cnn": replace(
        cnn.RECIPES["best"], dataset="usps", start="runs/best-1", batch=128, rate=1e-3, epochs=40, frame_share=0.0
    ),
}
"""Runs by name. The reader ships, and the k nearest neighbours."""

State = Literal["new", "begun", "done"]


def check_data(report: Callable[[str], None]) -> None:
    """Raise DataError where PLAN needs what cannot be had, data or fonts: to be called before the first training."""
    if any(recipe.frame_share for recipe in PLAN.values() if isinstance(recipe, cnn.Recipe)):
        marks.check()
    for name in dict.fromkeys(recipe.dataset for recipe in PLAN.values()):
        load(name, "train", report)


def make_helpers(folder: Path, report: Callable[[str], None]) -> None:
    """Train HELPERS in runs of their own, unless that is done. Raises DataError as state does."""
    for name, (make, recipe) in HELPERS.items():
        file = _helper(folder, name)
        if not file.exists():
            make(file, recipe, report)
        elif stated(file).get("training") != json.loads(json.dumps(asdict(recipe))):
            raise DataError(f"{file.parent}: holds a training of another recipe; move it away")
        else:
            report(f"{file.parent}: done before")


def _helper(folder: Path, name: str) -> Path:
    return folder / Path(name).stem / "model.onnx"


def state(run: Path, recipe: Recipe) -> State:
    """Return how far a run is. Raises DataError where the folder holds a run of another recipe or normalisation."""
    if not (run / "recipe.json").exists():
        return "new"
    runs.read_settings(run)
    asked = runs.read_recipe(run / "recipe.json", type(recipe))
    if json.dumps(asdict(asked)) != json.dumps(asdict(recipe)):
        raise DataError(f"{run}: holds a training of another recipe; move it away")
    if isinstance(recipe, classical.Recipe):
        return "done" if (run / "model.onnx").exists() else "new"
    checkpoint = run / "checkpoint.keras"
    if not checkpoint.exists():
        return "new"
    _, last = runs.describe(run)
    # the log is written first: its last epoch counts once it is in the checkpoint
    return "done" if last["epoch"] == recipe.epochs and not _newer(run / "log.csv", checkpoint) else "begun"


def is_exported(run: Path) -> bool:
    """Say whether a CNN's ONNX files are of its model as it is now."""
    files = run / "model.onnx", run / "model-int8.onnx"
    return all(file.exists() and not _newer(run / "model.keras", file) for file in files)


def _newer(one: Path, other: Path) -> bool:
    return one.stat().st_mtime_ns > other.stat().st_mtime_ns


def ship(folder: Path, models: Path, sets: Mapping[str, PatchSet]) -> list[Path]:
    """Copy what ships from the runs in `folder` into `models`, renew its cards, and return its files.

    Every run of PLAN must be done and exported. sets: as cards.renew takes them.
    """
    shipped = {
        models / "cnn.onnx": folder / "reader" / "model.onnx",
        models / "cnn.keras": folder / "reader" / "model.keras",
        models / "knn.onnx": folder / "knn" / "model.onnx",
        **{models / name: _helper(folder, name) for name in HELPERS},
    }
    for target, source in shipped.items():
        shutil.copyfile(source, target)
    for name in ("cnn", "knn"):
        renew(models / f"{name}.md", sets)
    for name in HELPERS:
        renew_helper((models / name).with_suffix(".md"))
    return list(shipped)
