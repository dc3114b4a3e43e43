"""Whether `camdigits live` can be left running: an emulated camera at 30 frames a second, pulled out every minute.

    python -m tests.benchmarks.soak [MINUTES] [--every SECONDS]

Runs the command for so many minutes (30), prints memory, threads, descriptors and child processes as they go, and how
long each return of the camera took; exit code 1 where memory grew by more than 5 MB after the first minute, where
anything else grew, or where a return took more than two seconds.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from camdigits.sources import GRACE
from tests.support.camera import build_camera, can_be_built, with_camera, write_sheets

MOST_GROWTH = 5.0
"""Megabytes."""

MOST_SECONDS = 2.0
AWAY = 3.0
"""Seconds that the camera is gone."""


class Soak:
    """A run of the command that is watched. returns: seconds from the camera's return to its next frame."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.returns: list[float] = []
        self.numbers = 0
        self.process = subprocess.Popen(
            [sys.executable, "-m", "camdigits", "live", "--headless", "--json"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def state(self) -> tuple[float, int, int, int]:
        """Return (megabytes, threads, descriptors, children)."""
        here = Path(f"/proc/{self.process.pid}")
        told = dict(line.split(":", 1) for line in (here / "status").read_text().splitlines())
        children = sum(len((task / "children").read_text().split()) for task in (here / "task").iterdir())
        megabytes = int(told["VmRSS"].split()[0]) / 1024
        return megabytes, int(told["Threads"]), len(list((here / "fd").iterdir())), children

    def end(self) -> int:
        """End it in order, and return its exit code."""
        self.process.terminate()
        code = self.process.wait(20)
        self._listener.join()
        return code

    def _listen(self) -> None:
        lost = 0.0
        assert self.process.stdout
        for line in self.process.stdout:
            event = json.loads(line)
            self.numbers += event["event"] == "number"
            if event["event"] == "lost":
                lost = event["time"]
            elif event["event"] == "back":
                # half a second without a frame is what tells of the loss
                self.returns.append(event["time"] - lost + GRACE - AWAY)


def soak(minutes: float, every: float, folder: Path) -> list[str]:
    """Run for so long with the camera pulled out every so many seconds; return what went wrong."""
    film = write_sheets(folder / "sheets.mjpeg", 60, 4)
    environment = with_camera(build_camera(folder), film, (1280, 720), UNPLUG=every, REPLUG=AWAY)
    run = Soak(environment)
    started = time.monotonic()
    states = []
    try:
        while (gone := time.monotonic() - started) < 60 * minutes:
            time.sleep(1)
            if run.process.poll() is not None:
                return [f"it ended after {gone:.0f} s with exit code {run.process.returncode}"]
            states.append((gone, *run.state()))
            if len(states) % 10 == 0:
                megabytes, threads, descriptors, children = states[-1][1:]
                print(f"{gone:5.0f} s  {megabytes:.1f} MB, {threads} threads,", end=" ")
                print(f"{descriptors} descriptors, {children} children; {len(run.returns)} returns,", end=" ")
                print(f"the longest {max(run.returns, default=0):.2f} s; {run.numbers} numbers", flush=True)
        code = run.end()
    finally:
        run.process.kill()
    return complaints(states, run.returns, run.numbers, code)


def complaints(
    states: list[tuple[float, float, int, int, int]], returns: list[float], numbers: int, code: int
) -> list[str]:
    """Return what is wrong with a run's states (seconds, then Soak.state) from the first minute, or half, on."""
    settled = [state for state in states if state[0] >= min(60, states[-1][0] / 2)]
    half, tenth = (len(settled) + 1) // 2, max(1, len(settled) // 10)
    growth = statistics.median(s[1] for s in settled[-tenth:]) - statistics.median(s[1] for s in settled[:tenth])
    # the others go up and down with each return of the camera
    first, last = ([max(column) for column in zip(*part, strict=True)] for part in (settled[:half], settled[half:]))
    wrong = []
    print(f"memory grew by {growth:.1f} MB")
    if growth > MOST_GROWTH:
        wrong.append(f"memory grew by {growth:.1f} MB")
    for name, before, after in zip(("threads", "descriptors", "children"), first[2:], last[2:], strict=True):
        if after > before:
            wrong.append(f"{name} grew from {before} to {after}")
    if not returns:
        wrong.append("the camera never came back")
    wrong += [f"a return took {seconds:.2f} s" for seconds in returns if seconds > MOST_SECONDS]
    if not numbers:
        wrong.append("no number was read")
    if code:
        wrong.append(f"exit code {code}")
    return wrong


def main() -> None:
    """Run, and say what is wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("minutes", type=float, nargs="?", default=30)
    parser.add_argument("--every", type=float, default=60)
    asked = parser.parse_args()
    if not can_be_built():
        sys.exit("needs Linux and a C compiler")
    with tempfile.TemporaryDirectory() as folder:
        wrong = soak(asked.minutes, asked.every, Path(folder))
    print("\n".join(wrong) or "all as it was at the start")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
