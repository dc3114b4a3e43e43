"""Several sources as one: the frames of each as they come, so that a slow or a lost one holds up no other."""

import threading
from collections.abc import Generator, Iterator, Sequence

from camdigits.errors import CamdigitsError
from camdigits.sources import Source
from camdigits.types import Frame


def frames_of(sources: Sequence[Source]) -> Generator[tuple[Source, Frame]]:
    """Yield each frame with the source that gave it, fairly in turn. Raises SourceError where one cannot go on.

    Of a live source only the newest frame waits to be taken; a file waits until its frame is. Closing the iterator
    leaves the sources to whoever opened them.
    """
    if len(sources) == 1:
        for frame in sources[0]:
            yield sources[0], frame
        return
    gathered = _Gathered(sources)
    try:
        yield from gathered.frames()
    finally:
        gathered.end()


class _Gathered:
    """Sources that are read by a thread each."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._news = threading.Condition()
        self._waiting: dict[int, Frame] = {}
        self._running = len(sources)
        self._error: CamdigitsError | None = None
        self._ended = False
        self._threads = [
            threading.Thread(target=self._read, args=(which,), name=f"takes {source.name}", daemon=True)
            for which, source in enumerate(sources)
        ]
        for thread in self._threads:
            thread.start()

    def frames(self) -> Iterator[tuple[Source, Frame]]:
        turn = 0
        while True:
            with self._news:
                self._news.wait_for(lambda: self._waiting or self._error or not self._running)
                if self._error:
                    raise self._error
                if not self._waiting:
                    return
                count = len(self._sources)
                which = min(self._waiting, key=lambda index: (index - turn) % count)
                frame = self._waiting.pop(which)
                self._news.notify_all()
            turn = which + 1
            yield self._sources[which], frame

    def end(self) -> None:
        with self._news:
            self._ended = True
            self._news.notify_all()
        for thread in self._threads:
            thread.join(timeout=1.0)

    def _read(self, which: int) -> None:
        source = self._sources[which]
        try:
            for frame in source:
                with self._news:
                    if not source.live:
                        self._news.wait_for(lambda: self._ended or which not in self._waiting)
                    if self._ended:
                        break
                    self._waiting[which] = frame
                    self._news.notify_all()
        except CamdigitsError as error:
            with self._news:
                self._error = self._error or error
                self._news.notify_all()
        finally:
            with self._news:
                self._running -= 1
                self._news.notify_all()
