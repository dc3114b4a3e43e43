import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from camdigits import cameras, sources
from camdigits.cameras import CameraEntry, camera_named, list_cameras
from camdigits.errors import SourceError
from camdigits.sources import open_source
from camdigits.window import open_window
from tests.support.film import file_server, mjpeg_server, stamp, stamped, write_video


def run(script, environment):
    """Run a script in a process of its own; return its lines, and its seconds."""
    started = time.monotonic()
    program = (
        f"from camdigits.cameras import *\nfrom camdigits.sources import *\nfrom tests.support.film import *\n{script}"
    )
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.stderr, done.returncode) == ("", 0)
    return done.stdout.splitlines(), time.monotonic() - started


# ---- files ----


@pytest.mark.parametrize("codec", ["MJPG", "mp4v"])
@pytest.mark.parametrize("fps", [10, 25, 30])
def test_a_video_is_read_whole_and_in_order_on_its_own_clock(tmp_path, codec, fps):
    path = write_video(tmp_path / ("film.avi" if codec == "MJPG" else "film.mp4"), 40, fps, codec)
    with open_source(path) as frames:
        assert (frames.size, frames.fps, frames.live) == ((640, 360), fps, False)
        seen = [(stamp(frame.image), frame.index, round(frame.time, 4), frame.source) for frame in frames]
    assert seen == [(index, index, round(index / fps, 4), str(path)) for index in range(40)]


def test_a_slow_reader_of_a_file_misses_nothing(tmp_path):
    with open_source(write_video(tmp_path / "film.avi", 10, fps=200)) as frames:
        assert [time.sleep(0.02) or stamp(frame.image) for frame in frames] == list(range(10))


def test_a_truncated_video_gives_the_frames_it_has_and_ends(tmp_path):
    path = write_video(tmp_path / "film.avi", 60)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with open_source(path) as frames:
        seen = [stamp(frame.image) for frame in frames]
    assert 15 < len(seen) < 45
    assert seen[:10] == list(range(10))


@pytest.mark.parametrize("name", ["with space.avi", "a:b.avi", "50%03d.avi", "número.avi"])
def test_any_file_name_will_do(tmp_path, monkeypatch, name):
    write_video(tmp_path / "film.avi", 3).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    with open_source(name) as frames:
        assert len(list(frames)) == 3


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.mp4", b"", "the file is empty"),
        ("noise.mp4", np.random.default_rng(0).bytes(20000), "not a video"),
        ("text.mp4", b"these are words\n" * 100, "not a video"),
        ("notes.txt", b"these are words\n" * 100, "not a video"),
    ],
)
def test_what_is_no_video_is_one_line(tmp_path, capfd, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message) as error:
        open_source(tmp_path / name)
    assert name in str(error.value)
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")


def test_a_missing_file_is_one_line():
    with pytest.raises(SourceError, match=r"^nowhere.mp4: no such file"):
        open_source("nowhere.mp4")


# ---- folders ----


def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path):
    for number in (10, 9, 100, 1):
        cv2.imwrite(str(tmp_path / f"frame{number}.png"), stamped(number))
    (tmp_path / "notes.txt").write_text("not a picture")
    with open_source(tmp_path) as frames:
        seen = [(stamp(frame.image), frame.index, round(frame.time * 30)) for frame in frames]
    assert seen == [(1, 0, 0), (9, 1, 1), (10, 2, 2), (100, 3, 3)]


def test_a_broken_picture_in_a_folder_is_passed_over_and_counted(tmp_path):
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), stamped(number))
    (tmp_path / "1.png").write_bytes(b"broken")
    with open_source(tmp_path) as frames:
        assert [(frame.index, stamp(frame.image)) for frame in frames] == [(0, 0), (2, 2)]
        assert frames.unread == 1


def test_a_folder_without_pictures_is_one_line(tmp_path):
    with pytest.raises(SourceError, match="no pictures in this folder"):
        open_source(tmp_path)
    (tmp_path / "1.png").write_bytes(b"broken")
    with pytest.raises(SourceError, match="none of the 1 pictures"):
        open_source(tmp_path)


# ---- addresses ----


def test_a_slow_reader_of_an_address_never_falls_behind():
    with mjpeg_server(fps=30) as address, open_source(address) as frames:
        started = time.monotonic()
        seen = []
        for frame in frames:
            seen.append((time.monotonic() - started, stamp(frame.image), frame.index))
            if len(seen) == 40:
                break
            time.sleep(0.1)
    # the stamp counts on the sender's clock: were frames queued, it would fall back by two thirds of the time gone
    delays = np.array([at - number / 30 for at, number, _ in seen])
    assert delays[10:].max() - delays[:10].min() < 0.4
    assert seen[-1][2] > 80  # the index counts those dropped
    indices = [index for *_, index in seen]
    assert indices == sorted(set(indices))


def test_frame_times_of_a_live_source_are_seconds_since_the_first():
    with mjpeg_server(fps=20) as address, open_source(address) as frames:
        times = [frame.time for frame, _ in zip(frames, range(20), strict=False)]
    assert times[0] == 0
    assert times == sorted(times)
    assert 0.6 < times[-1] < 1.6


def test_a_sender_that_stops_is_an_error():
    with (
        mjpeg_server(frames=15) as address,
        open_source(address) as frames,
        pytest.raises(SourceError, match="lost; did the sender stop"),
    ):
        for _ in frames:
            pass


def test_a_sender_that_hangs_is_an_error(monkeypatch):
    monkeypatch.setattr(sources, "STALLED", 1.0)
    with (
        mjpeg_server(silent_after=15) as address,
        open_source(address) as frames,
        pytest.raises(SourceError, match="hangs"),
    ):
        for _ in frames:
            pass


def test_a_video_at_an_address_is_read_whole(tmp_path):
    write_video(tmp_path / "film.avi", 45)
    with file_server(tmp_path) as address, open_source(f"{address}/film.avi") as frames:
        assert [stamp(frame.image) for frame in frames] == list(range(45))


def test_an_address_where_nobody_is_is_one_line_without_its_password(capfd):
    with pytest.raises(SourceError, match="check the address") as error:
        open_source("http://me:secret@127.0.0.1:9/camera")
    assert "secret" not in str(error.value)
    assert capfd.readouterr() == ("", "")


# ---- cameras ----


def test_no_camera_is_one_line_with_what_to_try_within_a_second(capfd):
    started = time.monotonic()
    with pytest.raises(SourceError, match=r"^camera 99999999999: no such camera"):
        open_source("99999999999")
    with pytest.raises(SourceError, match=r"^camera 63: no such camera; .*--source.*camdigits cameras"):
        open_source(63)
    assert time.monotonic() - started < 1
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("source", [0, "0", "/dev/video0"])
def test_a_camera_gives_its_newest_frames(camera, source):
    script = f"""
with open_source({source!r}) as frames:
    print(frames.size, frames.live, round(frames.fps))
    for frame, _ in zip(frames, range(20)):
        print(frame.index, stamp(frame.image), round(frame.time, 3))
        time.sleep(0.1)
"""
    (head, *lines), _ = run(script, camera)
    assert head == "(640, 360) True 30"
    rows = [[float(part) for part in line.split()] for line in lines]
    assert len(rows) == 20
    first = rows[0][1]
    assert all(abs(number - first - index) <= 2 for index, number, _ in rows)
    assert all(abs(number - first - at * 30) <= 6 for _, number, at in rows)
    assert rows[-1][0] > 40


def test_an_unplugged_camera_ends_the_frames_with_an_error(camera):
    script = """
try:
    with open_source(0) as frames:
        for count, _ in enumerate(frames): pass
except SourceError as error:
    print(count > 15, error)
"""
    lines, seconds = run(script, {**camera, "FAKECAM_UNPLUG": "1"})
    assert lines == ["True camera 0: lost; was it unplugged?"]
    assert seconds < 5


def test_a_hung_camera_ends_the_frames_with_an_error_and_the_program_with_it(camera):
    script = """
from camdigits import sources
sources.STALLED = 1.0
try:
    with open_source(0) as frames:
        for count, _ in enumerate(frames): pass
except SourceError as error:
    print(count > 15, error)
"""
    lines, seconds = run(script, {**camera, "FAKECAM_HANG": "1"})
    assert lines == ["True camera 0: hangs, no picture for 1 seconds; connect it anew"]
    assert seconds < 8


def test_a_camera_that_comes_back_is_read_on_where_that_is_asked_for(camera):
    script = """
started = time.monotonic()
with open_source(0, reconnect=True) as frames:
    for frame in frames:
        print(frame.index, stamp(frame.image), frame.time, frame.lost)
        if time.monotonic() - started > 4: break
"""
    lines, _ = run(script, {**camera, "FAKECAM_UNPLUG": "1", "FAKECAM_REPLUG": "0.4"})
    rows = [line.split(maxsplit=3) for line in lines]
    times = [float(row[2]) for row in rows]
    assert times == sorted(times)
    lost = [at for at, row in enumerate(rows) if len(row) == 4]
    assert {rows[at][3] for at in lost} == {"lost; was it unplugged?"}
    first = lost[0]
    assert all(rows[at][:2] == rows[first - 1][:2] for at in lost if at < first + 3)  # the last picture, once more
    back = next(at for at in range(first, len(rows)) if at not in lost)
    assert int(rows[back][0]) == int(rows[first - 1][0]) + 1
    assert times[back] - times[first] < 2


def test_a_camera_that_hangs_is_opened_again_where_that_is_asked_for(camera):
    script = """
from camdigits import sources
sources.STALLED = 0.7
seen = []
with open_source(0, reconnect=True) as frames:
    for frame in frames:
        if not seen or frame.lost != seen[-1]: seen.append(frame.lost)
        if len(seen) == 3: break
print(seen)
"""
    lines, seconds = run(script, {**camera, "FAKECAM_HANG": "1"})
    assert lines == ["['', 'hangs, no picture for 1 seconds; connect it anew', '']"]
    assert seconds < 10


def test_a_camera_that_gives_nothing_is_one_line(camera):
    script = """
try:
    with open_source(0) as frames:
        for _ in frames: pass
except SourceError as error: print(error)
"""
    (line,), seconds = run(script, {**camera, "FAKECAM_UNPLUG": "0"})
    assert line.startswith("camera 0: ")
    assert "another" in line
    assert seconds < 3


@pytest.mark.parametrize("ending", ["", "raise SystemExit", "sys.exit(0)"])
def test_a_camera_left_open_does_not_disturb_the_end_of_the_program(camera, ending):
    lines, seconds = run(f"frames = open_source(0); print(next(iter(frames)).image.shape)\n{ending}", camera)
    assert lines == ["(360, 640, 3)"]
    assert seconds < 5


def test_a_busy_camera_is_one_line(camera):
    script = """
try: open_source(0)
except SourceError as error: print(error)
"""
    (line,), seconds = run(script, {**camera, "FAKECAM_BUSY": "1"})
    assert line.startswith("camera 0: in use by another program")
    assert seconds < 3


def test_cameras_are_listed_with_their_size(camera):
    lines, _ = run("print(list_cameras())", camera)
    assert lines == [str([CameraEntry(0, "camera 0", 640, 360)])]


def test_listing_cameras_is_quiet(capfd):
    assert isinstance(list_cameras(), list)
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def devices(tmp_path, monkeypatch):
    """Where Linux names its cameras, as with two webcams: each has a second node, for its metadata."""
    for number, name, index in ((0, "Built-in", 0), (1, "Built-in", 1), (2, "HD Pro Webcam C920", 0), (3, "C920", 1)):
        node = tmp_path / f"video{number}"
        node.mkdir()
        (node / "name").write_text(f"{name}\n")
        (node / "index").write_text(f"{index}\n")
    monkeypatch.setattr(cameras, "DEVICES", tmp_path)
    return tmp_path


@pytest.mark.usefixtures("devices")
def test_a_camera_is_found_by_name_or_a_part_of_it():
    found = [camera_named(name) for name in ("HD Pro Webcam C920", "c920", "built-in", "Elsewhere")]
    assert found == ["2", "2", "0", ""]
    with pytest.raises(SourceError, match=r"^'b' names 2 cameras; give the index of one: 0, 2$"):
        camera_named("b")


def test_a_camera_is_opened_by_name_and_comes_back_by_it(camera, devices):
    script = f"""
from camdigits import cameras
cameras.DEVICES = Path({str(devices)!r})
with open_source("built", reconnect=True) as frames:
    print(frames.name, "|", frames.given)
    for frame in frames:
        if frame.lost: was = frame.lost
        elif frame.index > 45: break
    print(was)
"""
    lines, _ = run(script, {**camera, "FAKECAM_UNPLUG": "1", "FAKECAM_REPLUG": "0.4"})
    assert lines == ["built | 640x360, 30 frames a second, MJPG", "lost; was it unplugged?"]


def test_another_camera_never_stands_in_for_one_called_by_name(camera, devices):
    script = f"""
from camdigits import cameras
cameras.DEVICES = Path({str(devices)!r})
named = cameras.DEVICES / "video0" / "name"
with open_source("built", reconnect=True) as frames:
    lost = 0
    for frame in frames:
        lost += bool(frame.lost)
        if frame.index == 5: named.write_text("Another")
        if lost == 15: named.write_text("Built-in")
        if frame.index > 45: break
    print(lost > 14)
"""
    lines, _ = run(script, {**camera, "FAKECAM_UNPLUG": "1", "FAKECAM_REPLUG": "0.2"})
    assert lines == ["True"]


# ---- the screen ----


def test_the_screen_is_read_and_its_end_is_the_loss_of_it(screen):
    pytest.importorskip("mss", reason="comes with camdigits[screen]")
    picture = stamped(12345)
    with open_window("stamp") as show, open_source("screen", reconnect=True) as frames:
        assert (frames.size, frames.live) == ((1400, 900), True)
        show(picture)
        for frame in frames:
            show(picture)
            found = np.argwhere((frame.image == 128).all(axis=2))
            if len(found) > 100_000 and frame.index > 10:
                break
        top, left = found.min(axis=0)
        assert frame.image.shape == (900, 1400, 3)
        assert len(np.unique(frame.image[:top, left:].reshape(-1, 3), axis=0)) >= 2
        screen.kill()
        lost = next(frame.lost for frame in frames if frame.lost)
        assert lost == "lost; is the desktop gone?"


def test_no_screen_to_read_is_one_line(monkeypatch):
    pytest.importorskip("mss", reason="comes with camdigits[screen]")
    monkeypatch.setenv("DISPLAY", ":4321")
    with pytest.raises(SourceError, match=r"^screen: cannot be read .*desktop"):
        open_source("screen")
