"""Recordings in segments, raw ones, and what a full disk does to a run. See test_sinks for a single file."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from camdigits.recorder import Segment, Segments
from camdigits.sources import open_source
from tests.support.command import ROOT
from tests.support.film import stamp, stamped, write_video


def stamps(path: Path) -> list[int]:
    with open_source(path) as frames:
        return [stamp(frame.image) for frame in frames]


@pytest.mark.parametrize(
    ("text", "segment"),
    [
        ("30s", Segment(seconds=30)),
        ("10min", Segment(seconds=600)),
        ("2h", Segment(seconds=7200)),
        ("500MB", Segment(size=500_000_000)),
        ("1GB", Segment(size=1_000_000_000)),
    ],
)
def test_a_segment_is_named_by_time_or_size(text: str, segment: Segment) -> None:
    assert Segment.parse(text) == segment


@pytest.mark.parametrize("text", ["", "10", "min", "0s", "-1h", "1.5h", "10 min"])
def test_what_is_no_segment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="10min"):
        Segment.parse(text)


def test_segments_by_time_hold_every_frame_once_and_replace_nothing(tmp_path: Path) -> None:
    (tmp_path / "film-002.avi").write_text("an earlier one")
    recording = Segments(tmp_path / "film.avi", 30, Segment(seconds=1))
    for number in range(75):
        recording.write(stamped(number), number / 30)
    recording.close()
    assert (tmp_path / "film-002.avi").read_text() == "an earlier one"
    parts = [stamps(tmp_path / f"film-00{n}.avi") for n in (1, 3, 4)]
    assert parts == [list(range(30)), list(range(30, 60)), list(range(60, 75))]


def test_segments_by_size_are_about_that_large(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (240, 640, 3), np.uint8)
    recording = Segments(tmp_path / "film.avi", 30, Segment.parse("2MB"))
    for number in range(60):
        picture = stamped(number)
        picture[120:] = noise
        recording.write(picture, number / 30)
    recording.close()
    parts = sorted(tmp_path.iterdir())
    assert len(parts) > 2
    assert all(1_900_000 < part.stat().st_size < 3_000_000 for part in parts[:-1])
    assert [at for part in parts for at in stamps(part)] == list(range(60))


def live(*options: object, folder: Path, before: str = "") -> subprocess.CompletedProcess[str]:
    program = f"import sys\nfrom camdigits import recorder\n{before}\nfrom tests.support.bars import main\nmain()"
    command = [sys.executable, "-c", program, "--headless", *map(str, options)]
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_a_full_disk_ends_the_recording_with_a_message_and_not_the_reading(tmp_path: Path) -> None:
    film = write_video(tmp_path / "film.avi", 120)
    full = "import shutil\ncalls = iter(range(10**6))\n"
    full += "real = shutil.disk_usage\n"
    full += "recorder.shutil.disk_usage = lambda p: real(p)._replace(free=0 if next(calls) > 40 else 1 << 40)\n"
    done = live("--source", film, "--output", tmp_path / "out.avi", folder=tmp_path, before=full)
    assert done.stdout.split() == ["0", "1", "2", "3"]
    assert done.returncode == 1
    said = done.stderr.splitlines()
    assert said[0] == f"{tmp_path / 'out.avi'}: the disk is full; the recording ends here"
    assert said[1] == f"recorded {tmp_path / 'out.avi'}"
    assert said[2].startswith("error: a recording ended before the run did")
    assert stamps(tmp_path / "out.avi") == list(range(41))


def test_a_recording_that_comes_to_nothing_ends_neither_the_reading_nor_others(tmp_path: Path) -> None:
    film = write_video(tmp_path / "film.avi", 120)
    full = "import shutil\nreal = shutil.disk_usage\n"
    full += "recorder.shutil.disk_usage = lambda p: real(p)._replace(free=0)\n"
    done = live("--source", film, "--output", "out.mp4", "--raw", "raw.mp4", folder=tmp_path, before=full)
    assert done.stdout.split() == ["0", "1", "2", "3"]
    assert done.returncode == 1
    said = done.stderr.splitlines()
    assert [line.split(":")[0] for line in said] == ["raw.mp4", "raw.mp4", "out.mp4", "out.mp4", "error"]


def test_each_recording_is_finished_whatever_becomes_of_the_others(tmp_path: Path) -> None:
    film = write_video(tmp_path / "film.avi", 120)
    full = "recorder._plays = lambda path, plays=recorder._plays: path.name != 'out.avi' and plays(path)\n"
    done = live("--source", film, "--output", "out.avi", "--raw", "raw.avi", folder=tmp_path, before=full)
    assert done.returncode == 1
    said = done.stderr.splitlines()
    assert said[:2] == ["out.avi: the recording is broken; is the disk full?", "recorded raw.avi"]
    assert stamps(tmp_path / "raw.avi") == list(range(120))


@pytest.mark.parametrize(("option", "room"), [("--csv", 150), ("--save-best", 2000)])
def test_what_cannot_be_written_ends_and_not_the_reading(tmp_path: Path, option: str, room: int) -> None:
    pytest.importorskip("resource", reason="no limits on files here")
    film = write_video(tmp_path / "film.avi", 120)
    limit = f"import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))\n"
    done = live("--source", film, option, "out", folder=tmp_path, before=limit)
    assert done.stdout.split() == ["0", "1", "2", "3"]
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "out: cannot be written (File too large); make room",
        "error: an output ended before the run did; make room on the disk",
    ]


def test_an_interrupt_that_is_swallowed_ends_a_run_without_a_window_too(tmp_path: Path) -> None:
    film = write_video(tmp_path / "film.avi", 120)
    swallow = """
import os, signal, time
from contextlib import suppress
from camdigits.watch import Watch
def take(self, frame, read, real=Watch.take):
    if frame.index == 45:
        with suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
    return real(self, frame, read)
Watch.take = take
"""
    done = live("--source", film, folder=tmp_path, before=swallow)
    assert (done.stdout.split(), done.stderr.split(), done.returncode) == (["0", "1"], ["stopped"], 0)


def test_a_pause_is_left_out_of_a_recording(tmp_path: Path) -> None:
    recording = Segments(tmp_path / "film.avi", 30, Segment(seconds=10))
    for number in range(60):
        if number == 30:
            recording.skip(60)
        recording.write(stamped(number), number / 30 + (60 if number >= 30 else 0))
    recording.close()
    assert stamps(tmp_path / "film-001.avi") == list(range(60))


def test_raw_records_the_pictures_as_they_come(tmp_path: Path) -> None:
    film = write_video(tmp_path / "film.avi", 60)
    done = live("--source", film, "--raw", "raw.avi", "--output", "out.avi", "--json", folder=tmp_path)
    assert (done.returncode, sorted(done.stderr.split())) == (0, ["out.avi", "raw.avi", "recorded", "recorded"])
    told = json.loads(done.stdout.splitlines()[0])
    x, y, w, h = told["box"]
    with open_source(tmp_path / "raw.avi") as raw, open_source(tmp_path / "out.avi") as shown:
        pairs = [(a.image, b.image) for a, b in zip(raw, shown, strict=True)]
    assert len(pairs) == 60
    for untouched, _ in pairs:
        assert untouched[y - 5 : y + h + 20, x : x + w].std() < 3
    assert pairs[30][1][y - 5 : y + h + 20, x : x + w].std() > 10
