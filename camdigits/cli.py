"""The command line: parse, call the library, print. No command knows how anything is done.

stdout carries results and nothing else, stderr everything said to a person. Exit codes: 0 done, 1 an input or an output
failed, 2 the call itself was wrong, 130 interrupted.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from camdigits.errors import CamdigitsError
from camdigits.types import Box

T = TypeVar("T")

app = typer.Typer(
    name="camdigits",
    help="Reads handwritten digits, and the numbers they form, from a camera.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Model = Annotated[str, typer.Option(metavar="FILE|cnn|knn", help="Which model reads: a shipped one or an .onnx file.")]
MinConfidence = Annotated[float, typer.Option(min=0, max=1, help="Digits less sure than this are left out.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON Lines.")]


def main() -> None:
    """Run the command line; expected errors become one line and exit code 1."""
    debug = "--debug" in sys.argv
    try:
        _join_workshop()
        app()
    except CamdigitsError as error:
        if debug:
            raise
        _say(f"error: {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        if debug:
            raise
        _say("interrupted")
        sys.exit(130)
    except BrokenPipeError:
        # whoever read our output has gone, as `head` does; point stdout elsewhere so that closing it stays quiet
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _join_workshop() -> None:
    for entry in entry_points(group="camdigits.commands"):
        entry.load()(app)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"camdigits {version('camdigits')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback where something fails.")] = False,
) -> None:
    pass


@app.command()
def image(
    paths: Annotated[list[str], typer.Argument(metavar="PATH…", help="Pictures, folders, globs, or - for stdin.")],
    as_json: AsJson = False,
    output: Annotated[Path | None, typer.Option(metavar="DIR", help="Write annotated pictures here.")] = None,
    show: Annotated[bool, typer.Option("--show", help="Open each annotated picture in a window.")] = False,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the numbers as a table.")] = None,
    model: Model = "cnn",
    min_confidence: MinConfidence = 0.5,
    roi: Annotated[str | None, typer.Option(metavar="x,y,w,h", help="Read only this part of each picture.")] = None,
) -> None:
    """Read the numbers in pictures."""
    from camdigits.advice import why_nothing
    from camdigits.classify import Classifier
    from camdigits.pictures import find_pictures
    from camdigits.stills import AnnotatedFolder, Table, Unread, read_pictures

    classifier = Classifier(model)
    names = list(find_pictures(paths))
    failed = False
    with Table(csv) if csv else nullcontext() as table:
        folder = AnnotatedFolder(output) if output else None
        stills = read_pictures(names, classifier, min_confidence, _roi(roi))
        for still in _progress(stills, len(names)):
            if as_json:
                print(still.to_json(), flush=True)
            if isinstance(still, Unread):
                failed = True
                _say(f"{still.source}: {still.error}")
                continue
            if not still.numbers:
                _say(f"{still.source}: no number read: {why_nothing(still.image, still.trace, classifier.labels)}")
            elif not as_json:
                print(f"{still.source}:\n{still.to_text()}" if len(names) > 1 else still.to_text(), flush=True)
            if table:
                table.write(still)
            if folder:
                folder.write(still)
    if failed:
        raise typer.Exit(1)


def _progress(rows: Iterable[T], total: int) -> Iterator[T]:
    """Pass rows on; over many, and where a person watches, with a progress bar on stderr."""
    if total < 5 or not sys.stderr.isatty():
        yield from rows
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(rows, total=total, description="reading", console=Console(stderr=True), transient=True)


def _roi(text: str | None) -> Box | None:
    if text is None:
        return None
    try:
        x, y, w, h = (int(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not x,y,w,h in whole pixels", param_hint="--roi") from None
    if w <= 0 or h <= 0:
        raise typer.BadParameter("width and height must be positive", param_hint="--roi")
    return Box(x, y, w, h)
