"""What a run records: the view, and each source's pictures as they come. A full disk ends that, not the reading."""

from collections.abc import Callable, Sequence
from pathlib import Path

from camdigits.errors import SinkError
from camdigits.files import unused
from camdigits.recorder import Recorder, Segments
from camdigits.settings import LiveSettings
from camdigits.sources import Source
from camdigits.types import Frame, Image

VIEW = ""
"""By this the recording of the view is known, others by their sources' names."""


class Recordings:
    """The recordings of a run; say: told of each that ends, and of one that cannot go on."""

    def __init__(self, settings: LiveSettings, sources: Sequence[Source], say: Callable[[str], None]) -> None:
        self._settings, self._sources, self._say = settings, sources, say
        self._running: dict[str, Recorder | Segments] = {}
        self._cut_short = False

    @property
    def shown(self) -> bool:
        """Whether the view is being recorded."""
        return VIEW in self._running

    def start(self) -> None:
        """Begin what the call asked for. Raises SinkError."""
        if self._settings.output:
            self._running[VIEW] = self._open(self._settings.output, self._sources[0].fps)
        for number, source in enumerate(self._sources, 1):
            if path := self._settings.raw:
                path = path.with_stem(f"{path.stem}-{number}") if len(self._sources) > 1 else path
                self._running[source.name] = self._open(path, source.fps)

    def toggle(self) -> None:
        """Stop recording the view, or begin to, into a file of its own. Raises SinkError."""
        if self.shown:
            self._stop(VIEW)
        else:
            self._running[VIEW] = Recorder(unused(".", ".mp4"), self._sources[0].fps)

    def write(self, picture: Image, at: float) -> None:
        """Record the view of `at` seconds, where that is asked for."""
        self._write(VIEW, picture, at)

    def write_raw(self, frame: Frame) -> None:
        """Record a source's picture as it came, where that is asked for."""
        if not frame.lost:
            self._write(frame.source, frame.image, frame.time)

    def close(self) -> None:
        """Finish them all. Raises SinkError where one did not come out whole."""
        for name in list(self._running):
            self._stop(name)
        if self._cut_short:
            self._cut_short = False
            raise SinkError("a recording ended before the run did; make room on the disk")

    def _open(self, path: Path, fps: float) -> Recorder | Segments:
        return Segments(path, fps, self._settings.segment) if self._settings.segment else Recorder(path, fps)

    def _write(self, name: str, picture: Image, at: float) -> None:
        if name not in self._running:
            return
        try:
            self._running[name].write(picture, at)
        except (SinkError, OSError) as error:
            self._say(str(error))
            self._cut_short = self._cut_short or bool(self._settings.output or self._settings.raw)
            self._stop(name)

    def _stop(self, name: str) -> None:
        recorder = self._running.pop(name)
        recorder.close()
        if recorder.path.exists():
            self._say(f"recorded {recorder.path}")
