"""Numbers reach the clipboard and the focused field."""

import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from camdigits.desktop import to_clipboard, to_keyboard
from camdigits.errors import SinkError
from camdigits.types import Event
from tests.support.screen import Screen


def number(text: str) -> Event:
    return {"event": "number", "id": 1, "text": text, "box": [1, 2, 3, 4], "frame": 3, "time": 0.1}


@pytest.mark.skipif(not shutil.which("xev"), reason="needs xev")
def test_new_numbers_are_typed_where_the_keyboard_is_with_enter(screen: Screen) -> None:
    receive = to_keyboard()
    lines: list[str] = []
    command = ["stdbuf", "-oL", "xev", "-event", "keyboard"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as field:
        assert field.stdout
        listener = threading.Thread(target=lambda told: lines.extend(told), args=(field.stdout,))
        listener.start()
        try:
            screen.wait_for_window("Event Tester")
            receive(number("4096"))
            receive({**number("17"), "event": "gone"})
            receive(number("-3.5"))
            time.sleep(0.5)
        finally:
            field.kill()
            listener.join()
    pressed = re.findall(r"KeyPress event.*?XLookupString gives \d+ bytes: \((\w+)\)", "".join(lines), re.DOTALL)
    assert "".join(chr(int(key, 16)) for key in pressed) == "4096\r-3.5\r"


@pytest.mark.skipif(not shutil.which("xclip"), reason="needs xclip")
def test_the_newest_number_is_in_the_clipboard(screen: Screen) -> None:
    receive = to_clipboard()
    receive(number("4096"))
    receive(number("-17"))
    receive({**number("5"), "event": "held"})
    command = ["xclip", "-selection", "clipboard", "-o"]
    assert subprocess.check_output(command, env=screen.environment, text=True, timeout=20) == "-17"


@pytest.mark.parametrize(
    ("open_it", "what"), [(to_keyboard, "typing needs xdotool"), (to_clipboard, "clipboard needs")]
)
def test_without_the_systems_program_it_says_which(
    open_it: type[object], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(SinkError, match=f"{what}.*apt install"):
        open_it()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a screen")
@pytest.mark.parametrize(("open_it", "tool"), [(to_keyboard, "xdotool"), (to_clipboard, "xclip")])
def test_without_a_screen_it_says_so_before_the_first_number(
    open_it: Callable[[], object], tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / tool
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(SinkError, match="needs a screen, and DISPLAY names none"):
        open_it()
    monkeypatch.setenv("DISPLAY", ":99")
    open_it()
