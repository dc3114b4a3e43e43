import csv
import json
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from camdigits import recorder as recorder_module
from camdigits.errors import SinkError
from camdigits.recorder import Recorder
from camdigits.sinks import Events, NumberLog, frame_object, snapshot, source_event
from camdigits.sources import open_source
from camdigits.types import Frame, Reading
from tests.support.film import stamp, stamped
from tests.support.numbers import make_number

FORMATS = ["film.mp4", "film.avi", "film.mkv", "film.MOV"]


def play(path):
    with open_source(path) as frames:
        return [stamp(frame.image) for frame in frames], frames.fps, frames.size


def frame(index, time=None):
    return Frame(stamped(index), index, index / 30 if time is None else time, "test")


def reading(track, text="42", settled=True, x=10):
    return Reading(track, make_number(text, x, 20, confidence=0.9), settled, 5)


# ---- recordings ----


@pytest.mark.parametrize("name", FORMATS)
def test_a_steady_source_is_recorded_frame_by_frame(tmp_path, name):
    with Recorder(tmp_path / name, 25) as recorder:
        for number in range(50):
            recorder.write(stamped(number), number / 25)
    assert play(tmp_path / name) == (list(range(50)), 25, (640, 360))


def test_an_uneven_source_plays_at_its_true_speed(tmp_path):
    random = np.random.default_rng(0)
    times = np.cumsum(random.uniform(0.005, 0.2, 40))
    with Recorder(tmp_path / "film.mp4", 30) as recorder:
        for number, time in enumerate(times):
            recorder.write(stamped(number), time)
    seen, fps, _ = play(tmp_path / "film.mp4")
    assert abs(len(seen) / fps - (times[-1] - times[0])) < 0.1
    assert seen == sorted(seen)
    for number, time in enumerate(times):
        if number in seen:
            assert abs(seen.index(number) / fps - (time - times[0])) <= 1 / 30


def test_a_camera_faster_than_the_file_leaves_frames_out(tmp_path):
    with Recorder(tmp_path / "film.avi", 10) as recorder:
        for number in range(60):
            recorder.write(stamped(number), number / 60)
    seen, _, _ = play(tmp_path / "film.avi")
    assert 9 <= len(seen) <= 11


def test_an_exception_leaves_a_file_that_plays(tmp_path):
    def record():
        with Recorder(tmp_path / "film.mp4") as recorder:
            for number in range(41):
                recorder.write(stamped(number), number / 30)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record()
    assert play(tmp_path / "film.mp4")[0] == list(range(41))


def test_pictures_of_another_size_are_fitted(tmp_path):
    with Recorder(tmp_path / "film.avi") as recorder:
        for number, (width, height) in enumerate([(321, 241), (1280, 720), (100, 100), (7, 900), (1, 1)]):
            recorder.write(np.full((height, width, 3), 255, np.uint8), number / 30)
    _, _, size = play(tmp_path / "film.avi")
    assert size == (320, 240)


def test_a_recording_of_nothing_leaves_no_file(tmp_path):
    with Recorder(tmp_path / "film.mp4"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_format_is_one_line(tmp_path):
    with pytest.raises(SinkError, match=r"film.wmv: cannot record this format; name it .mp4"):
        Recorder(tmp_path / "film.wmv")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_one_line(tmp_path, capfd):
    (tmp_path / "folder.mp4").mkdir()
    for path in (tmp_path / "missing" / "film.mp4", tmp_path / "folder.mp4"):
        with pytest.raises(SinkError, match=r"cannot be written \(.*\); name another"):
            Recorder(path)
    assert capfd.readouterr() == ("", "")


def test_a_recording_ends_playable_before_the_disk_is_full(tmp_path, monkeypatch):
    recorder = Recorder(tmp_path / "film.mp4")
    for number in range(20):
        recorder.write(stamped(number), number / 30)
    monkeypatch.setattr(recorder_module, "ROOM", 1 << 62)
    with pytest.raises(SinkError, match="the disk is full"):
        recorder.write(stamped(20), 20 / 30)
    recorder.close()
    assert play(tmp_path / "film.mp4")[0] == list(range(19))


def test_a_file_cut_short_by_the_system_is_one_line(tmp_path):
    program = f"""
import resource
from camdigits.errors import SinkError
from camdigits.recorder import Recorder
from tests.support.film import stamped
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    with Recorder({str(tmp_path / "film.mp4")!r}) as recorder:
        for number in range(200):
            recorder.write(stamped(number), number / 30)
except SinkError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == f"{tmp_path / 'film.mp4'}: the recording is broken; is the disk full?\n"


# ---- events ----


def told(frames):
    events = Events()
    return [event for index, readings in enumerate(frames) for event in events.update(frame(index), readings)]


def test_an_event_is_told_when_a_number_settles_changes_or_leaves():
    frames = [
        [reading(1, settled=False)],
        [reading(1)],
        [reading(1, x=30), reading(2, "7")],
        [reading(1, "43"), reading(2, "7")],
        [reading(2, "7")],
        [],
    ]
    events = told(frames)
    assert [(e["event"], e["id"], e["text"], e["frame"]) for e in events] == [
        ("number", 1, "42", 1),
        ("number", 2, "7", 2),
        ("number", 1, "43", 3),
        ("gone", 1, "43", 4),
        ("gone", 2, "7", 5),
    ]
    assert events[0] == {
        "event": "number",
        "id": 1,
        "text": "42",
        "confidence": 0.9,
        "box": list(make_number("42", 10, 20).box),
        "frame": 1,
        "time": 0.033,
    }


def test_a_frame_tells_its_settled_readings():
    assert frame_object(frame(0), []) == {"frame": 0, "time": 0.0, "numbers": []}
    told = frame_object(frame(1), [reading(1), reading(2, settled=False)])
    assert (told["frame"], told["time"]) == (1, 0.033)
    (number,) = told["numbers"]
    assert set(number) == {"id", "text", "confidence", "line", "angle", "box", "digits"}
    assert (number["id"], number["text"], [d["label"] for d in number["digits"]]) == (1, "42", ["4", "2"])


def test_what_is_held_back_is_told_once_for_each_reason():
    held = replace(reading(1), held="more than 9", region="gas")
    events = told([[held], [held], [replace(held, held="")], []])
    assert [(e["event"], e.get("region"), e.get("reason"), e["frame"]) for e in events] == [
        ("held", "gas", "more than 9", 0),
        ("number", "gas", None, 2),
        ("gone", "gas", None, 3),
    ]


def test_a_source_that_is_lost_and_back_is_told():
    assert [source_event(replace(frame(7), lost="was it unplugged?")), source_event(frame(8))] == [
        {"event": "lost", "reason": "was it unplugged?", "source": "test", "frame": 7, "time": 0.233},
        {"event": "back", "source": "test", "frame": 8, "time": 0.267},
    ]


def test_a_table_of_numbers_is_continued(tmp_path):
    path = tmp_path / "numbers.csv"
    for text in ("42", "43"):
        log = NumberLog(path)
        for event in told([[reading(1, text)], []]):
            log.put(event)
        log.close()
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [(row["text"], row["confidence"], row["x"], row["h"]) for row in rows] == [
        ("42", "0.9", "10", "40"),
        ("43", "0.9", "10", "40"),
    ]
    assert rows[0]["at"] <= rows[1]["at"]


@pytest.mark.parametrize("content", [b"\x00\x00\x00 ftypisom", b"my,notes\n1,2\n", b"at"])
def test_a_table_is_not_added_to_anything_else(tmp_path, content):
    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    with pytest.raises(SinkError, match="something else"):
        NumberLog(path)
    assert path.read_bytes() == content


def test_a_table_that_cannot_be_written_is_one_line(tmp_path):
    with pytest.raises(SinkError, match="cannot be written"):
        NumberLog(tmp_path)


# ---- snapshots ----


def test_a_snapshot_is_the_picture_as_it_came_and_its_readings(tmp_path):
    first = snapshot(frame(77), [reading(1), reading(2, "7", settled=False)], tmp_path)
    second = snapshot(frame(78), [], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"camdigits-00{number}.{suffix}" for number in (1, 2) for suffix in ("json", "png")
    ]
    assert (cv2.imread(str(first)) == stamped(77)).all()
    assert stamp(cv2.imread(str(second))) == 78
    told = json.loads(first.with_suffix(".json").read_text())
    assert {key: told[key] for key in ("source", "frame", "time", "width", "height")} == {
        "source": "test",
        "frame": 77,
        "time": 2.567,
        "width": 640,
        "height": 360,
    }
    assert [(n["id"], n["settled"], n["text"]) for n in told["numbers"]] == [(1, True, "42"), (2, False, "7")]


def test_a_snapshot_that_cannot_be_written_is_one_line(tmp_path):
    with pytest.raises(SinkError, match="a snapshot cannot be written"):
        snapshot(frame(1), [], tmp_path / "missing")
