"""What `camdigits live` can be asked for: one dataclass behind the command line and the TOML file."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from camdigits.accept import Rules
from camdigits.errors import SettingsError
from camdigits.recorder import Segment
from camdigits.types import MIN_CONFIDENCE, MIN_HITS, Box


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """What `camdigits live` can be asked for.

    sources: each as open_source takes it. output: a video to record, as shown; raw: one of the pictures as they come;
    segment: where a file of these ends and the next begins. headless: open no window. json: events on stdout instead of
    plain numbers; every_frame: instead of both, one JSON object a frame. mirror: show the view as a mirror would; what
    is read is never mirrored. hits: frames that must agree before a number settles. rules: which settled numbers are
    told, the others are held back. regions: the parts of the picture that are read, by name; without any all of it is.
    csv: a table to which each new number is added. save_best: a folder for the best frame of each number. program,
    address, broker, clipboard, keyboard: receivers of events, as camdigits.deliver and camdigits.desktop have them.
    """

    sources: tuple[str, ...] = ("0",)
    output: Path | None = None
    raw: Path | None = None
    segment: Segment | None = None
    headless: bool = False
    json: bool = False
    every_frame: bool = False
    model: str = "cnn"
    min_confidence: float = MIN_CONFIDENCE
    mirror: bool = False
    hits: int = MIN_HITS
    rules: Rules = field(default_factory=Rules)
    regions: Mapping[str, Box] = field(default_factory=dict)
    csv: Path | None = None
    save_best: Path | None = None
    program: str = ""
    address: str = ""
    broker: str = ""
    clipboard: bool = False
    keyboard: bool = False


def load_settings(path: Path, known: Mapping[str, str]) -> dict[str, object]:
    """Return what a TOML file of options sets, by the options' own names (known: from the names in the file to these).

    Raises SettingsError where it cannot be read or names what is none.
    """
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}); `camdigits config` prints one") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not TOML ({error}); `camdigits config` prints one that is") from error
    strange = sorted(told.keys() - known.keys())
    if strange:
        like = get_close_matches(strange[0], known, 1)
        hint = f", such as {like[0]!r}" if like else ""
        raise SettingsError(f"{path}: {strange[0]!r} is no setting; `camdigits config` prints all{hint}")
    return {known[name]: value for name, value in told.items()}


def to_toml(name: str, value: object) -> str:
    """Return `name = value` as TOML has it, of a text, number, truth or list of texts."""
    if isinstance(value, bool):
        return f"{name} = {str(value).lower()}"
    if isinstance(value, int | float):
        return f"{name} = {value}"
    if isinstance(value, list | tuple):
        return f"{name} = [{', '.join(_quoted(str(item)) for item in value)}]"
    return f"{name} = {_quoted(str(value))}"


def _quoted(text: str) -> str:
    if "'" not in text and text.isprintable():
        return f"'{text}'"  # literal: patterns and paths keep their backslashes
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in plain) + '"'
