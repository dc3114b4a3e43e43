"""Events to other systems: to a program, an address, a broker. Whatever these take, reading never waits for them.

Each receiver has a thread and a bounded queue of its own. What it cannot take now is offered again, after growing
pauses; where too much waits, the oldest is dropped, and counted.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import Request, urlopen

from camdigits.errors import SinkError
from camdigits.types import Event

BOUND = 1000
"""Events that may wait."""

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
"""Seconds between attempts: each pause is twice the last, until the longest."""

PATIENCE = 3.0
"""Seconds that are left for what still waits, when a run ends."""

ANSWER = 5.0
"""Seconds within which a receiver answers."""

LONGEST_RUN = 30.0
"""Seconds that a program may take for a number."""

LAST_WORDS = 1.0
"""Seconds that what is asked to end has for it."""

Receive = Callable[[Event], None]
"""Hands an event over. Raises OSError where it may be offered again, SinkError where that is of no use."""


class Delivery:
    """Hands events over one after the other; a sink."""

    def __init__(
        self,
        name: str,
        receive: Receive,
        say: Callable[[str], None],
        bound: int = BOUND,
        end: Callable[[], None] = lambda: None,
    ) -> None:
        """name: of the receiver, as said to a person. say: told once where it does not take what it is handed.

        bound: events that may wait. end: called on closing, ends what receive still does.
        """
        self._name, self._receive, self._say, self._bound, self._end_it = name, receive, say, bound, end
        self._waiting: deque[Event] = deque()
        self._news = threading.Condition()
        self._end: float | None = None
        self._given_up = False
        self._ended = threading.Event()  # a thread's join, once interrupted, takes it for ended
        self.dropped = 0
        self._refused = 0
        # a daemon: a receiver that hangs must not keep the program from ending
        threading.Thread(target=self._deliver_all, name=f"delivers to {name}", daemon=True).start()

    def put(self, event: Event) -> None:
        """Take an event, without waiting."""
        with self._news:
            if len(self._waiting) == self._bound:
                self._waiting.popleft()
                self.dropped += 1
            self._waiting.append(event)
            self._news.notify()

    def close(self) -> None:
        """Wait a little for what is still to be delivered, Ctrl-C ends that; may be called again.

        Raises SinkError, the first time, where events were not delivered.
        """
        with self._news:
            if self._end is not None:
                return
            self._end = time.monotonic() + PATIENCE
            self._news.notify()
        with suppress(KeyboardInterrupt):
            try:
                self._ended.wait(PATIENCE + ANSWER)
            finally:
                self._given_up = True
                self._end_it()
                self._ended.wait(LAST_WORDS)
        with self._news:
            lost = self.dropped + self._refused + len(self._waiting)
        if lost:
            raise SinkError(f"{self._name}: {lost} event{'s' * (lost > 1)} not delivered")

    def _deliver_all(self) -> None:
        try:
            self._deliver()
        finally:
            self._ended.set()

    def _deliver(self) -> None:
        trouble, troubled = "", ""
        pause = FIRST_PAUSE
        while (event := self._next()) is not None:
            try:
                self._receive(event)
            except OSError as error:
                if not trouble:
                    self._say(f"{self._name}: {error.strerror or error}; trying again")
                trouble = str(error)
                with self._news:
                    if self._end is None:
                        self._news.wait_for(lambda: self._end is not None, pause)
                    elif time.monotonic() > self._end:
                        return
                    else:
                        self._news.wait(FIRST_PAUSE)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            except SinkError as error:
                if trouble != str(error):
                    self._say(f"{self._name}: {error}")
                trouble, troubled = str(error), event["event"]
                refused = True
            else:
                # what takes no event of one kind may well take, or pass over, those of another
                if trouble and troubled in ("", event["event"]):
                    self._say(f"{self._name}: back")
                    trouble = troubled = ""
                pause = FIRST_PAUSE
                refused = False
            with self._news:
                if self._waiting and self._waiting[0] is event:  # else it was dropped meanwhile
                    self._waiting.popleft()
                    self._refused += refused

    def _next(self) -> Event | None:
        """Return the oldest event once there is one; None at the end."""
        with self._news:
            self._news.wait_for(lambda: self._waiting or self._end is not None)
            return self._waiting[0] if self._waiting and not self._given_up else None


class Program:
    """Runs a command for each new number: the text as its last argument, or where {} stands, the event on its stdin."""

    def __init__(self, command: str) -> None:
        """Raise SinkError where there is no such program."""
        try:
            self._words = shlex.split(command)
        except ValueError as error:
            raise SinkError(f"{command!r}: not a command ({error})") from error
        if not self._words or not shutil.which(self._words[0]):
            raise SinkError(f"{command!r}: no such program; name one that is there")
        self._placed = "{}" in command
        self._starting = threading.Lock()
        self._running: subprocess.Popen[str] | None = None
        self._closed = False

    def receive(self, event: Event) -> None:
        """Run it and wait for its end."""
        if event["event"] != "number":
            return
        text = str(event["text"])
        call = [word.replace("{}", text) for word in self._words] if self._placed else [*self._words, text]
        try:
            with self._starting:
                if self._closed:
                    raise SinkError("the run is over")
                # a group of its own: Ctrl-C is for the reader alone, and what it starts can be ended with it
                program = subprocess.Popen(call, stdin=subprocess.PIPE, text=True, process_group=0)
                self._running = program
            program.communicate(json.dumps(event) + "\n", timeout=LONGEST_RUN)
        except OSError as error:
            raise SinkError(f"cannot be run ({error})") from error
        except subprocess.TimeoutExpired as error:
            _end(program)
            raise SinkError(f"still runs after {LONGEST_RUN:g} seconds, and is ended") from error
        if program.returncode:
            raise SinkError("still ran, and was ended" if self._closed else f"exit code {program.returncode}")

    def close(self) -> None:
        """End what still runs."""
        with self._starting:
            self._closed = True
        if self._running and self._running.poll() is None:
            _end(self._running)


def _end(program: subprocess.Popen[str]) -> None:
    """Ask a program and what it started to end, and kill what does not."""
    if sys.platform == "win32":
        program.kill()
    else:
        with suppress(ProcessLookupError, PermissionError):  # all have ended by themselves
            try:
                os.killpg(program.pid, signal.SIGTERM)
                with suppress(subprocess.TimeoutExpired):
                    program.wait(LAST_WORDS)
            finally:
                os.killpg(program.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):  # the system may hold it for longer
        program.wait(LAST_WORDS)


def to_address(address: str) -> Receive:
    """Post each event as JSON to an http(s) address, with its user and password. Raises SinkError where it is none."""
    parts = _parts(address)
    rest = parts._replace(netloc="").geturl() if parts else ""
    if not parts or parts.scheme not in ("http", "https") or not re.fullmatch(r"[!-~]*", rest):
        raise SinkError(f"{without_password(address)}: not an http or https address")
    user, _, host = parts.netloc.rpartition("@")
    bare = parts._replace(netloc=host, fragment="").geturl()
    headers = {"Content-Type": "application/json"}
    if user:
        headers["Authorization"] = f"Basic {b64encode(unquote(user).encode()).decode()}"

    def receive(event: Event) -> None:
        request = Request(bare, json.dumps(event).encode(), headers)
        try:
            with urlopen(request, timeout=ANSWER):
                pass
        except HTTPError as error:
            error.close()
            if error.code >= 500 or error.code in (408, 429):
                raise OSError(f"answers {error.code}") from error
            raise SinkError(f"answers {error.code}, and is sent on without it") from error
        except HTTPException as error:
            raise OSError(f"answers no HTTP ({error})") from error
        except OSError as error:
            raise OSError(f"cannot be reached ({getattr(error, 'reason', error)})") from error

    return receive


class Broker:
    """Publishes numbers to an MQTT broker, where Home Assistant discovers them: a sensor for each region read."""

    def __init__(self, address: str) -> None:
        """address: mqtt://[user:password@]host[:port][/name]. Raises SinkError where it is none, or paho is missing."""
        parts = _parts(address)
        if not parts or parts.scheme not in ("mqtt", "mqtts"):
            raise SinkError(f"{without_password(address)}: not mqtt://host or mqtts://host")
        try:
            from paho.mqtt.client import Client
            from paho.mqtt.enums import CallbackAPIVersion
        except ModuleNotFoundError as error:
            raise SinkError('MQTT needs paho-mqtt: python -m pip install "camdigits[mqtt]"') from error
        self._name = parts.path.strip("/") or "camdigits"
        self._status = f"{self._name}/status"
        self._known: set[str] = set()
        self._pending: tuple[Event, Any] | None = None
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=f"{self._name}-{time.time_ns()}")
        if parts.username:
            self._client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
        if parts.scheme == "mqtts":
            self._client.tls_set()
        self._client.will_set(self._status, "offline", qos=1, retain=True)
        self._client.on_connect = self._greet
        self._client.reconnect_delay_set(1, 5)
        self._client.connect_async(str(parts.hostname), parts.port or (8883 if parts.scheme == "mqtts" else 1883))
        self._client.loop_start()

    def receive(self, event: Event) -> None:
        """Publish a number, retained, below its source's and region's names; all else is no sensor's state."""
        if event["event"] != "number":
            return
        if self._pending is None or self._pending[0] is not event:
            if not self._client.is_connected():
                raise OSError("the broker cannot be reached")
            # of several sources each has sensors of its own: NAME/SOURCE/REGION
            levels = [str(event["source"])] if "source" in event else []
            levels.append(str(event.get("region", "number")))
            topic = "/".join([self._name, *(re.sub(r"[^A-Za-z0-9_-]", "_", level) for level in levels)])
            if topic not in self._known:
                self._announce(topic, " ".join(levels))
            self._pending = event, self._client.publish(topic, json.dumps(event), qos=1, retain=True)
        message = self._pending[1]
        try:
            message.wait_for_publish(ANSWER)
        except (RuntimeError, ValueError) as error:
            self._pending = None
            raise OSError(f"the broker does not take it ({error})") from error
        if not message.is_published():  # it waits with the client, which sends it after the broker's return
            raise OSError("the broker does not answer")
        self._pending = None

    def close(self) -> None:
        """Say goodbye, so that the sensors are unavailable from now on."""
        if self._client.is_connected():
            # a broker that goes in this moment knows that we are gone: the will says so
            with suppress(RuntimeError, ValueError):
                self._client.publish(self._status, "offline", qos=1, retain=True).wait_for_publish(1)
        self._client.disconnect()
        self._client.loop_stop()

    def _greet(self, *_: object) -> None:
        self._client.publish(self._status, "online", qos=1, retain=True)

    def _announce(self, topic: str, name: str) -> None:
        """Tell Home Assistant of a sensor (its MQTT discovery)."""
        unique = topic.replace("/", "_")
        sensor = {
            "name": name,
            "unique_id": unique,
            "state_topic": topic,
            "value_template": "{{ value_json.text }}",
            "json_attributes_topic": topic,
            "availability_topic": self._status,
            "device": {"identifiers": [self._name], "name": self._name, "manufacturer": "camdigits"},
        }
        self._client.publish(f"homeassistant/sensor/{unique}/config", json.dumps(sensor), qos=1, retain=True)
        self._known.add(topic)


def without_password(address: str) -> str:
    """Return an address without user and password."""
    return re.sub(r"//[^/@]*@", "//", address)


def _parts(address: str) -> SplitResult | None:
    """Return the parts of an address with a host, None of what can be none: so no thread finds out later."""
    try:
        parts = urlsplit(address)
        (parts.hostname or "").encode("idna")
        whole = parts.hostname and parts.port != 0 and not re.search(r"[\s\0]", parts.hostname)
    except ValueError:  # as of a bracket that is not closed, or a port that is none
        return None
    return parts if whole else None
