import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

import camdigits
from camdigits.recorder import Recorder
from camdigits.sources import open_source
from tests.support.film import jpeg, mjpeg_server, stamp, write_video
from tests.support.models import write_model
from tests.support.screen import Screen, wait_until

CHECKOUT = Path(__file__).parents[1]
CLIP = CHECKOUT / "samples" / "clip.mp4"
BARS = [sys.executable, "-m", "tests.support.bars"]
CAMDIGITS = [sys.executable, "-c", "from camdigits.cli import main; main()", "live"]


@pytest.fixture
def film(tmp_path):
    """Four seconds of stamped pictures at thirty a second, in a folder that becomes the current one."""
    return write_video(tmp_path / "film.avi", 120)


@pytest.fixture
def short_film(tmp_path):
    """The first two seconds of it."""
    return write_video(tmp_path / "short.avi", 60)


@pytest.fixture
def clip(tmp_path):
    """The first three seconds of the sample clip."""
    path = tmp_path / "clip.avi"
    with open_source(CLIP) as frames, Recorder(path, frames.fps) as recorder:
        for frame, _ in zip(frames, range(75), strict=False):
            recorder.write(frame.image, frame.time)
    return path


class Running:
    """A started `camdigits live`, its lines as they come."""

    def __init__(self, process):
        self.process = process
        self.out, self.err = [], []
        self._threads = [
            threading.Thread(target=lambda lines=lines, kept=kept: kept.extend(line.rstrip("\n") for line in lines))
            for lines, kept in ((process.stdout, self.out), (process.stderr, self.err))
        ]
        for thread in self._threads:
            thread.start()

    def end(self, timeout=30):
        """Wait for its end; return its exit code."""
        code = self.process.wait(timeout)
        for thread in self._threads:
            thread.join()
        return code


@contextmanager
def live(*options, environment=None, folder=None, command=BARS):
    environment = {**(environment or os.environ), "PYTHONPATH": str(CHECKOUT), "PYTHONUNBUFFERED": "1"}
    command = [*command, *map(str, options)]
    with subprocess.Popen(
        command, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Running(process)
        finally:
            process.kill()


def events(running):
    return [json.loads(line) for line in running.out]


def play(path):
    with open_source(path) as frames:
        return [frame.image for frame in frames], frames.fps


# ---- the real reader ----


def test_both_numbers_of_the_sample_clip_settle_within_a_second_and_stay(clip):
    with live("--source", clip, "--headless", "--every-frame", command=CAMDIGITS) as running:
        assert running.end() == 0
    assert running.err == []
    after = [[n["text"] for n in told["numbers"]] for told in events(running) if told["time"] > 1]
    right = sum(texts == ["4096", "2750"] for texts in after)
    assert right >= 0.95 * len(after)


@pytest.fixture
def still(tmp_path: Path) -> Path:
    """A folder of five pictures, all the same, of 40718."""
    folder = tmp_path / "still"
    folder.mkdir()
    for number in range(5):
        shutil.copy(CHECKOUT / "samples" / "number.jpg", folder / f"{number}.jpg")
    return folder


def test_min_confidence_and_model_reach_the_reader(still: Path, tmp_path: Path) -> None:
    sevens = ["--model", write_model(tmp_path / "7.onnx", 7, 0.85)]
    for options, lines in (
        ([], ["40718"]),
        (sevens, ["77777"]),
        ([*sevens, "--min-confidence", "0.84"], ["77777"]),
        ([*sevens, "--min-confidence", "0.86"], []),
    ):
        with live("--source", still, "--headless", *options, command=CAMDIGITS) as running:
            assert running.end() == 0
        assert running.out == lines
    with live("--source", still, "--headless", "--model", "nowhere.onnx", command=CAMDIGITS) as running:
        assert running.end() == 1
    assert running.err[0].startswith("error: nowhere.onnx: no such model")


def test_pictures_of_a_folder_that_cannot_be_read_are_counted(still: Path) -> None:
    for name in ("7.jpg", "8.jpg"):
        (still / name).write_text("no picture")
    with live("--source", still, "--headless", command=CAMDIGITS) as running:
        assert running.end() == 0
    assert (running.out, running.err) == (["40718"], [f"{still}: pictures that cannot be read, left out: 2"])


def test_rules_hold_numbers_back_and_say_why(still: Path) -> None:
    for options, lines in (
        ([], ["40718"]),
        (["--digits", "5", "--min", "40718", "--max", "40718", "--max-step", "0", "--pattern", r"\d+8"], ["40718"]),
        (["--digits", "4"], []),
        (["--max", "999"], []),
    ):
        with live("--source", still, "--headless", *options, command=CAMDIGITS) as running:
            assert running.end() == 0
        assert running.out == lines
    with live("--source", still, "--headless", "--json", "--min", "50000", command=CAMDIGITS) as running:
        assert running.end() == 0
    (told,) = events(running)
    assert (told["event"], told["text"], told["reason"]) == ("held", "40718", "less than 50000")
    with live("--source", still, "--headless", "--pattern", "(", command=CAMDIGITS) as running:
        assert running.end() == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--min", "5", "--max", "3"], "--min and --max: no number is at least 5 and at most 3; change one"),
        (["--digits", "2", "--min", "100"], "--digits and --min: no number of 2 digits is at least 100; change one"),
        (
            ["--digits", "3", "--pattern", r"\d{4}"],
            r"--digits and --pattern: no number of 3 digits is \d{4}; change one",
        ),
        (["--min", "nan"], "--min: nan is no limit; give a number, or leave it out"),
        (["--max=-inf"], "--max: -inf is no limit; give a number, or leave it out"),
        *(([f"{name}="], f"'{name}': is empty; say what, or leave it out") for name in ("--exec", "--post", "--mqtt")),
        *(([f"{name}="], f"'{name}': is empty; say what, or leave it out") for name in ("--pattern", "--segment")),
        (["--segment", "1min"], "--segment: nothing is recorded; add --output FILE or --raw FILE"),
        (
            ["--segment", "200KB", "--raw", "raw.avi"],
            "--segment: '200KB' is not a whole number of s, min, h, MB, GB, as 10min or 500MB are",
        ),
    ],
)
def test_what_can_never_be_is_a_usage_error(still: Path, options: list[str], said: str) -> None:
    with live("--source", still, "--headless", *options, command=CAMDIGITS) as running:
        assert running.end() == 2
    assert running.out == []
    assert running.err[-1] == f"Error: Invalid value for {said}"


def test_only_the_named_parts_are_read(tmp_path: Path) -> None:
    picture = CHECKOUT / "samples" / "columns.jpg"
    height, width = cv2.imread(str(picture)).shape[:2]
    for number in range(5):
        shutil.copy(picture, tmp_path / f"{number}.jpg")
    whole = ["--source", tmp_path, "--headless", "--json"]
    with live(*whole, command=CAMDIGITS) as running:
        assert running.end() == 0
    boxes = {event["text"]: event["box"] for event in events(running)}
    parts = []
    for name, text in (("above", "1234"), ("below", "61")):
        x, y, w, h = boxes[text]
        parts += ["--roi", f"{name}={max(x - 40, 0)},{y - 25},{min(w + 80, width - x)},{min(h + 50, height - y)}"]
    with live(*whole, *parts, "--output", tmp_path / "out.avi", command=CAMDIGITS) as running:
        assert running.end() == 0
    assert {(event["region"], event["text"]) for event in events(running)} == {("above", "1234"), ("below", "61")}
    shown = play(tmp_path / "out.avi")[0][0]
    assert shown[:20, :20].mean() < 0.7 * cv2.imread(str(picture))[:20, :20].mean()  # what is not read is dark
    with live(*whole, "--roi", "a=0,0,9,9", "--roi", "a=9,9,9,9", command=CAMDIGITS) as running:
        assert running.end() == 2


@pytest.mark.parametrize("roi", ["cellar=5000,5000,100,100", "0,715,100,100"])
def test_a_part_outside_the_picture_is_one_line(still: Path, roi: str) -> None:
    with live("--source", still, "--headless", "--roi", "0,0,1280,720", "--roi", roi, command=CAMDIGITS) as running:
        assert running.end() == 1
    box = roi.rpartition("=")[2]
    assert running.err == [f"error: the roi {box} lies outside the picture, 1280x720 pixels"]


def test_a_part_that_the_picture_cuts_is_said_once(still: Path) -> None:
    parts = ["--roi", "0,0,1280,150", "--roi", "shelf=200,200,2000,400", "--roi", "200,600,900,400"]
    with live("--source", still, "--headless", *parts, command=CAMDIGITS) as running:
        assert running.end() == 0
    assert running.out == ["40718"]
    assert running.err == [
        f"{still}: the roi shelf=200,200,2000,400 lies partly outside the picture, 200,200,1080,400 is left",
        f"{still}: the roi 3=200,600,900,400 lies partly outside the picture, 200,600,900,120 is left",
    ]


def test_a_part_may_lie_in_one_of_several_pictures(still: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "small.png"), np.full((60, 80, 3), 230, np.uint8))
    several = ["--source", still, "--source", tmp_path, "--headless"]
    with live(*several, "--roi", "200,200,900,400", command=CAMDIGITS) as running:
        assert running.end() == 0
    assert running.out == ["40718"]


def test_each_sink_gets_what_is_printed(still: Path, tmp_path: Path) -> None:
    table, noted = tmp_path / "numbers.csv", tmp_path / "noted"
    posted = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Taker) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/numbers"
        sinks = ["--csv", table, "--exec", f"cp {table} {noted}-{{}}", "--post", address]
        with live("--source", still, "--headless", "--json", *sinks, command=CAMDIGITS) as running:
            assert running.end() == 0
        server.shutdown()
    assert running.err == []
    assert posted == events(running)
    assert [event["text"] for event in posted] == ["40718"]
    assert [row.split(",")[4] for row in table.read_text().splitlines()] == ["text", "40718"]
    assert Path(f"{noted}-40718").exists()


SERVER = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Taker(BaseHTTPRequestHandler):
    def do_POST(self):
        taken = self.rfile.read(int(self.headers["Content-Length"]))
        with open(sys.argv[2], "ab") as file: file.write(taken + b"\\n")
        self.send_response(204)
        self.end_headers()
    def log_message(self, *_): pass
HTTPServer(("127.0.0.1", int(sys.argv[1])), Taker).serve_forever()
"""


def test_a_killed_web_server_holds_up_nothing_and_gets_what_it_missed(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    taken = tmp_path / "taken"
    command = [sys.executable, "-c", SERVER, str(port), str(taken)]
    sink = ["--post", f"http://127.0.0.1:{port}/"]
    with mjpeg_server(fps=30) as address, live("--source", address, "--headless", "--json", *sink) as running:
        with subprocess.Popen(command) as server:
            wait_until(lambda: taken.exists() and len(taken.read_text().splitlines()) >= 2)
            server.kill()
        known = len(running.out)
        wait_until(lambda: len(running.out) >= known + 2)  # reading goes on
        assert len(taken.read_text().splitlines()) <= known
        with subprocess.Popen(command) as server:
            wait_until(lambda: len(taken.read_text().splitlines()) >= known + 2)
            running.process.send_signal(signal.SIGINT)
            assert running.end() == 0
            server.kill()
    # one that the server took when it was killed, but did not answer, it gets again
    assert list(dict.fromkeys(taken.read_text().splitlines())) == running.out
    assert [line.rpartition("; ")[2] for line in running.err] == [
        "trying again",
        f"http://127.0.0.1:{port}/: back",
        "stopped",
    ]


def test_what_was_not_delivered_in_the_end_is_one_line_and_exit_code_1(still: Path) -> None:
    with socket.socket() as nobody:  # bound, but not listening
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
        with live("--source", still, "--headless", "--post", address, "--exec", "false", command=CAMDIGITS) as running:
            assert running.end() == 1
    assert running.out == ["40718"]
    refused, unreached = sorted(running.err[:-1])
    assert refused == "false: exit code 1"
    assert unreached.startswith(f"{address}: cannot be reached (")
    assert running.err[-1] == (
        f"error: false: 1 event not delivered; {address}: 1 event not delivered; "
        "see to what takes them, or keep numbers with --csv"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_last_deliveries_and_says_what_was_not_delivered(film, number):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with live("--source", film, "--headless", "--post", address) as running:
            wait_until(lambda: len(running.out) == 4)
            time.sleep(0.5)
            running.process.send_signal(number)
            assert running.end(timeout=2) == 1
    assert running.err == [
        f"error: {address}: 4 events not delivered; see to what takes them, or keep numbers with --csv"
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_program_ends_with_the_run(still: Path, tmp_path: Path, number: int) -> None:
    script = tmp_path / "stay.sh"
    script.write_text(f"echo $$ > {tmp_path}/id\nexec sleep 60\n")
    with live("--source", still, "--headless", "--exec", f"sh {script}", command=CAMDIGITS) as running:
        wait_until(lambda: (tmp_path / "id").exists() and (tmp_path / "id").read_text())
        time.sleep(0.5)
        running.process.send_signal(number)
        assert running.end(timeout=5) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "id").read_text()), 0)
    assert running.err == [
        f"sh {script}: still ran, and was ended",
        f"error: sh {script}: 1 event not delivered; see to what takes them, or keep numbers with --csv",
    ]


@pytest.mark.parametrize("option", ["--exec=nowhere-to-be-found", "--post=here", "--mqtt=here", "--csv=/nowhere/n.csv"])
def test_a_sink_that_cannot_be_opened_is_one_line(still: Path, option: str) -> None:
    with live("--source", still, "--headless", option, command=CAMDIGITS) as running:
        assert running.end() == 1
    assert len(running.err) == 1
    assert running.err[0].startswith("error: ")


def test_mirror_turns_the_recording_but_not_what_is_told(still: Path, tmp_path: Path) -> None:
    told, first = [], []
    for name, options in (("plain.avi", []), ("turned.avi", ["--mirror"])):
        output = ["--json", "--output", tmp_path / name]
        with live("--source", still, "--headless", *output, *options, command=CAMDIGITS) as running:
            assert running.end() == 0
        assert running.err == [f"recorded {tmp_path / name}"]
        told.append(events(running))
        first.append(play(tmp_path / name)[0][0].astype(int))
    assert told[0] == told[1]
    assert [(event["event"], event["text"]) for event in told[0]] == [("number", "40718")]
    plain, turned = first
    # the median: the text stays legible, so there the two differ
    assert np.median(np.abs(turned[:, ::-1] - plain)) <= 1 < np.median(np.abs(turned - plain))


def test_without_a_source_it_reads_the_first_camera(camera: dict[str, str], tmp_path: Path) -> None:
    picture = CHECKOUT / "samples" / "number.jpg"
    environment = {**camera, "FAKECAM_FILE": str(picture), "FAKECAM_W": "1280", "FAKECAM_H": "720"}
    with live("--headless", environment=environment, folder=tmp_path, command=CAMDIGITS) as running:
        wait_until(lambda: running.out)
        running.process.send_signal(signal.SIGINT)
        assert running.end() == 0
    assert (running.out, running.err) == (["40718"], ["camera 0: 1280x720, 30 frames a second, MJPG", "stopped"])


def test_a_reader_of_its_output_that_leaves_ends_it_quietly(tmp_path):
    output = tmp_path / "out.avi"
    command = [*CAMDIGITS, "--source", CLIP, "--headless", "--every-frame", "--output", output]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == f"recorded {output}\n"
        process.wait(10)
    assert len(play(output)[0]) > 0


def test_the_five_lines_of_the_package_read_a_camera_in_a_window(camera, screen, tmp_path):
    lines = [line[4:] for line in camdigits.__doc__.splitlines() if line.startswith("    ")]
    script = tmp_path / "five.py"
    script.write_text("\n".join(lines))
    film = tmp_path / "clip.mjpeg"
    with open_source(CLIP) as frames:
        film.write_bytes(b"".join(jpeg(frame.image) for frame, _ in zip(frames, range(60), strict=False)))
        width, height = frames.size
    environment = {**camera, "FAKECAM_FILE": str(film), "FAKECAM_W": str(width), "FAKECAM_H": str(height)}
    with in_window(screen, environment=environment, command=[sys.executable, script]) as running:
        yellow = (66, 228, 240)  # the text of settled numbers
        wait_until(lambda: (screen.picture() == yellow).all(axis=2).sum() > 100)
        press_until(screen, "q", lambda: running.process.poll() is not None)
        assert running.end() == 0
    assert (running.out, running.err) == ([], [])


# ---- without a window ----


def test_what_settles_nothing_says_so(tmp_path):
    cv2.imwrite(str(tmp_path / "one.png"), np.full((200, 200, 3), 230, np.uint8))
    with live("--source", tmp_path, "--headless", command=CAMDIGITS) as running:
        assert running.end() == 0
    assert running.out == []
    assert running.err == ["no number settled in 1 frames; single pictures are read by camdigits image"]


def test_no_source_named_is_no_folder():
    with live("--source", "", "--headless", command=CAMDIGITS) as running:
        assert running.end() == 1
    assert "no source named" in running.err[0]


def test_each_settled_number_is_a_line(film):
    with live("--source", film, "--headless") as running:
        assert running.end() == 0
    assert running.out == ["0", "1", "2", "3"]
    assert running.err == []


def test_json_tells_events(film):
    with live("--source", film, "--headless", "--json") as running:
        assert running.end() == 0
    told = events(running)
    assert [(e["event"], e["id"], e["text"]) for e in told] == [("number", 1, text) for text in "0123"]
    changes = [e["time"] for e in told]
    assert changes[0] == 0.1  # the fourth frame
    for second, at in enumerate(changes[1:], 1):
        assert second < at < second + 0.5


def test_every_frame_tells_of_each_frame(film):
    with live("--source", film, "--headless", "--every-frame") as running:
        assert running.end() == 0
    told = events(running)
    assert [e["frame"] for e in told] == list(range(120))
    assert [n["text"] for n in told[-1]["numbers"]] == ["3"]


def test_a_file_is_read_as_fast_as_can_be(film):
    started = time.monotonic()
    with live("--source", film, "--headless") as running:
        running.end()
    assert time.monotonic() - started < 3  # it plays for four


@pytest.mark.parametrize("name", ["out.mp4", "out.avi"])
def test_output_records_what_was_read(film, tmp_path, name):
    with live("--source", film, "--headless", "--output", tmp_path / name) as running:
        assert running.end() == 0
    assert running.err == [f"recorded {tmp_path / name}"]
    images, fps = play(tmp_path / name)
    assert ([stamp(image) for image in images], fps) == (list(range(120)), 30)
    yellow = (np.abs(images[60].astype(int) - (66, 228, 240)) < 60).all(axis=2)
    assert yellow.sum() > 50  # the reading, drawn


@pytest.mark.parametrize(
    ("number", "name"),
    [(signal.SIGINT, "out.mp4"), (signal.SIGINT, "out.avi"), (signal.SIGTERM, "out.mp4"), (signal.SIGHUP, "out.mp4")],
)
def test_an_interrupt_while_recording_leaves_a_file_that_plays_at_true_speed(tmp_path, number, name):
    with (
        mjpeg_server(fps=20) as address,
        live("--source", address, "--headless", "--json", "--output", tmp_path / name) as running,
    ):
        wait_until(lambda: running.out)
        started = time.monotonic()
        time.sleep(1.5)
        running.process.send_signal(number)
        assert running.end(timeout=5) == 0
        lasted = time.monotonic() - started
    assert running.err == ["stopped", f"recorded {tmp_path / name}"]
    images, fps = play(tmp_path / name)
    assert 1.2 < len(images) / fps < lasted + 0.6
    stamps = [stamp(image) for image in images]
    assert abs((stamps[-1] - stamps[0]) / 20 - len(images) / fps) < 0.2


def test_no_camera_is_one_line_within_a_second():
    started = time.monotonic()
    with live("--source", "63", "--headless") as running:
        assert running.end() == 1
    assert time.monotonic() - started < 2  # one, and a busy machine
    (line,) = running.err
    assert line.startswith("error: camera 63: no such camera; plug one in")


def test_an_unplugged_camera_is_read_on_once_it_is_back(camera, tmp_path):
    output = tmp_path / "out.mp4"
    environment = {**camera, "FAKECAM_UNPLUG": "1.5", "FAKECAM_REPLUG": "0.5"}
    with live("--headless", "--json", "--output", output, environment=environment) as running:
        wait_until(lambda: any('"back"' in line for line in running.out))
        known = len(running.out)
        wait_until(lambda: len(running.out) > known)
        running.process.send_signal(signal.SIGINT)
        assert running.end() == 0
    assert running.err[1:3] == ["camera 0: lost; was it unplugged?", "camera 0: back"]
    assert running.err[-1] == f"recorded {output}"
    told = events(running)
    lost, back = (next(e for e in told if e["event"] == kind) for kind in ("lost", "back"))
    assert (lost["source"], lost["reason"]) == ("camera 0", "lost; was it unplugged?")
    assert back["frame"] == lost["frame"] + 1
    # found out by half a second without a picture, then 0.5 until it is plugged in, at most two tries after that
    assert 0.3 < back["time"] - lost["time"] < 2
    between = told[told.index(lost) + 1 : told.index(back)]
    assert between == []
    images, fps = play(output)
    assert len(images) / fps == pytest.approx(told[-1]["time"], abs=1)


def test_a_sender_that_comes_back_is_read_on():
    with mjpeg_server(frames=40) as address, live("--source", address, "--headless", "--json") as running:
        wait_until(lambda: sum('"back"' in line for line in running.out) == 2)
        running.process.send_signal(signal.SIGINT)
        assert running.end() == 0
    assert [e["event"] for e in events(running) if e["event"] in ("lost", "back")][:4] == ["lost", "back"] * 2


def test_a_recording_never_overwrites_its_source(film):
    before = film.read_bytes()
    with live("--source", film, "--headless", "--output", film, command=CAMDIGITS) as running:
        assert running.end() == 1
    assert "would overwrite the video itself" in running.err[0]
    assert film.read_bytes() == before


def test_all_files_of_a_recording_are_named(short_film, film, tmp_path):
    segments = ["--headless", "--output", "out.avi", "--segment", "1s"]
    with live("--source", short_film, *segments, folder=tmp_path, command=CAMDIGITS) as running:
        assert running.end() == 0
    assert "recorded out-001.avi, out-002.avi" in running.err
    with live("--source", film, *segments, folder=tmp_path, command=CAMDIGITS) as running:
        assert running.end() == 0
    assert "recorded out-003.avi to out-006.avi, 4 files" in running.err


def test_what_is_wrong_with_a_recording_names_the_option_that_asked_for_it(film, tmp_path):
    for raw, said in (
        (film, f"{film}: would overwrite the video itself; name another --raw"),
        ("nowhere/raw.avi", "nowhere/raw.avi: cannot be written (No such file or directory); name another file"),
    ):
        with live("--source", film, "--headless", "--raw", raw, folder=tmp_path) as running:
            assert running.end() == 1
        assert running.err == [f"error: {said}"]


def test_no_recording_overwrites_a_source_or_another(film, short_film, tmp_path):
    before = film.read_bytes()
    taken = film.rename(tmp_path / "raw-1.avi")
    with live("--source", taken, "--source", short_film, "--headless", "--raw", tmp_path / "raw.avi") as running:
        assert running.end() == 1
    assert "would overwrite the video itself" in running.err[0]
    assert taken.read_bytes() == before
    with live("--source", taken, "--headless", "--output", "a.avi", "--raw", "./a.avi", folder=tmp_path) as running:
        assert running.end() == 1
    assert running.err == ["error: a.avi: two recordings in one file; name another --output or --raw"]
    assert not (tmp_path / "a.avi").exists()


def test_a_missing_source_leaves_an_older_recording_alone(film):
    before = film.read_bytes()
    with live("--source", "nowhere.mp4", "--headless", "--output", film) as running:
        assert running.end() == 1
    assert film.read_bytes() == before


@pytest.mark.parametrize("display", ["", ":4321"])
def test_without_a_screen_it_says_so_in_one_line_and_reads_on(film, display):
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    if display:
        environment["DISPLAY"] = display
    with live("--source", film, environment=environment) as running:
        assert running.end() == 0
    assert running.out == ["0", "1", "2", "3"]
    (line,) = running.err
    assert line.startswith("no screen")
    assert "reading goes on without a window" in line
    assert "camdigits serve --source" in line


def test_several_sources_are_told_by_name_and_shown_in_one_picture(tmp_path):
    long, short = write_video(tmp_path / "long.avi", 90), write_video(tmp_path / "short.avi", 60)
    output = tmp_path / "out.avi"
    with live("--source", long, "--source", short, "--headless", "--json", "--output", output) as running:
        assert running.end() == 0
    told = events(running)
    assert [e["text"] for e in told if e["source"] == str(long)] == ["0", "1", "2"]
    assert [e["text"] for e in told if e["source"] == str(short)] == ["0", "1"]
    last = play(output)[0][-1]
    assert last.shape[:2] == (1080, 1920)
    assert [stamp(last[:540, :960]), stamp(last[:540, 960:])] == [89, 59]
    assert last[560:].max() < 20


def test_the_same_source_twice_is_one_line(film):
    with live("--source", film, "--source", film, "--headless") as running:
        assert running.end() == 1
    assert running.err == ["error: the same --source twice; name different ones"]


def test_more_hits_settle_later(film):
    times = {}
    for hits in ("1", "10"):
        with live("--source", film, "--headless", "--json", "--hits", hits) as running:
            assert running.end() == 0
        times[hits] = events(running)[0]["frame"]
    assert times == {"1": 0, "10": 9}


# ---- in a window ----


@contextmanager
def in_window(screen, *options, **more):
    with live(*options, environment=more.pop("environment", {}) | screen.environment, **more) as running:
        screen.wait_for_window()
        yield running


def near(picture, color):
    """Say of each pixel whether it is all but of a colour: the window scales what it shows."""
    return (np.abs(picture.astype(int) - color) < 40).all(axis=2)


def press_until(screen, key, condition):
    """Press a key again and again: the first may come before the window listens."""

    def pressed():
        screen.press(key)
        time.sleep(0.15)
        return condition()

    wait_until(pressed)


@pytest.fixture
def address():
    """A network camera that sends for as long as the test takes."""
    with mjpeg_server(fps=30) as opened:
        yield opened


def test_headless_opens_no_window(screen: Screen, address: str) -> None:
    with live("--source", address, "--headless", environment=screen.environment) as running:
        wait_until(lambda: running.out)
        assert screen.windows() == []
    with in_window(screen, "--source", address):
        assert len(screen.windows()) == 1


@pytest.mark.parametrize("key", ["q", "Escape"])
def test_keys_quit(screen, address, key):
    with in_window(screen, "--source", address) as running:
        press_until(screen, key, lambda: running.process.poll() is not None)
        assert running.end() == 0
    assert running.err == []


def test_the_window_manager_quits(screen, address):
    with in_window(screen, "--source", address) as running:
        wait_until(lambda: running.out)
        screen.close_window()
        assert running.end(timeout=5) == 0
    assert running.err == []


def test_a_dying_screen_ends_the_window_but_not_the_reading(screen, address):
    with in_window(screen, "--source", address, "--json") as running:
        wait_until(lambda: running.out)
        screen.kill()
        wait_until(lambda: running.err)
        assert running.err == ["the screen is gone; reading goes on without a window"]
        known = len(running.out)
        wait_until(lambda: len(running.out) >= known + 2)
        running.process.send_signal(signal.SIGINT)
        assert running.end() == 0


def test_s_takes_a_snapshot(screen, address, tmp_path):
    with in_window(screen, "--source", address, folder=tmp_path) as running:
        wait_until(lambda: running.out)
        press_until(screen, "s", lambda: running.err)
        assert running.err[0] == "saved camdigits-001.png"
    told = json.loads((tmp_path / "camdigits-001.json").read_text())
    assert stamp(cv2.imread(str(tmp_path / "camdigits-001.png"))) // 30 in range(told["frame"] // 30 + 3)
    assert told["source"] == address
    assert len(told["numbers"]) == 1


def test_r_starts_and_stops_a_recording(screen, address, tmp_path):
    output = tmp_path / "camdigits-001.mp4"
    with in_window(screen, "--source", address, folder=tmp_path) as running:
        wait_until(lambda: running.out)
        press_until(screen, "r", output.exists)
        time.sleep(1)
        screen.press("r")
        wait_until(lambda: running.err)
        assert running.err == ["recorded camdigits-001.mp4"]
        images, fps = play(output)
        assert 0.8 < len(images) / fps < 2.5
        assert running.process.poll() is None


def test_space_pauses_and_goes_on(screen, short_film):
    with in_window(screen, "--source", short_film, "--every-frame") as running:
        wait_until(lambda: len(running.out) > 5)
        screen.press("space")
        time.sleep(0.5)
        known = len(running.out)
        time.sleep(1)
        assert len(running.out) == known < 60
        screen.press("space")
        assert running.end() == 0
    assert len(running.out) == 60


def test_a_window_plays_a_file_at_its_own_speed(screen, short_film):
    with in_window(screen, "--source", short_film, "--every-frame") as running:
        wait_until(lambda: running.out)
        started = time.monotonic()
        assert running.end() == 0
    assert 1.2 < time.monotonic() - started < 3


def test_m_i_and_h_change_the_view(screen, film):
    blue = (233, 180, 86)

    def columns(color):
        return np.nonzero(near(screen.picture(), color).any(axis=0))[0]

    with in_window(screen, "--source", film) as running:
        wait_until(lambda: running.out)
        screen.press("space")
        wait_until(lambda: len(columns(blue)))
        plain = columns(blue).min()
        press_until(screen, "m", lambda: columns(blue).max() > plain + 300)  # the reading is on the other side
        screen.press("m")
        bright = screen.picture().mean()
        press_until(screen, "h", lambda: screen.picture().mean() < 0.7 * bright)
        screen.press("h")
        screen.press("i")
        yellow = (66, 228, 240)  # that of settled numbers, which the inspected view leaves out
        wait_until(lambda: not near(screen.picture(), yellow)[:500, :700].any())  # but the history keeps them


def test_the_mouse_draws_regions_and_c_corrects(screen, tmp_path):
    options = ["--source", CLIP, "--json"]
    with in_window(screen, *options, folder=tmp_path, command=CAMDIGITS) as running:
        wait_until(lambda: len(running.out) >= 2)
        screen.press("space")
        boxes = {event["text"]: event["box"] for event in events(running)}
        left, top, scale = place_of(screen, 640, 480)

        def go(x, y):
            screen.point(left + x * scale, top + y * scale)

        x, y, w, h = boxes["4096"]
        go(x + w / 2, y + h / 2)
        time.sleep(0.3)
        screen.press("c", "4", "q", "9", "6", "BackSpace", "BackSpace", "BackSpace", "0", "9", "6", "Return")
        wait_until(lambda: running.err)
        assert running.err == ["4 digits of 4096 saved in corrections"]
        assert sorted(path.name for path in (tmp_path / "corrections").iterdir()) == ["0", "4", "6", "9"]
        x, y, w, h = boxes["2750"]
        go(x - 20, y - 20)
        screen.button(down=True)
        go(x + w / 2, y + h)
        time.sleep(0.2)
        go(x + w + 20, y + h + 20)
        time.sleep(0.2)
        screen.button(down=False)
        time.sleep(0.5)
        screen.press("q", "Return")
        wait_until(lambda: len(running.err) > 1)
        assert running.err[1].startswith("--roi q=")
        drawn = [int(part) for part in running.err[1].removeprefix("--roi q=").split(",")]
        assert np.abs(np.subtract(drawn, [x - 20, y - 20, w + 40, h + 40])).max() <= 4
        screen.press("space")
        wait_until(lambda: any(event.get("region") == "q" for event in events(running)))


def place_of(screen, width, height):
    """Return where on the screen the picture in the window begins, and its scale: of a width beside which stands
    the history."""
    dark = (screen.picture() == 24).all(axis=2)
    columns = np.nonzero(dark.sum(axis=0) > 400)[0]  # the history's panel
    rows = np.nonzero(dark[:, columns.max() - 5])[0]
    scale = (rows.max() - rows.min() + 1) / height
    return columns.min() - width * scale, rows.min(), scale


def test_plus_minus_and_tab_are_noted(screen, address):
    yellow = (66, 228, 240)

    def noted():
        rows = np.nonzero(near(screen.picture(), yellow)[:, :700].any(axis=1))[0]
        return len(rows) and rows.max() > 600  # the number itself stands higher

    with in_window(screen, "--source", address) as running:
        wait_until(lambda: running.out)
        for key in ("plus", "minus", "Tab"):
            wait_until(lambda: not noted())
            press_until(screen, key, noted)
