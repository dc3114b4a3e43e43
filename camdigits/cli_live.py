"""`camdigits live` on the command line, and `camdigits config`, which prints its options as a file that it takes."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from camdigits.options import MinConfidence, Model, parse_roi
from camdigits.types import MIN_CONFIDENCE, MIN_HITS, Box

if TYPE_CHECKING:
    from camdigits.recorder import Segment


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(live)
    app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})(config)


def _load(context: typer.Context, path: Path | None) -> Path | None:
    """Let a file's settings be the defaults of the command's options."""
    if path:
        from camdigits.settings import load_settings

        options = {_name(option): option for option in _options(context.command)}
        told = load_settings(path, {name: option.name for name, option in options.items()})
        many = {option.name for option in options.values() if option.multiple}
        context.default_map = {k: [v] if k in many and not isinstance(v, list) else v for k, v in told.items()}
    return path


def live(
    source: Annotated[
        list[str] | None,
        typer.Option(metavar="CAMERA|FILE|DIR|URL", help="Camera index or name, video, folder, URL, screen; several."),
    ] = None,
    settings: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="FILE", callback=_load, is_eager=True, help="TOML file with any of these options."
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Record what is shown as .mp4 or .avi.")] = None,
    raw: Annotated[Path | None, typer.Option(metavar="FILE", help="Record the pictures as they come.")] = None,
    segment: Annotated[
        str, typer.Option(metavar="10min|500MB", help="Record in files of at most this, name-001 and on.")
    ] = "",
    headless: Annotated[bool, typer.Option("--headless", help="Open no window.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print an event when a number settles, changes, goes.")
    ] = False,
    every_frame: Annotated[bool, typer.Option("--every-frame", help="Print one JSON object a frame.")] = False,
    mirror: Annotated[bool, typer.Option("--mirror", help="Show the view as a mirror would.")] = False,
    model: Model = "cnn",
    min_confidence: MinConfidence = MIN_CONFIDENCE,
    hits: Annotated[int, typer.Option(min=1, help="Frames that must agree before a number settles.")] = MIN_HITS,
    roi: Annotated[
        list[str] | None, typer.Option(metavar="[NAME=]x,y,w,h", help="Read only this part of the picture, or several.")
    ] = None,
    digits: Annotated[int | None, typer.Option(min=1, help="Hold back numbers of more or fewer.")] = None,
    pattern: Annotated[str, typer.Option(metavar="REGEX", help="Hold back numbers that do not match it whole.")] = "",
    least: Annotated[float | None, typer.Option("--min", help="Hold back lower numbers.")] = None,
    most: Annotated[float | None, typer.Option("--max", help="Hold back higher ones.")] = None,
    max_step: Annotated[float | None, typer.Option(min=0, help="Hold back those farther from the last.")] = None,
    monotonic: Annotated[bool, typer.Option("--monotonic", help="Hold back those lower than the last.")] = False,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Add each new number to a table.")] = None,
    save_best: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep each number's best frame here.")] = None,
    program: Annotated[
        str,
        typer.Option("--exec", metavar="CMD", help="Run this for each new number, its text as last argument or {}."),
    ] = "",
    address: Annotated[str, typer.Option("--post", metavar="URL", help="Post each event there, as JSON.")] = "",
    broker: Annotated[
        str, typer.Option("--mqtt", metavar="mqtt://HOST", help="Publish numbers, Home Assistant finds them.")
    ] = "",
    clipboard: Annotated[bool, typer.Option("--clipboard", help="Copy each new number.")] = False,
    keyboard: Annotated[bool, typer.Option("--type", help="Type it into the focused field, with Enter.")] = False,
) -> None:
    """Read numbers from a camera or a video as it runs."""
    del settings  # _load has seen to it
    from camdigits.accept import Rules
    from camdigits.live import run_live
    from camdigits.settings import LiveSettings

    run_live(
        LiveSettings(
            tuple(source or ["0"]),
            output,
            raw,
            _segment(segment),
            headless=headless,
            json=as_json,
            every_frame=every_frame,
            model=model,
            min_confidence=min_confidence,
            mirror=mirror,
            hits=hits,
            rules=Rules(digits, _pattern(pattern), least, most, max_step, monotonic),
            regions=_regions(roi or []),
            csv=csv,
            save_best=save_best,
            program=program,
            address=address,
            broker=broker,
            clipboard=clipboard,
            keyboard=keyboard,
        )
    )


def config(context: typer.Context) -> None:
    """Print the options of live as a file for --config, with those set that are given here."""
    from camdigits.settings import to_toml

    assert context.parent
    command: Any = context.parent.command
    lived = command.commands["live"].make_context("live", list(context.args), parent=context.parent)
    for option in _options(lived.command):
        value = lived.params[option.name]
        given = lived.get_parameter_source(option.name).name != "DEFAULT"
        print(f"# {option.help}")
        if given:
            print(to_toml(_name(option), value))
        elif value in (None, "", []):
            print(f"# {_name(option)} =")
        else:
            print(f"# {to_toml(_name(option), value)}")
        print()


def _options(command: Any) -> list[Any]:
    """Return the options of live that a file may set."""
    return [option for option in command.params if option.name not in ("settings", "help")]


def _name(option: Any) -> str:
    """Return what an option is called in a file: as on the command line, without the dashes."""
    return str(option.opts[0]).removeprefix("--")


def _segment(text: str) -> "Segment | None":
    from camdigits.recorder import Segment

    try:
        return Segment.parse(text) if text else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--segment") from None


def _regions(texts: list[str]) -> dict[str, Box]:
    """Return parts of the picture by name: of those without one, a number from 1."""
    named = (text.rpartition("=") for text in texts)
    regions = {name or str(number): parse_roi(box) for number, (name, _, box) in enumerate(named, 1)}
    if len(regions) < len(texts):
        raise typer.BadParameter("two parts of the same name", param_hint="--roi")
    return regions


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise typer.BadParameter(f"{text!r} is no regular expression: {error}", param_hint="--pattern") from None
    return text
