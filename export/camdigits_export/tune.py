"""Searches hyper-parameters on validation data: grid, random or TPE (Bergstra et al. 2011), by Optuna.

A study lives in a database, by default a SQLite file in its folder: stopped, it goes on with the next call. Several
processes or machines that name the same database work on it together; it may hold studies of many recipes, a folder
holds one. MNIST's test digits are never looked at.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from camdigits_export import classical
from camdigits_export.datasets import DataError
from camdigits_export.patches import Workshop, save
from camdigits_export.runs import STUDY

if TYPE_CHECKING:
    from camdigits_export import cnn

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

DATABASE = "study.sqlite"
"""In a study's folder: the database where no other is named; its name stands in STUDY."""

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
    """The best trial of a study. value: mean of the shares of MEASURED. recipe: its file.

    start: the value of the recipe that was to be bettered, None where it was given up or not tried. outside: those of
    its settings that lie outside what is searched, which is why it was not.
    """

    value: float
    trials: int
    chosen: dict[str, Any]
    start: float | None
    outside: tuple[str, ...]
    recipe: Path
    plot: Path


def tune(
    workshop: Workshop,
    base: "cnn.Recipe | classical.Recipe",
    search: Search,
    trials: int,
    folder: Path,
    storage: str | None = None,
    report: Callable[[int, float | None], None] = lambda *_: None,
    epochs: int | None = None,
) -> Best:
    """Search for a better recipe, `trials` more in this call; write recipe.json and study.png into `folder`.

    base: all that is not searched; what is, as it has it, is the first trial. Without a storage its seed also fixes
    what is tried. storage: a database as Optuna names it, by default folder/study.sqlite. report: called with each
    trial's number and value, None where it was given up. epochs: of each CNN tried, by default base's; the recipe
    written keeps base's. Raises DataError as `check` does, or where no trial ends.
    """
    tried = _tried(base, epochs)

    def value(trial: optuna.Trial, settings: dict[str, Any]) -> float:
        recipe = replace(tried, **settings)
        if isinstance(recipe, classical.Recipe):
            figures = classical.fit(workshop, recipe).figures
            return _value(figures["accuracy"], figures["seen"], figures["caught"])
        from camdigits_export import cnn

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

    check(folder, base, storage, epochs)
    folder.mkdir(parents=True, exist_ok=True)
    study = _open(_name(base, epochs), space(base), search, base.seed, folder, storage)
    save(folder / STUDY, lambda path: path.write_text(_note(base, storage, epochs)))
    start, outside = _start(base)
    # in a file of its own nobody else works: what runs there was killed
    failed = {TrialState.FAIL} if storage else {TrialState.FAIL, TrialState.RUNNING}
    if not outside and all(trial.state in failed for trial in _at(study, start)):
        study.enqueue_trial(start)
    try:
        _search(study, space(base), value, trials, folder, report)
    except KeyboardInterrupt:
        if _done(study):
            _write(study, base, folder)
        raise
    return _write(study, base, folder)


def check(
    folder: Path, base: "cnn.Recipe | classical.Recipe", storage: str | None = None, epochs: int | None = None
) -> None:
    """Raise DataError where a folder holds anything but this study; to be called before patches are made."""
    note = folder / STUDY
    if not note.exists():
        if (folder / "recipe.json").exists():
            raise DataError(f"{folder}: holds a recipe that is no study's; name another STUDY")
        return
    held = note.read_text()
    if held == _note(base, storage, epochs):
        return
    if held.split()[:1] != [_name(base, epochs)]:
        raise DataError(f"{folder}: holds a study of another recipe; name another STUDY")
    where = f"in {DATABASE}; leave out --storage" if storage else "in a database of its own; name it with --storage"
    raise DataError(f"{folder}: its study is {where}, or name another STUDY")


def _note(base: "cnn.Recipe | classical.Recipe", storage: str | None, epochs: int | None) -> str:
    # not the database itself: its URL may hold a password
    return f"{_name(base, epochs)} in {'a database of its own' if storage else DATABASE}\n"


def _name(base: "cnn.Recipe | classical.Recipe", epochs: int | None) -> str:
    """Return the name of a recipe's study: its kind, and a hash of all that makes trials comparable."""
    of = [asdict(_tried(base, epochs)), {name: repr(values) for name, values in space(base).items()}]
    return f"{base.kind}-{hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:8]}"


def _tried(base: "cnn.Recipe | classical.Recipe", epochs: int | None) -> "cnn.Recipe | classical.Recipe":
    """Return what trials are made of: a CNN's are shorter."""
    return base if isinstance(base, classical.Recipe) or not epochs else replace(base, epochs=epochs)


def space(base: "cnn.Recipe | classical.Recipe") -> Space:
    """Return what of a recipe is searched."""
    return SPACES[base.kind if isinstance(base, classical.Recipe) else base.architecture]


def _start(base: "cnn.Recipe | classical.Recipe") -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return a recipe's own settings of what is searched, and which of them lie outside."""
    start, outside = {}, []
    for name, values in space(base).items():
        start[name] = getattr(base, name)
        if isinstance(values, Range):
            start[name] = float(start[name])
            inside = values.low <= start[name] <= values.high
        else:
            inside = start[name] in values
        if not inside:
            outside.append(name)
    return start, tuple(outside)


def _at(study: optuna.Study, settings: Mapping[str, Any]) -> list[FrozenTrial]:
    """Return the trials of such settings, those that wait for their turn too."""
    trials = study.get_trials(deepcopy=False)
    return [trial for trial in trials if trial.system_attrs.get("fixed_params", trial.params) == settings]


def _value(accuracy: float, seen: float, caught: float) -> float:
    return (accuracy + seen + caught) / 3


def _write(study: optuna.Study, base: "cnn.Recipe | classical.Recipe", folder: Path) -> Best:
    """Write the best recipe and the plot of what is done."""
    recipe = folder / "recipe.json"
    recipe.write_text(json.dumps({"kind": base.kind, **asdict(base), **study.best_params}, indent=1) + "\n")
    settings, outside = _start(base)
    start = next((trial.value for trial in _at(study, settings) if trial.state == TrialState.COMPLETE), None)
    return Best(
        value=study.best_value,
        trials=len(_done(study)),
        chosen=study.best_params,
        start=start,
        outside=outside,
        recipe=recipe,
        plot=_draw(study, start, folder / "study.png"),
    )


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


def _done(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])


class _Grid(optuna.samplers.GridSampler):
    """A grid that leaves a trial alone that is none of its own: the recipe that a search starts from."""

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Stop with the last place of the grid."""
        if "fixed_params" not in trial.system_attrs:
            super().after_trial(study, trial, state, values)


def _open(name: str, space: Space, search: Search, seed: int, folder: Path, storage: str | None) -> optuna.Study:
    """Open or begin the study. Raises DataError where the database cannot be had."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    place = storage or f"sqlite:///{(folder / DATABASE).absolute()}"
    try:
        study = optuna.create_study(
            storage=place,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=1),
            study_name=name,
            direction="maximize",
            load_if_exists=True,
        )
        # who goes on draws anew; so do those who work on one database together, whose numbers may be the same
        state = np.random.SeedSequence([seed, len(study.get_trials(deepcopy=False))]).generate_state(1)
    except Exception as error:  # each database's driver raises its own classes
        raise DataError(f"{place}: no study can be opened there ({str(error).splitlines()[0]})") from error
    drawn = None if storage else int(state[0])
    match search:
        case "grid":
            # its order is the same each time: a place in it is a number
            places = {k: values.grid() if isinstance(values, Range) else list(values) for k, values in space.items()}
            study.sampler = _Grid(places)
        case "random":
            study.sampler = optuna.samplers.RandomSampler(drawn)
        case "tpe":
            study.sampler = optuna.samplers.TPESampler(seed=drawn)
    return study


def _suggest(trial: optuna.Trial, space: Space) -> dict[str, Any]:
    return {
        name: trial.suggest_float(name, values.low, values.high, log=values.log)
        if isinstance(values, Range)
        else trial.suggest_categorical(name, values)
        for name, values in space.items()
    }


def _draw(study: optuna.Study, start: float | None, path: Path) -> Path:
    """Draw how the study went, and how much each hyper-parameter matters (fANOVA, Hutter et al. 2014)."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    done = _done(study)
    values = [trial.value for trial in done if trial.value is not None]
    figure = Figure(figsize=(9, 4), layout="constrained")
    history, importance = figure.subplots(1, 2)
    if start is not None:
        history.axhline(start, color="0.7", label="the recipe it starts from")
    numbers = [trial.number for trial in done]
    history.step(numbers, np.maximum.accumulate(values), "C1", where="post", label="best so far")
    history.plot(numbers, values, "C0.", label="trial")
    history.set(xlabel="trial", ylabel="mean share right", title=study.study_name)
    history.xaxis.set_major_locator(MaxNLocator(integer=True))
    # below both plots: inside it would cover points
    figure.legend(loc="outside lower left", ncols=3)
    weights: dict[str, float] = {}
    if len(done) > 3 and max(values) > min(values):
        weights = optuna.importance.get_param_importances(study)
    importance.barh(list(weights)[::-1], list(weights.values())[::-1])
    importance.set(xlabel="importance" if weights else "importance: too few trials yet")
    if not weights:
        importance.set(xticks=[], yticks=[])
    figure.savefig(path, dpi=110)
    return path
