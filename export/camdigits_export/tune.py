"""Searches hyper-parameters on validation data: grid, random or TPE (Bergstra et al. 2011), by Optuna.

A study lives in a database, by default a SQLite file: stopped, it goes on with the next call, and several processes or
machines that name the same one work on it together. MNIST's test digits are never looked at.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import optuna

from camdigits_export import classical, cnn
from camdigits_export.datasets import DataError
from camdigits_export.patches import Workshop

Search = Literal["grid", "random", "tpe"]

GRID = 3
"""Values of a range that a grid search tries."""


@dataclass(frozen=True, slots=True)
class Range:
    """From low to high, both included; by factors where log is set."""

    low: float
    high: float
    log: bool = False

    def grid(self) -> list[float]:
        """Return GRID values, evenly spread."""
        return [float(v) for v in (np.geomspace if self.log else np.linspace)(self.low, self.high, GRID)]


Space = Mapping[str, Range | tuple[Any, ...]]
"""A hyper-parameter's name to where it may lie, or to the values it may take."""

_CNN: Space = {
    "rate": Range(5e-4, 5e-3, log=True),
    "dropout": Range(0.0, 0.4),
    "weight_decay": Range(1e-3, 0.1, log=True),
    "batch": (64, 128, 256),
}

SPACES: dict[str, Space] = {
    "best": {**_CNN, "dense": (64, 96, 128)},
    "small": {**_CNN, "dense": (16, 24, 32)},
    # Adadelta knows no weight decay
    "classic": {
        "rate": Range(0.1, 2.0, log=True),
        "dropout": Range(0.2, 0.7),
        "batch": (64, 128, 256),
        "dense": (128, 256),
    },
    "knn": {
        "components": (40, 60, 80, 100),
        "evenness": Range(0.03, 3.0, log=True),
        "neighbours": (4, 8, 12, 20),
        "reject_weight": Range(0.2, 1.0),
        "fade": Range(0.3, 3.0, log=True),
    },
    "svm": {
        "components": (60, 100, 140),
        "cost": Range(1.0, 30.0, log=True),
        "gamma": Range(1e-3, 2e-2, log=True),
        "reject_weight": Range(0.05, 1.0, log=True),
    },
    "forest": {
        "features": ("pixels", "edges", "hog"),
        "depth": (12, 16, 20, 30),
        "leaf": (1, 2, 4),
        "tried": Range(0.02, 0.3, log=True),
    },
    "mlp": {
        "features": ("pixels", "edges", "hog"),
        "hidden": (64, 128, 256, 512),
        "rate": Range(3e-4, 3e-3, log=True),
        "decay": Range(1e-6, 1e-2, log=True),
    },
}
"""What is searched, by a CNN's architecture or the kind of another model."""


MEASURED = "the mean of validation signs read right, as they are and as a camera sees them, and of rejects caught"
"""What a trial's value is."""


@dataclass(frozen=True, slots=True)
class Best:
    """The best trial of a study. value: mean of the shares of MEASURED. recipe: its file."""

    value: float
    trials: int
    chosen: dict[str, Any]
    recipe: Path
    plot: Path


def tune(
    workshop: Workshop,
    base: cnn.Recipe | classical.Recipe,
    search: Search,
    trials: int,
    folder: Path,
    storage: str | None = None,
    report: Callable[[int, float | None], None] = lambda *_: None,
    epochs: int | None = None,
) -> Best:
    """Search for a better recipe, `trials` more in this call; write recipe.json and study.png into `folder`.

    base: all that is not searched. storage: a database as Optuna names it, by default folder/study.sqlite. report:
    called with each trial's number and value, None where it was given up. epochs: of each CNN tried, by default base's;
    the recipe written keeps base's. Raises DataError where the study there is of another recipe, or no trial ends.
    """
    tried = replace(base, epochs=epochs) if epochs and isinstance(base, cnn.Recipe) else base

    def value(trial: optuna.Trial, settings: dict[str, Any]) -> float:
        recipe = replace(tried, **settings)
        if isinstance(recipe, classical.Recipe):
            figures = classical.fit(workshop, recipe).figures
            return _value(figures["accuracy"], figures["seen"], figures["caught"])
        seen: list[float] = []

        def follow(epoch: int, _of: int, _done: float, figures: cnn.Figures | None) -> None:
            if figures:
                seen.append(_value(figures.accuracy, figures.seen, figures.caught))
                trial.report(seen[-1], epoch)
                if trial.should_prune():
                    raise optuna.TrialPruned

        with TemporaryDirectory() as run:
            cnn.train(workshop, Path(run) / "trial", recipe, report=follow)
        return seen[-1]

    folder.mkdir(parents=True, exist_ok=True)
    study = _open(base.kind, asdict(tried), space(base), search, folder, storage)
    try:
        _search(study, space(base), value, trials, folder, report)
    except KeyboardInterrupt:
        if _done(study):
            _write(study, base, folder)
        raise
    return _write(study, base, folder)


def space(base: cnn.Recipe | classical.Recipe) -> Space:
    """Return what of a recipe is searched."""
    return SPACES[base.architecture if isinstance(base, cnn.Recipe) else base.kind]


def _value(accuracy: float, seen: float, caught: float) -> float:
    return (accuracy + seen + caught) / 3


def _write(study: optuna.Study, base: cnn.Recipe | classical.Recipe, folder: Path) -> Best:
    """Write the best recipe and the plot of what is done."""
    recipe = folder / "recipe.json"
    recipe.write_text(json.dumps({"kind": base.kind, **asdict(base), **study.best_params}, indent=1) + "\n")
    done = len(_done(study))
    return Best(study.best_value, done, study.best_params, recipe, _draw(study, folder / "study.png"))


def _search(
    study: optuna.Study,
    space: Space,
    value: Callable[[optuna.Trial, dict[str, Any]], float],
    trials: int,
    folder: Path,
    report: Callable[[int, float | None], None],
) -> None:
    """Make the study `trials` longer. value: of a trial with some settings, DataError where it fails."""
    failures = []

    def attempt(trial: optuna.Trial) -> float:
        try:
            return value(trial, _suggest(trial, space))
        except DataError as error:
            failures.append(str(error))
            raise

    # a loss that is no longer a number fails its trial, not the search
    told = [lambda _, trial: report(trial.number, trial.value)]
    study.optimize(attempt, n_trials=trials, callbacks=told, catch=(DataError,))
    if not _done(study):
        raise DataError(f"{folder}: no trial came to its end; {failures[-1] if failures else 'ask for more'}")


def _done(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    return study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])


def _open(
    kind: str, base: dict[str, Any], space: Space, search: Search, folder: Path, storage: str | None
) -> optuna.Study:
    """Open or begin the study. Raises DataError where it is one of another recipe, or the database cannot be had."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    place = storage or f"sqlite:///{(folder / 'study.sqlite').absolute()}"
    grid = {name: values.grid() if isinstance(values, Range) else list(values) for name, values in space.items()}
    # without a seed: whoever goes on with a study, or works on it too, draws anew
    samplers: dict[Search, Callable[[], optuna.samplers.BaseSampler]] = {
        "grid": lambda: optuna.samplers.GridSampler(grid),
        "random": optuna.samplers.RandomSampler,
        "tpe": optuna.samplers.TPESampler,
    }
    try:
        study = optuna.create_study(
            storage=place,
            sampler=samplers[search](),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=1),
            study_name=kind,
            direction="maximize",
            load_if_exists=True,
        )
    except Exception as error:  # each database's driver raises its own classes
        raise DataError(f"{place}: no study can be opened there ({str(error).splitlines()[0]})") from error
    of = hashlib.sha256(json.dumps([base, {k: repr(v) for k, v in space.items()}], sort_keys=True).encode()).hexdigest()
    if study.user_attrs.setdefault("of", of) != of:
        raise DataError(f"{place}: holds a study of another recipe; name another {'--storage' if storage else 'STUDY'}")
    study.set_user_attr("of", of)
    return study


def _suggest(trial: optuna.Trial, space: Space) -> dict[str, Any]:
    return {
        name: trial.suggest_float(name, values.low, values.high, log=values.log)
        if isinstance(values, Range)
        else trial.suggest_categorical(name, values)
        for name, values in space.items()
    }


def _draw(study: optuna.Study, path: Path) -> Path:
    """Draw how the study went, and how much each hyper-parameter matters (fANOVA, Hutter et al. 2014)."""
    from matplotlib.figure import Figure

    done = _done(study)
    values = [trial.value for trial in done if trial.value is not None]
    figure = Figure(figsize=(9, 4), layout="constrained")
    history, importance = figure.subplots(1, 2)
    history.plot([trial.number for trial in done], values, ".", label="trial")
    history.plot([trial.number for trial in done], np.maximum.accumulate(values), label="best so far")
    history.set(xlabel="trial", ylabel="mean share right", title=study.study_name)
    history.legend()
    weights: dict[str, float] = {}
    if len(done) > 3 and max(values) > min(values):
        weights = optuna.importance.get_param_importances(study)
    importance.barh(list(weights)[::-1], list(weights.values())[::-1])
    importance.set(xlabel="importance" if weights else "importance: too few trials yet")
    figure.savefig(path, dpi=110)
    return path
