"""`camdigits live` on the command line, and `camdigits config`, which prints its options as a file that it takes."""

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from camdigits.options import MinConfidence, Model, file_named, folder_named, parse_roi
from camdigits.types import MIN_CONFIDENCE, MIN_HITS, Box

if TYPE_CHECKING:
    from camdigits.accept import Rules
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
        for name, option in options.items():
            if option.name in context.default_map:
                try:
                    option.process_value(context, context.default_map[option.name])
                except typer.BadParameter as error:
                    raise typer.BadParameter(error.message, param_hint=f"--{name} in {path}") from None
    return path


def _told(value: str | None) -> str | None:
    """Refuse a text that is given and empty, as by a variable that is not set: it would silently do nothing."""
    if value == "":
        raise typer.BadParameter("is empty; say what, or leave it out")
    return value


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
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", parser=file_named, help="Record what is shown as .mp4, .mov, .mkv or .avi."),
    ] = None,
    raw: Annotated[
        Path | None, typer.Option(metavar="FILE", parser=file_named, help="Record the pictures as they come.")
    ] = None,
    segment: Annotated[
        str | None,
        typer.Option(metavar="10min|500MB", callback=_told, help="Record in files of at most this, name-001 and on."),
    ] = None,
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
    pattern: Annotated[
        str | None,
        typer.Option(metavar="REGEX", callback=_told, help="Hold back numbers that do not match it whole."),
    ] = None,
    least: Annotated[float | None, typer.Option("--min", help="Hold back lower numbers.")] = None,
    most: Annotated[float | None, typer.Option("--max", help="Hold back higher ones.")] = None,
    max_step: Annotated[float | None, typer.Option(min=0, help="Hold back those farther from the last.")] = None,
    monotonic: Annotated[bool, typer.Option("--monotonic", help="Hold back those lower than the last.")] = False,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", parser=file_named, help="Add each new number to a table.")
    ] = None,
    save_best: Annotated[
        Path | None, typer.Option(metavar="DIR", parser=folder_named, help="Keep each number's best frame here.")
    ] = None,
    program: Annotated[
        str | None,
        typer.Option(
            "--exec",
            metavar="CMD",
            callback=_told,
            help="Run this for each new number, its text as last argument or {}.",
        ),
    ] = None,
    address: Annotated[
        str | None, typer.Option("--post", metavar="URL", callback=_told, help="Post each event there, as JSON.")
    ] = None,
    broker: Annotated[
        str | None,
        typer.Option(
            "--mqtt", metavar="mqtt://HOST", callback=_told, help="Publish numbers, Home Assistant finds them."
        ),
    ] = None,
    clipboard: Annotated[bool, typer.Option("--clipboard", help="Copy each new number.")] = False,
    keyboard: Annotated[bool, typer.Option("--type", help="Type it into the focused field, with Enter.")] = False,
) -> None:
    """Read numbers from a camera or a video as it runs."""
    del settings  # _load has seen to it
    from camdigits.live import run_live
    from camdigits.settings import LiveSettings

    run_live(
        LiveSettings(
            tuple(source or ["0"]),
            output,
            raw,
            _segment(segment, bool(output or raw)),
            headless=headless,
            json=as_json,
            every_frame=every_frame,
            model=model,
            min_confidence=min_confidence,
            mirror=mirror,
            hits=hits,
            rules=_rules(digits, _pattern(pattern), least, most, max_step, monotonic),
            regions=_regions(roi or []),
            csv=csv,
            save_best=save_best,
            program=program or "",
            address=address or "",
            broker=broker or "",
            clipboard=clipboard,
            keyboard=keyboard,
        )
    )


def config(context: typer.Context) -> None:
    """Print the options of live as a file for --config, with those set that are given here."""
    from camdigits.settings import to_toml

    assert context.parent
    command: Any = context.parent.command
    lived = command.commands["live"].make_context(context.info_name, list(context.args), parent=context.parent)
    told = lived.params
    _segment(told["segment"], recorded=True)  # where to may be said later
    _regions(told["roi"] or [])
    of_numbers = (told[name] for name in ("least", "most", "max_step", "monotonic"))
    _rules(told["digits"], _pattern(told["pattern"]), *of_numbers)
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


def _segment(text: str | None, recorded: bool) -> "Segment | None":
    from camdigits.recorder import Segment

    try:
        segment = Segment.parse(text) if text else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--segment") from None
    if segment and not recorded:
        raise typer.BadParameter("nothing is recorded; add --output FILE or --raw FILE", param_hint="--segment")
    return segment


def _regions(texts: list[str]) -> dict[str, Box]:
    """Return parts of the picture by name: of those without one, a number from 1."""
    named = (text.rpartition("=") for text in texts)
    regions = {name or str(number): parse_roi(box) for number, (name, _, box) in enumerate(named, 1)}
    if len(regions) < len(texts):
        raise typer.BadParameter("two parts of the same name", param_hint="--roi")
    return regions


def _pattern(text: str | None) -> str:
    try:
        re.compile(text or "")
    except re.error as error:
        raise typer.BadParameter(f"{text!r} is no regular expression: {error}", param_hint="--pattern") from None
    return text or ""


def _rules(
    digits: int | None,
    pattern: str,
    least: float | None,
    most: float | None,
    max_step: float | None,
    monotonic: bool,
) -> "Rules":
    """Return the rules, unless no number can ever keep them."""
    from camdigits.accept import Rules

    for name, value in (("--min", least), ("--max", most), ("--max-step", max_step)):
        if value is not None and not math.isfinite(value):
            raise typer.BadParameter(f"{value} is no limit; give a number, or leave it out", param_hint=name)
    if least is not None and most is not None and least > most:
        reason = f"no number is at least {least:g} and at most {most:g}; change one"
        raise typer.BadParameter(reason, param_hint="--min and --max")
    if digits is not None and least is not None and least > 0 and math.log10(least) >= digits:
        reason = f"no number of {digits} digits is at least {least:g}; change one"
        raise typer.BadParameter(reason, param_hint="--digits and --min")
    counted = re.fullmatch(r"(?:\\d|\[0-9\])\{(\d+)\}", pattern)  # of other patterns nobody knows without trying
    if digits is not None and counted and int(counted[1]) != digits:
        reason = f"no number of {digits} digits is {pattern}; change one"
        raise typer.BadParameter(reason, param_hint="--digits and --pattern")
    return Rules(digits, pattern, least, most, max_step, monotonic)
