"""How old answers are under load: 20 viewers of the server's camera and 8 cameras that send 640x480 at 10 a second.

    python tests/benchmarks/page.py [SECONDS]

Server and clients share this machine. A camera's answer is as old as the picture that it is of, since that was sent; a
viewer's is told relative to the quickest that any viewer got of that source. Before that, alone
in a Chromium: how long after the end of its last stroke a drawn digit is shown as read; and the page itself.
"""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import httpx
from playwright.sync_api import sync_playwright
from websockets.asyncio.client import connect

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.browser import CHROMIUM, write
from tests.support.command import SAMPLES
from tests.support.film import jpeg
from tests.support.server import Server, serving

VIEWERS, CAMERAS, RATE = 20, 8, 10.0

DRAWN = "2010" * 10
"""Digits that are drawn, one after the other."""

NOTE = """() => {
  window.shown = window.ended = 0;
  document.getElementById("paper").addEventListener("pointerup", (event) => (window.ended = event.timeStamp), true);
  const note = () => setTimeout(() => (window.shown = performance.now()));
  const digits = document.getElementById("drawn-digits");
  new MutationObserver(() => requestAnimationFrame(note)).observe(digits, { childList: true });
}"""
"""Notes when the last stroke ended, and when what was last read was on the screen: after the frame that shows it."""


def draw(server: Server) -> None:
    """Draw digits, each on an empty sheet, and print how long their readings took."""
    waits: list[float] = []
    right = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(server.root)
        page.evaluate(NOTE)
        for digit in DRAWN:
            write(page, digit)
            page.wait_for_timeout(1000)  # of several readings the last is of the whole digit
            waits.append(page.evaluate("(shown - ended) / 1000"))
            right += page.locator("#drawn").inner_text() == digit
            page.click("#clear")
            page.wait_for_timeout(300)
        browser.close()
    report("drawn", waits, "shown after the stroke")
    print(f"         {right} of {len(DRAWN)} drawings read right")


async def send_and_receive(server: Server, pictures: Sequence[bytes], seconds: float, ages: list[float]) -> int:
    """Send pictures at RATE; return how many answers were errors."""
    sent: list[float] = []
    errors = 0
    async with connect(server.socket + "/api/stream") as socket:

        async def send() -> None:
            began = time.monotonic()
            while time.monotonic() < began + seconds:
                picture = pictures[len(sent) % len(pictures)]
                sent.append(time.monotonic())
                await socket.send(picture)
                await asyncio.sleep(began + len(sent) / RATE - time.monotonic())
            await asyncio.sleep(1)
            await socket.close()

        sending = asyncio.create_task(send())
        async for message in socket:
            answer = json.loads(message)
            errors += "error" in answer
            ages.append(time.monotonic() - sent[answer["frame"]])
        await sending
    return errors


async def watch(server: Server, seconds: float, delays: list[tuple[float, float]]) -> int:
    """Watch; return how many pictures came."""
    end = time.monotonic() + seconds
    pictures = 0
    async with connect(server.socket + "/api/watch") as socket:
        while time.monotonic() < end:
            said = json.loads(await socket.recv())
            await socket.recv()
            delays.append((time.monotonic(), said["time"]))
            pictures += 1
    return pictures


async def load(server: Server, pictures: Sequence[bytes], seconds: float) -> None:
    """Put the load on, and print what came of it."""
    ages: list[float] = []
    delays: list[tuple[float, float]] = []
    tasks = [send_and_receive(server, pictures, seconds, ages) for _ in range(CAMERAS)]
    viewers = [watch(server, seconds, delays) for _ in range(VIEWERS)]
    results = await asyncio.gather(*tasks, *viewers)
    behind = list(in_time(sorted(delays)))
    report("cameras", ages)
    print(f"         {len(ages) / seconds / CAMERAS:.1f} answers a second and camera, {sum(results[:CAMERAS])} errors")
    report("viewers", behind)
    print(f"         {len(delays) / seconds / VIEWERS:.1f} pictures a second and viewer")


def in_time(delays: Sequence[tuple[float, float]]) -> Iterator[float]:
    """Yield how much later than the quickest of its showing of the film each picture came; the film begins anew."""
    showing: list[float] = []
    last = 0.0
    for at, shown in [*delays, (0.0, -10.0)]:
        if shown < last - 5:
            yield from (behind - min(showing) for behind in showing)
            showing = []
        showing.append(at - shown)
        last = shown


def report(who: str, ages: Sequence[float], what: str = "age of the answer") -> None:
    cuts = statistics.quantiles(ages, n=100)
    median, p95, p99 = (1000 * cuts[at] for at in (49, 94, 98))
    print(f"{who:8} {what}: median {median:.0f}, p95 {p95:.0f}, p99 {p99:.0f} ms")


def main() -> None:
    """Start a server with the clip as its camera, and load it."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    capture = cv2.VideoCapture(str(SAMPLES / "clip.mp4"))
    pictures = [jpeg(capture.read()[1]) for _ in range(250)]
    with serving() as server:
        draw(server)
    with serving("--source", SAMPLES / "clip.mp4") as server:
        with httpx.Client() as browser:
            first = []
            for _ in range(50):
                start = time.perf_counter()
                browser.get(server.root + "/")
                first.append(time.perf_counter() - start)
        print(f"page     first byte: median {1000 * statistics.median(first):.1f}, slowest {1000 * max(first):.1f} ms")
        asyncio.run(load(server, pictures, seconds))
        print(f"server   {server.memory()} MB")


if __name__ == "__main__":
    main()
