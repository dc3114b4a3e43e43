"""Pictures that carry a number a program can read back, so that a test knows which frame it was given."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import cv2
import numpy as np

from camdigits.types import Image

BITS = 16


def stamped(number: int, width: int = 640, height: int = 360) -> Image:
    """Return a grey picture whose upper third shows the number in black and white bars, the lowest bit first."""
    image = np.full((height, width, 3), 128, np.uint8)
    bar = width // BITS
    for bit in range(BITS):
        image[: height // 3, bit * bar : (bit + 1) * bar] = 255 * (number >> bit & 1)
    return image


def stamp(image: Image) -> int:
    """Return the number that a picture was stamped with; JPEG and video compression leave it legible."""
    height, width = image.shape[:2]
    bar = width // BITS
    bars = [image[height // 12 : height // 4, bit * bar + bar // 4 : (bit + 1) * bar - bar // 4] for bit in range(BITS)]
    return sum(1 << bit for bit, pixels in enumerate(bars) if pixels.mean() > 127)


def jpeg(image: Image) -> bytes:
    return cv2.imencode(".jpg", image)[1].tobytes()


def write_mjpeg(path: Path, frames: int, width: int = 640, height: int = 360) -> Path:
    """Write stamped pictures as JPEG one after the other."""
    path.write_bytes(b"".join(jpeg(stamped(number, width, height)) for number in range(frames)))
    return path


def write_video(path: Path, frames: int, fps: float = 30, codec: str = "MJPG") -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, (640, 360))
    for number in range(frames):
        writer.write(stamped(number))
    writer.release()
    return path


@contextmanager
def mjpeg_server(
    fps: float = 30,
    frames: int | None = None,
    silent_after: int | None = None,
    picture_of: Callable[[int], Image] = stamped,
) -> Iterator[str]:
    """Serve pictures, stamped unless told otherwise, as a network camera does, and give its address.

    Each viewer gets `frames` pictures and then the end of the stream; after `silent_after` pictures the connection
    stays but nothing comes. The stamp counts from the viewer's first picture.
    """
    stopped = False

    class Viewer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            started = time.monotonic()
            number = 0
            try:
                while not stopped and (frames is None or number < frames):
                    if silent_after is None or number < silent_after:
                        picture = jpeg(picture_of(number))
                        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                        self.wfile.write(head.encode() + picture + b"\r\n")
                    number += 1
                    time.sleep(max(0.0, started + number / fps - time.monotonic()))
            except OSError:
                pass  # the viewer left

        def log_message(self, *_: object) -> None:
            pass

    try:
        with _serving(Viewer) as address:
            yield f"{address}/camera.mjpeg"
    finally:
        stopped = True


@contextmanager
def file_server(folder: Path) -> Iterator[str]:
    """Serve the files of a folder, and give its address."""

    class Files(SimpleHTTPRequestHandler):
        def __init__(self, *request: Any) -> None:
            super().__init__(*request, directory=str(folder))

        def log_message(self, *_: object) -> None:
            pass

        def handle(self) -> None:
            with suppress(OSError):  # FFmpeg hangs up when it knows enough
                super().handle()

    with _serving(Files) as address:
        yield address


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
