"""What `camdigits live` shows and records: the picture of each source with its readings, tiled where there are several.

Over it, for the window alone, what the keys and the mouse ask for: help, candidates, a digit's second choice.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from camdigits.normalize import normalize
from camdigits.overlay import draw, draw_regions, draw_trace
from camdigits.panels import (
    Status,
    draw_choices,
    draw_help,
    draw_history,
    draw_name,
    draw_prompt,
    draw_selection,
    draw_status,
    tiled,
)
from camdigits.types import Box, Frame, Image, Reading
from camdigits.watch import Watch

KEYS = (
    ("q  Esc", "quit"),
    ("space", "pause"),
    ("s", "snapshot: picture and JSON"),
    ("r", "start or stop recording"),
    ("m", "mirror the view"),
    ("i", "inspect: candidates and patches"),
    ("+  -", "ask for more or less confidence"),
    ("Tab", "the next model"),
    ("c", "correct the number under the mouse"),
    ("drag", "read only this part; Backspace forgets it"),
    ("h", "this help"),
)

CANVAS = (1920, 1080)
"""(width, height) of the view of several sources."""

NOTED = 2.5
"""Seconds that a note stays."""


@dataclass(slots=True)
class Entry:
    """A line that is being typed. done: takes it when it is finished, and returns what to say."""

    prompt: str
    done: Callable[[str], str]
    text: str = ""

    def press(self, key: str) -> bool:
        """Take a key; return whether it goes on."""
        if key == "backspace":
            self.text = self.text[:-1]
        elif key == "space" or len(key) == 1:
            self.text += " " if key == "space" else key
        return key not in ("enter", "esc")


class View:
    """How the sources are shown. mirrored, inspecting, helping, paused: what the keys switched on."""

    def __init__(self, watches: Sequence[Watch], *, mirrored: bool) -> None:
        self._watches = watches
        self.mirrored = mirrored
        self.inspecting = self.helping = self.paused = False
        self.entry: Entry | None = None
        self._noted = ("", 0.0)
        self._tiles: dict[str, tuple[tuple[Frame, bool, tuple[str, ...]], Image]] = {}  # by source: of what, drawn

    def note(self, text: str) -> None:
        """Show a line for a moment."""
        self._noted = text, time.monotonic() + NOTED

    def picture(self) -> Image:
        """Return the picture with its readings, as it is recorded."""
        if len(self._watches) == 1:
            return self._drawn(self._watches[0])
        for watch, frame, place in self._places():
            drawn = frame, self.mirrored, tuple(watch.regions)
            if (
                watch.name not in self._tiles or self._tiles[watch.name][0] != drawn
            ):  # the others' pictures are as they were
                self._tiles[watch.name] = drawn, self._tile(self._drawn(watch), watch, place)
        return tiled([(self._tiles[watch.name][1], place) for watch, _, place in self._places()], CANVAS)

    def screen(
        self,
        picture: Image,
        status: Status,
        labels: Sequence[str],
        history: Sequence[tuple[str, str]],
        pointer: tuple[int, int] | None,
        dragged: Box | None,
    ) -> Image:
        """Return what the window shows around and over a picture that picture() made; labels: of the model."""
        if self.inspecting:
            seen = [
                (draw_trace(frame.image, watch.trace, labels, normalize(watch.trace.candidates)), watch, place)
                for watch, frame, place in self._places()
            ]
            alone = len(self._watches) == 1
            picture = seen[0][0] if alone else tiled([(self._tile(*each), each[2]) for each in seen], CANVAS)
        view = draw_status(picture, status._replace(paused=self.paused, mirrored=self.mirrored))
        if pointer and not dragged:
            self._draw_choices(view, labels, pointer)
        if dragged:
            draw_selection(view, dragged)
        note, until = self._noted
        if self.entry:
            draw_prompt(view, f"{self.entry.prompt} {self.entry.text}_")
        elif time.monotonic() < until:
            draw_prompt(view, note)
        if self.helping:
            view = draw_help(view, KEYS)
        return draw_history(view, history)

    def at(self, point: tuple[float, float]) -> tuple[Watch, float, float] | None:
        """Return whose picture lies at a point of the view, and where in that the point is; None beside them all."""
        for watch, frame, place in self._places():
            if place.contains(point):
                scale = frame.image.shape[1] / place.w
                x, y = (point[0] - place.x) * scale, (point[1] - place.y) * scale
                return watch, (frame.image.shape[1] - x if self._turned else x), y
        return None

    @property
    def _turned(self) -> bool:
        return self.mirrored and not self.inspecting

    def _draw_choices(self, view: Image, labels: Sequence[str], pointer: tuple[int, int]) -> None:
        """Draw what the digit under the mouse was taken for, and what else it may be."""
        there = self.at(pointer)
        reading = there and there[0].reading_at(*there[1:])
        if not there or not reading:
            return
        watch, x, y = there
        for digit in reading.number.digits:
            found = watch.candidate_of(digit) if digit.box.contains((x, y)) else None
            if found is not None:
                chances = watch.trace.probabilities[found, : len(labels)]
                best = np.argsort(chances)[::-1][:2]
                draw_choices(view, self._shown(watch, digit.box), [(labels[i], float(chances[i])) for i in best])

    def _shown(self, watch: Watch, box: Box) -> Box:
        """Return where a box of a source's frame lies in the view."""
        frame, place = next((frame, place) for each, frame, place in self._places() if each is watch)
        width = frame.image.shape[1]
        box = box._replace(x=width - box.right) if self._turned else box
        return box.scaled(place.w / width).moved(place.x, place.y)

    def _places(self) -> list[tuple[Watch, Frame, Box]]:
        """Return the sources that have given a frame, with it and where in the view it lies."""
        seen = [(watch, watch.frame) for watch in self._watches if watch.frame]
        if len(self._watches) == 1:
            return [(watch, frame, Box(0, 0, *_size(frame.image))) for watch, frame in seen]
        columns = math.ceil(math.sqrt(len(self._watches)))
        rows = math.ceil(len(self._watches) / columns)
        cell = CANVAS[0] // columns, CANVAS[1] // rows
        places = []
        for index, (watch, frame) in enumerate(seen):
            width, height = _size(frame.image)
            scale = min(cell[0] / width, cell[1] / height)
            corner = index % columns * cell[0], index // columns * cell[1]
            places.append((watch, frame, Box(*corner, max(1, int(width * scale)), max(1, int(height * scale)))))
        return places

    def _drawn(self, watch: Watch) -> Image:
        frame = watch.frame
        assert frame
        if watch.regions:
            frame = replace(frame, image=draw_regions(frame.image, list(watch.regions.values())))
        return draw(*_mirror(frame, watch.readings)) if self.mirrored else draw(frame, watch.readings)

    def _tile(self, picture: Image, watch: Watch, place: Box) -> Image:
        """Return a source's picture at the size of its place, with its name."""
        tile = cv2.resize(picture, (place.w, place.h), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        lost = watch.frame.lost if watch.frame else ""
        draw_name(tile, f"{watch.name}: {lost}" if lost else watch.name)
        return tile


def _mirror(frame: Frame, readings: Sequence[Reading]) -> tuple[Frame, list[Reading]]:
    """Return both as a mirror shows them, the writing on top still legible."""
    width = frame.image.shape[1]

    def turned(box: Box) -> Box:
        return box._replace(x=width - box.right)

    image = np.ascontiguousarray(frame.image[:, ::-1])
    return replace(frame, image=image), [replace(r, number=r.number.with_boxes(turned)) for r in readings]


def _size(image: Image) -> tuple[int, int]:
    return image.shape[1], image.shape[0]
