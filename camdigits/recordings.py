"""What a run records: the view, and each source's pictures as they come. A full disk ends that, not the reading."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from camdigits.errors import SinkError
from camdigits.files import unused
from camdigits.recorder import Recorder, Segments
from camdigits.settings import LiveSettings
from camdigits.sources import Source
from camdigits.types import Frame, Image

VIEW = ""
"""By this the recording of the view is known, others by their sources' names."""


NAMED = 3
"""Files of one recording that are named each."""


class Recordings:
    """The recordings of a run; say: told of each that ends, and of one that cannot go on."""

    def __init__(self, settings: LiveSettings, sources: Sequence[Source], say: Callable[[str], None]) -> None:
        """Open nothing yet. Raises SinkError where two would be one file, or one of the sources."""
        self._segment, self._sources, self._say = settings.segment, sources, say
        self._asked = _paths(settings, [source.name for source in sources])
        self._running: dict[str, Recorder | Segments] = {}
        self._cut_short = False

    @property
    def shown(self) -> bool:
        """Whether the view is being recorded."""
        return VIEW in self._running

    def start(self) -> None:
        """Begin what the call asked for. Raises SinkError."""
        rates = {VIEW: self._sources[0].fps, **{source.name: source.fps for source in self._sources}}
        for name, path in self._asked.items():
            fps = rates[name]
            self._running[name] = Segments(path, fps, self._segment) if self._segment else Recorder(path, fps)

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

    def skip(self, seconds: float) -> None:
        """Leave out so many seconds that nobody looked at a live source; a file waits meanwhile."""
        live = {VIEW: self._sources[0].live, **{source.name: source.live for source in self._sources}}
        for name, recorder in self._running.items():
            if live[name]:
                recorder.skip(seconds)

    def close(self) -> None:
        """Finish them all. Raises SinkError where one did not come out whole."""
        for name in list(self._running):
            self._end(name)
        if self._cut_short:
            self._cut_short = False
            raise SinkError("a recording ended before the run did; make room on the disk")

    def _write(self, name: str, picture: Image, at: float) -> None:
        if name not in self._running:
            return
        try:
            self._running[name].write(picture, at)
        except (SinkError, OSError) as error:
            self._fail(name, error)
            self._end(name)

    def _end(self, name: str) -> None:
        try:
            self._stop(name)
        except (SinkError, OSError) as error:
            self._fail(name, error)

    def _fail(self, name: str, error: Exception) -> None:
        self._say(str(error))
        self._cut_short = self._cut_short or name in self._asked

    def _stop(self, name: str) -> None:
        recorder = self._running.pop(name)
        whole = recorder.paths[:-1]
        try:
            recorder.close()
            whole = recorder.paths
        finally:
            files = [str(path) for path in whole if path.exists()]
            if files:
                few = ", ".join(files) if len(files) <= NAMED else f"{files[0]} to {files[-1]}, {len(files)} files"
                self._say(f"recorded {few}")


def _paths(settings: LiveSettings, sources: Sequence[str]) -> dict[str, Path]:
    """Return where the view and each source are to be recorded, by name. Raises SinkError; see Recordings."""
    paths = {VIEW: settings.output} if settings.output else {}
    if raw := settings.raw:
        numbered = [raw.with_stem(f"{raw.stem}-{number}") for number in range(1, len(sources) + 1)]
        paths |= dict(zip(sources, numbered if len(sources) > 1 else [raw], strict=True))
    for name, path in paths.items():
        if any(_same(path, Path(source)) for source in sources):
            option = "--raw" if name else "--output"
            raise SinkError(f"{path}: would overwrite the video itself; name another {option}")
        if any(_same(path, other) for known, other in paths.items() if known != name):
            raise SinkError(f"{path}: two recordings in one file; name another --output or --raw")
    return paths


def _same(a: Path, b: Path) -> bool:
    with suppress(OSError, ValueError):  # one is not there, or an address
        return a.resolve() == b.resolve() or a.samefile(b)
    return False
