"""`camdigits live`: frames from a source, read, followed, told, recorded and shown, until someone has seen enough."""

import json
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TextIO

import numpy as np

from camdigits.accept import Gate, Rules
from camdigits.classify import Classifier
from camdigits.deliver import Broker, Delivery, to_address, to_program, without_password
from camdigits.errors import SinkError, WindowError
from camdigits.normalize import normalize
from camdigits.overlay import Status, draw, draw_help, draw_regions, draw_status, draw_trace
from camdigits.pipeline import trace_parts
from camdigits.sinks import Events, NumberLog, Recorder, frame_object, snapshot, source_event, unused
from camdigits.sources import Source, open_source
from camdigits.track import Tracker
from camdigits.types import MIN_CONFIDENCE, Box, Event, Frame, Image, Reading, Trace
from camdigits.window import Window, open_window

KEYS = (
    ("q  Esc", "quit"),
    ("space", "pause"),
    ("s", "snapshot: picture and JSON"),
    ("r", "start or stop recording"),
    ("m", "mirror the view"),
    ("i", "inspect: candidates and patches"),
    ("h", "this help"),
)

NOTHING = Trace((), np.zeros((0, 1), np.float32), ())
"""Of no picture."""

PAUSE = 0.03
"""Seconds between two looks at the keys while paused."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """What `camdigits live` can be asked for.

    source: as open_source takes it. output: a video to record, as shown. headless: open no window. json: events on
    stdout instead of plain numbers; every_frame: instead of both, one JSON object a frame. mirror: show the view as a
    mirror would; what is read is never mirrored. rules: which settled numbers are told, the others are held back.
    regions: the parts of the picture that are read, by name; without any all of it is. csv: a table to which each new
    number is added. program, address, broker: receivers of events, as camdigits.deliver has them.
    """

    source: str = "0"
    output: Path | None = None
    headless: bool = False
    json: bool = False
    every_frame: bool = False
    model: str = "cnn"
    min_confidence: float = MIN_CONFIDENCE
    mirror: bool = False
    rules: Rules = field(default_factory=Rules)
    regions: Mapping[str, Box] = field(default_factory=dict)
    csv: Path | None = None
    program: str = ""
    address: str = ""
    broker: str = ""


class Sink(Protocol):
    """Takes events. close may be called again; both may raise SinkError."""

    def put(self, event: Event) -> None:
        """Take an event, without waiting for anyone."""

    def close(self) -> None:
        """Finish."""


def run_live(settings: LiveSettings) -> None:
    """Run until the source ends, the user quits, or Ctrl-C, which is an ordinary end: the recording is finished.

    Numbers or JSON Lines go to stdout, all else to stderr. A source that is lost is waited for. Raises SourceError
    where there is none, ModelError, SinkError, and BrokenPipeError where whoever read stdout has gone.
    """
    recorded = settings.output
    if recorded and recorded.exists() and Path(settings.source).exists() and recorded.samefile(settings.source):
        raise SinkError(f"{recorded}: would overwrite the video itself; name another --output")
    with open_source(settings.source, reconnect=True) as source:
        classifier = Classifier(settings.model)
        parts = list(settings.regions.values())

        def read(image: Image) -> Trace:
            return trace_parts(image, parts, classifier, settings.min_confidence)

        with ExitStack() as open_sinks:
            sinks = [open_sinks.enter_context(closing(sink)) for sink in _sinks(settings, open_sinks)]
            Live(source, read, classifier.labels, settings, sinks).run()


def _sinks(settings: LiveSettings, open_sinks: ExitStack) -> Iterator[Sink]:
    """Yield the sinks asked for; what one needs open is closed after it. Raises SinkError where one cannot open."""
    if settings.csv:
        yield NumberLog(settings.csv)
    if settings.program:
        yield Delivery(settings.program, to_program(settings.program), _say)
    if settings.address:
        yield Delivery(without_password(settings.address), to_address(settings.address), _say)
    if settings.broker:
        broker = open_sinks.enter_context(closing(Broker(settings.broker)))
        yield Delivery(without_password(settings.broker), broker.receive, _say)


class Live:
    """One run. read: picture to trace; labels: of the columns of its probabilities."""

    def __init__(
        self,
        source: Source,
        read: Callable[[Image], Trace],
        labels: Sequence[str],
        settings: LiveSettings,
        sinks: Sequence[Sink] = (),
        out: TextIO | None = None,
    ) -> None:
        self._source = source
        self._read = read
        self._labels = labels
        self._settings = settings
        self._tracker = Tracker()
        self._gate = Gate(settings.rules, settings.regions)
        self._sinks = sinks
        self._out = out or sys.stdout
        self._events = Events()
        self._recorder: Recorder | None = None
        self._window: Window | None = None
        self._paused = False
        self._began: float | None = None  # when the film's first frame was due; time spent paused moves it
        self._mirrored = settings.mirror
        self._inspecting = False
        self._helping = False
        self._ticks: deque[float] = deque(maxlen=30)
        self._frames = 0
        self._told = False  # whether any number has settled

    def run(self) -> None:
        """Read frame after frame; see run_live."""
        if self._source.given:
            _say(f"{self._source.name}: {self._source.given}")
        try:
            with _polite_end() as ended:
                if self._settings.output:
                    self._recorder = Recorder(self._settings.output, self._source.fps)
                if not self._settings.headless:
                    self._open_window()
                self._loop(ended)
        except KeyboardInterrupt:
            _say("stopped")
        finally:
            if self._window:
                self._window.close()
            self._stop_recording()

    def _loop(self, ended: threading.Event) -> None:
        trace, lost = NOTHING, ""
        readings: list[Reading] = []
        for frame in self._source:
            if frame.lost != lost:
                lost = frame.lost
                self._tell_of_source(frame)
            if lost:
                readings = [replace(reading, stale=True) for reading in readings]
            else:
                trace = self._read(frame.image)
                readings = self._gate.update(self._tracker.update(trace.numbers, frame.time))
                self._frames += 1
                self._told = self._told or any(reading.settled for reading in readings)
                self._tell(frame, readings)
                self._ticks.append(time.monotonic())
            picture = self._picture(frame, readings) if self._recorder or self._window else frame.image
            self._record(picture, frame.time)
            if not self._window:
                continue
            latency = time.monotonic() - self._source.arrival
            if not self._source.live:  # a file plays at its own speed
                if self._began is None:
                    self._began = time.monotonic() - frame.time
                time.sleep(max(0.0, self._began + frame.time - time.monotonic()))
            if not self._show(frame, trace, readings, picture, latency) or ended.is_set():
                break
        else:
            if not self._told:
                _say(f"no number settled in {self._frames} frames; single pictures are read by camdigits image")

    def _show(self, frame: Frame, trace: Trace, readings: Sequence[Reading], picture: Image, latency: float) -> bool:
        """Show a frame and do what the keys say, while paused again and again; return False where the user quits."""
        while self._window:
            view = picture
            if self._inspecting:
                view = draw_trace(frame.image, trace, self._labels, normalize(trace.candidates))
            recording = self._recorder is not None
            status = Status(self._rate(), latency, recording, self._paused, self._mirrored, frame.lost)
            view = draw_status(view, status)
            if self._helping:
                view = draw_help(view, KEYS)
            showing = self._window(view)
            for key in self._window.pressed():  # also those pressed just before it was closed
                self._obey(key, frame, readings)
            if not showing:
                if not self._window.lost:
                    return False
                _say("the screen is gone; reading goes on without a window")
                self._window.close()
                self._window, self._paused = None, False
                break
            if not self._paused:
                break
            time.sleep(PAUSE)
            self._began = None
            picture = self._picture(frame, readings)
        return True

    def _obey(self, key: str, frame: Frame, readings: Sequence[Reading]) -> None:
        if key == "space":
            self._paused = not self._paused
        elif key == "m":
            self._mirrored = not self._mirrored
        elif key == "i":
            self._inspecting = not self._inspecting
        elif key == "h":
            self._helping = not self._helping
        try:
            if key == "s":
                _say(f"saved {snapshot(frame, readings)}")
            elif key == "r" and self._recorder:
                self._stop_recording()
            elif key == "r":
                self._recorder = Recorder(unused(".", ".mp4"), self._source.fps)
        except SinkError as error:
            _say(str(error))

    def _open_window(self) -> None:
        try:
            self._window = open_window("camdigits")
        except WindowError as error:
            _say(f"{error}; reading goes on without a window")

    def _tell(self, frame: Frame, readings: Sequence[Reading]) -> None:
        for event in self._events.update(frame, readings):
            if not self._settings.every_frame:
                self._print(event)
            self._hand_over(event)
        if self._settings.every_frame:
            self._print(frame_object(frame, readings))

    def _print(self, event: Event) -> None:
        if self._settings.json or self._settings.every_frame:
            print(json.dumps(event), file=self._out, flush=True)  # whoever listens acts on it now
        elif event["event"] == "number":
            print(event["text"], file=self._out, flush=True)

    def _hand_over(self, event: Event) -> None:
        for sink in self._sinks:
            sink.put(event)

    def _tell_of_source(self, frame: Frame) -> None:
        _say(f"{frame.source}: {frame.lost or 'back'}")
        event = source_event(frame)
        self._print(event)
        self._hand_over(event)

    def _picture(self, frame: Frame, readings: Sequence[Reading]) -> Image:
        if self._settings.regions:
            frame = replace(frame, image=draw_regions(frame.image, list(self._settings.regions.values())))
        return draw(*_mirror(frame, readings)) if self._mirrored else draw(frame, readings)

    def _record(self, picture: Image, at: float) -> None:
        try:
            if self._recorder:
                self._recorder.write(picture, at)
        except SinkError as error:
            if self._settings.output:  # the run was for the recording
                raise
            self._stop_recording()
            _say(str(error))

    def _stop_recording(self) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder:
            recorder.close()
            if recorder.path.exists():
                _say(f"recorded {recorder.path}")

    def _rate(self) -> float:
        """Frames a second, over the last thirty."""
        return (len(self._ticks) - 1) / (self._ticks[-1] - self._ticks[0]) if len(self._ticks) > 1 else 0.0


def _mirror(frame: Frame, readings: Sequence[Reading]) -> tuple[Frame, list[Reading]]:
    """Return both as a mirror shows them, the writing on top still legible."""
    width = frame.image.shape[1]

    def turned(box: Box) -> Box:
        return box._replace(x=width - box.right)

    image = np.ascontiguousarray(frame.image[:, ::-1])
    return replace(frame, image=image), [replace(r, number=r.number.with_boxes(turned)) for r in readings]


@contextmanager
def _polite_end() -> Iterator[threading.Event]:
    """Let Ctrl-C, SIGTERM and a terminal that closes end the run in order, so that the recording is finished.

    Yields what is set then too: an interrupt that is raised inside a callback of a library may be swallowed there.
    """
    ended = threading.Event()

    def end(*_: object) -> None:
        ended.set()
        raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            handler = signal.getsignal(getattr(signal, name)) if hasattr(signal, name) else None
            if handler in (signal.SIG_DFL, signal.default_int_handler):  # what ignores it, as nohup does, is left
                before[getattr(signal, name)] = handler
    for number in before:
        signal.signal(number, end)
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
