"""Models side by side: on every data set at hand, on corrupted digits, on what is no digit; their size and speed."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np

from camdigits.classify import Classifier
from camdigits.errors import ModelError
from camdigits_export.corruptions import CORRUPTIONS, corrupted_patches
from camdigits_export.datasets import DataError, load
from camdigits_export.evaluate import dataset, learnt_from, recipe, score, times
from camdigits_export.metrics import span
from camdigits_export.patches import PatchSet, clean, held_rejects

CORRUPTED = 1000
"""MNIST's first test digits; each of them in fifteen ways. All ten thousand would take a slow model a minute."""

Report = Callable[[str], None]


def _corrupted() -> PatchSet:
    digits = load("mnist", "test").part(np.arange(CORRUPTED))
    patches = np.concatenate([corrupted_patches(digits.inks, kind) for kind in CORRUPTIONS])
    return PatchSet(patches, np.tile(digits.labels, len(CORRUPTIONS)), digits.names)


SETS: dict[str, Callable[[], PatchSet]] = {
    "MNIST": lambda: clean("mnist", "test"),
    "USPS": lambda: clean("usps", "test"),
    "HwD": lambda: clean("hwd", "test"),
    "rejects": lambda: held_rejects(lambda _: None),
    "corrupted": _corrupted,
}
"""What models are judged on where no data set is named."""

OF_MNIST = "rejects", "corrupted"
"""Those that are made of MNIST's digits."""


@dataclass(frozen=True, slots=True)
class Row:
    """A model, or the mean of one recipe's seeds.

    recipe: as the file states it. shares: right, of 0 to 1, by data set, without those that could not be measured.
    corruptions: the same by kind. sha256: of the file, empty for a mean. spread: of the shares, the standard deviation
    over the seeds. Round trips through JSON.
    """

    name: str
    recipe: Mapping[str, Any]
    shares: Mapping[str, float]
    corruptions: Mapping[str, float]
    sha256: str
    megabytes: float
    microseconds: float
    spread: Mapping[str, float]


def found_models(shipped: Iterable[str], runs: Iterable[Path], report: Report) -> list[str]:
    """Return what ships and what the runs' folders hold, as Classifier takes it; of files that are the same, the first.

    shipped: as Classifier takes them. report: told of files that cannot be opened.
    """
    found: dict[bytes, str] = {}
    for name in (*shipped, *(str(path) for run in runs for path in sorted(run.glob("model*.onnx")))):
        try:
            found.setdefault(sha256(Classifier(name).path.read_bytes()).digest(), name)
        except ModelError as error:
            report(f"left out: {error}")
    return list(found.values())


def sets_at_hand(report: Report) -> dict[str, PatchSet]:
    """Return those of SETS that can be loaded; report is told in one line which cannot, and why.

    Raises DataError where none can.
    """
    sets, missing = {}, {}
    for name, make in SETS.items():
        try:
            sets[name] = make()
        except DataError as error:
            missing[name] = str(error)
    if missing:
        why = (f"{name}: {said}" for name, said in missing.items() if name not in OF_MNIST or "MNIST" not in missing)
        line = f"not at hand: {', '.join(missing)} ({'; '.join(why)})"
        if not sets:
            raise DataError(line)
        report(line)
    return sets


def sets_named(names: Sequence[str], models: Iterable[Classifier], report: Report) -> dict[str, PatchSet]:
    """Return data sets by title: those of SETS by their names in small letters, others as evaluate.dataset takes them.

    models: that will be judged on them; of what one of them learnt from, the signs kept for testing count for all.
    Raises DataError where one cannot be had.
    """
    titles = {title.lower(): title for title in SETS}
    recipes = [recipe(model) for model in models]
    return {
        titles.get(name, name): SETS[titles[name]]()
        if name in titles
        else dataset(name, report, learnt_from(name, recipes))
        for name in names
    }


def measure(
    models: Mapping[str, Classifier],
    sets: Mapping[str, PatchSet],
    report: Report,
    step: Callable[[], None] = lambda: None,
) -> list[Row]:
    """Return a row for each model, by its name.

    report: told of data sets that a model cannot read. step: called as often as there are models times sets.
    """
    speeds = times(list(models.values()), next(iter(sets.values())))
    rows = []
    for (name, model), speed in zip(models.items(), speeds, strict=True):
        right = {}
        for title, patches in sets.items():
            try:
                found = score(model, patches)
            except DataError as error:
                report(f"no {title}: {error}")
            else:
                right[title] = found.said == found.truth
            step()
        kinds = np.split(right["corrupted"], len(CORRUPTIONS)) if "corrupted" in right else ()
        rows.append(
            Row(
                name=name.removesuffix("/model.onnx").replace("/model-int8.onnx", ", int8"),
                recipe=recipe(model),
                shares={title: float(hits.mean()) for title, hits in right.items()},
                corruptions={kind: float(hits.mean()) for kind, hits in zip(CORRUPTIONS, kinds, strict=False)},
                sha256=sha256(model.path.read_bytes()).hexdigest(),
                megabytes=model.path.stat().st_size / 1e6,
                microseconds=speed * 100,
                spread={},
            )
        )
    return rows


def joined(rows: Sequence[Row], report: Path) -> list[Row]:
    """Return rows, and after them those beside an earlier report whose models were not measured again.

    report: what write_report was told; where nothing lies there, nothing is joined. Raises DataError where what lies
    there are no rows.
    """
    path = report.with_suffix(".json")
    try:
        earlier = [Row(**each) for each in json.loads(path.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return list(rows)
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path}: not the rows of a report ({error}); leave out --join, or move it away") from error
    anew = [row.recipe or row.name for row in rows]
    names = {row.name for row in rows}
    kept = [row for row in earlier if (row.recipe or row.name) not in anew]
    # the file of that name holds another model now
    return [*rows, *(replace(row, name=f"{row.name}, earlier") if row.name in names else row for row in kept)]


def means(rows: Sequence[Row]) -> list[Row]:
    """Return a row for each recipe that rows carry with two seeds or more: their means and spread."""
    by_recipe: dict[str, dict[int, Row]] = {}
    for row in rows:
        same = {key: value for key, value in row.recipe.items() if key != "seed"}
        if "seed" in row.recipe:
            by_recipe.setdefault(json.dumps(same, sort_keys=True), {}).setdefault(row.recipe["seed"], row)
    return [_mean(list(seeds.values())) for seeds in by_recipe.values() if len(seeds) > 1]


def _mean(rows: Sequence[Row]) -> Row:
    def over(column: Callable[[Row], Mapping[str, float]], take: Callable[[list[float]], float]) -> dict[str, float]:
        common = [name for name in column(rows[0]) if all(name in column(row) for row in rows)]
        return {name: take([column(row)[name] for row in rows]) for name in common}

    return Row(
        f"mean of {', '.join(row.name for row in rows)}",
        rows[0].recipe,
        over(lambda row: row.shares, fmean),
        over(lambda row: row.corruptions, fmean),
        "",
        fmean(row.megabytes for row in rows),
        fmean(row.microseconds for row in rows),
        over(lambda row: row.shares, stdev),
    )


def table(rows: Sequence[Row], titles: Iterable[str]) -> str:
    """Return the rows as a Markdown table, a column a data set's title; what was not measured is a dash."""
    head = ["model", "trained on", *(f"{title} %" for title in titles), "MB", "us a digit"]
    lines = [
        [
            row.name,
            str(row.recipe.get("dataset", "mnist")) if row.recipe else "-",
            *(_share(row, title) for title in titles),
            f"{row.megabytes:.2f}",
            f"{row.microseconds:.0f}",
        ]
        for row in rows
    ]
    return _markdown(head, lines)


def _share(row: Row, name: str) -> str:
    if name not in row.shares:
        return "-"
    spread = f" ± {row.spread[name]:.2%}" if name in row.spread else ""
    return f"{row.shares[name]:.2%}{spread}".replace("%", "")


def _cards(rows: Sequence[Row], sets: Mapping[str, PatchSet]) -> str:
    """Return a paragraph for each row: what it is, the command that makes it, a share with its interval, the hash."""
    return "\n\n".join(_card(row, sets) for row in rows)


def _card(row: Row, sets: Mapping[str, PatchSet]) -> str:
    """Return a row's paragraph; the share is the one of the first data set."""
    about = [f"**{row.name}**"]
    kind, seed = row.recipe.get("kind"), row.recipe.get("seed")
    if kind:
        trained = f"{kind} {row.recipe.get('architecture', '')}".strip()
        about.append(f"{trained} on {row.recipe.get('dataset', 'mnist')}, seed {seed}: `{command(row.recipe)}`")
    main = next(iter(sets))
    if main in row.shares:
        count = len(sets[main])
        interval = span(round(row.shares[main] * count), count)
        about.append(f"{main} {100 * row.shares[main]:.2f} % of {count:,} ({interval}, 95 %, Wilson)")
    about.append(f"{row.megabytes:.2f} MB, sha256 `{row.sha256}`")
    return ". ".join(about) + "."


def command(recipe: Mapping[str, Any]) -> str:
    """Return the command that makes a recipe's model anew; teachers must be there."""
    kind = recipe["kind"]
    words = ["camdigits", "train", kind]
    if kind == "cnn":
        from camdigits_export.cnn import RECIPES

        default: Any = RECIPES[recipe.get("architecture", "best")]
        words += ["--architecture", default.architecture]
    else:
        default = import_module(f"camdigits_export.{kind}").Recipe()
    for name, usual in json.loads(json.dumps(asdict(default))).items():
        value = recipe.get(name, usual)
        if value == usual:
            continue
        if name == "teachers":
            words += [word for run in value for word in ("--teacher", run)]
        elif name == "channels":
            words += ["--channels", ",".join(map(str, value))]
        elif name == "deskew":
            words.append("--no-deskew")
        else:
            words += [f"--{name.replace('_', '-')}", str(value)]
    if kind == "cnn":
        words += ["&& camdigits export"] + ["--int8"] * bool(recipe.get("int8"))
    return " ".join(words)


def _by_corruption(rows: Sequence[Row]) -> str:
    """Return the section of the corruptions, empty where none was measured."""
    measured = [row for row in rows if row.corruptions]
    if not measured:
        return ""
    lines = [
        [kind.replace("_", " "), *(f"{100 * row.corruptions[kind]:.1f}" for row in measured)] for kind in CORRUPTIONS
    ]
    return f"""
## Corruptions

{_markdown(["right, %", *(row.name for row in measured)], lines)}

A corrupted digit goes straight to the model, without the reader's segmentation, which takes the paper's level away
first. With haze, stripes or a bright ground the patch is no longer ink on paper, and to reject it is not foolish.
"""


def _markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
    rules = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    cells = (
        [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
        for line in (head, rules, *lines)
    )
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


MEANING = {
    "MNIST, USPS, HwD": """\
test digits read right, in percent; a digit taken for no digit is wrong. A model trained on one
  of them meets other hands, pens and scanners in the others.""",
    "rejects": "of what is no digit (lines, letters, texture, pieces and pairs of digits), the share taken for none.",
    "corrupted": f"""\
MNIST's first {CORRUPTED:,} test digits in fifteen ways, the mean of all; by kind below. Of so few digits
  that chance alone moves it by 0.8 either way (95 %). Kinds and strengths are those of MNIST-C's code (Mu and Gilmer
  2019), drawn anew and made patches of: not its files, so shares published for those are not comparable.""",
}
"""What a report says of data sets, by their titles."""

OTHER = """\
signs read right, in percent; a sign taken for none is wrong. Where a model here learnt from a folder, or from OpenCV's
  digits, the sixth of them that is kept for testing, else all."""
"""What it says of any other."""


def _meaning(titles: Iterable[str]) -> str:
    """Return a line for each data set that stands in the table, or for several."""
    others = [title for title in titles if title not in SETS]
    said = [(about, text) for about, text in MEANING.items() if set(about.split(", ")) & set(titles)]
    return "\n".join(f"- **{about}**: {text}" for about, text in [*said, *((title, OTHER) for title in others)])


def write_report(
    rows: Sequence[Row], averages: Sequence[Row], sets: Mapping[str, PatchSet], titles: Sequence[str], path: Path
) -> None:
    """Write the tables with what they mean, and beside them the plot and the rows as JSON.

    sets: at least one; intervals and the plot are of the first. titles: as `table` takes them.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    main = next(iter(sets))
    plot = path.with_suffix(".png")
    draw(rows, main, plot)
    counts = ", ".join(f"{title} {len(patches):,}" for title, patches in sets.items())
    best = max((row for row in rows if main in row.shares), key=lambda row: row.shares[main], default=None)
    interval = ""
    if best:
        count = len(sets[main])
        interval = (
            f"\nChance alone moves such shares: {main}'s {100 * best.shares[main]:.2f} of {best.name} stands for "
            f"{span(round(best.shares[main] * count), count)} (95 %, Wilson).\n"
        )
    path.write_text(
        f"""# The models compared

{table([*rows, *averages], titles)}

![Share right on {main} against time]({plot.name})

Made by `camdigits compare`, with which `camdigits rebuild` ends. Patches judged: {counts}.

## What the figures mean

{_meaning(titles)}
- **MB, us a digit**: the file, and the median time in a batch of ten on one thread of the machine that measured it;
  where rows were joined from several runs, times compare only roughly.
- **mean of ...**: seeds of one recipe, with the standard deviation between them.
- A dash: the data set is not at hand, or the model reads other signs: a letter, to some, is no reject.
{interval}{_by_corruption(rows)}
## The models

{_cards(rows, sets)}

Those that ship have cards of their own in models/; `make models` makes them. A file's metadata `camdigits.training`
holds every number of its recipe. Models of MNIST or USPS learnt from MNIST's training digits (LeCun, Cortes, Burges;
CC BY-SA 3.0) or USPS's, with digits and rejects drawn by the workshop; their licence is MIT.

## Limits

- All digits here are single and cut out and, but for the corrupted, upright. How well whole pages and live pictures
  are read also depends on light, focus and segmentation, which these figures do not measure.
- The rejects, and validation signs, chose the models' settings: their figures flatter. Test digits did not choose.
- MNIST and USPS are American hands of the 1990s; a crossed 7 or a 1 with a foot is rare in them.
- Other signs than the labels of a model are at best rejected, at worst read as one of them.

## Of use

Where digits stand apart and a mistake is noticed or cheap: forms with a check digit, meters read beside their last
reading, score sheets, lessons, sorting before a person looks. Where a mistake costs money or health, ask for more
confidence, and let people read the rest and a sample of all.
""",
        encoding="utf-8",
    )


def draw(rows: Sequence[Row], title: str, path: Path) -> None:
    """Draw the share right on a data set, by its title, against the time that a digit takes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    shown = [row for row in rows if title in row.shares]
    for at, row in enumerate(shown):
        axes.plot(row.microseconds, 100 * row.shares[title], "osD^v"[at // 10 % 5], color=f"C{at}", label=row.name)
    axes.set(xlabel="microseconds a digit, ten at a time, one thread", ylabel=f"{title}, % right")
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.xaxis.set_minor_formatter("{x:.0f}")
    axes.tick_params(which="both", length=4)
    axes.margins(0.1)
    if shown:
        figure.legend(loc="outside right upper")
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
