"""What lies still is read once, and again as soon as anything is new."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from camdigits.controls import Controls
from camdigits.reader import Reader
from camdigits.recordings import Recordings
from camdigits.settings import LiveSettings
from camdigits.sources import Source
from camdigits.types import MIN_HITS, Box, Frame, Image, Number, Reading, Trace
from camdigits.unchanged import FIRST, LATER, Unchanged
from camdigits.view import View
from camdigits.watch import NOTHING, Watch
from tests.support.numbers import make_number

PAPER = np.full((360, 640, 3), 180, np.uint8)
SEVEN = make_number("7", 100, 100)
RNG = np.random.default_rng(0)


def seen(picture: Image = PAPER, noise: float = 2.0) -> Image:
    """A picture as a sensor has it, another each time."""
    return np.clip(picture + RNG.normal(0, noise, picture.shape[:2])[..., None], 0, 255).astype(np.uint8)


def marked(contrast: int, side: int) -> Image:
    picture = PAPER.copy()
    picture[201 : 201 + side, 303 : 303 + side] -= np.uint8(contrast)
    return picture


def known(still: Unchanged, times: int = 4, picture: Image = PAPER, noise: float = 2.0) -> Unchanged:
    """Read what one number is settled in, until it is known."""
    for _ in range(times):
        assert not still.look(seen(picture, noise), 0)
        still.was_read([SEVEN], [Reading(1, SEVEN, settled=True, frames=9)])
    return still


@pytest.mark.parametrize("hits", [1, 4])
@pytest.mark.parametrize("noise", [0.0, 1.0, 3.0])
def test_a_still_picture_is_known_once_so_many_readings_agree(noise: float, hits: int) -> None:
    still = known(Unchanged(hits), hits, noise=noise)
    assert all(still.look(seen(noise=noise), 0.1) for _ in range(20))


@pytest.mark.parametrize(("contrast", "side"), [(100, 2), (60, 3), (25, 5), (12, 40)])
def test_the_smallest_dot_is_new(contrast: int, side: int) -> None:
    still = known(Unchanged())
    assert not still.look(seen(marked(contrast, side)), 0.1)
    # it must be read as often as any picture, and so must the first where that comes back
    assert not still.look(seen(), 0.2)


def test_a_step_of_the_camera_another_light_and_another_size_are_new() -> None:
    lines = PAPER.copy()
    lines[::40, :, :] = 60
    for other in (np.roll(lines, 4, axis=0), (lines * 0.9).astype(np.uint8), lines[:-4].copy()):
        assert not known(Unchanged(), picture=lines).look(seen(other), 0.1)


def test_what_is_not_settled_or_read_otherwise_each_time_is_not_known() -> None:
    eight = make_number("8", 100, 100)
    unsettled, wrong = Reading(1, SEVEN, settled=False, frames=9), Reading(1, SEVEN, settled=True, frames=9)
    for numbers, readings in (([SEVEN], [unsettled]), ([eight], [wrong]), ([], [wrong]), ([SEVEN], [])):
        still = Unchanged()
        for _ in range(20):
            assert not still.look(PAPER, 0)
            still.was_read(numbers, readings)
    still = Unchanged()
    for _ in range(4):  # that there is nothing is known, too
        assert not still.look(PAPER, 0)
        still.was_read([], [])
    assert still.look(PAPER, 0)


def test_what_was_known_is_read_again_after_a_short_rest_then_after_longer_ones() -> None:
    still, time, rests = known(Unchanged()), 0.0, []
    read_at = time
    while len(rests) < 1200:  # more than an hour
        time += 0.25
        if not still.look(PAPER, time):
            rests.append(time - read_at)
            read_at = time
            still.was_read([SEVEN], [Reading(1, SEVEN, settled=True, frames=9)])
    assert rests == [FIRST, *[LATER] * 1199]
    assert still.rested == time - 1200 * 0.25  # all but the steps to the pictures that were read


def test_forgotten_it_must_become_known_again() -> None:
    still = known(Unchanged())
    still.forget()
    known(still)


def test_a_picture_of_another_size_that_could_not_be_read_does_no_harm() -> None:
    still = known(Unchanged())
    for _ in range(2):  # nothing is told of having been read
        assert not still.look(seen()[:-40].copy(), 0.1)
    assert not still.look(seen(), 0.2)


class Camera(Source):
    """Gives nothing by itself."""

    def __init__(self, *, live: bool) -> None:
        super().__init__("camera", 30, (640, 360))
        self.live = live

    def __iter__(self) -> Iterator[Frame]:
        return iter(())


class Film:
    """Shows a watch the same sheet thirty times a second, and counts how often it is read."""

    def __init__(self, *, live: bool = True, hits: int = MIN_HITS) -> None:
        self.watch = Watch(Camera(live=live), LiveSettings(hits=hits))
        self.reads = 0
        self.index = 0
        self.numbers: Sequence[Number] = [SEVEN]

    def show(self, count: int, picture: Image = PAPER) -> int:
        """Show it in so many frames, and return how many of them were read."""
        before = self.reads
        for _ in range(count):
            self.watch.take(Frame(seen(picture), self.index, self.index / 30, "camera"), self.read)
            self.index += 1
        return self.reads - before

    def read(self, _image: Image, _parts: Sequence[Box]) -> Trace:
        self.reads += 1
        return Trace(NOTHING.candidates, NOTHING.probabilities, tuple(self.numbers))


def test_a_cameras_still_sheet_is_read_a_few_times_a_films_always() -> None:
    assert Film(live=False).show(30) == 30
    film = Film()
    assert film.show(30) == 7  # settled in the fourth frame, and four that agree
    assert film.watch.frames == 30
    assert [reading.number.text for reading in film.watch.readings if reading.settled] == ["7"]
    assert film.watch.frame
    assert film.watch.frame.index == 29  # the newest one is shown


def test_a_new_part_model_or_number_is_read_at_once() -> None:
    film = Film()
    film.show(30)
    film.watch.regions["sheet"] = Box(0, 0, 400, 300)
    assert film.show(1) == 1
    film.show(30)
    film.watch.look_again()
    assert film.show(1) == 1
    film.show(30)
    film.numbers = [make_number("8", 100, 100)]
    assert film.show(15, marked(80, 20)) >= 8
    assert [reading.number.text for reading in film.watch.readings] == ["8"]


@pytest.mark.parametrize("key", ["+", "-", "tab"])
def test_keys_that_change_how_it_is_read_show_at_once(key: str) -> None:
    film = Film()
    reader = Reader("cnn", 0.5)
    view = View([film.watch], mirrored=False)
    controls = Controls(view, [film.watch], reader, Recordings(LiveSettings(), [film.watch.source], print), print)
    film.show(30)
    controls.obey("h")  # changes nothing in what is read
    assert film.show(1) == 0
    controls.obey(key)
    assert film.show(1) == 1


def test_what_moves_beside_the_part_that_is_read_does_not_count() -> None:
    film = Film()
    film.watch.regions["sheet"] = Box(0, 0, 300, 360)
    film.show(30)
    assert film.show(1, marked(80, 20)) == 0
    film.watch.regions["beside"] = Box(290, 150, 50, 120)
    film.show(30, marked(80, 20))
    assert film.show(1) == 1


def test_one_frame_is_not_enough_to_rest_even_where_one_settles() -> None:
    film = Film(hits=1)
    film.numbers = [make_number("1", 100, 100)]
    film.show(1)
    film.numbers = [SEVEN]
    assert film.show(10) >= MIN_HITS
    assert [reading.number.text for reading in film.watch.readings] == ["7"]


def test_a_misread_frame_after_a_long_rest_changes_nothing() -> None:
    film = Film()
    film.show(30)
    for wrong in ([], [make_number("1", 100, 100)]):
        film.numbers = wrong
        while not film.show(1):
            pass
        assert [reading.number.text for reading in film.watch.readings if reading.settled] == ["7"]
        film.numbers = [SEVEN]
        assert film.show(30) < 12
        assert [reading.number.text for reading in film.watch.readings if reading.settled] == ["7"]
