import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camdigits.track import OVER, Tracker
from camdigits.types import Box, Number, Reading
from tests.support.numbers import make_number


class Film:
    """Feeds a tracker frame by frame at a steady rate."""

    def __init__(self, fps: float = 30, **options: float) -> None:
        self.tracker = Tracker(**options)  # type: ignore[arg-type]  # of any type, as the test says
        self.fps = fps
        self.index = 0

    def show(self, *numbers: Number) -> list[Reading]:
        readings = self.tracker.update(numbers, self.index / self.fps)
        self.index += 1
        return readings

    def hold(self, seconds: float, *numbers: Number) -> list[Reading]:
        """Show the same for a while, and return what the last frame gave."""
        return [self.show(*numbers) for _ in range(max(1, round(seconds * self.fps)))][-1]


def settled(readings: list[Reading]) -> list[str]:
    return [reading.number.text for reading in readings if reading.settled]


def test_a_number_is_shown_at_once_and_settles_when_four_frames_agree():
    film = Film()
    seen = [film.show(make_number("2021", 100, 100)) for _ in range(5)]
    assert [[(r.number.text, r.settled, r.frames) for r in readings] for readings in seen] == [
        [("2021", False, 1)],
        [("2021", False, 2)],
        [("2021", False, 3)],
        [("2021", True, 4)],
        [("2021", True, 5)],
    ]


def test_min_hits_says_how_many_frames_must_agree():
    film = Film(min_hits=2)
    assert [settled(film.show(make_number("7", 0, 0))) for _ in range(3)] == [[], ["7"], ["7"]]


def test_nothing_settles_while_every_frame_says_something_else():
    film = Film()
    for index in range(90):
        assert settled(film.show(make_number(f"{(index * 37) % 1000:03d}", 100, 100))) == []


def test_two_texts_that_take_turns_evenly_do_not_settle():
    film = Film()
    for index in range(60):
        assert settled(film.show(make_number("17"[index % 2], 100, 100))) == []


@pytest.mark.parametrize("fps", [10, 15, 30, 60])
def test_a_misread_of_a_tenth_of_a_second_changes_nothing(fps):
    film = Film(fps)
    film.hold(2, make_number("2021", 100, 100))
    for _ in range(max(1, fps // 10)):
        assert settled(film.show(make_number("2027", 100, 100))) == ["2021"]
    assert settled(film.show(make_number("2021", 100, 100))) == ["2021"]


@pytest.mark.parametrize("fps", [10, 15, 30, 60])
@pytest.mark.parametrize(("before", "after"), [("2021", "5837"), ("2021", "64"), ("7", "123456"), ("1234", "12")])
def test_a_changed_sheet_replaces_the_number_within_half_a_second(fps, before, after):
    film = Film(fps)
    film.hold(3, make_number(before, 100, 100))
    first = film.index
    while settled(film.show(make_number(after, 100, 100))) != [after]:
        assert (film.index - first) / fps <= 0.5
    assert settled(film.hold(1, make_number(after, 100, 100))) == [after]


@pytest.mark.parametrize("fps", [10, 30])
def test_a_sheet_elsewhere_in_the_picture_replaces_the_number_within_half_a_second(fps):
    film = Film(fps)
    film.hold(3, make_number("2021", 100, 100))
    assert settled(film.hold(0.5, make_number("64", 400, 300))) == ["64"]


def test_one_number_becomes_several_within_half_a_second():
    film = Film()
    film.hold(3, make_number("123456", 100, 100))
    parts = make_number("77", 100, 100), make_number("88", 230, 100)
    assert settled(film.hold(0.5, *parts)) == ["77", "88"]


def test_several_numbers_become_one_within_half_a_second():
    film = Film()
    film.hold(3, make_number("77", 100, 100), make_number("88", 230, 100))
    assert settled(film.hold(0.5, make_number("123456", 100, 100))) == ["123456"]


def test_a_number_that_falls_apart_in_some_frames_stays_whole():
    film = Film()
    film.hold(1, make_number("2021", 100, 100))
    for index in range(90):
        whole = [make_number("2021", 100, 100)]
        halves = [make_number("20", 100, 100), make_number("21", 164, 100)]
        assert settled(film.show(*(halves if index % 3 == 0 else whole))) == ["2021"]


def test_a_number_half_covered_for_a_moment_stays():
    film = Film()
    first = film.hold(1, make_number("2021", 100, 100))
    during = [film.show(make_number("21", 164, 100)) for _ in range(9)]
    assert all(settled(readings) == ["2021"] for readings in during)
    assert film.show(make_number("2021", 100, 100))[0].id == first[0].id


def test_a_number_covered_for_a_moment_keeps_its_id_and_is_shown_meanwhile():
    film = Film()
    before = film.hold(1, make_number("2021", 100, 100))
    during = film.hold(0.3)
    after = film.show(make_number("2021", 104, 102))
    assert [r.id for r in before] == [r.id for r in during] == [r.id for r in after]
    assert settled(during) == settled(after) == ["2021"]


def test_a_number_out_of_sight_for_longer_than_max_age_is_gone_and_its_id_is_not_used_again():
    film = Film()
    before = film.hold(1, make_number("2021", 100, 100))
    assert film.hold(0.5) == []
    after = film.hold(1, make_number("2021", 100, 100))
    assert after[0].id > before[0].id


def test_an_unsettled_number_is_shown_only_in_frames_that_have_it():
    film = Film()
    film.show(make_number("7", 100, 100))
    assert film.show() == []
    assert [r.frames for r in film.show(make_number("7", 100, 100))] == [2]


def test_numbers_seen_in_every_second_frame_settle():
    film = Film()
    for _ in range(6):
        film.show(make_number("7", 100, 100))
        last = film.show()
    assert settled(last) == ["7"]


def test_a_slow_source_settles_too():
    for fps in (0.25, 0.7, 1):  # a busy page on a slow machine
        film = Film(fps)
        assert [settled(film.show(make_number("7", 100, 100))) for _ in range(4)] == [[], [], [], ["7"]]
        assert settled(film.show(make_number("7", 100, 100))) == ["7"]
        assert settled(film.show(make_number("8", 100, 100))) == ["7"] * (1 / fps < OVER)  # no longer what it was
        assert settled([film.show(make_number("8", 100, 100)) for _ in range(3)][-1]) == ["8"]
    film = Film(fps=2)
    assert settled(film.hold(4, make_number("7", 100, 100))) == ["7"]
    assert settled(film.hold(1.5, make_number("8", 100, 100))) == []  # not known yet, but no longer what it was
    assert settled(film.hold(2.5, make_number("8", 100, 100))) == ["8"]


def test_equal_numbers_below_each_other_keep_their_ids_while_the_camera_pans():
    film = Film()
    heights = [100, 160, 220, 280]
    ids = None
    for step in range(60):
        shift = 25 * math.sin(step / 6)
        page = [make_number("7", 200 + 3 * shift, y + shift, line=line) for line, y in enumerate(heights)]
        readings = film.show(*page)
        ids = ids or [r.id for r in readings]
        assert [r.id for r in readings] == ids
        assert [r.number.box for r in readings] == [n.box for n in page]


def test_frames_that_arrive_in_bursts_are_followed():
    tracker = Tracker()
    ids = set()
    for index in range(60):
        time = index / 30 if index % 2 else (index + 0.99) / 30
        ids |= {r.id for r in tracker.update([make_number("7", 100 + 25 * index, 100)], time)}
    assert ids == {1}


def test_a_misread_frame_of_a_moving_page_draws_the_number_where_the_page_is():
    film = Film()
    for step in range(30):
        film.show(make_number("2021", 100 + 5 * step, 100), make_number("64", 100 + 5 * step, 300, line=1))
    readings = film.show(make_number("2027", 250, 100), make_number("64", 250, 300, line=1))
    assert [(r.number.text, r.number.box.x, r.number.digits[0].box.x) for r in readings] == [
        ("2021", 250, 250),
        ("64", 250, 250),
    ]


def test_readings_come_line_by_line_from_the_left():
    film = Film()
    page = [make_number("4", 90, 200, line=1), make_number("2", 300, 100), make_number("1", 80, 102)]
    assert settled(film.hold(1, *page)) == ["1", "2", "4"]


def test_confidence_is_that_of_the_frames_that_agree():
    film = Film()
    for index in range(60):
        reading = film.show(make_number("7", 100, 100, confidence=0.8 if index % 2 else 0.6))[0]
    assert 0.65 < reading.number.confidence < 0.75


def test_a_sure_text_outvotes_a_doubtful_one():
    film = Film()
    for index in range(60):
        number = make_number("1", 0, 0, confidence=0.4) if index % 2 else make_number("7", 0, 0, confidence=0.9)
        readings = film.show(number)
    assert settled(readings) == ["7"]


places = st.tuples(st.floats(0, 1000), st.floats(0, 600), st.floats(14, 200))
texts = st.text("0123456789", min_size=1, max_size=6)


@settings(deadline=None, max_examples=60)
@given(
    texts, places, st.sampled_from([10, 15, 30]), st.floats(0, 2 * math.pi), st.floats(0, 0.8), st.floats(-0.05, 0.05)
)
def test_one_moving_zooming_number_is_one_track(text, place, fps, direction, speed, zoom):
    """speed: digit heights a frame."""
    x, y, height = place
    film = Film(fps)
    ids = set()
    for _ in range(20):
        ids |= {r.id for r in film.show(make_number(text, x, y, height))}
        x += speed * height * math.cos(direction)
        y += speed * height * math.sin(direction)
        height = max(14, height * (1 + zoom))
    assert len(ids) == 1


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.tuples(texts, places, st.floats(0, 1)), max_size=5), min_size=1, max_size=30))
def test_whatever_comes_ids_are_unique_and_never_return(frames):
    film = Film()
    left: set[int] = set()
    known: set[int] = set()
    for frame in frames:
        numbers = [make_number(text, x, y, height, confidence) for text, (x, y, height), confidence in frame]
        readings = film.show(*numbers)
        ids = [r.id for r in readings]
        assert len(set(ids)) == len(ids)
        assert not left & {r.id for r in readings if r.frames == 1}
        left |= known - set(ids)
        known |= set(ids)
        assert all(r.frames >= 4 for r in readings if r.settled)


@settings(deadline=None, max_examples=40)
@given(texts, st.lists(st.booleans(), min_size=10, max_size=60), st.randoms(use_true_random=False))
def test_a_settled_number_survives_any_sparse_noise(text, noise, random):
    film = Film()
    film.hold(1, make_number(text, 100, 100))
    calm = 0
    for noisy in noise:
        calm = 0 if noisy and calm >= 2 else calm + 1  # at most every third frame
        wrong = "".join(random.choice("0123456789") for _ in text)
        readings = film.show(make_number(text if calm else wrong, 100, 100))
        assert settled(readings) == [text]


def stretched(number: Number, share: float) -> Number:
    """Return a number whose last digit is so much of its height."""
    last = number.digits[-1]
    box = last.box._replace(h=round(last.box.h * share))
    digits = (*number.digits[:-1], replace(last, box=box))
    return replace(number, digits=digits, box=Box.around(digit.box for digit in digits))


def test_a_digit_that_is_being_written_settles_when_it_rests():
    """A 3 begins as a 2, which grows for half a second and stands still for a fifth."""
    film = Film()
    film.hold(1, make_number("1", 100, 100))
    for frame in range(15):
        assert settled(film.show(stretched(make_number("12", 100, 100), 0.5 + 0.5 * frame / 15))) == ["1"]
    assert settled(film.hold(0.2, make_number("12", 100, 100))) == ["1"]
    assert settled(film.hold(0.8, make_number("13", 100, 100))) == ["13"]


@pytest.mark.parametrize(("one", "next_one"), [("1041", "1042"), ("1043", "1044"), ("1049", "1050"), ("1", "2")])
def test_a_counter_is_followed_within_half_a_second(one: str, next_one: str) -> None:
    film = Film()
    film.hold(1, make_number(one, 100, 100))
    another = make_number(next_one, 100, 100)
    last = another.digits[-1]
    wide = replace(last, box=last.box._replace(w=round(1.6 * last.box.w)))
    another = replace(another, digits=(*another.digits[:-1], wide))
    assert settled(film.hold(0.4, another)) == [next_one]


def test_a_first_digit_that_grows_is_not_settled_yet():
    film = Film()
    for frame in range(15):
        assert settled(film.show(stretched(make_number("5", 100, 100), 0.5 + 0.5 * frame / 15))) == []
    assert settled(film.hold(1.1, make_number("8", 100, 100))) == ["8"]


def test_a_number_that_comes_nearer_settles_all_the_same():
    film = Film()
    for frame in range(5):
        readings = film.show(make_number("2021", 100, 100, height=40 + 3 * frame))
    assert settled(readings) == ["2021"]


def test_a_digit_that_is_added_rests_before_it_counts():
    film = Film()
    film.hold(1, make_number("12", 100, 100))
    assert settled(film.hold(0.3, make_number("123", 100, 100))) == ["12"]
    assert settled(film.hold(0.4, make_number("123", 100, 100))) == ["123"]


def test_after_an_outage_another_number_is_not_what_was_there():
    film = Film()
    film.hold(1, make_number("7", 100, 100))
    film.index += 3600 * 30
    assert settled(film.show(make_number("8", 100, 100))) == []
    film = Film()
    film.hold(1, make_number("7", 100, 100))
    film.index += 3600 * 30
    assert settled(film.show(make_number("7", 100, 100))) == ["7"]


def test_a_narrow_digit_whose_box_trembles_is_not_being_written():
    film = Film()
    one = make_number("1041", 100, 100)
    for frame in range(30):
        last = one.digits[-1]
        narrow = replace(last, box=last.box._replace(w=6 + frame % 2))
        film.show(replace(one, digits=(*one.digits[:-1], narrow)))
    assert settled(film.hold(0.4, make_number("1042", 100, 100))) == ["1042"]
