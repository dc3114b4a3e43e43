"""New numbers to whatever program is in use: into the clipboard, or typed where the keyboard's focus is."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence

from camdigits.errors import SinkError
from camdigits.types import Event

PATIENCE = 5.0
"""Seconds within which the system takes a number."""


def to_clipboard() -> Callable[[Event], None]:
    """Put each new number into the clipboard. Raises SinkError where the system has no program for it, or no screen."""
    tools = {"darwin": [["pbcopy"]], "win32": [["clip"]]}
    wayland = [["wl-copy"]] if os.environ.get("WAYLAND_DISPLAY") else []
    linux = [*wayland, ["xclip", "-selection", "clipboard"], ["xsel", "--clipboard", "--input"]]
    call = _first(tools.get(sys.platform, linux), "the clipboard", "xclip")

    def receive(event: Event) -> None:
        if event["event"] == "number":
            _run(call, event["text"])

    return receive


def to_keyboard() -> Callable[[Event], None]:
    """Type each new number and Enter into the focused field, as a bar code scanner does. Raises SinkError likewise."""
    wayland = [["wtype"]] if os.environ.get("WAYLAND_DISPLAY") else []
    tools = {"darwin": [["osascript"]], "win32": [["powershell"]]}
    call = _first(tools.get(sys.platform, [*wayland, ["xdotool"]]), "typing", "xdotool")

    def receive(event: Event) -> None:
        if event["event"] != "number":
            return
        text = str(event["text"])
        if call[0] == "xdotool":
            _run([*call, "type", "--clearmodifiers", "--", text])
            _run([*call, "key", "Return"])
        elif call[0] == "wtype":
            _run([*call, "--", text])
            _run([*call, "-k", "Return"])
        elif call[0] == "osascript":
            _run([*call, "-"], f'tell application "System Events" to keystroke "{text}" & return')
        else:
            script = f"(New-Object -ComObject WScript.Shell).SendKeys('{text}~')"
            _run([*call, "-NoProfile", "-Command", script])

    return receive


def _first(calls: Sequence[list[str]], what: str, package: str) -> list[str]:
    """Return the first call whose program is there. Raises SinkError, also without a screen where there may be none."""
    found = next((call for call in calls if shutil.which(call[0])), None)
    if not found:
        names = " or ".join(call[0] for call in calls)
        raise SinkError(f"{what} needs {names}; install one, say: apt install {package}")
    if sys.platform == "linux" and not os.environ.keys() & {"DISPLAY", "WAYLAND_DISPLAY"}:
        raise SinkError(f"{what} needs a screen, and DISPLAY names none; run it on a desktop")
    return found


def _run(call: Sequence[str], text: str = "") -> None:
    """Run a program of the system's with a text as its input. Raises SinkError where it fails."""
    try:
        # its output to nowhere: xclip stays, to hand the text out, and would hold a pipe open
        done = subprocess.run(
            call,
            input=text.encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SinkError(f"{call[0]} cannot be run ({error})") from error
    if done.returncode:
        raise SinkError(f"{call[0]}: exit code {done.returncode}")
