"""Events reach programs, addresses and brokers, whatever happens to these, and nobody waits for them."""

import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from camdigits import deliver
from camdigits.deliver import Broker, Delivery, Program, Receive, to_address
from camdigits.errors import SinkError
from camdigits.types import Event
from tests.support.screen import wait_until


def number(text: str, **more: object) -> Event:
    return {"event": "number", "id": 1, "text": text, "box": [1, 2, 3, 4], "frame": 3, "time": 0.1, **more}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(deliver, "LONGEST_PAUSE", 0.1)
    monkeypatch.setattr(deliver, "PATIENCE", 0.5)


@contextmanager
def delivery(receive: Receive, bound: int = 1000) -> Iterator[tuple[Delivery, list[str]]]:
    said: list[str] = []
    opened = Delivery("there", receive, said.append, bound)
    try:
        yield opened, said
    finally:
        try:
            opened.close()
        except SinkError as error:
            said.append(str(error))


# ---- the queue ----


def test_events_arrive_in_order_and_all_of_them_before_the_end() -> None:
    taken: list[Event] = []
    with delivery(taken.append) as (there, said):
        for at in range(200):
            there.put(number(str(at)))
    assert [event["text"] for event in taken] == [str(at) for at in range(200)]
    assert said == []


def test_a_receiver_that_fails_for_a_while_misses_nothing() -> None:
    taken: list[Event] = []
    failures = iter([OSError("no route"), OSError("no route")])

    def receive(event: Event) -> None:
        if error := next(failures, None):
            raise error
        taken.append(event)

    with delivery(receive) as (there, said):
        for text in "123":
            there.put(number(text))
        wait_until(lambda: len(taken) == 3)
    assert [event["text"] for event in taken] == ["1", "2", "3"]
    assert said == ["there: no route; trying again", "there: back"]


def test_nobody_waits_and_the_oldest_are_dropped_and_counted() -> None:
    held = threading.Event()
    taken: list[Event] = []

    def receive(event: Event) -> None:
        held.wait(10)
        taken.append(event)

    with delivery(receive, bound=10) as (there, said):
        started = time.monotonic()
        for at in range(100):
            there.put(number(str(at)))
        assert time.monotonic() - started < 0.5
        held.set()
        wait_until(lambda: len(taken) >= 10)
    assert [event["text"] for event in taken[-10:]] == [str(at) for at in range(90, 100)]
    assert said == [f"there: {there.dropped} events not delivered"]
    assert there.dropped in (89, 90)  # the first may have been taken before the queue was full


def test_what_is_refused_for_good_is_said_once_and_passed_over() -> None:
    taken: list[Event] = []

    def receive(event: Event) -> None:
        if event["text"] != "3":
            raise SinkError("exit code 1")
        taken.append(event)

    with delivery(receive) as (there, said):
        for text in "123":
            there.put(number(text))
    assert [event["text"] for event in taken] == ["3"]
    assert said == ["there: exit code 1", "there: back", "there: 2 events not delivered"]


def test_what_takes_no_number_is_not_back_for_passing_over_other_events() -> None:
    taken: list[str] = []

    def receive(event: Event) -> None:
        if event["event"] == "number":
            if event["text"] == "0":
                raise SinkError("exit code 1")
            taken.append(event["text"])

    with delivery(receive) as (there, said):
        for event in (number("0"), number("0") | {"event": "gone"}, number("0")):
            there.put(event)
        wait_until(lambda: said == ["there: exit code 1"])
        there.put(number("0") | {"event": "gone"})
        there.put(number("7"))
        wait_until(lambda: taken == ["7"])
    assert said == ["there: exit code 1", "there: back", "there: 2 events not delivered"]


def test_the_end_waits_a_little_and_says_what_was_not_delivered() -> None:
    def receive(_: Event) -> None:
        raise OSError("no route")

    with delivery(receive) as (there, said):
        there.put(number("1"))
        there.put(number("2"))
        started = time.monotonic()
        with pytest.raises(SinkError, match="there: 2 events not delivered"):
            there.close()
        there.close()
    assert time.monotonic() - started < 3
    assert said == ["there: no route; trying again"]


# ---- programs ----


def test_a_program_is_run_for_each_new_number(tmp_path: Path) -> None:
    script = tmp_path / "note.py"
    out = tmp_path / "out"
    script.write_text(f"import sys; open({str(out)!r}, 'a').write(f'{{sys.argv[1:]}} {{sys.stdin.read()}}')")
    receive = Program(f"{sys.executable} {script} --value").receive
    receive(number("42"))
    receive({"event": "gone", "text": "42"})
    Program(f"{sys.executable} {script} n={{}} last").receive(number("7"))
    first, second = out.read_text().splitlines()
    assert first == f"['--value', '42'] {json.dumps(number('42'))}"
    assert second.startswith("['n=7', 'last'] ")


def test_a_program_that_fails_or_is_none_says_so() -> None:
    with pytest.raises(SinkError, match="exit code 3"):
        Program(f"{sys.executable} -c 'raise SystemExit(3)'").receive(number("1"))
    with pytest.raises(SinkError, match="no such program"):
        Program("nowhere-to-be-found {}")
    with pytest.raises(SinkError, match="not a command"):
        Program("say 'unclosed")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no groups of programs")
def test_a_program_that_still_runs_is_ended_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "ANSWER", 0.1)
    monkeypatch.setattr(deliver, "LAST_WORDS", 0.5)
    script = tmp_path / "stay.sh"
    # one that does not listen, and one that it waits for
    script.write_text(f"trap '' TERM\necho $$ >> {tmp_path}/ids\nsleep 60 & echo $! >> {tmp_path}/ids\nwait\nsleep 60")
    program = Program(f"sh {script}")
    said: list[str] = []
    there = Delivery("there", program.receive, said.append, end=program.close)
    there.put(number("1"))
    there.put(number("2"))
    wait_until(lambda: (tmp_path / "ids").exists() and len((tmp_path / "ids").read_text().splitlines()) == 2)
    with pytest.raises(SinkError, match="there: 2 events not delivered"):
        there.close()
    assert said == ["there: still ran, and was ended"]
    ids = (tmp_path / "ids").read_text().split()
    wait_until(lambda: not any(runs(which) for which in ids))


def runs(which: str) -> bool:
    """Say whether a program of this number runs: what nobody waits for any more counts as ended."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", which], capture_output=True, text=True, check=False).stdout
    return bool(state) and not state.startswith("Z")


def test_a_program_that_takes_too_long_is_ended_and_the_next_number_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "LONGEST_RUN", 0.5)
    receive = Program(f"sh -c 'test $0 = 2 || exec sleep 60; touch {tmp_path}/told'").receive
    with pytest.raises(SinkError, match=r"still runs after 0\.5 seconds, and is ended"):
        receive(number("1"))
    receive(number("2"))
    assert (tmp_path / "told").exists()


# ---- addresses ----


@contextmanager
def web(answers: list[int], port: int = 0, seen: list[str | None] | None = None) -> Iterator[tuple[str, list[Event]]]:
    """Take what is posted; answer with these codes, then with 204. seen: gets who says to post it."""
    taken: list[Event] = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            code = answers.pop(0) if answers else 204
            if code == 204:
                assert self.headers["Content-Type"] == "application/json"
                if seen is not None:
                    seen.append(self.headers["Authorization"])
                taken.append(json.loads(body))
            self.send_response(code)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    ThreadingHTTPServer.allow_reuse_address = True
    server = ThreadingHTTPServer(("127.0.0.1", port), Taker)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/numbers", taken
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_events_are_posted_again_where_the_server_has_trouble() -> None:
    with web([503, 429]) as (address, taken), delivery(to_address(address)) as (there, said):
        there.put(number("1"))
        there.put({"event": "gone", "id": 1})
        wait_until(lambda: len(taken) == 2)
    assert taken == [number("1"), {"event": "gone", "id": 1}]
    assert said == ["there: answers 503; trying again", "there: back"]


def test_what_a_server_does_not_want_is_not_sent_again() -> None:
    with web([404]) as (address, taken), delivery(to_address(address)) as (there, said):
        for text in "12":
            there.put(number(text))
        wait_until(lambda: taken)
    assert [event["text"] for event in taken] == ["2"]
    assert said[0] == "there: answers 404, and is sent on without it"


def test_numbers_wait_until_a_server_is_back() -> None:
    with web([]) as (address, _):
        port = int(address.split(":")[2].split("/")[0])
    with delivery(to_address(address)) as (there, said):
        for text in "123":
            there.put(number(text))
        wait_until(lambda: said)
        with web([], port) as (_, taken):
            wait_until(lambda: len(taken) == 3)
    assert [event["text"] for event in taken] == ["1", "2", "3"]
    assert said[0].startswith("there: cannot be reached (")


@pytest.mark.parametrize(
    "address",
    [
        *("ftp://here/x", "here", "http://", "http:///x"),
        *(
            "http://[::1",
            "http://here:x/",
            "http://here:99999/",
            "http://he re/",
            "http://here/a b",
            "http://me:secret@",
        ),
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(SinkError, match="not an http or https address") as refused:
        to_address(address)
    assert "secret" not in str(refused.value)


def test_user_and_password_of_an_address_are_sent_and_not_looked_up() -> None:
    sent: list[str | None] = []
    with web([], seen=sent) as (address, taken):
        with delivery(to_address(address.replace("//", "//me:se%40cret@"))) as (there, _):
            there.put(number("1"))
            wait_until(lambda: taken)
        with delivery(to_address(address)) as (there, _):
            there.put(number("2"))
            wait_until(lambda: len(taken) == 2)
    assert sent == ["Basic bWU6c2VAY3JldA==", None]


# ---- brokers ----


@contextmanager
def mosquitto(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    settings = folder / "mosquitto.conf"
    settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    with subprocess.Popen([program, "-c", settings], stderr=subprocess.DEVNULL) as process:
        try:

            def listens() -> bool:
                with socket.socket() as probe:
                    return probe.connect_ex(("127.0.0.1", port)) == 0

            wait_until(listens)
            yield process
        finally:
            process.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def listener(port: int) -> Iterator[dict[str, list[str]]]:
    """Note all that a broker passes on, by topic."""
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    heard: dict[str, list[str]] = {}
    client = Client(CallbackAPIVersion.VERSION2)
    client.on_connect = lambda *_: client.subscribe("#", 1)
    client.on_message = lambda _c, _u, message: heard.setdefault(message.topic, []).append(message.payload.decode())
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()


needs_mosquitto = pytest.mark.skipif(
    not (shutil.which("mosquitto") or Path("/usr/sbin/mosquitto").exists()), reason="apt install mosquitto"
)


@needs_mosquitto
def test_a_broker_gets_numbers_and_home_assistant_finds_them(tmp_path: Path) -> None:
    port = free_port()
    with mosquitto(tmp_path, port), listener(port) as heard:
        broker = Broker(f"mqtt://127.0.0.1:{port}/cellar")
        with delivery(broker.receive) as (there, said):
            there.put(number("4096", region="water meter"))
            there.put({"event": "gone", "id": 1})
            there.put(number("4097", region="water meter"))
            wait_until(lambda: len(heard.get("cellar/water_meter", ())) == 2)
        broker.close()
        wait_until(lambda: heard.get("cellar/status", [""])[-1] == "offline")
    assert [json.loads(text)["text"] for text in heard["cellar/water_meter"]] == ["4096", "4097"]
    (sensor,) = (json.loads(text) for text in heard["homeassistant/sensor/cellar_water_meter/config"])
    assert (sensor["state_topic"], sensor["availability_topic"]) == ("cellar/water_meter", "cellar/status")
    assert (sensor["name"], sensor["unique_id"]) == ("water meter", "cellar_water_meter")
    assert heard["cellar/status"] == ["online", "offline"]
    assert [line for line in said if "cannot be reached" not in line and "back" not in line] == []


@needs_mosquitto
def test_a_killed_broker_gets_what_it_missed_once_it_is_back(tmp_path: Path) -> None:
    port = free_port()
    with mosquitto(tmp_path, port) as process:
        broker = Broker(f"mqtt://127.0.0.1:{port}")
        with delivery(broker.receive) as (there, _):
            with listener(port) as heard:
                there.put(number("1"))
                wait_until(lambda: "camdigits/number" in heard)
            process.kill()
            process.wait()
            for text in "23":
                there.put(number(text))
            time.sleep(0.3)
            with mosquitto(tmp_path, port), listener(port) as heard:
                wait_until(lambda: any('"text": "3"' in text for text in heard.get("camdigits/number", ())))
        broker.close()


def test_a_broker_that_goes_while_we_say_goodbye_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    before = threading.active_count()
    broker = Broker(f"mqtt://127.0.0.1:{free_port()}")
    # the moment between the question and the goodbye, which no real broker can be made to hit
    monkeypatch.setattr(broker._client, "is_connected", lambda: True)
    broker.close()
    assert threading.active_count() == before


@pytest.mark.parametrize("address", ["http://here", "mqtt://", "here", "mqtt://[::1", "mqtt://here:x"])
def test_what_is_no_broker_is_refused(address: str) -> None:
    with pytest.raises(SinkError, match="not mqtt://host"):
        Broker(address)
    with pytest.raises(SinkError) as error:
        Broker("http://me:secret@here")
    assert "secret" not in str(error.value)
