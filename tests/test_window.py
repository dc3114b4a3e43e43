import os
import subprocess
import sys
import time

import numpy as np
import pytest

from camdigits.errors import WindowError
from camdigits.window import open_window
from tests.support.screen import wait_until


def gray(width=640, height=360):
    return np.full((height, width, 3), 128, np.uint8)


def show_until(show, condition, image=None):
    """Keep showing, as a reader does, until a condition holds."""
    wait_until(lambda: show(gray() if image is None else image) and condition(), timeout=15)


def ready(screen, show):
    """Return when the window is there and keys reach it."""
    show(gray())
    screen.wait_for_window()
    pressed = []
    while "x" not in pressed:
        screen.press("x")
        show(gray())
        pressed += show.pressed()
    time.sleep(0.2)  # the last x may still be on its way
    show.pressed()


def test_keys_come_back_by_name(screen):
    keys = []
    with open_window("camdigits") as show:
        ready(screen, show)
        screen.press("s", "R", "space", "Left", "Up", "Right", "Down", "Return", "5")
        show_until(show, lambda: keys.extend(show.pressed()) or len(keys) >= 9)
        assert keys == ["s", "r", "space", "left", "up", "right", "down", "enter", "5"]
        assert not show.closed


def test_q_and_escape_do_not_close_it_while_something_is_typed(screen):
    keys = []
    with open_window("camdigits") as show:
        ready(screen, show)
        show.typing = True
        screen.press("R", "q", "Q", "Escape")
        show_until(show, lambda: keys.extend(show.pressed()) or len(keys) >= 4)
        assert [key.lower() for key in keys] == ["r", "q", "q", "esc"]  # Qt's windows tell no capitals
        assert not show.closed


@pytest.mark.parametrize("key", ["q", "Q", "Escape"])
def test_q_and_escape_close_it(screen, key):
    with open_window("camdigits") as show:
        ready(screen, show)
        screen.press(key)
        wait_until(lambda: not show(gray()))
        assert (show.closed, show.lost) == (True, False)


def test_the_window_manager_closes_it(screen):
    with open_window("camdigits") as show:
        ready(screen, show)
        screen.close_window()
        wait_until(lambda: not show(gray()))
        assert (show.closed, show.lost) == (True, False)


def test_a_dying_screen_loses_it_and_nothing_else(screen, capfd):
    with open_window("camdigits") as show:
        ready(screen, show)
        screen.kill()
        wait_until(lambda: not show(gray()))
        assert (show.closed, show.lost) == (True, True)
    assert capfd.readouterr() == ("", "")


def test_it_shows_the_newest_picture_whatever_its_size(screen):
    with open_window("camdigits") as show:
        for color, width, height in (((200, 30, 10), 640, 360), ((10, 200, 30), 320, 240), ((30, 10, 200), 4000, 3000)):
            image = np.full((height, width, 3), color, np.uint8)
            show_until(show, lambda color=color: (screen.picture() == color).all(axis=2).sum() > 50_000, image)
        show(gray(1, 1))
        show(gray(9000, 30))
        last = np.full((360, 640, 3), (90, 10, 90), np.uint8)
        show_until(show, lambda: (screen.picture() == (90, 10, 90)).all(axis=2).sum() > 50_000, last)


def test_showing_never_waits(screen):
    image = gray(1280, 720)
    with open_window("camdigits") as show:
        ready(screen, show)
        started = time.monotonic()
        for _ in range(100):
            show(image)
        assert time.monotonic() - started < 1  # a window shows sixty a second


@pytest.mark.usefixtures("screen")
def test_it_does_not_outlive_a_killed_reader():
    program = """
import numpy as np, time
from camdigits.window import open_window
show = open_window("camdigits")
show(np.zeros((90, 160, 3), np.uint8))
print(show._child.pid, flush=True)
time.sleep(60)
"""
    reader = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert reader.stdout is not None
    with reader.stdout:
        child = int(reader.stdout.readline())
    reader.kill()
    reader.wait()

    def gone():
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return True
        with open(f"/proc/{child}/stat") as status:  # noqa: PTH123 - or dead, but not yet reaped by its new parent
            return status.read().split()[2] == "Z"

    wait_until(gone)


def test_a_script_without_a_main_guard_can_open_one(screen, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import numpy as np\n"
        "from camdigits import open_window\n"
        "print('once')\n"
        "with open_window('camdigits') as show:\n"
        "    print(show(np.zeros((90, 160, 3), np.uint8)))\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=30, env=screen.environment)
    assert (done.stdout, done.stderr) == ("once\nTrue\n", "")


@pytest.mark.usefixtures("no_screen")
def test_no_screen_is_one_line():
    with pytest.raises(WindowError, match=r"^no screen: DISPLAY is not set$"):
        open_window()


def test_a_dead_screen_is_one_line(monkeypatch, capfd):
    monkeypatch.setenv("DISPLAY", ":4321")
    with pytest.raises(WindowError, match=r"^no screen: a window cannot be opened on :4321$"):
        open_window()
    assert capfd.readouterr() == ("", "")
