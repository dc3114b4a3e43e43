"""The command line: parse, call the library, print. No command knows how anything is done.

stdout carries results and nothing else, stderr everything said to a person. Exit codes: 0 done, 1 an input or an output
failed, 2 the call itself was wrong, 130 interrupted.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from camdigits import cli_live
from camdigits.errors import CamdigitsError, SourceError, WindowError
from camdigits.options import MinConfidence, Model, file_named, folder_named, parse_roi
from camdigits.types import MIN_CONFIDENCE

if TYPE_CHECKING:
    from camdigits.window import Window

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

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON Lines.")]


def main() -> None:
    """Run the command line; expected errors become one line and exit code 1."""
    try:
        _join_workshop()
        app()
    except (CamdigitsError, ImportError, OSError) as error:
        if isinstance(error.__cause__, KeyboardInterrupt):  # taken by a package that was loading for its own failure
            raise error.__cause__ from None
        if "--debug" in sys.argv:
            raise
        reason = str(error)
        if isinstance(error, ImportError):
            from camdigits.doctor import explain_import

            reason = explain_import(error)
        elif isinstance(error, OSError):  # of our own output: a full disk behind stdout
            reason = f"{error.filename or 'output'} cannot be written: {error.strerror or error}"
            with suppress(OSError):
                sys.stdout.close()  # with what could not be written, or Python would try once more
        _say(f"error: {reason}")
        sys.exit(1)


def _join_workshop() -> None:
    """Add the workshop's commands, unless one of our own is called: looking for them takes longer than reading."""
    if len(sys.argv) > 1 and sys.argv[1] in {own.callback.__name__ for own in app.registered_commands if own.callback}:
        return
    from importlib.metadata import entry_points

    for entry in entry_points(group="camdigits.commands"):
        entry.load()(app)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

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
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", parser=folder_named, help="Write annotated pictures here.")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Open each annotated picture; a key shows the next.")] = False,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", parser=file_named, help="Write the numbers as a table.")
    ] = None,
    explain: Annotated[
        Path | None, typer.Option(metavar="DIR", parser=folder_named, help="Write here why each was so read.")
    ] = None,
    model: Model = "cnn",
    min_confidence: MinConfidence = MIN_CONFIDENCE,
    roi: Annotated[str | None, typer.Option(metavar="x,y,w,h", help="Read only this part of each picture.")] = None,
) -> None:
    """Read the numbers in pictures."""
    from camdigits.classify import Classifier
    from camdigits.pictures import find_pictures
    from camdigits.stills import AnnotatedFolder, ExplainedFolder, Table, Unread, read_pictures, show_until_key

    classifier = Classifier(model)
    part = parse_roi(roi) if roi else None
    names = list(find_pictures(paths, output))
    failed = False
    folder = AnnotatedFolder(output, names) if output else None
    pages = ExplainedFolder(explain, classifier.labels, min_confidence) if explain else None
    with Table(csv) if csv else nullcontext() as table, _window() if show else nullcontext() as window:
        stills = read_pictures(names, classifier, min_confidence, part)
        for still in _progress(stills, len(names)):
            if as_json:
                print(still.to_json(), flush=True)
            if isinstance(still, Unread):
                failed = True
                _say(f"{still.source}: {still.error}")
                continue
            if part and still.part.shape[1::-1] != part[2:]:
                height, width = still.part.shape[:2]
                _say(f"{still.source}: the roi {roi} lies partly outside the picture, {width}x{height} pixels are left")
            if not still.numbers:
                _say(f"{still.source}: no number read: {still.why}")
            elif not as_json:
                print(f"{still.source}:\n{still.to_text()}" if len(names) > 1 else still.to_text(), flush=True)
            if table:
                table.write(still)
            if folder:
                folder.write(still)
            if pages:
                pages.write(still)
            if window and not show_until_key(window, still):
                if not window.lost:
                    break
                _say("the screen is gone; reading goes on without a window")
                window = None
    if failed:
        raise typer.Exit(1)


def _window() -> "AbstractContextManager[Window | None]":
    """Open a window, or say why there is none."""
    from camdigits.window import open_window

    try:
        return open_window()
    except WindowError as error:
        _say(f"{error}; reading goes on without a window")
        return nullcontext()


def _progress(rows: Iterable[T], total: int) -> Iterator[T]:
    """Pass rows on; over many, and where a person watches, with a progress bar on stderr."""
    if total < 5 or not sys.stderr.isatty():
        yield from rows
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(rows, total=total, description="reading", console=Console(stderr=True), transient=True)


cli_live.register(app)


@app.command()
def teach(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FOLDER]", parser=folder_named, help="Crops, a subfolder a digit, read unless --source is named."
        ),
    ] = None,
    source: Annotated[
        str, typer.Option(metavar="CAMERA|FILE|URL", help="What shows the sheet to add: a camera, picture or film.")
    ] = "",
    write: Annotated[str, typer.Option(metavar="DIGITS", help="Which are on the sheet, a row each; all ten.")] = "",
    headless: Annotated[bool, typer.Option("--headless", help="Open no window, take the first steady sheet.")] = False,
    model: Annotated[str, typer.Option(metavar="FILE|cnn|knn", help="Which model is corrected.")] = "cnn",
) -> None:
    """Make the reader yours: show it a sheet of your digits."""
    from camdigits.teach import run_teach

    run_teach(folder or Path("mine"), source or ("" if folder else "0"), model, write, headless)


@app.command()
def serve(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen; 0.0.0.0: everywhere.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8000,
    source: Annotated[
        str | None,
        typer.Option(metavar="CAMERA|FILE|DIR|URL", help="What all may watch, as camdigits live has it."),
    ] = None,
    collect: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", parser=folder_named, help="Save here, by label, digits that people say were misread."
        ),
    ] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Encrypted, with a certificate made for this run.")] = False,
    no_open: Annotated[bool, typer.Option("--no-open", help="Open no browser.")] = False,
    model: Model = "cnn",
    min_confidence: MinConfidence = MIN_CONFIDENCE,
) -> None:
    """Open a page to draw on, drop pictures on, or show to a webcam."""
    from camdigits.web.serve import ServeSettings
    from camdigits.web.serve import serve as run

    run(ServeSettings(host, port, source, collect, tls, not no_open, model, min_confidence))


@app.command()
def cameras() -> None:
    """List the cameras of this machine."""
    from camdigits.cameras import list_cameras

    found = list_cameras()
    for camera in found:
        print(camera)
    if not found:
        raise SourceError("no camera found; plug one in, or run camdigits doctor")


@app.command()
def doctor(
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only what is broken.")] = False,
) -> None:
    """Check OpenCV, screen, cameras and models, and say what to do."""
    from camdigits.doctor import examine

    broken = False
    for finding in examine():
        broken = broken or finding.state == "broken"
        if not quiet or finding.state == "broken":
            print(
                f"{finding.state:6}  {finding.what}" + (f"\n        {finding.cure}" if finding.cure else ""), flush=True
            )
    if broken:
        raise typer.Exit(1)


@app.command()
def bench(
    picture: Annotated[
        str | None, typer.Argument(metavar="[PICTURE]", help="Instead of a drawn 1280x720 frame.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often.")] = 200,
    model: Model = "cnn",
) -> None:
    """Time each stage of the pipeline on one thread, in milliseconds."""
    from camdigits.bench import bench_frame, measure
    from camdigits.pictures import load_picture

    image = load_picture(picture) if picture else bench_frame()
    timings, text = measure(image, model, rounds)
    print(f"{image.shape[1]}x{image.shape[0]}, one thread, {rounds} rounds, model {model}, read: {text or 'nothing'}")
    print(f"{'stage':10} {'median':>8} {'p95':>8} {'p99':>8}  ms")
    for t in timings:
        print(f"{t.stage:10} {t.median:8.2f} {t.p95:8.2f} {t.p99:8.2f}")
    typer.echo(
        "all leaves inked, locate and context out where digits are surely read and nothing else is written; elsewhere "
        "it looks a second time, and at a page that may be turned once more",
        err=True,
    )
