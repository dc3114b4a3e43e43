"""MNIST whole or not at all: from a folder and from mirrors that misbehave."""

import gzip
import hashlib
import os
import struct
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from camdigits.errors import CamdigitsError
from camdigits_export import datasets

Reply = Callable[[BaseHTTPRequestHandler], None]

RAW = struct.pack(">4B3I", 0, 0, 8, 3, 3, 28, 28) + bytes(range(256)) * 9 + bytes(48)
PACKED = gzip.compress(RAW, mtime=0)
LABELS_RAW = struct.pack(">4BI", 0, 0, 8, 1, 3) + bytes([7, 1, 0])
LABELS_PACKED = gzip.compress(LABELS_RAW, mtime=0)
FILES = {"images.gz": PACKED, "labels.gz": LABELS_PACKED}


def described(name: str, packed: bytes, raw: bytes) -> datasets._File:
    return datasets._File("mnist", name, hashlib.md5(packed).hexdigest(), hashlib.sha256(raw).hexdigest())


@pytest.fixture(autouse=True)
def three_digits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A data set of three images in MNIST's place, and a cache of its own."""
    files = (described("images.gz", PACKED, RAW), described("labels.gz", LABELS_PACKED, LABELS_RAW))
    monkeypatch.setattr(datasets, "_MNIST", {"train": files, "test": files})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CAMDIGITS_DATA", raising=False)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Let mirrors on loopback answer as told."""
    servers = []

    def start(*replies: Reply) -> None:
        mirrors = []
        for reply in replies:

            class Handler(BaseHTTPRequestHandler):
                answer = staticmethod(reply)

                def do_GET(self) -> None:
                    self.answer(self)

                def log_message(self, *_: object) -> None:
                    pass

            server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            servers.append(server)
            mirrors.append(f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setattr(datasets, "MIRRORS", {"mnist": tuple(mirrors)})

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def whole(request: BaseHTTPRequestHandler) -> None:
    send(request, FILES[request.path[1:]])


def send(request: BaseHTTPRequestHandler, body: bytes, length: int | None = None) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(len(body) if length is None else length))
    request.end_headers()
    request.wfile.write(body)


def refused(request: BaseHTTPRequestHandler) -> None:
    request.send_error(403)


def altered(request: BaseHTTPRequestHandler) -> None:
    body = bytearray(FILES[request.path[1:]])
    body[len(body) // 2] ^= 1
    send(request, bytes(body))


def cut_off(request: BaseHTTPRequestHandler) -> None:
    body = FILES[request.path[1:]]
    send(request, body[: len(body) // 2], len(body))


def login_page(request: BaseHTTPRequestHandler) -> None:
    send(request, b"<html>please log in</html>")


def test_fetched_once_then_kept(serve: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    serve(whole)
    digits = datasets.load("mnist", "train")
    assert [(ink.shape, ink.dtype) for ink in digits.inks] == [((28, 28), np.uint8)] * 3
    assert digits.labels.tolist() == [7, 1, 0]
    assert digits.names == tuple("0123456789")
    monkeypatch.setattr(datasets, "MIRRORS", {"mnist": ()})
    serve(refused)
    assert np.array_equal(datasets.load("mnist", "train").inks, digits.inks)


def test_a_second_mirror_is_enough(serve: Callable[..., None]) -> None:
    serve(refused, whole)
    assert datasets.load("mnist", "test").labels.tolist() == [7, 1, 0]


@pytest.mark.parametrize("reply", [refused, altered, cut_off, login_page])
def test_a_bad_download_is_one_sentence_with_a_cure(reply: Reply, serve: Callable[..., None]) -> None:
    serve(reply)
    with pytest.raises(datasets.DataError, match=r"images\.gz.*CAMDIGITS_DATA") as caught:
        datasets.load("mnist", "train")
    assert isinstance(caught.value, CamdigitsError)
    assert "\n" not in str(caught.value)


def test_no_mirror_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "MIRRORS", {"mnist": ("http://127.0.0.1:1/",)})
    with pytest.raises(datasets.DataError, match=r"images\.gz"):
        datasets.load("mnist", "train")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CAMDIGITS_DATA", str(tmp_path))
    mnist = tmp_path / "mnist"
    mnist.mkdir()
    for name, data in FILES.items():
        (mnist / name).write_bytes(data)
    return mnist


def test_a_folder_may_hold_files_compressed_again(folder: Path) -> None:
    (folder / "images.gz").write_bytes(gzip.compress(RAW, 1))
    assert len(datasets.load("mnist", "train")) == 3


@pytest.mark.parametrize("data", [None, b"", PACKED[:-40], b"not gzip", gzip.compress(RAW[:-1] + b"x")])
def test_a_bad_file_in_a_folder_is_named(data: bytes | None, folder: Path) -> None:
    path = folder / "images.gz"
    path.unlink()
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(datasets.DataError, match=r"images\.gz: .+; "):
        datasets.load("mnist", "train")


def test_the_validation_split_never_changes() -> None:
    train, kept = datasets.validation_split(60_000)
    assert (len(train), len(kept)) == (55_000, 5000)
    assert not set(train) & set(kept)
    assert hashlib.sha256(kept.astype(np.int64).tobytes()).hexdigest()[:12] == "58739f22e1f2"


@pytest.mark.slow
def test_mnist_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    if not os.environ.get("CAMDIGITS_DATA"):
        pytest.skip("needs MNIST in CAMDIGITS_DATA")
    digits = datasets.load("mnist", "train")
    assert np.bincount(digits.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert len(datasets.load("mnist", "test")) == 10_000
