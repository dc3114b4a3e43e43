"""Several sources as one: each with its own frames, none held up by another."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from camdigits.errors import SourceError
from camdigits.sources import Source, open_source
from camdigits.together import frames_of
from camdigits.types import Frame
from tests.support.film import mjpeg_server, stamp, stamped, write_video


class Made(Source):
    """A source of a few stamped frames, with a pause before each."""

    def __init__(self, name: str, count: int, pause: float = 0.0, *, live: bool = False, fails: bool = False) -> None:
        super().__init__(name, 30, (640, 360))
        self.live, self._count, self._pause, self._fails = live, count, pause, fails

    def __iter__(self) -> Iterator[Frame]:
        for index in range(self._count):
            time.sleep(self._pause)
            yield Frame(stamped(index), index, index / 30, self.name)
        if self._fails:
            raise SourceError(f"{self.name}: gone")


def test_files_are_read_whole_and_in_order(tmp_path: Path) -> None:
    names = [str(write_video(tmp_path / f"{name}.avi", count)) for name, count in (("a", 20), ("b", 35))]
    with open_source(names[0]) as a, open_source(names[1]) as b:
        seen = [(source.name, frame.source, stamp(frame.image)) for source, frame in frames_of([a, b])]
    assert all(name == told for name, told, _ in seen)
    assert [at for name, _, at in seen if name == names[0]] == list(range(20))
    assert [at for name, _, at in seen if name == names[1]] == list(range(35))
    assert {name for name, _, _ in seen[:6]} == set(names)


def test_a_slow_source_does_not_hold_up_another() -> None:
    seen = [source.name for source, _ in frames_of([Made("slow", 3, 0.2), Made("quick", 200)])]
    assert seen.index("slow") > 0
    assert seen[:100].count("quick") >= 99


def test_of_a_live_source_the_newest_frame_waits() -> None:
    taken = []
    with mjpeg_server(fps=30, frames=60) as address, open_source(address) as camera:
        frames = frames_of([camera, Made("still", 1)])
        for source, frame in frames:
            if source is camera:
                time.sleep(0.2)
                taken.append((frame.index, time.monotonic() - camera.arrival))
            if len(taken) == 6:
                break
        frames.close()
    assert taken[-1][0] > 20
    assert all(late < 0.35 for _, late in taken)


def test_the_error_of_one_is_the_error_of_all_and_no_thread_stays() -> None:
    before = threading.active_count()
    with pytest.raises(SourceError, match="one: gone"):
        list(frames_of([Made("one", 2, fails=True), Made("two", 10_000, 0.001, live=True)]))
    assert threading.active_count() == before
