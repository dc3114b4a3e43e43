"""How promptly and how cheaply a camera is read: an emulated one of 1280x720 at 30 frames a second, MJPEG.

    python -m tests.benchmarks.live [SECONDS]

Prints, each over so many seconds (20): frames from the appearance of a number in front of the camera to its event, and
from there milliseconds; the age of frames when they are handed to the window, if there is a screen; their age when they
are taken by a reader that takes a fifth of a second for each; the share of one core that `camdigits live --headless
--every-frame` uses, and its frames a second; and both before a ruled sheet that lies still. A frame's age counts from
the moment at which the camera had it, decoding included.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np

from camdigits.overlay import draw
from camdigits.reader import Reader
from camdigits.settings import LiveSettings
from camdigits.sources import Source, open_source
from camdigits.types import MIN_HITS, Frame, Image
from camdigits.watch import Watch
from camdigits.window import open_window
from tests.support.camera import BELOW, NUMBER, build_camera, with_camera, write_sheets
from tests.support.film import jpeg, stamp

FPS = 30
PERIOD = 60
"""Frames: a second without a number, a second with one."""

PERIODS = 20
SLOW = 0.2

RULED = NUMBER.with_name("ruled.jpg")


class Clock:
    """Knows from the stamps when the camera had each frame: the earliest arrivals show it, as others are late."""

    def __init__(self) -> None:
        self._base = float("inf")
        self._rounds, self._last = 0, 0

    def had(self, source: Source, frame: Frame) -> tuple[int, float]:
        """Return a frame's number in the camera, and when the camera had it."""
        number = stamp(frame.image) + self._rounds * PERIOD * PERIODS
        if number < self._last - PERIOD:  # the film began again
            self._rounds += 1
            number += PERIOD * PERIODS
        self._last = number
        self._base = min(self._base, source.arrival - number / FPS)
        return number, self._base + number / FPS


def follow(seconds: float, *, window: bool = False, slow: bool = False) -> None:
    """Print how old frames are and how late events."""
    watch_settings, reader, clock = LiveSettings(regions={"below": BELOW}), Reader("cnn", 0.5), Clock()
    ages, frames, late = [], [], []
    with ExitStack() as opened:
        source = opened.enter_context(open_source(0))
        show = opened.enter_context(open_window("camdigits")) if window else None
        watch = Watch(source, watch_settings)
        started = time.monotonic()
        for frame in source:
            number, had = clock.had(source, frame)
            settling_in = time.monotonic() < started + 2  # the clock learns, models load
            if slow and not settling_in:
                ages.append(time.monotonic() - had)
            events = watch.take(frame, reader)
            if show:
                show(draw(frame, watch.readings))
            if not slow and not settling_in:
                ages.append(time.monotonic() - had)
            for event in events:
                if event["event"] == "number" and not settling_in:
                    since = (number - PERIOD // 2) % PERIOD
                    frames.append(since + 1)
                    late.append(time.monotonic() - had + since / FPS)
            if slow:
                time.sleep(SLOW)
            if time.monotonic() > started + seconds:
                break
    ages.sort()
    what = "taken by a slow reader" if slow else "shown" if window else "read"
    print(f"age of {len(ages)} frames when {what}: median {1000 * statistics.median(ages):.0f} ms,", end=" ")
    print(f"p99 {1000 * ages[int(0.99 * len(ages))]:.0f} ms, most {1000 * ages[-1]:.0f} ms")
    if frames and not slow:
        print(f"{len(frames)} numbers told in frame {statistics.median(frames):.0f} of their sight,", end=" ")
        print(f"at most {max(frames)} (k = {MIN_HITS}); {1000 * statistics.median(late):.0f} ms", end=" ")
        print(f"after they came, at most {1000 * max(late):.0f} ms", flush=True)


def cost(environment: dict[str, str], seconds: float) -> str:
    """Say what part of one core the command uses while it reads, from its third second on, and how many frames."""
    command = [sys.executable, "-m", "camdigits", "live", "--headless", "--every-frame"]
    command += ["--roi", ",".join(map(str, BELOW))]
    with (
        tempfile.TemporaryFile("w+") as told,
        subprocess.Popen(command, env=environment, stdout=told, stderr=subprocess.DEVNULL) as process,
    ):
        time.sleep(3)
        before, started = used(process.pid), time.monotonic()
        time.sleep(seconds)
        elapsed = time.monotonic() - started
        share = (used(process.pid) - before) / elapsed
        process.terminate()
        process.wait()
        told.seek(0)
        times = [json.loads(line)["time"] for line in told]
        read = sum(time > times[-1] - seconds for time in times)
    return f"{share:.0%} of one core, {read / seconds:.0f} frames a second"


def used(pid: int) -> float:
    """Return the seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print the figures; the parts that read the camera run in processes in which it is preloaded."""
    if len(sys.argv) > 2:
        follow(float(sys.argv[1]), window=sys.argv[2] == "window", slow=sys.argv[2] == "slow")
        return
    seconds = sys.argv[1] if len(sys.argv) > 1 else "20"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        film = write_sheets(folder / "sheets.mjpeg", PERIOD, PERIODS)
        environment = with_camera(build_camera(folder), film, (1280, 720), FPS=FPS)
        for part in ("plain", "window", "slow"):
            if part == "window" and not os.environ.get("DISPLAY"):
                print("no screen: the age when shown is not measured", flush=True)
                continue
            subprocess.run([sys.executable, "-m", "tests.benchmarks.live", seconds, part], env=environment, check=True)
        print(f"live --headless: {cost(environment, float(seconds))}")
        ruled = write_noisy(folder / "ruled.mjpeg", cv2.imread(str(RULED)))
        environment = with_camera(build_camera(folder), ruled, (1280, 720), FPS=FPS)
        print(f"live --headless, a ruled sheet that lies still: {cost(environment, float(seconds))}")


def write_noisy(path: Path, picture: Image) -> Path:
    """Write a film of two seconds of one picture, with a sensor's noise."""
    rng = np.random.default_rng(0)
    noise = (rng.normal(0, 1.5, picture.shape[:2])[..., None] for _ in range(2 * FPS))
    path.write_bytes(b"".join(jpeg(np.clip(picture + grain, 0, 255).astype(np.uint8)) for grain in noise))
    return path


if __name__ == "__main__":
    main()
