"""Cameras that send and viewers that watch: the newest picture wins, and nobody holds up anybody."""

import json
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from camdigits.classify import Classifier
from camdigits.sources import open_source
from camdigits.web import watch
from tests.support.command import SAMPLES, camdigits
from tests.support.documents import pdf
from tests.support.film import jpeg, mjpeg_server, stamp
from tests.support.screen import wait_until
from tests.support.server import Server, serving


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    """The clip's, as a browser sends them."""
    capture = cv2.VideoCapture(str(SAMPLES / "clip.mp4"))
    return [jpeg(capture.read()[1]) for _ in range(60)]


def texts(answer: dict[str, list[dict[str, str]]]) -> set[str]:
    return {number["text"] for number in answer["numbers"] if number["settled"]}


def camera(server: Server, **options: object) -> ClientConnection:
    return connect(server.socket + "/api/stream", **options)


def test_numbers_settle_as_in_live(server: Server, pictures: list[bytes]) -> None:
    with camera(server) as socket:
        seen = []
        for at, picture in enumerate(pictures[:20]):
            socket.send(picture)
            answer = json.loads(socket.recv(5))
            assert answer["frame"] == at
            seen.append(texts(answer))
            time.sleep(0.03)
    assert seen[0] == set()
    assert seen[-1] == {"4096", "2750"}
    assert (answer["width"], answer["height"]) == (640, 480)
    number = answer["numbers"][0]
    assert list(number) == ["id", "settled", "text", "confidence", "line", "angle", "box", "digits"]


def test_of_cameras_that_flood_the_newest_pictures_are_answered(server: Server) -> None:
    large = (SAMPLES / "columns.jpg").read_bytes()
    with ExitStack() as stack:
        sockets = [stack.enter_context(camera(server)) for _ in range(6)]
        for _ in range(40):
            for socket in sockets:
                socket.send(large)
        for socket in sockets:
            frames = [-1]
            while frames[-1] < 39:
                frames.append(json.loads(socket.recv(10))["frame"])
            assert frames == sorted(set(frames))
            assert len(frames) < 41


def test_junk_is_answered_and_the_next_picture_read(server: Server, pictures: list[bytes]) -> None:
    big = jpeg(cv2.resize(cv2.imread(str(SAMPLES / "number.jpg")), (3000, 2000)))
    with camera(server) as socket:
        for junk in (
            b"",
            b"junk",
            pictures[0][:100],
            bytes(10_000),
            big,
            pdf([cv2.imread(str(SAMPLES / "number.jpg"))]),
        ):
            socket.send(junk)
            assert "error" in json.loads(socket.recv(5))
        socket.send(pictures[0])
        assert json.loads(socket.recv(5))["numbers"]


def test_a_picture_too_large_is_refused_in_words_and_the_next_one_read(server: Server, pictures: list[bytes]) -> None:
    large, just_small_enough = (jpeg(np.full((2000, width, 3), 255, np.uint8)) for width in (2001, 2000))
    with camera(server) as socket:
        socket.send(large)
        assert json.loads(socket.recv(5)) == {"frame": 0, "error": "more than 4 million pixels; reduce it first"}
        for at, picture in enumerate((just_small_enough, pictures[0]), 1):
            socket.send(picture)
            answer = json.loads(socket.recv(5))
            assert (answer["frame"], "numbers" in answer) == (at, True)
        socket.send(bytes(4 * 2**20))
        assert "not a picture" in json.loads(socket.recv(5))["error"]
        with pytest.raises(ConnectionClosed) as closed:  # noqa: PT012 - either may be cut off
            socket.send(bytes(4 * 2**20 + 1))
            socket.recv(5)
        # the server hangs up while more is sent: what it said of it may never be read
        assert closed.value.rcvd is None or closed.value.rcvd.code == 1009
    with camera(server) as socket:
        socket.send(pictures[0])
        assert json.loads(socket.recv(5))["numbers"]


def test_who_sends_text_or_too_much_is_let_go(server: Server, pictures: list[bytes]) -> None:
    for wrong in ("text", bytes(5 * 2**20)):
        with camera(server) as socket, pytest.raises(ConnectionClosed):  # noqa: PT012 - either may be cut off
            socket.send(wrong)
            socket.recv(5)
    with camera(server) as socket:
        socket.send(pictures[0])
        assert json.loads(socket.recv(5))["numbers"]


def test_wrong_questions_and_pages_of_other_sites_are_refused(server: Server) -> None:
    for query in ("?model=nothing", "?min_confidence=7"):
        with pytest.raises(InvalidStatus), connect(server.socket + "/api/stream" + query):
            pass
    with pytest.raises(InvalidStatus), camera(server, origin="http://evil.example"):
        pass
    with pytest.raises(InvalidStatus), connect(server.socket + "/api/watch"):  # there is no --source
        pass
    with camera(server, origin=server.root):
        pass


def test_more_cameras_than_there_is_room_for_are_told_so(server: Server, pictures: list[bytes]) -> None:
    with ExitStack() as sockets:
        for _ in range(32):
            sockets.enter_context(camera(server))
        with camera(server) as one_more, pytest.raises(ConnectionClosed, match="too many"):
            one_more.recv(5)

    def is_room() -> bool:
        with camera(server) as socket:
            socket.send(pictures[0])
            try:
                return bool(json.loads(socket.recv(5))["numbers"])
            except ConnectionClosed:
                return False

    wait_until(is_room)


def watch_until_settled(socket: ClientConnection) -> dict[str, object]:
    """Return the first answer with both numbers settled; each comes with its picture."""
    for _ in range(200):
        said, picture = json.loads(socket.recv(5)), socket.recv(5)
        assert isinstance(picture, bytes)
        assert picture.startswith(b"\xff\xd8")
        if texts(said) == {"4096", "2750"}:
            return said
    raise AssertionError("the clip's numbers did not settle")


def test_all_who_watch_see_what_the_source_shows(film: Server) -> None:
    assert film.get("/api/models").json()["source"] == str(SAMPLES / "clip.mp4")
    with connect(film.socket + "/api/watch") as one, connect(film.socket + "/api/watch") as other:
        assert watch_until_settled(one)["width"] == 640
        watch_until_settled(other)


def test_a_later_viewer_is_not_told_what_an_earlier_one_saw() -> None:
    with serving("--source", SAMPLES / "clip.mp4") as server:
        with connect(server.socket + "/api/watch") as socket:
            watch_until_settled(socket)
        time.sleep(0.5)
        with connect(server.socket + "/api/watch") as socket:
            assert texts(json.loads(socket.recv(5))) == set()


def test_a_single_picture_is_read_no_faster_than_a_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.jpg").write_bytes((SAMPLES / "number.jpg").read_bytes())
    opened = []

    def opening(*arguments: object, **named: object) -> object:
        opened.append(time.monotonic())
        return open_source(*arguments, **named)

    monkeypatch.setattr(watch, "open_source", opening)
    watched = watch.Watch(str(tmp_path), Classifier(), 0.5)
    monkeypatch.setattr(watched, "_hand_over", lambda *_: None)
    watched._watched.set()
    watched._thread.start()
    wait_until(lambda: len(opened) >= 6)
    watched.close()
    assert min(np.diff(opened[1:])) > 0.9 / watch.RATE


def test_more_viewers_than_there_is_room_for_are_told_so(film: Server) -> None:
    asked = (
        b"GET /api/watch HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
    )
    with ExitStack() as sockets:
        for _ in range(100):  # that never listen, and vanish
            line = sockets.enter_context(socket.create_connection(("127.0.0.1", film.port), 5))
            line.sendall(asked)
            assert line.recv(12) == b"HTTP/1.1 101"
        with connect(film.socket + "/api/watch") as one_more, pytest.raises(ConnectionClosed, match="too many"):
            one_more.recv(5)

    def is_room() -> bool:
        with connect(film.socket + "/api/watch") as socket:
            try:
                return "numbers" in json.loads(socket.recv(5))
            except ConnectionClosed:
                return False

    wait_until(is_room)


def test_a_viewer_who_does_not_listen_holds_up_nobody(film: Server) -> None:
    with connect(film.socket + "/api/watch", max_queue=1), connect(film.socket + "/api/watch") as other:
        before = film.memory()
        frames = [(json.loads(other.recv(5)), other.recv(5))[0]["frame"] for _ in range(40)]
        assert len(set(frames)) == 40
        assert film.memory() - before < 50


def test_who_watches_is_told_that_the_source_is_lost_and_when_it_is_back() -> None:
    with mjpeg_server(frames=20) as address, serving("--source", address) as server:
        assert server.get("/api/models").json()["source"] == address
        with connect(server.socket + "/api/watch") as viewer:

            def next_said() -> dict[str, object]:
                said = json.loads(viewer.recv(10))
                assert stamp(cv2.imdecode(np.frombuffer(viewer.recv(10), np.uint8), cv2.IMREAD_COLOR)) < 20
                return said

            while "lost" not in next_said():
                pass
            assert "did the sender stop?" in str(next_said()["lost"])
            while "lost" in next_said():
                pass


def test_what_was_read_is_stale_while_the_source_is_lost_and_told_to_nobody_who_comes_then() -> None:
    still = cv2.resize(cv2.imread(str(SAMPLES / "number.jpg")), (960, 540))

    def next_said(socket: ClientConnection) -> dict[str, list[dict[str, object]]]:
        return (json.loads(socket.recv(10)), socket.recv(10))[0]

    with ExitStack() as sender, ExitStack() as stack:
        server = stack.enter_context(
            serving("--source", sender.enter_context(mjpeg_server(picture_of=lambda _: still)))
        )
        viewer = stack.enter_context(connect(server.socket + "/api/watch"))
        while texts(said := next_said(viewer)) != {"40718"}:
            pass
        assert "stale" not in said["numbers"][0]
        sender.close()
        while "lost" not in (said := next_said(viewer)):
            pass
        (number,) = said["numbers"]
        assert (number["text"], number["settled"], number["stale"]) == ("40718", True, True)
        viewer.close()
        time.sleep(0.5)
        with connect(server.socket + "/api/watch") as later:
            said = next_said(later)
            assert "lost" in said
            assert said["numbers"] == []


def test_a_source_that_cannot_be_opened_is_told_in_one_line() -> None:
    done = camdigits("serve", "--no-open", "--port", "0", "--source", "nothing.mp4")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "no such file" in done.stderr
