"""`camdigits live`: frames from sources, read, followed, told, recorded and shown, until someone has seen enough."""

import json
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from typing import Protocol, TextIO

from camdigits.best import BestFrames
from camdigits.controls import Controls
from camdigits.deliver import Broker, Delivery, Program, to_address, without_password
from camdigits.desktop import to_clipboard, to_keyboard
from camdigits.ending import polite_end
from camdigits.errors import SinkError, SourceError, WindowError
from camdigits.ink import MIN_HEIGHT
from camdigits.memory import return_large_blocks
from camdigits.panels import Status
from camdigits.reader import Reader, Reads
from camdigits.recordings import Recordings
from camdigits.settings import LiveSettings
from camdigits.sinks import NumberLog
from camdigits.sources import Source, open_source
from camdigits.together import frames_of
from camdigits.types import Box, Event, Frame, Image
from camdigits.view import View
from camdigits.watch import Watch
from camdigits.window import Window, open_window

PAUSE = 0.03
"""Seconds between two looks at the keys while paused."""

REMEMBERED = 50
"""Settled numbers that the window's history holds."""


class Sink(Protocol):
    """Takes events. close may be called again; both may raise SinkError."""

    def put(self, event: Event) -> None:
        """Take an event, without waiting for anyone."""

    def close(self) -> None:
        """Finish."""


def run_live(settings: LiveSettings) -> None:
    """Run until the sources end, the user quits, or Ctrl-C, which is an ordinary end: the recording is finished.

    Numbers or JSON Lines go to stdout, all else to stderr. A source that is lost is waited for. Raises SourceError
    where there is none, ModelError, SinkError, also where events were not delivered, and BrokenPipeError where whoever
    read stdout has gone.
    """
    return_large_blocks()
    with ExitStack() as opened:
        sources = [opened.enter_context(open_source(source, reconnect=True)) for source in settings.sources]
        reader = Reader(settings.model, settings.min_confidence)
        sinks = opened.enter_context(open_sinks(settings))
        Live(sources, reader, settings, sinks).run()


@contextmanager
def open_sinks(settings: LiveSettings) -> Iterator[list[Sink]]:
    """Open the sinks asked for, and close them in the end. Raises SinkError where one cannot open, or has failed."""
    sinks: list[Sink] = []
    try:
        sinks.extend(_sinks(settings))
        yield sinks
    finally:
        _close(sinks)


def _close(sinks: Sequence[Sink]) -> None:
    failures = []
    with polite_end():
        for sink in sinks:
            try:
                sink.close()
            except SinkError as error:
                failures.append(str(error))
    if failures:
        raise SinkError(f"{'; '.join(failures)}; see to what takes them, or keep numbers with --csv")


def _sinks(settings: LiveSettings) -> Iterator[Sink]:
    """Yield the sinks asked for. Raises SinkError where one cannot open."""
    if settings.csv:
        yield NumberLog(settings.csv)
    if settings.program:
        program = Program(settings.program)
        yield Delivery(settings.program, program.receive, _say, end=program.close)
    if settings.address:
        yield Delivery(without_password(settings.address), to_address(settings.address), _say)
    if settings.broker:
        broker = Broker(settings.broker)
        yield Delivery(without_password(settings.broker), broker.receive, _say, end=broker.close)
    if settings.clipboard:
        yield Delivery("clipboard", to_clipboard(), _say)
    if settings.keyboard:
        yield Delivery("keyboard", to_keyboard(), _say)


class Live:
    """One run."""

    def __init__(
        self,
        sources: Sequence[Source],
        read: Reads,
        settings: LiveSettings,
        sinks: Sequence[Sink] = (),
        out: TextIO | None = None,
    ) -> None:
        """Take one or more open sources, of different names, and sinks, which are closed elsewhere.

        Raises SourceError where two sources are the same or a part that is to be read lies in none of them,
        SinkError where recordings would overwrite them or one another.
        """
        names = [source.name for source in sources]
        if len(set(names)) < len(names):
            raise SourceError("the same --source twice; name different ones")
        for part in settings.regions.values():
            _find(part, sources)
        self._sources = sources
        self._read = read
        self._settings = settings
        self._watches = {s.name: Watch(s, settings, s.name if len(sources) > 1 else "") for s in sources}
        self._view = View(list(self._watches.values()), mirrored=settings.mirror)
        self._sinks = list(sinks)
        self._cut_short = False  # an output has ended before the run
        self._out = out or sys.stdout
        self._recordings = Recordings(settings, sources, _say)
        self._controls = Controls(self._view, list(self._watches.values()), read, self._recordings, _say)
        self._best = {name: BestFrames(settings.save_best) for name in self._watches} if settings.save_best else {}
        self._window: Window | None = None
        self._began: dict[str, float] = {}  # when a film's first frame was due; time spent paused moves it
        self._ticks: deque[float] = deque(maxlen=30)
        self._history: deque[tuple[str, str]] = deque(maxlen=REMEMBERED)

    def run(self) -> None:
        """Read frame after frame; see run_live."""
        for source in self._sources:
            if source.given:
                _say(f"{source.name}: {source.given}")
        with ExitStack() as ends:  # each takes place whatever becomes of the others
            ends.callback(self._complain)
            ends.callback(self._recordings.close)
            ends.callback(self._close_best)
            ends.callback(self._close_window)
            try:
                with polite_end() as ended:
                    self._recordings.start()
                    if not self._settings.headless:
                        self._open_window()
                    self._loop(ended)
            except KeyboardInterrupt:
                _say("stopped")

    def _close_window(self) -> None:
        if self._window:
            self._window.close()

    def _close_best(self) -> None:
        for best in self._best.values():
            best.close()

    def _complain(self) -> None:
        if self._cut_short:
            raise SinkError("an output ended before the run did; make room on the disk")

    def _loop(self, ended: threading.Event) -> None:
        with closing(frames_of(self._sources)) as frames:
            for source, frame in frames:
                if ended.is_set():  # the interrupt itself was swallowed
                    raise KeyboardInterrupt
                watch = self._watches[source.name]
                if not watch.frames:
                    self._say_cuts(frame)
                self._tell(watch, watch.take(frame, self._read))
                if not frame.lost:
                    self._ticks.append(time.monotonic())
                self._recordings.write_raw(frame)
                if not self._recordings.shown and not self._window:
                    continue
                picture = self._view.picture()
                self._recordings.write(picture, frame.time)
                if not self._window:
                    continue
                latency = time.monotonic() - source.arrival
                if not source.live:  # a file plays at its own speed
                    began = self._began.setdefault(source.name, time.monotonic() - frame.time)
                    time.sleep(max(0.0, began + frame.time - time.monotonic()))
                if not self._show(watch, picture, latency):
                    return
        for source in self._sources:
            if source.unread:
                _say(f"{source.name}: pictures that cannot be read, left out: {source.unread}")
        if not any(watch.settled for watch in self._watches.values()):
            count = sum(watch.frames for watch in self._watches.values())
            _say(f"no number settled in {count} frames; single pictures are read by camdigits image")

    def _say_cuts(self, frame: Frame) -> None:
        """Say which of the parts asked for lie partly outside the picture, and what is left of them."""
        height, width = frame.image.shape[:2]
        for name, part in self._settings.regions.items():
            left = Box(part.x, part.y, min(part.w, width - part.x), min(part.h, height - part.y))
            if left != part and min(left.w, left.h) > 0:  # of several sources another may show one that lies outside
                said, rest = (",".join(map(str, box)) for box in (part, left))
                _say(f"{frame.source}: the roi {name}={said} lies partly outside the picture, {rest} is left")

    def _show(self, watch: Watch, picture: Image, latency: float) -> bool:
        """Show the picture and do what the keys say, while paused again and again; False where the user quits."""
        view = self._view
        began, paused = time.monotonic(), 0.0
        while self._window:
            lost = watch.frame.lost if watch.frame and len(self._watches) == 1 else ""
            status = Status(self._rate(), latency, self._recordings.shown, lost=lost)
            window = self._window
            seen = view.screen(picture, status, self._read.labels, list(self._history), window.pointer, window.dragged)
            showing = window(seen)
            self._controls.pointer = window.pointer
            for box in window.drawn():
                self._controls.name_region(box)
            for key in window.pressed():  # also those pressed just before it was closed
                self._controls.obey(key)
            window.typing = view.entry is not None
            if not showing:
                if not window.lost:
                    return False
                _say("the screen is gone; reading goes on without a window")
                window.close()
                self._window, view.paused = None, False
                break
            if not view.paused:
                break
            time.sleep(PAUSE)
            self._began.clear()
            picture = view.picture()
            paused = time.monotonic() - began
        self._recordings.skip(paused)
        return True

    def _open_window(self) -> None:
        try:
            self._window = open_window("camdigits")
        except WindowError as error:
            _say(
                f"{error}; reading goes on without a window, or watch it in a browser: camdigits serve --source SOURCE"
            )

    def _tell(self, watch: Watch, events: Sequence[Event]) -> None:
        frame = watch.frame
        assert frame
        for event in events:
            if event["event"] in ("lost", "back"):
                _say(f"{frame.source}: {frame.lost or 'back'}")
            elif self._settings.every_frame:
                self._hand_over(event)
                continue
            self._print(event)
            self._hand_over(event)
        if self._settings.every_frame and not frame.lost:
            self._print(watch.told())
        if watch.source.name in self._best and not frame.lost:
            try:
                self._best[watch.source.name].update(frame, watch.readings)
            except SinkError as error:
                self._give_up(error)
                self._best.clear()  # all write to the same folder

    def _print(self, event: Event) -> None:
        if self._settings.json or self._settings.every_frame:
            print(json.dumps(event), file=self._out, flush=True)  # whoever listens acts on it now
        elif event["event"] == "number":
            print(event["text"], file=self._out, flush=True)

    def _hand_over(self, event: Event) -> None:
        if event["event"] == "number":
            self._history.appendleft((datetime.now().strftime("%H:%M:%S"), event["text"]))
        for sink in list(self._sinks):
            try:
                sink.put(event)
            except SinkError as error:
                self._give_up(error)
                self._sinks.remove(sink)

    def _give_up(self, error: SinkError) -> None:
        """Say that an output takes no more; reading goes on."""
        _say(str(error))
        self._cut_short = True

    def _rate(self) -> float:
        """Frames a second, over the last thirty."""
        return (len(self._ticks) - 1) / (self._ticks[-1] - self._ticks[0]) if len(self._ticks) > 1 else 0.0


def _find(part: Box, sources: Sequence[Source]) -> None:
    """Raise SourceError where no source shows enough of a part of the picture for a digit."""
    sizes = [source.size for source in sources if all(source.size)]  # some say it with their first picture only
    if sizes and not any(min(w - part.x, h - part.y, part.w, part.h) >= MIN_HEIGHT for w, h in sizes):
        pixels = " or ".join(f"{w}x{h}" for w, h in sizes)
        raise SourceError(f"the roi {','.join(map(str, part))} lies outside the picture, {pixels} pixels")


def _say(text: str) -> None:
    print(f"{text}\n", end="", file=sys.stderr, flush=True)  # in one piece: receivers' threads say things, too
