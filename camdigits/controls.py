"""What the keys and the mouse do while `camdigits live` runs."""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from camdigits.corrections import save_corrections
from camdigits.crops import upright
from camdigits.errors import CamdigitsError, SinkError
from camdigits.reader import Reads
from camdigits.recordings import Recordings
from camdigits.sinks import snapshot
from camdigits.types import Box
from camdigits.view import Entry, View
from camdigits.watch import Watch

CORRECTIONS = Path("corrections")
"""Where corrected digits go, in the current folder."""


class Controls:
    """The hands of a run. pointer: where the mouse is in the view, None where it was never in it."""

    def __init__(
        self, view: View, watches: Sequence[Watch], read: Reads, recordings: Recordings, say: Callable[[str], None]
    ) -> None:
        self.pointer: tuple[int, int] | None = None
        self._view, self._watches, self._read, self._recordings, self._say = view, watches, read, recordings, say

    def obey(self, key: str) -> None:
        """Do what a key says. Whatever cannot be done is said."""
        view = self._view
        if view.entry:
            if not view.entry.press(key):
                entry, view.entry = view.entry, None
                self._note(entry.done(entry.text) if key == "enter" else "")
            return
        try:
            if key == "space":
                view.paused = not view.paused
            elif key == "m":
                view.mirrored = not view.mirrored
            elif key == "i":
                view.inspecting = not view.inspecting
            elif key == "h":
                view.helping = not view.helping
            elif key in ("+", "=", "-"):
                view.note(self._read.change_confidence(-1 if key == "-" else 1))
                self._look_again()
            elif key == "tab":
                view.note(self._read.change_model())
                self._look_again()
            elif key == "c":
                self._correct()
            elif key == "backspace":
                self._forget_region()
            elif key == "s":
                watch = self._pointed() or self._watches[0]
                if watch.frame:
                    self._note(f"saved {snapshot(watch.frame, watch.readings)}")
            elif key == "r":
                self._recordings.toggle()
        except CamdigitsError as error:
            self._note(str(error))

    def _look_again(self) -> None:
        for watch in self._watches:
            watch.look_again()

    def _note(self, text: str) -> None:
        if text:
            self._say(text)
            self._view.note(text)

    def _pointed(self) -> Watch | None:
        """Return the source whose picture is under the mouse."""
        there = self._place()
        return there[0] if there else None

    def _place(self) -> tuple[Watch, float, float] | None:
        return self._view.at(self.pointer) if self.pointer else None

    def _correct(self) -> None:
        """Ask what the number under the mouse really is; its digits then become a lesson."""
        there = self._place()
        reading = there and there[0].reading_at(*there[1:])
        if not there or not reading:
            self._view.note("no number under the mouse")
            return
        watch, number = there[0], reading.number
        found = [watch.candidate_of(digit) for digit in number.digits]
        inks = [upright(watch.trace.candidates[index], number) if index is not None else None for index in found]

        def save(text: str) -> str:
            try:
                return save_corrections(inks, text, self._read.labels, CORRECTIONS)
            except SinkError as error:
                return str(error)

        self._view.entry = Entry(f"{number.text} is really", save)

    def name_region(self, drawn: Box) -> None:
        """Read only the part of a source that was drawn with the mouse, and ask for its name."""
        first = self._view.at((drawn.x, drawn.y))
        last = self._view.at((drawn.right - 1, drawn.bottom - 1))
        if not first or not last or first[0] is not last[0]:
            self._view.note("a region lies inside one picture")
            return
        (watch, left, top), (_, right, bottom) = first, last
        left, right = sorted((round(left), round(right)))
        box = Box(left, round(top), right - left + 1, round(bottom) - round(top) + 1)
        number = next(str(n) for n in range(1, len(watch.regions) + 2) if str(n) not in watch.regions)
        watch.regions[number] = box

        def rename(text: str) -> str:
            name = text.strip() or number
            if name != number and name in watch.regions:
                return f"there is a region {name} already; this one is {number}"
            watch.regions[name] = watch.regions.pop(number)
            return f"--roi {shlex.quote(name)}={','.join(map(str, box))}"

        self._view.entry = Entry("name of the region:", rename)

    def _forget_region(self) -> None:
        watch = self._pointed() or self._watches[0]
        if watch.regions:
            name, _ = watch.regions.popitem()
            self._view.note(f"region {name} is forgotten")
