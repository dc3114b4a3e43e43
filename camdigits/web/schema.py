"""What the API answers, as its OpenAPI description says it."""

from pydantic import BaseModel


class DigitRead(BaseModel):
    """One digit. top and patch are there where details were asked for."""

    label: str
    confidence: float
    box: tuple[int, int, int, int]
    top: list[tuple[str, float]] | None = None
    patch: str | None = None


class NumberRead(BaseModel):
    """One number; boxes are x, y, width, height in pixels of the picture as its EXIF orientation turns it."""

    text: str
    confidence: float
    line: int
    angle: float
    box: tuple[int, int, int, int]
    digits: list[DigitRead]


class PictureRead(BaseModel):
    """What was read in one picture.

    why: there are no numbers, and what to change. Where details were asked for, pages says how many a PDF file has, and
    picture shows what browsers do not.
    """

    source: str
    width: int
    height: int
    elapsed_ms: float
    numbers: list[NumberRead]
    why: str | None = None
    pages: int | None = None
    picture: str | None = None


class Failure(BaseModel):
    """Why there is no answer, and what to change."""

    error: str
    source: str | None = None


class ModelEntry(BaseModel):
    """A model that can be chosen."""

    name: str
    labels: list[str]


class Offer(BaseModel):
    """What this server has.

    models: the default one first. min_confidence: where none is asked for. source: what WS /api/watch shows, if
    anything. collects: whether POST /api/wrong takes corrections.
    """

    models: list[ModelEntry]
    min_confidence: float
    version: str
    source: str | None
    collects: bool


class Saved(BaseModel):
    """Where in the folder a corrected digit lies."""

    saved: str
