"""Where in the window which source lies, and what a line that is typed becomes."""

from collections.abc import Iterator

import numpy as np
import pytest

from camdigits.settings import LiveSettings
from camdigits.sources import Source
from camdigits.types import Frame
from camdigits.view import CANVAS, Entry, View
from camdigits.watch import NOTHING, Watch


class Made(Source):
    """A source that gives nothing by itself."""

    def __iter__(self) -> Iterator[Frame]:
        return iter(())


def watch(name: str, width: int, height: int, shade: int = 100) -> Watch:
    made = Watch(Made(name, 30, (width, height)), LiveSettings(), name)
    made.take(Frame(np.full((height, width, 3), shade, np.uint8), 0, 0.0, name), lambda *_: NOTHING)
    return made


def test_a_point_of_the_view_is_one_of_the_frame_or_of_none() -> None:
    only = watch("", 640, 480)
    assert View([only], mirrored=False).at((100, 50)) == (only, 100, 50)
    assert View([only], mirrored=True).at((100, 50)) == (only, 540, 50)
    assert View([only], mirrored=False).at((650, 50)) is None  # the history's panel


@pytest.mark.parametrize("mirrored", [False, True])
def test_of_several_sources_each_has_its_place(mirrored: bool) -> None:
    watches = [watch("a", 1280, 720, 60), watch("b", 640, 480, 120), watch("c", 3840, 2160, 180)]
    view = View(watches, mirrored=mirrored)
    picture = view.picture()
    assert picture.shape == (CANVAS[1], CANVAS[0], 3)
    for point, shade in (((480, 270), 60), ((1300, 270), 120), ((480, 810), 180)):
        assert picture[point[1], point[0]].tolist() == [shade] * 3
        there = view.at(point)
        assert there
        assert there[0] is watches[shade // 60 - 1]
    assert view.at((1400, 800)) is None
    there = view.at((480, 270))  # the middle of the first
    assert there
    assert there[1:] == pytest.approx((640, 360))


def test_only_the_source_that_has_a_new_frame_is_drawn_again() -> None:
    watches = [watch("a", 640, 360, 60), watch("b", 640, 360, 120)]
    view = View(watches, mirrored=False)
    view.picture()
    watches[1].take(Frame(np.full((360, 640, 3), 200, np.uint8), 1, 0.1, "b"), lambda *_: NOTHING)
    picture = view.picture()
    assert picture[270, 480, 0] == 60
    assert picture[270, 1440, 0] == 200


def test_a_line_is_typed_corrected_and_ended() -> None:
    entry = Entry("name:", str.upper)
    assert all(entry.press(key) for key in ("q", "left", "x", "backspace", "1"))
    assert (entry.text, entry.done(entry.text)) == ("q1", "Q1")
    assert not entry.press("enter")
    assert not entry.press("esc")
