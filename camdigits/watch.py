"""One source as `camdigits live` follows it: its tracks, its rules, and what is known of it now."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce

import numpy as np

from camdigits.accept import Gate
from camdigits.settings import LiveSettings
from camdigits.sinks import Events, frame_object, source_event
from camdigits.sources import Source
from camdigits.track import Tracker
from camdigits.types import MIN_HITS, Box, Digit, Event, Frame, Image, Reading, Trace, shared_area
from camdigits.unchanged import Unchanged

NOTHING = Trace((), np.zeros((0, 1), np.float32), ())
"""Of no picture."""

SAME = 0.5
"""A candidate whose box shares this part of both with a digit's is what the digit was read from."""


class Watch:
    """A source, and what was read in it.

    frame, readings: the newest frame, and what is known of it; trace: of the last one that was read. None, none and
    nothing before the first. regions: the parts that are read, by name, which may be changed. frames: how many came.
    settled: whether any number has.
    """

    def __init__(self, source: Source, settings: LiveSettings, name: str = "") -> None:
        """name: by which its events are told, where there are several."""
        self.source = source
        self.name = name
        self.frame: Frame | None = None
        self.trace = NOTHING
        self.readings: list[Reading] = []
        self.regions = dict(settings.regions)
        self.frames = 0
        self.settled = False
        self._tracker = Tracker(min_hits=settings.hits)
        self._unchanged = Unchanged(max(settings.hits, MIN_HITS))
        self._parts: list[Box] = []  # that the newest frame was read for
        self._tracked: list[Reading] = []
        self._gate = Gate(settings.rules, self.regions)
        self._events = Events()

    def take(self, frame: Frame, read: Callable[[Image, Sequence[Box]], Trace]) -> list[Event]:
        """Read a frame and return what happened.

        What is known already is not read: the last frame of a source that is lost, once more, and what a live source's
        picture shows that lies still.
        """
        before = self.frame.lost if self.frame else ""
        self.frame = frame
        events = [source_event(frame)] if frame.lost != before else []
        if frame.lost:
            self.readings = [replace(reading, stale=True) for reading in self.readings]
            return events
        parts = list(self.regions.values())
        if parts != self._parts:
            self.look_again()
        self._parts = parts
        # a film is read whole: it may be waited for
        if not (self.source.live and self._unchanged.look(_around(frame.image, parts), frame.time)):
            self.trace = read(frame.image, parts)
            self._tracked = self._tracker.update(self.trace.numbers, frame.time - self._unchanged.rested)
            self._unchanged.was_read(self.trace.numbers, self._tracked)
        self.readings = self._gate.update(self._tracked)
        self.frames += 1
        self.settled = self.settled or any(reading.settled for reading in self.readings)
        return events + [self._named(event) for event in self._events.update(frame, self.readings)]

    def look_again(self) -> None:
        """Read the next frame even if it shows nothing new: it is read otherwise than the last."""
        self._unchanged.forget()

    def told(self) -> Event:
        """Return the newest frame's settled readings, as JSON has them."""
        assert self.frame
        return self._named(frame_object(self.frame, self.readings))

    def reading_at(self, x: float, y: float) -> Reading | None:
        """Return the reading at a place in the frame, None where there is none."""
        return next((reading for reading in self.readings if reading.number.box.contains((x, y))), None)

    def candidate_of(self, digit: Digit) -> int | None:
        """Return the index in the trace of what a digit was read from, None where this frame does not show it."""
        if not self.trace.candidates:
            return None
        boxes = np.array([candidate.box for candidate in self.trace.candidates])
        shared = shared_area(boxes, np.array([digit.box]))[:, 0]
        part = shared / np.maximum(boxes[:, 2:].prod(1), digit.box.w * digit.box.h)
        best = int(part.argmax())
        return best if part[best] > SAME else None

    def _named(self, event: Event) -> Event:
        return {**event, "source": self.name} if self.name else event


def _around(image: Image, parts: Sequence[Box]) -> Image:
    """Return what of a picture holds the parts that are read, all of it where there are none or they lie outside."""
    if not parts:
        return image
    box = reduce(Box.union, parts)
    inside = image[box.y : box.bottom, box.x : box.right]
    return inside if inside.size else image
