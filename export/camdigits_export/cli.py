"""The workshop's commands, which join camdigits' own: train, tune, export, evaluate, compare, rebuild.

Everything heavy is imported inside the commands, so that `camdigits --help` stays quick.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from camdigits.errors import CamdigitsError
from camdigits.options import folder_named

if TYPE_CHECKING:
    from rich.progress import Progress

    from camdigits_export import classical, cnn, to_onnx

RUNS = Path("runs")

Name = Annotated[str | None, typer.Argument(metavar="[NAME]", help="The run's folder in runs/; by default a new one.")]
Seed = Annotated[int | None, typer.Option(min=0, max=2**32 - 1, help="Another seed, another model.")]
DatasetOption = Annotated[
    str | None,
    typer.Option(metavar="NAME|DIR", help="mnist, usps, mnist+usps, opencv, or a folder with a subfolder a class."),
]


RecipeOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Start from a recipe.json, of a run or of tune.")
]


class FeaturesName(StrEnum):
    """What the classical models see of a patch."""

    PIXELS = "pixels"
    EDGES = "edges"
    HOG = "hog"


FeaturesOption = Annotated[
    FeaturesName | None, typer.Option(help="Ink itself, strengths of edges, or gradient histograms.")
]
Deskew = Annotated[bool | None, typer.Option("--deskew/--no-deskew", help="Set slanted ink upright first.")]
Seen = Annotated[int | None, typer.Option(min=0, help="Digits as a camera sees them, beside the clean ones.")]
Rare = Annotated[int | None, typer.Option(min=0, help="Digits drawn as MNIST lacks them.")]
Share = Annotated[float | None, typer.Option(min=0, max=1, help="See the table in export/README.md.")]
Rejects = Annotated[int | None, typer.Option(min=1, help="Patches that are no digit.")]


class SearchName(StrEnum):
    """Ways to choose what to try next."""

    GRID = "grid"
    RANDOM = "random"
    TPE = "tpe"


class ModelName(StrEnum):
    """Models that can be trained."""

    CNN = "cnn"
    KNN = "knn"
    SVM = "svm"
    FOREST = "forest"
    MLP = "mlp"


class ArchitectureName(StrEnum):
    """Networks that can be trained."""

    BEST = "best"
    SMALL = "small"
    CLASSIC = "classic"


def register(app: typer.Typer) -> None:
    """Add the workshop's commands to the command line."""
    training = typer.Typer(no_args_is_help=True, help="Train a model.", rich_markup_mode=None)
    training.command("cnn")(train_cnn)
    training.command("knn")(train_knn)
    training.command("svm")(train_svm)
    training.command("forest")(train_forest)
    training.command("mlp")(train_mlp)
    app.add_typer(training, name="train")
    app.command()(tune)
    app.command()(export)
    app.command()(evaluate)
    app.command()(compare)
    app.command()(rebuild)


def train_cnn(
    name: Name = None,
    architecture: Annotated[
        ArchitectureName | None,
        typer.Option(help="best: ours, the usual one. small: for weak machines. classic: Keras' old example."),
    ] = None,
    dataset: DatasetOption = None,
    recipe: RecipeOption = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the training digits.")] = None,
    seed: Seed = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Patches in one step.")] = None,
    rate: Annotated[float | None, typer.Option(min=0, help="Learning rate at its highest.")] = None,
    dropout: Annotated[float | None, typer.Option(min=0, max=0.9, help="Share of the hidden units left out.")] = None,
    weight_decay: Annotated[float | None, typer.Option(min=0, help="AdamW's weight decay.")] = None,
    ema: Annotated[float | None, typer.Option(min=0, max=1, help="What of the averaged weights stays a step.")] = None,
    channels: Annotated[str | None, typer.Option(metavar="N,N,...", help="Of the convolutions.")] = None,
    dense: Annotated[int | None, typer.Option(min=1, help="Units of the hidden layer.")] = None,
    seen_share: Share = None,
    rare_share: Share = None,
    reject_share: Share = None,
    frame_share: Share = None,
    jitter_share: Share = None,
    least: Annotated[
        int | None,
        typer.Option(min=0, help="Signs in an epoch at least: of a smaller data set each comes several times."),
    ] = None,
    reject_bias: Annotated[
        float | None, typer.Option(min=0, help="Log-odds taken from `not a digit` once trained.")
    ] = None,
    start: Annotated[
        Path | None, typer.Option(metavar="RUN|FILE", help="Begin with the weights of a run or a .keras file.")
    ] = None,
    teacher: Annotated[
        list[Path] | None, typer.Option(metavar="RUN", help="Learn from what this run says; several times, several.")
    ] = None,
    taught: Annotated[float | None, typer.Option(min=0, max=1, help="Share of teachers in what is learnt.")] = None,
    softness: Annotated[float | None, typer.Option(min=0.01, help="Temperature of what teachers say.")] = None,
    draws: Annotated[
        int | None, typer.Option(min=1, help="Epochs that teachers are asked about; others repeat.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run, or with the newest one.")] = False,
) -> None:
    """Train the convolutional network."""
    options: dict[str, Any] = {
        "dataset": dataset,
        "epochs": epochs,
        "seed": seed,
        "batch": batch,
        "rate": rate,
        "dropout": dropout,
        "weight_decay": weight_decay,
        "ema": ema,
        "channels": None if channels is None else _numbers(channels),
        "dense": dense,
        "seen_share": seen_share,
        "rare_share": rare_share,
        "reject_share": reject_share,
        "frame_share": frame_share,
        "jitter_share": jitter_share,
        "least": least,
        "reject_bias": reject_bias,
        "start": str(start) if start else None,
        "teachers": tuple(map(str, teacher)) if teacher else None,
        "taught": taught,
        "softness": softness,
        "draws": draws,
    }
    asked = {option: value for option, value in options.items() if value is not None}
    if resume and (asked or recipe or architecture):
        raise typer.BadParameter("goes on as the run began; leave out the other options", param_hint="--resume")
    _not_both(recipe, architecture)
    with _extra():
        _load_tensorflow()
        from camdigits_export import cnn
        from camdigits_export.runs import read_recipe

        run = _run(name, "cnn", resume)
        usual = cnn.RECIPES[(architecture or ArchitectureName.BEST).value]
        base = read_recipe(recipe, cnn.Recipe) if recipe else usual
        try:
            chosen = cnn.resumed(run) if resume else replace(base, **asked)
        except ValueError as error:
            raise typer.BadParameter(f"no network can be built so: {error}", param_hint="the options") from error
        _train_cnn(run, chosen, resume)
    _say(f"trained: {run}; camdigits export makes its ONNX file")


def train_knn(
    name: Name = None,
    dataset: DatasetOption = None,
    recipe: RecipeOption = None,
    features: FeaturesOption = None,
    deskew: Deskew = None,
    components: Annotated[int | None, typer.Option(min=1, help="Directions in which examples are compared.")] = None,
    evenness: Annotated[
        float | None, typer.Option(min=0.001, help="More: directions nearer to principal components.")
    ] = None,
    neighbours: Annotated[int | None, typer.Option(min=1, help="How many vote.")] = None,
    reject_weight: Annotated[float | None, typer.Option(min=0, help="Of a reject's vote, a digit's being 1.")] = None,
    fade: Annotated[float | None, typer.Option(min=0, help="How fast votes fade with distance.")] = None,
    stranger: Annotated[
        float | None, typer.Option(min=0, help="How far a reject always stands, in usual distances.")
    ] = None,
    doubt: Annotated[float | None, typer.Option(min=1e-9, help="The least vote of any label.")] = None,
    seen: Seen = None,
    rare: Rare = None,
    rejects: Rejects = None,
    seed: Seed = None,
) -> None:
    """Fit the nearest neighbours."""
    _fit("knn", locals())


def train_svm(
    name: Name = None,
    dataset: DatasetOption = None,
    recipe: RecipeOption = None,
    features: FeaturesOption = None,
    deskew: Deskew = None,
    components: Annotated[int | None, typer.Option(min=1, help="Principal components kept.")] = None,
    cost: Annotated[float | None, typer.Option(min=1e-9, help="Of an example on the wrong side (C).")] = None,
    reject_weight: Annotated[
        float | None, typer.Option(min=1e-9, help="Of a reject's cost, a digit's being 1.")
    ] = None,
    gamma: Annotated[float | None, typer.Option(min=1e-9, help="More: only nearer examples count.")] = None,
    seen: Seen = None,
    rare: Rare = None,
    rejects: Rejects = None,
    seed: Seed = None,
) -> None:
    """Fit support vectors with a radial kernel."""
    _fit("svm", locals())


def train_forest(
    name: Name = None,
    dataset: DatasetOption = None,
    recipe: RecipeOption = None,
    features: FeaturesOption = None,
    deskew: Deskew = None,
    trees: Annotated[int | None, typer.Option(min=1, help="How many.")] = None,
    depth: Annotated[int | None, typer.Option(min=1, help="Of a tree at most.")] = None,
    leaf: Annotated[int | None, typer.Option(min=1, help="Examples in a leaf at least.")] = None,
    tried: Annotated[
        float | None, typer.Option(min=1e-9, max=1, help="Share of the features that a branch chooses from.")
    ] = None,
    seen: Seen = None,
    rare: Rare = None,
    rejects: Rejects = None,
    seed: Seed = None,
) -> None:
    """Grow a random forest."""
    _fit("forest", locals())


def train_mlp(
    name: Name = None,
    dataset: DatasetOption = None,
    recipe: RecipeOption = None,
    features: FeaturesOption = None,
    deskew: Deskew = None,
    hidden: Annotated[int | None, typer.Option(min=1, help="Units of the hidden layer.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the examples.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Examples in one step.")] = None,
    rate: Annotated[float | None, typer.Option(min=1e-9, help="Adam's learning rate.")] = None,
    decay: Annotated[float | None, typer.Option(min=0, help="Weight of the squared weights in the loss.")] = None,
    seen: Seen = None,
    rare: Rare = None,
    rejects: Rejects = None,
    seed: Seed = None,
) -> None:
    """Train a perceptron with one hidden layer."""
    _fit("mlp", locals())


def _fit(kind: str, options: dict[str, Any]) -> None:
    """Fit a classical model, as its command's parameters ask; what they leave open is the recipe's."""
    with _extra():
        from camdigits_export.runs import read_recipe

        run = _run(options.pop("name"), kind, resume=False)
        asked = {option: value for option, value in options.items() if value is not None}
        given = asked.pop("recipe", None)
        kind_of = _recipe_of(kind)
        recipe = replace(read_recipe(given, kind_of), **asked) if given else kind_of(**asked)
        trained = _fit_run(run, recipe)
    _say(f"trained: {trained.path.stat().st_size / 1e6:.1f} MB; scikit-learn and ONNX: {trained.agreement}")
    print(trained.path)


def _train_cnn(run: Path, recipe: "cnn.Recipe", resume: bool) -> None:
    """Train a CNN with a progress bar."""
    from camdigits_export import cnn
    from camdigits_export.patches import load_workshop

    cnn.check(run, recipe, resume)
    workshop = load_workshop(recipe.dataset, _say, with_frames=recipe.frame_share > 0)
    with _progress() as progress:
        bar = progress.add_task("", total=recipe.epochs)

        def report(epoch: int, of: int, done: float, figures: "cnn.Figures | None") -> None:
            progress.update(bar, total=of, completed=epoch - 1 + done, description=f"{run.name}: epoch {epoch} of {of}")
            if figures:
                progress.print(
                    f"epoch {epoch}: training {figures.training:.2%}, validation {figures.accuracy:.2%} "
                    f"(as a camera sees it {figures.seen:.2%}), digits rejected {figures.rejected:.2%}, "
                    f"rejects caught {figures.caught:.2%}"
                    + (f", in frames {figures.framed:.2%}, wrongly {figures.passed:.2%}" if figures.framed else ""),
                    soft_wrap=True,
                )

        try:
            cnn.train(workshop, run, recipe, resume, report)
        except KeyboardInterrupt:
            if (run / "checkpoint.keras").exists():
                _say(f"stopped; camdigits train cnn {run.name} --resume goes on after the last whole epoch")
            else:
                _say("stopped before the first epoch was whole; nothing is kept")
            raise


def _fit_run(run: Path, recipe: "classical.Recipe") -> "classical.Trained":
    """Fit a classical model with a progress bar."""
    from camdigits_export.classical import train
    from camdigits_export.patches import load_workshop
    from camdigits_export.runs import check_free

    check_free(run)
    workshop = load_workshop(recipe.dataset, _say)
    with _progress() as progress:
        bar = progress.add_task("fitting", total=1)
        return train(workshop, run, recipe, lambda doing, done: progress.update(bar, description=doing, completed=done))


def _recipe_of(kind: str) -> Any:
    """Return the class of a model's recipes."""
    return import_module(f"camdigits_export.{kind}").Recipe


def tune(
    model: Annotated[ModelName, typer.Argument(help="What to better.")],
    study: Annotated[
        Path | None,
        typer.Argument(
            metavar="[STUDY]", parser=folder_named, help="Its folder, runs/study-MODEL; one that is there goes on."
        ),
    ] = None,
    search: Annotated[SearchName, typer.Option(help="How to choose what to try.")] = SearchName.TPE,
    trials: Annotated[int, typer.Option(min=1, help="How many more to try, first the recipe as it is.")] = 20,
    storage: Annotated[
        str | None, typer.Option(metavar="URL", help="A database that others work on too, instead of a file in STUDY.")
    ] = None,
    recipe: RecipeOption = None,
    architecture: Annotated[ArchitectureName | None, typer.Option(help="Of a CNN; small is the usual one.")] = None,
    dataset: DatasetOption = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Of each CNN tried, usually 3; the recipe found keeps its own.")
    ] = None,
    seed: Seed = None,
) -> None:
    """Search for a model's hyper-parameters on validation digits."""
    _not_both(recipe, architecture)
    if model != ModelName.CNN and (architecture or epochs):
        raise typer.BadParameter("is for a CNN", param_hint="--architecture" if architecture else "--epochs")
    with _extra():
        from camdigits_export import runs
        from camdigits_export import tune as searching
        from camdigits_export.patches import load_workshop

        if model == ModelName.CNN:
            _load_tensorflow()
        study = study or RUNS / f"study-{model.value}"
        asked = {"dataset": dataset, "seed": seed}
        if recipe:
            base = runs.read_recipe(recipe, _recipe_of(model.value))
        elif model == ModelName.CNN:
            from camdigits_export import cnn

            base = cnn.RECIPES[(architecture or ArchitectureName.SMALL).value]
        else:
            base = _recipe_of(model.value)()
        base = replace(base, **{option: value for option, value in asked.items() if value is not None})
        epochs = epochs or 3
        searching.check(study, base, storage, epochs)
        workshop = load_workshop(base.dataset, _say, model == ModelName.CNN and base.frame_share > 0)
        with _progress() as progress:
            bar = progress.add_task("searching", total=trials)

            def report(number: int, value: float | None) -> None:
                progress.advance(bar)
                progress.print(f"trial {number}: " + ("given up" if value is None else f"{value:.2%}"))

            best = searching.tune(workshop, base, search.value, trials, study, storage, report, epochs)
    chosen = (
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in best.chosen.items()
    )
    _say(f"best of {best.trials}: {best.value:.2%}, {searching.MEASURED}, with {', '.join(chosen)}")
    if best.outside:
        start = f"not tried: its {', '.join(best.outside)} lies outside what is searched"
    elif best.start is None:
        start = "not finished"
    else:
        start = f"{best.start:.2%}" + ("; nothing tried was better" if best.start == best.value else "")
    _say(f"the recipe it starts from: {start}")
    _say(f"history and importance: {best.plot}; train it with camdigits train {model.value} --recipe {best.recipe}")
    print(best.recipe)


def export(
    run: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", help="A run's folder; by default the newest CNN's.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write.")] = None,
    int8: Annotated[bool, typer.Option("--int8", help="Weights and activations of eight bits: quicker.")] = False,
    check: Annotated[
        Path | None, typer.Option("--check", metavar="FILE", help="Write nothing, verify this model file anew.")
    ] = None,
) -> None:
    """Convert a trained CNN to ONNX and compare it with Keras; without one, the shipped weights."""
    if check and (run or output or int8):
        raise typer.BadParameter("writes nothing; leave out the others", param_hint="--check")
    if output and output.suffix != ".onnx":
        raise typer.BadParameter("a model's name ends in .onnx", param_hint="--output")
    with _extra():
        _load_tensorflow()
        from camdigits_export import to_onnx

        if check:
            checked = to_onnx.check(check)
            _say(f"one by one and together differ by {checked.alone:.1e} on {checked.compared} patches")
            if checked.source:
                _say(f"the Keras weights beside it: {checked.source}")
            else:
                _say("source not compared: it is int8, or no Keras weights lie beside it")
            print(f"{check}: sound")
            return
        run = run or _newest()
        if not run:
            _say(f"no CNN in {RUNS}: the weights that ship")
        if run and to_onnx.is_fitted(run):
            print(to_onnx.export_fitted(run, output, int8))
            return
        unnamed = Path("cnn-int8.onnx" if int8 else "cnn.onnx")
        exported = to_onnx.export_run(run, output, int8) if run else to_onnx.export_shipped(output or unnamed, int8)
        _say(f"Keras and ONNX on {exported.of}: {exported.agreement}")
        if int8:
            _compare(exported)
    print(exported.path)


def _compare(exported: "to_onnx.Exported") -> None:
    """Say what eight bits cost and save."""
    from camdigits.classify import Classifier
    from camdigits_export import evaluate as measure

    with TemporaryDirectory() as folder:
        floats = Path(folder) / "float.onnx"
        floats.write_bytes(exported.floats)
        models = Classifier(floats), Classifier(exported.path)
    speeds = measure.times(models, exported.signs)
    for name, model, speed in zip(("float", "int8"), models, speeds, strict=True):
        share = measure.score(model, exported.signs).right / len(exported.signs)
        _say(f"{name}: {share:.2%} of {len(exported.signs)} validation signs right, ten patches in {speed:.2f} ms")


def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="cnn, knn, or an .onnx file.")],
    dataset: Annotated[
        str,
        typer.Option(
            metavar="NAME|DIR",
            help="mnist, usps, opencv, hwd, a folder: signs it never saw. validation: its own. rejects: no digits.",
        ),
    ] = "mnist",
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", parser=folder_named, help="Also write a page, report.html, and its figures as report.json."
        ),
    ] = None,
) -> None:
    """Measure a model: accuracy with its 95 % interval, by class, calibration, time, what it confuses."""
    if report and report.exists() and not report.is_dir():
        raise typer.BadParameter("is a file; name a folder", param_hint="--report")
    with _extra():
        from camdigits.classify import Classifier
        from camdigits_export import evaluate as measure
        from camdigits_export.datasets import DataError

        classifier = Classifier(model)
        recipe = measure.recipe(classifier)
        patches = measure.dataset(dataset, _say, recipe)
        found = measure.score(classifier, patches)
        judged = measure.judge(classifier, dataset, patches, found)
        print("\n".join(measure.summary(judged)))
        if report:
            from camdigits_export.mistakes import worst
            from camdigits_export.patches import training
            from camdigits_export.report import write_report

            try:
                learnt = training(recipe.get("dataset", "mnist"), _say)
            except DataError as error:
                learnt = None
                _say(f"no training patches to show beside mistakes: {error}")
            shown = worst(found.probabilities, found.truth, patches.patches, judged.names, learnt)
            print(write_report(judged, shown, report))


def compare(
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL]...", help="cnn, knn, .onnx files; by default all that ship and all runs'."),
    ] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|DIR",
            help="Only mnist, usps, hwd, rejects, corrupted, opencv, or a folder; several times, several.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a report; its plot and rows as JSON go beside it.")
    ] = None,
    join: Annotated[bool, typer.Option("--join", help="Keep the report's rows of models not at hand.")] = False,
) -> None:
    """Measure models side by side: data sets, corrupted digits, rejects, size, time."""
    if join and not output:
        raise typer.BadParameter("is for a report; name it with --output", param_hint="--join")
    # the plot and the rows lie beside it, named alike: a picture of that name would be lost
    if output and output.suffix != ".md":
        raise typer.BadParameter("a report's name ends in .md", param_hint="--output")
    with _extra():
        from camdigits.classify import Classifier, shipped_models
        from camdigits_export import compare as side

        # patches take minutes: first what cannot be opened
        names = models or side.found_models(shipped_models(), sorted(RUNS.glob("*")), _say)
        opened = {name: Classifier(name) for name in names}
        with _progress() as progress:
            bar = progress.add_task("making patches", total=None)
            sets = side.sets_named(dataset, opened.values(), _say) if dataset else side.sets_at_hand(_say)
            progress.update(bar, description="reading", total=len(opened) * len(sets))
            rows = side.measure(opened, sets, _say, lambda: progress.advance(bar))
        if join and output:
            rows = side.joined(rows, output)
        averages = side.means(rows)
        titles = list(dict.fromkeys([*(sets if dataset else side.SETS), *(t for row in rows for t in row.shares)]))
        print(side.table([*rows, *averages], titles))
        if output:
            _load_tensorflow()  # for the recipes of CNNs, whose commands stand in the report
            side.write_report(rows, averages, sets, titles, output)
            _say(f"written: {output}; its plot and its rows lie beside it")


def rebuild(
    models: Annotated[
        Path,
        typer.Argument(metavar="[DIR]", parser=folder_named, help="Where what ships goes."),
    ] = Path("models"),
) -> None:
    """Make all of models/ from nothing: train, export, judge, write. Stopped, it goes on where it was."""
    with _extra():
        _load_tensorflow()
        from camdigits.network import HELPERS
        from camdigits_export import cards, cnn, to_onnx
        from camdigits_export import compare as side
        from camdigits_export import evaluate as measure
        from camdigits_export import rebuild as plan

        # before hours of training: what cannot be had
        plan.check_data(_say)
        cards.check(models)
        sets = {name: measure.dataset(name, _say) for name in cards.SETS}
        plan.make_helpers(RUNS, _say)
        for name, recipe in plan.PLAN.items():
            run = RUNS / name
            state = plan.state(run, recipe)
            if state == "done":
                _say(f"{run}: done before")
            elif isinstance(recipe, cnn.Recipe):
                _train_cnn(run, recipe, resume=state == "begun")
            else:
                _fit_run(run, recipe)
            if isinstance(recipe, cnn.Recipe) and not plan.is_exported(run):
                for int8 in (False, True):
                    to_onnx.export_run(run, int8=int8)
        shipped = plan.ship(RUNS, models, sets)
        print("\n".join(map(str, shipped)))
        onnx = [str(path) for path in shipped if path.suffix == ".onnx" and path.name not in HELPERS]
        made = side.found_models(onnx, [RUNS / name for name in plan.PLAN], _say)
    compare(made, output=models / "REPORT.md")


def _numbers(text: str) -> tuple[int, ...]:
    """Return the channels that an option names. Raises BadParameter where they are none."""
    numbers = text.split(",")
    if not all(number.isdecimal() and int(number) for number in numbers):
        raise typer.BadParameter("whole numbers from 1 with commas between them", param_hint="--channels")
    return tuple(map(int, numbers))


def _not_both(recipe: Path | None, architecture: ArchitectureName | None) -> None:
    """Raise BadParameter where a recipe is given, which says the architecture too."""
    if recipe and architecture:
        raise typer.BadParameter("the recipe says it; leave out one of the two", param_hint="--architecture")


def _run(name: str | None, kind: str, resume: bool) -> Path:
    """Return the run's folder: the one named, the newest to go on with, or a new one with a kind's next number."""
    if name:
        name = name.removeprefix(f"{RUNS}/").rstrip("/")
        if Path(name).name != name or name in (".", "..", "patches"):
            raise typer.BadParameter(f"{name!r} is no name of a folder in {RUNS}", param_hint="NAME")
        return RUNS / name
    if resume:
        newest = _newest()
        if not newest:
            raise CamdigitsError(f"no {kind} run in {RUNS} to resume; start one without --resume")
        return newest
    number = 1
    while (RUNS / f"{kind}-{number}").exists():
        number += 1
    return RUNS / f"{kind}-{number}"


def _newest() -> Path | None:
    """Return the run whose Keras model was written last: only CNNs have one."""
    models = sorted(RUNS.glob("*/model.keras"), key=lambda path: path.stat().st_mtime)
    return models[-1].parent if models else None


@contextmanager
def _extra() -> Iterator[None]:
    """Turn a package that is not installed into one line."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise CamdigitsError(
            f"the workshop needs {error.name}, which is not installed; in the checkout: "
            'python -m pip install ".[export]"'
        ) from error


def _load_tensorflow() -> None:
    """Import TensorFlow, whose libraries greet on file descriptor 2 before they can be told not to."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        import tensorflow  # noqa: F401, ICN001 - only to have it there
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _progress() -> "Progress":
    """Return a progress bar on stderr that also says how long it will take."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True, highlight=False))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
