"""The workshop's commands, which join camdigits' own: train cnn, train knn, export, evaluate.

Everything heavy is imported inside the commands, so that `camdigits --help` stays quick.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from camdigits.errors import CamdigitsError

if TYPE_CHECKING:
    from rich.progress import Progress

    from camdigits_export.cnn import Figures

RUNS = Path("runs")

Name = Annotated[str | None, typer.Argument(metavar="[NAME]", help="The run's folder in runs/; by default a new one.")]
Seed = Annotated[int, typer.Option(min=0, help="Another seed, another model.")]


class DatasetName(StrEnum):
    """What a model can be evaluated on."""

    MNIST = "mnist"
    VALIDATION = "validation"
    REJECTS = "rejects"


def register(app: typer.Typer) -> None:
    """Add the workshop's commands to the command line."""
    training = typer.Typer(no_args_is_help=True, help="Train a model on MNIST.", rich_markup_mode=None)
    training.command("cnn")(train_cnn)
    training.command("knn")(train_knn)
    app.add_typer(training, name="train")
    app.command()(export)
    app.command()(evaluate)


def train_cnn(
    name: Name = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the training digits (16).")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Another seed, another model (1).")] = None,
    start: Annotated[
        Path | None, typer.Option(metavar="RUN|FILE", help="Begin with the weights of a run or a .keras file.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run, or with the newest one.")] = False,
) -> None:
    """Train the convolutional network."""
    if resume and (epochs, seed, start) != (None, None, None):
        raise typer.BadParameter(
            "goes on as the run began; leave out --epochs, --seed and --start", param_hint="--resume"
        )
    with _extra():
        from camdigits_export import cnn
        from camdigits_export.patches import load_workshop

        run = _run(name, "cnn", resume)
        recipe = cnn.Recipe(epochs=epochs or 16, seed=1 if seed is None else seed, start=str(start or ""))
        cnn.check(run, recipe, resume)
        workshop = load_workshop(report=_say)
        with _progress() as progress:
            bar = progress.add_task("", total=recipe.epochs)

            def report(epoch: int, of: int, done: float, figures: "Figures | None") -> None:
                progress.update(bar, total=of, completed=epoch - 1 + done, description=f"epoch {epoch} of {of}")
                if figures:
                    progress.print(
                        f"epoch {epoch}: training {figures.training:.2%}, validation {figures.accuracy:.2%} "
                        f"(as a camera sees it {figures.seen:.2%}), digits rejected {figures.rejected:.2%}, "
                        f"rejects caught {figures.caught:.2%}"
                    )

            try:
                cnn.train(workshop, run, recipe, resume, report)
            except KeyboardInterrupt:
                _say(f"stopped; camdigits train cnn {run.name} --resume goes on after the last whole epoch")
                raise
    _say(f"trained: {run}; camdigits export makes its ONNX file")


def train_knn(name: Name = None, seed: Seed = 1) -> None:
    """Fit the nearest neighbours."""
    with _extra():
        from camdigits_export import knn
        from camdigits_export.patches import load_workshop

        run = _run(name, "knn", resume=False)
        workshop = load_workshop(report=_say)
        with _progress() as progress:
            bar = progress.add_task("fitting", total=1)
            path = knn.train(
                workshop,
                run,
                knn.KnnRecipe(seed=seed),
                lambda doing, done: progress.update(bar, description=doing, completed=done),
            )
    _say(f"trained: {path.stat().st_size / 1e6:.1f} MB, the same to 1e-5 as scikit-learn")
    print(path)


def export(
    run: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", help="A run's folder; by default the newest CNN's.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write.")] = None,
) -> None:
    """Convert a trained CNN to ONNX and check it against Keras; without one, the shipped weights."""
    with _extra():
        from camdigits_export.to_onnx import export_run, export_shipped

        run = run or _newest()
        exported = export_run(run, output) if run else export_shipped(output or Path("cnn.onnx"))
    _say(f"largest difference from Keras on {exported.compared} patches: {exported.difference:.1e}")
    print(exported.path)


def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="cnn, knn, or an .onnx file.")],
    dataset: Annotated[
        DatasetName, typer.Option(help="mnist: its test digits. validation: kept back. rejects: what is no digit.")
    ] = DatasetName.MNIST,
) -> None:
    """Measure a model: accuracy with its 95 % interval, digits rejected, time."""
    with _extra():
        from camdigits.classify import Classifier
        from camdigits_export import evaluate as measure

        classifier = Classifier(model)
        patches = measure.dataset(dataset.value, _say)
        found = measure.score(classifier, patches)
        for title, hits in (("right", found.right), ("rejected", found.rejected)):
            low, high = measure.wilson(hits, found.count)
            print(f"{title}: {hits} of {found.count}, {hits / found.count:.2%} (95 %: {low:.2%} to {high:.2%})")
        print(f"mean confidence: {found.confidence:.2%}")
        print(f"ten patches, one thread: {measure.milliseconds(classifier, patches):.2f} ms (median)")


def _run(name: str | None, kind: str, resume: bool) -> Path:
    """Return the run's folder: the one named, the newest to go on with, or a new one with a kind's next number."""
    if name:
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
    """Turn a package that is not installed into one line, and keep TensorFlow's chatter off the terminal."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        yield
    except ModuleNotFoundError as error:
        raise CamdigitsError(
            f'the workshop needs {error.name}, which is not installed: python -m pip install "camdigits[export]"'
        ) from error


def _progress() -> "Progress":
    """Return a progress bar on stderr that also says how long it will take."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True, highlight=False))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
