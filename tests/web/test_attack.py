"""Thousands of malformed requests: no 500, no memory that stays, and the next good request is answered."""

import random
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from time import sleep
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.support.command import SAMPLES
from tests.support.documents import greedy_pdf, pdf, slow_pdf
from tests.support.screen import wait_until
from tests.support.server import Server, serving

schemathesis = pytest.importorskip("schemathesis", reason="comes with the group test")
checks = pytest.importorskip("schemathesis.specs.openapi.checks", reason="comes with the group test")

CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.status_code_conformance,
]

MEGABYTES = 200
"""Of memory that a server may have taken for good after all this, beside the 150 or so it begins with."""


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("attacked")
    with serving("--collect", folder / "signs") as server:
        yield server
        assert {path.name for path in folder.glob("*")} == {"signs"}
        assert {path.name for path in folder.glob("signs/*")} <= set("0123456789")
        assert server.process.poll() is None
        assert server.send(SAMPLES / "number.jpg").json()["numbers"][0]["text"] == "40718"
        assert server.memory() < MEGABYTES + 150


def ask_whatever_the_description_allows(server: Server, examples: int) -> None:
    """Ask so many questions of each operation, right and wrong; each answer must be one that the description knows."""
    schema = schemathesis.openapi.from_url(server.root + "/api/openapi.json")
    for operation in (found.ok() for found in schema.get_all_operations()):
        for mode in schemathesis.GenerationMode:

            @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
            @given(operation.as_strategy(generation_mode=mode))
            def ask(case: Any) -> None:
                case.call_and_validate(checks=CHECKS)

            with suppress(Unsatisfiable):  # what takes nothing cannot be asked wrongly
                ask()


def test_answers_as_described_whatever_is_asked(attacked: Server) -> None:
    ask_whatever_the_description_allows(attacked, 100)


@pytest.mark.slow
@pytest.mark.timeout(1800)  # making up the questions takes most of it
def test_answers_ten_thousand_questions_as_described(attacked: Server) -> None:
    ask_whatever_the_description_allows(attacked, 5000)


def mutilated(whole: bytes, chance: random.Random) -> bytes:
    """Return a file of which some is gone, doubled or changed."""
    broken = bytearray(whole)
    for _ in range(chance.randint(1, 12)):
        at = chance.randrange(len(broken) or 1)
        kind = chance.randrange(4)
        if kind == 0:
            del broken[at : at + chance.randint(1, 400)]
        elif kind == 1:
            broken[at:at] = broken[at : at + chance.randint(1, 400)]
        else:  # most of what decides lies at the front
            at = at if kind == 2 else chance.randrange(min(len(broken), 64) or 1)
            broken[at : at + 1] = bytes([chance.randrange(256)])
    return bytes(broken)


def mutilate_and_send(server: Server, rounds: int) -> None:
    chance = random.Random(6)
    picture = cv2.imread(str(SAMPLES / "crop-paper.png"))
    wholes = [cv2.imencode(suffix, picture)[1].tobytes() for suffix in (".png", ".jpg", ".bmp", ".webp", ".tiff")]
    with httpx.Client(base_url=server.root, timeout=30) as client:
        for at in range(rounds):
            broken = mutilated(chance.choice(wholes), chance)
            answer = client.post("/api/image?details=true", files={"file": ("x", broken)})
            assert answer.status_code in (200, 413, 422), (at, answer.text)
            assert answer.headers["content-type"] == "application/json"


def test_mutilated_pictures_are_read_or_refused(attacked: Server) -> None:
    mutilate_and_send(attacked, 300)


@pytest.mark.slow
def test_ten_thousand_mutilated_pictures_are_read_or_refused(attacked: Server) -> None:
    mutilate_and_send(attacked, 10_000)


def test_junk_frames_are_answered_or_the_sender_let_go(attacked: Server) -> None:
    chance = random.Random(7)
    whole = cv2.imencode(".jpg", cv2.imread(str(SAMPLES / "crop-paper.png")))[1].tobytes()
    for _ in range(20):
        with suppress(ConnectionClosed), connect(attacked.socket + "/api/stream") as camera:
            for _ in range(10):
                camera.send(mutilated(whole, chance))
                assert '"frame"' in str(camera.recv(10))


POST = b"POST /api/image HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",  # TLS
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: [::\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://[::\r\n\r\n",
        b"GET /%ff%fe%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /?token=%ff HTTP/1.1\r\nHost: localhost\r\nCookie: camdigits=\xff\xfe; \xe9\r\n\r\n",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 99999999999999999999999\r\n\r\n",
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Content-Type: multipart/form-data\r\nContent-Length: 3\r\n\r\nabc",
        POST + b"Content-Type: multipart/form-data; boundary=\xff\r\nContent-Length: 3\r\n\r\nabc",
        POST
        + b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 91\r\n\r\n--x\r\nContent-Disposition: "
        + b'form-data; name="file"; filename="\xff\xfe"\r\n\r\n\r\n--x--\r\n',
    ],
    ids=lambda said: repr(said[:100]),
)
def test_what_is_hardly_http_gets_no_500(attacked: Server, said: bytes) -> None:
    with closing(socket.create_connection(("127.0.0.1", attacked.port), timeout=5)) as line:
        line.sendall(said)
        line.shutdown(socket.SHUT_WR)
        answer = b""
        with suppress(ConnectionResetError):
            while piece := line.recv(65536):
                answer += piece
    assert not answer or answer[9:10] in (b"2", b"3", b"4"), answer[:200]
    assert attacked.get("/api/models").status_code == 200


def test_of_too_many_pictures_at_once_some_are_put_off(attacked: Server) -> None:
    noise = np.random.default_rng(8).integers(0, 256, (700, 700, 3), np.uint8)
    light = cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_QUALITY, 20])[1].tobytes()
    heavy = cv2.imencode(".png", noise)[1].tobytes()
    assert len(light) < 2**20 < len(heavy)
    for picture, count, keys in ((light, 60, ("source", "error")), (heavy, 20, ("error",))):
        with ThreadPoolExecutor(count) as senders:
            answers = list(senders.map(lambda _, sent=picture: attacked.send(sent), range(count)))
        assert {answer.status_code for answer in answers} == {200, 503}
        put_off = [answer for answer in answers if answer.status_code == 503]
        assert all(answer.headers["Retry-After"] and "in a moment" in answer.json()["error"] for answer in put_off)
        assert keys in {tuple(answer.json()) for answer in put_off}
        assert attacked.send(SAMPLES / "crop-paper.png").status_code == 200


@pytest.mark.slow
def test_pages_that_take_too_much_hold_up_no_picture(attacked: Server) -> None:
    pytest.importorskip("pypdfium2", reason="comes with camdigits[formats]")
    bombs = [slow_pdf(), slow_pdf(), greedy_pdf()]
    with ThreadPoolExecutor(len(bombs)) as senders:
        answers = [senders.submit(attacked.send, bomb) for bomb in bombs]
        sleep(1)
        assert attacked.send(SAMPLES / "number.jpg").status_code == 200
        assert not answers[0].done() or not answers[1].done()
    for answer in answers:
        assert answer.result().status_code in (422, 503)
    assert attacked.send(pdf([cv2.imread(str(SAMPLES / "number.jpg"))])).json()["numbers"][0]["text"] == "40718"


def test_ctrl_c_while_pictures_are_read_is_an_ordinary_end() -> None:
    noise = cv2.imencode(".jpg", np.random.default_rng(9).integers(0, 256, (5000, 6000, 3), np.uint8))[1].tobytes()
    with ThreadPoolExecutor(3) as senders, serving() as server:
        for _ in range(3):
            senders.submit(server.send, noise)
        sleep(0.5)


def test_who_never_comes_to_the_point_is_hung_up_on(attacked: Server) -> None:
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
    with ExitStack() as stack:
        lines = [stack.enter_context(socket.create_connection(("127.0.0.1", attacked.port))) for _ in range(450)]
        camera = stack.enter_context(connect(attacked.socket + "/api/stream"))
        for at, line in enumerate(lines):
            line.settimeout(15)
            line.sendall((b"", b"GE", head, head + b"\r\n" + head)[at % 4])
        wait_until(lambda: attacked.get("/api/models").status_code == 200)
        for line in lines:
            while line.recv(65536):  # until it is closed
                pass
        camera.send(cv2.imencode(".png", np.zeros((9, 9, 3), np.uint8))[1].tobytes())
        assert '"numbers"' in str(camera.recv(5))  # what says nothing for a while may stay


def test_more_connections_than_there_is_room_for_are_put_off(attacked: Server) -> None:
    with ExitStack() as stack:
        for _ in range(400):
            stack.enter_context(socket.create_connection(("127.0.0.1", attacked.port)))
        answer = attacked.get("/api/models")
        assert (answer.status_code, answer.headers["content-type"]) == (503, "text/plain; charset=utf-8")
    wait_until(lambda: attacked.get("/api/models").status_code == 200)


def test_threads_are_no_more_however_much_is_asked_at_once(attacked: Server) -> None:
    picture = (SAMPLES / "columns.jpg").read_bytes()
    most = 0
    with ExitStack() as stack:
        cameras = [stack.enter_context(connect(attacked.socket + "/api/stream")) for _ in range(30)]
        senders = stack.enter_context(ThreadPoolExecutor(90))
        answers = [senders.submit(attacked.send, picture) for _ in range(90)]
        for camera in cameras:
            camera.send(picture)
        while not all(answer.done() for answer in answers):
            most = max(most, attacked.threads())
            sleep(0.01)
        for camera in cameras:
            assert '"numbers"' in str(camera.recv(20))
    assert {answer.result().status_code for answer in answers} == {200, 503}
    assert most < 80  # that read, eight of each kind; that answer, forty; and those of the libraries


@pytest.mark.slow
def test_each_request_of_a_connection_has_a_time_of_its_own(attacked: Server) -> None:
    head = b"GET /api/models HTTP/1.1\r\nHost: localhost\r\n"
    with socket.create_connection(("127.0.0.1", attacked.port)) as line:
        line.settimeout(5)

        def wait_for_answer() -> None:
            answer = b""
            while not answer.endswith(b"}"):
                piece = line.recv(65536)
                assert piece, "hung up"
                answer += piece

        line.sendall(head + b"\r\n")
        wait_for_answer()
        sleep(3.5)
        line.sendall(head)
        sleep(2.5)  # the first request began over five seconds ago
        line.sendall(b"\r\n")
        wait_for_answer()


@pytest.mark.slow
def test_a_request_that_never_ends_is_given_up(attacked: Server) -> None:
    head = POST + b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000\r\n\r\n--x\r\n"
    with socket.create_connection(("127.0.0.1", attacked.port)) as line:
        line.settimeout(40)
        line.sendall(head)
        answer = b""
        while b"}" not in answer:
            piece = line.recv(65536)
            assert piece, answer
            answer += piece
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'{"error":"not all there within 30 seconds; send it again"}' in answer


def test_a_sender_that_vanishes_or_dawdles_holds_up_nobody(attacked: Server) -> None:
    head = POST + b"Content-Type: multipart/form-data; boundary=x\r\n"
    lines = []
    for _ in range(60):
        line = socket.create_connection(("127.0.0.1", attacked.port))
        line.sendall(head + b"Content-Length: 1000000\r\n\r\n--x\r\n")
        lines.append(line)
    assert attacked.send(SAMPLES / "crop-paper.png").status_code == 200
    for line in lines:
        line.close()
    assert attacked.send(SAMPLES / "crop-paper.png").status_code == 200
