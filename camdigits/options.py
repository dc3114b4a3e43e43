"""Options that several commands have."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from camdigits.types import Box

Model = Annotated[
    str, typer.Option(metavar="FILE|cnn|knn", help="Which model reads: a shipped one, an .onnx file, or one taught.")
]
MinConfidence = Annotated[float, typer.Option(min=0, max=1, help="Digits less sure than this are left out.")]


def file_named(name: str) -> Path:
    """Return a file to write to. Raises BadParameter where it is empty, a folder as . is, or - for a stream."""
    if name == "-" or not Path(name).name:
        raise typer.BadParameter(f"{name or 'an empty name'} is no file; name one")
    return Path(name)


def folder_named(name: str) -> Path:
    """Return a folder to write into. Raises BadParameter where the name is empty: that would be the current one."""
    if not name:
        raise typer.BadParameter("an empty name is no folder; name one, or . for the current one")
    return Path(name)


def parse_roi(text: str) -> "Box":
    """Return the box that x,y,w,h means. Raises BadParameter, also where it is too small for a digit."""
    from camdigits.ink import MIN_HEIGHT
    from camdigits.types import Box

    try:
        x, y, w, h = (int(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not x,y,w,h in whole pixels", param_hint="--roi") from None
    if x < 0 or y < 0 or w <= 0 or h <= 0:
        raise typer.BadParameter("x and y must not be negative, width and height positive", param_hint="--roi")
    if min(w, h) < MIN_HEIGHT:
        reason = f"{w}x{h} pixels are too few for a digit; name {MIN_HEIGHT} or more each way"
        raise typer.BadParameter(reason, param_hint="--roi")
    return Box(x, y, w, h)
