"""A run: the folder of one training, all that is known of it in files that people read too.

recipe.json says what was asked, validation.txt which signs of the data set, counted from 0 or by their files, only
chose and never trained, log.csv how it went.
"""

import csv
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from camdigits.normalize import normalize_version
from camdigits_export.datasets import DataError
from camdigits_export.patches import Workshop


class Recipe(Protocol):
    """A dataclass of all that a training is made of; kind: of the model."""

    kind: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]


R = TypeVar("R", bound=Recipe)

MAY_BE_NONE = "seed", "seen", "rare", "least"
"""Of settings that are whole numbers, those that may be 0."""

STATED = "kind", "labels", "normalize", "fingerprint"
"""What recipe.json says besides the recipe."""

STUDY = "study.txt"
"""The file by which a folder is known to hold a study of `tune`, and no run."""


def check_free(run: Path) -> None:
    """Raise DataError where a folder holds a model, of whatever kind, or a study; to be called before patches are made.

    What is free may be forgotten: a recipe alone is of a training that was killed in its first epoch.
    """
    if (run / "checkpoint.keras").exists():
        raise DataError(f"{run}: holds a training; name another run, or go on with --resume")
    for name in ("model.onnx", "model-int8.onnx", "model.keras", STUDY):
        if (run / name).exists():
            raise DataError(f"{run}: holds a {'study' if name == STUDY else 'training'}; name another run")


def begin(run: Path, recipe: Recipe, workshop: Workshop) -> dict[str, Any]:
    """Make a run's folder and return what its recipe.json now says."""
    run.mkdir(parents=True, exist_ok=True)
    settings = {
        "kind": recipe.kind,
        **asdict(recipe),
        "labels": workshop.names,
        "normalize": normalize_version(),
        "fingerprint": workshop.fingerprint,
    }
    (run / "log.csv").unlink(missing_ok=True)  # of a training that was stopped before its first checkpoint
    (run / "validation.txt").write_text(
        "".join(f"{sign}\n" for sign in workshop.kept), encoding="utf-8", errors="surrogateescape"
    )
    (run / "recipe.json").write_text(json.dumps(settings, indent=1) + "\n")
    return settings


def forget(run: Path) -> None:
    """Remove what a training wrote that came to nothing."""
    for name in ("recipe.json", "validation.txt", "log.csv", "curves.png", "model.keras"):
        (run / name).unlink(missing_ok=True)
    with suppress(OSError):  # there is more in it
        run.rmdir()


def log(run: Path, row: Mapping[str, float]) -> None:
    """Add a row to log.csv."""
    path = run / "log.csv"
    fresh = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, row)
        if fresh:
            writer.writeheader()
        writer.writerow({name: value if isinstance(value, int) else f"{value:.5f}" for name, value in row.items()})


def cut_log(run: Path, rows: int) -> None:
    """Keep the first rows of log.csv, and no half of one."""
    lines = (run / "log.csv").read_text().splitlines(keepends=True)
    if len(lines) > rows + 1:  # else it would be newer than the checkpoint
        (run / "log.csv").write_text("".join(lines[: rows + 1]))


def read_log(run: Path) -> list[dict[str, float]]:
    """Return the rows of log.csv. Raises OSError or ValueError."""
    with (run / "log.csv").open(newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def read_recipe(path: Path, of: type[R]) -> R:
    """Return what a recipe.json, or a run's, asks for. Raises DataError where it is none, or for another kind."""
    path = path / "recipe.json" if path.is_dir() else path
    try:
        settings = json.loads(path.read_text())
        if settings["kind"] != of.kind:
            raise DataError(f"{path}: the recipe of a {settings['kind']}; name one of a {of.kind}")
        asked = {name: value for name, value in settings.items() if name not in STATED}
        wrong = [name for name, value in asked.items() if not _fits(of, name, value)]
        if wrong:
            raise DataError(f"{path}: not a recipe (what it says of {', '.join(wrong)}); name a recipe.json")
        return of(**asked)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; name the recipe.json of a run or of tune") from error
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: not a recipe ({error}); name a recipe.json") from error
    except TypeError as error:
        raise DataError(f"{path}: not a recipe (no settings by their names); name a recipe.json") from error


def _fits(of: type[Recipe], name: str, value: object) -> bool:
    """Say whether a recipe has such a setting, and it may be this: of the default's type in JSON, and not too small."""
    kinds: dict[str, type] = {field.name: type(field.default) for field in fields(of)}
    if name not in kinds:
        return False
    if name == "teachers":
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    allowed: dict[type, tuple[type, ...]] = {float: (float, int), tuple: (list,)}
    if type(value) not in allowed.get(kinds[name], (kinds[name],)):
        return False
    numbers = value if isinstance(value, list) else [value] if isinstance(value, float | int) else []
    least = 1 if kinds[name] in (int, tuple) and name not in MAY_BE_NONE else 0
    return all(isinstance(number, float | int) and number >= least for number in numbers)


def read_settings(run: Path) -> dict[str, Any]:
    """Return what recipe.json says. Raises DataError where there is none, or patches are no longer made as then."""
    try:
        settings: dict[str, Any] = json.loads((run / "recipe.json").read_text())
    except FileNotFoundError as error:
        raise DataError(f"{run}: no training there; name a folder in runs/") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{run}: not the folder of a training ({error}); name one in runs/") from error
    if not isinstance(settings, dict):
        raise DataError(f"{run}: not the folder of a training (no recipe); name one in runs/")
    if settings.get("normalize") != normalize_version():
        raise DataError(f"{run}: trained with another normalisation than this camdigits has; train it again")
    return settings


def describe(run: Path) -> tuple[dict[str, Any], dict[str, float]]:
    """Return what recipe.json says, and the last row of log.csv. Raises DataError where the folder says nothing."""
    try:
        return read_settings(run), read_log(run)[-1]
    except (OSError, ValueError, IndexError, TypeError) as error:
        raise DataError(f"{run}: no training came to its end there ({error}); train it again") from error
