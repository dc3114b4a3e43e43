"""A run: the folder of one training, all that is known of it in files that people read too.

recipe.json says what was asked, validation.txt which signs of the data set, counted from 0, only chose and never
trained, log.csv how it went.
"""

import csv
import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from camdigits_export.datasets import DataError
from camdigits_export.patches import Workshop


class Recipe(Protocol):
    """A dataclass of all that a training is made of; kind: of the model."""

    kind: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]


R = TypeVar("R", bound=Recipe)


def begin(run: Path, recipe: Recipe, workshop: Workshop) -> dict[str, Any]:
    """Make a run's folder and return what its recipe.json now says."""
    run.mkdir(parents=True, exist_ok=True)
    settings = {"kind": recipe.kind, **asdict(recipe), "labels": workshop.names}
    (run / "validation.txt").write_text("".join(f"{index}\n" for index in workshop.kept))
    (run / "recipe.json").write_text(json.dumps(settings, indent=1) + "\n")
    return settings


def log(run: Path, row: Mapping[str, float]) -> None:
    """Add a row to log.csv."""
    path = run / "log.csv"
    fresh = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, row)
        if fresh:
            writer.writeheader()
        writer.writerow({name: value if isinstance(value, int) else f"{value:.5f}" for name, value in row.items()})


def read_log(run: Path) -> list[dict[str, float]]:
    """Return the rows of log.csv. Raises OSError or ValueError."""
    with (run / "log.csv").open(newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def read_recipe(path: Path, of: type[R]) -> R:
    """Return what a recipe.json asks for. Raises DataError where it is none, or another kind of model's."""
    try:
        settings = json.loads(path.read_text())
        if settings["kind"] != of.kind:
            raise DataError(f"{path}: the recipe of a {settings['kind']}; name one of a {of.kind}")
        return of(**{field.name: settings[field.name] for field in fields(of) if field.name in settings})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{path}: not a recipe ({error}); name a recipe.json") from error


def describe(run: Path) -> tuple[dict[str, Any], dict[str, float]]:
    """Return what recipe.json says, and the last row of log.csv. Raises DataError where the folder says nothing."""
    try:
        return json.loads((run / "recipe.json").read_text()), read_log(run)[-1]
    except (OSError, ValueError, IndexError, TypeError) as error:
        raise DataError(f"{run}: not the folder of a training ({error}); name one in runs/") from error
