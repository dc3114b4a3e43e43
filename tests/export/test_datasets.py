"""Data sets whole or not at all: from a folder and from mirrors that misbehave; what is kept back is of every class."""

import gzip
import hashlib
import os
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from camdigits.classify import Classifier
from camdigits.errors import CamdigitsError
from camdigits.pipeline import trace_image
from camdigits.sheet import read_sheet
from camdigits.teach import keep
from camdigits_export import datasets
from tests.support.sheets import draw_sheet

Reply = Callable[[BaseHTTPRequestHandler], None]

RAW = struct.pack(">4B3I", 0, 0, 8, 3, 3, 28, 28) + bytes(range(256)) * 9 + bytes(48)
PACKED = gzip.compress(RAW, mtime=0)
LABELS_RAW = struct.pack(">4BI", 0, 0, 8, 1, 3) + bytes([7, 1, 0])
LABELS_PACKED = gzip.compress(LABELS_RAW, mtime=0)
FILES = {"images.gz": PACKED, "labels.gz": LABELS_PACKED}


def described(name: str, raw: bytes) -> datasets._File:
    return datasets._File("mnist", name, hashlib.sha256(raw).hexdigest())


@pytest.fixture(autouse=True)
def three_digits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A data set of three images in MNIST's place, and a cache of its own."""
    files = (described("images.gz", RAW), described("labels.gz", LABELS_RAW))
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


@pytest.mark.parametrize("reply", [altered, cut_off, login_page])
def test_what_is_not_the_file_does_not_stay_in_the_cache(reply: Reply, serve: Callable[..., None]) -> None:
    serve(reply)
    with pytest.raises(datasets.DataError, match=r"images\.gz: no mirror"):
        datasets.load("mnist", "train")
    serve(whole)
    assert datasets.load("mnist", "train").labels.tolist() == [7, 1, 0]


def test_a_file_damaged_in_the_cache_is_fetched_again(serve: Callable[..., None], tmp_path: Path) -> None:
    serve(whole)
    datasets.load("mnist", "train")
    (cached,) = tmp_path.rglob("images.gz")
    cached.write_bytes(PACKED[:-40])
    serve(refused, whole)
    assert datasets.load("mnist", "train").labels.tolist() == [7, 1, 0]


def test_a_download_shows_how_far_it_is(serve: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    serve(whole)
    datasets.load("mnist", "train")
    assert capsys.readouterr().err.count("100%") >= 2
    datasets.load("mnist", "train")
    assert capsys.readouterr().err == ""


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


def named(name: str, counts: Sequence[int]) -> datasets.Dataset:
    """As many empty signs of each class as counts say."""
    labels = np.repeat(np.arange(len(counts), dtype=np.uint8), counts)
    return datasets.Dataset(name, [np.zeros((1, 1), np.uint8)] * len(labels), labels)


@pytest.mark.parametrize(
    ("name", "count", "kept_back", "digest"),
    [
        ("mnist", 60_000, 5000, "58739f22e1f2"),
        ("usps", 7291, 607, "df3d195a1172"),
        ("mnist+usps", 67_291, 5000, "d7002df76d0f"),
    ],
)
def test_the_validation_split_never_changes(name: str, count: int, kept_back: int, digest: str) -> None:
    train, kept = datasets.learnt_and_kept(named(name, [count]))
    assert (len(train), len(kept)) == (count - kept_back, kept_back)
    assert not set(train) & set(kept)
    assert hashlib.sha256(kept.astype(np.int64).tobytes()).hexdigest()[:12] == digest


def test_every_class_is_in_training_validation_and_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of OpenCV's digits and of folders alike; the first class is as small as can be."""
    whole = named("opencv", [datasets.FEWEST, 600, 90])
    whole = replace(whole, inks=[np.full((1, 1), at % 256, np.uint8) for at in range(len(whole))])
    monkeypatch.setattr(datasets, "_load_opencv", lambda: whole)
    assert datasets.load("opencv", "all") is whole
    train, test = datasets.load("opencv", "train"), datasets.load("opencv", "test")
    assert np.bincount(test.labels).tolist() == [1, 100, 15]
    assert sorted(int(ink[0, 0]) for part in (train, test) for ink in part.inks) == sorted(
        at % 256 for at in range(len(whole))
    )
    learnt, kept = datasets.learnt_and_kept(train)
    assert np.bincount(train.labels[kept]).tolist() == [1, 41, 6]
    assert sorted([*learnt, *kept]) == list(range(len(train)))
    assert np.array_equal(datasets.load("opencv", "test").inks, test.inks)
    assert np.array_equal(datasets.learnt_and_kept(train)[1], kept)


@pytest.mark.parametrize("name", datasets.COME_SPLIT)
def test_what_comes_split_is_not_had_in_one(name: str) -> None:
    with pytest.raises(datasets.DataError, match="comes split"):
        datasets.load(name, "all")


ARRAYS = {
    "opencv": ("opencv_digits_20x20.npz", (5000, 20, 20)),
    "hwd": ("hwd1000/hwd1000_28x28_blackonwhite.npz", (1000, 28, 28)),
}


def write_arrays(path: Path, x: NDArray[Any], y: NDArray[Any]) -> bytes:
    path.parent.mkdir(exist_ok=True)
    np.savez_compressed(path, x=x, y=y)
    return path.read_bytes()


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_are_read_whole(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMDIGITS_DATA", str(tmp_path))
    file, shape = ARRAYS[name]
    write_arrays(tmp_path / file, np.full(shape, 200, np.uint8), np.arange(shape[0]).reshape(-1, 1) % 10)
    signs = datasets.load(name, "test")
    assert np.bincount(signs.labels).tolist() == [len(signs) // 10] * 10
    assert {int(value) for ink in signs.inks for value in np.unique(ink)} == {55 if name == "hwd" else 200}


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize(
    "spoil", ["fewer", "smaller", "floats", "labels", "eleven", "no x", "one array", "text", "empty"]
)
def test_other_arrays_are_refused(name: str, spoil: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMDIGITS_DATA", str(tmp_path))
    file, shape = ARRAYS[name]
    path = tmp_path / file
    x, y = np.zeros(shape, np.uint8), np.arange(shape[0], dtype=np.uint8) % 10
    match spoil:
        case "fewer":
            write_arrays(path, x[1:], y[1:])
        case "smaller":
            write_arrays(path, x[:, 1:], y)
        case "floats":
            write_arrays(path, x.astype(np.float32), y)
        case "labels":
            write_arrays(path, x, y[1:])
        case "eleven":
            write_arrays(path, x, y + 1)
        case "no x":
            write_arrays(path, x, y)
            np.savez(path, y=y)
        case "one array":
            write_arrays(path, x, y)
            with path.open("wb") as whole:
                np.save(whole, x)
        case _:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"no arrays" if spoil == "text" else b"")
    with pytest.raises(datasets.DataError, match=rf"{path.name}: .+; get it again"):
        datasets.load(name, "test")


def test_truncated_and_altered_arrays_are_refused_or_the_same(tmp_path: Path) -> None:
    path = tmp_path / "small.npz"
    x, y = np.arange(30 * 16, dtype=np.uint16).astype(np.uint8).reshape(30, 4, 4), np.arange(30) % 10
    data = write_arrays(path, x, y)

    def refused(spoilt: bytes) -> bool:
        path.write_bytes(spoilt)
        try:
            images, labels = datasets._arrays(path, (30, 4, 4))
        except datasets.DataError:
            return True
        # a date, or a length that is kept twice, says nothing
        assert (images.tolist(), labels.tolist()) == (x.tolist(), y.tolist())
        return False

    places = range(0, len(data), 7)
    assert all(refused(data[:at]) for at in places)
    altered = [refused(data[:at] + bytes([data[at] ^ 0x21]) + data[at + 1 :]) for at in places]
    assert np.mean(altered) > 0.5


@pytest.mark.slow
def test_mnist_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    if not os.environ.get("CAMDIGITS_DATA"):
        pytest.skip("needs MNIST in CAMDIGITS_DATA")
    digits = datasets.load("mnist", "train")
    assert np.bincount(digits.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert len(datasets.load("mnist", "test")) == 10_000


def test_the_crops_of_teach_are_a_data_set(tmp_path: Path) -> None:
    image = draw_sheet(["1" * 9, "7" * 9])
    classifier = Classifier("cnn")
    sheet = read_sheet(trace_image(image, classifier), classifier.labels, ["1", "7"])
    assert keep(image, sheet, tmp_path / "mine") == 18
    crops = datasets.load(str(tmp_path / "mine"), "all")
    assert (crops.names, np.bincount(crops.labels).tolist()) == (("1", "7"), [9, 9])
    learnt = datasets.load(str(tmp_path / "mine"), "train")
    assert len(learnt) < 18
