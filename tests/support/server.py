"""`camdigits serve` as users start it: a process of its own, on a port of its own."""

import base64
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import cv2
import httpx
import numpy as np

from tests.support.screen import wait_until


@dataclass(frozen=True)
class Server:
    """address: as printed, with the token if there is one. port: where it listens. said: on stderr, at its end."""

    address: str
    port: int
    process: subprocess.Popen[str]
    said: list[str]

    @property
    def root(self) -> str:
        """Where it is reached from this machine, without slash at the end."""
        scheme = self.address.partition(":")[0]
        return f"{scheme}://127.0.0.1:{self.port}"

    @property
    def socket(self) -> str:
        return self.root.replace("http", "ws", 1)

    @property
    def token(self) -> str:
        return self.address.partition("token=")[2]

    def get(self, path: str, **request: Any) -> httpx.Response:
        return httpx.get(self.root + path, timeout=30, **request)

    def send(self, picture: bytes | Path, name: str = "picture.jpg", **request: Any) -> httpx.Response:
        """Post a picture to /api/image."""
        if isinstance(picture, Path):
            picture, name = picture.read_bytes(), picture.name
        return httpx.post(self.root + "/api/image", files={"file": (name, picture)}, timeout=30, **request)

    def memory(self) -> int:
        """Return the megabytes that the process holds now."""
        return self._status("VmRSS") // 1024

    def threads(self) -> int:
        """Return how many threads the process has now."""
        return self._status("Threads")

    def _status(self, name: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition(f"{name}:")[2].split()[0])


@contextmanager
def serving(*arguments: str | Path) -> Iterator[Server]:
    """Start it with these arguments, give it, and end it as Ctrl-C does; it must end well."""
    command = [sys.executable, "-m", "camdigits", "serve", "--port", "0", "--no-open", *map(str, arguments)]
    with TemporaryFile("w+") as stderr:  # not a pipe: nobody reads it, and it would fill up
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
        assert process.stdout
        try:
            address = process.stdout.readline().strip()
            assert address, "the server did not start"
            server = Server(address, int(address.split("/")[2].rpartition(":")[2]), process, [])
            wait_until(lambda: _answers(server))
            yield server
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)
            process.stdout.close()
            stderr.seek(0)
            said = stderr.read()
        server.said.append(said)
        assert process.returncode == 0, said
        assert "Traceback" not in said, said


def _answers(server: Server) -> bool:
    try:
        return httpx.get(server.root + "/", verify=False).status_code in (200, 401)
    except httpx.TransportError:
        return False


def decoded(address: str) -> np.ndarray:
    """Return the grey picture in a data: address."""
    encoded = base64.b64decode(address.removeprefix("data:image/png;base64,"))
    return cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_UNCHANGED)
