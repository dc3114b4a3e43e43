"""The native window, in a child process of its own.

A missing or dying X server kills the process that shows a picture, and cannot be caught there: so a child
shows, and whatever happens to the screen, the reader goes on. Pictures go to the child through shared memory
(three slots, the newest wins, nobody waits), key presses and the mouse come back through a pipe as lines. The child
ends when its input does, so it never outlives the reader.
"""

import mmap
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from typing import IO, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from camdigits.errors import WindowError
from camdigits.types import Box, Image

SLOTS = 3
"""One being written, one complete, one being shown."""

LARGEST = (3840, 2160)
"""(width, height) in pixels that a slot holds; larger pictures are reduced for the screen."""

FIRST_SIZE = (1280, 720)
"""The window opens within this size; the user may change it."""

SMALLEST = 9
"""Pixels: a rectangle drawn with the mouse that is lower or narrower is a slip of the hand."""

STARTING = 20.0
"""Seconds that the child may take to open its window; 0.5 is usual."""

_HEADER = 4096
_SLOT = LARGEST[0] * LARGEST[1] * 3

# left, up, right, down as X11 (also Qt's backend there), Windows and macOS number them
_ARROWS = dict(
    zip(
        [65361, 65362, 65363, 65364, 0x250000, 0x260000, 0x270000, 0x280000, 63234, 63232, 63235, 63233],
        ["left", "up", "right", "down"] * 3,
        strict=True,
    )
)
_BUTTON = {cv2.EVENT_LBUTTONDOWN: "down", cv2.EVENT_LBUTTONUP: "up"}
_NAMED = {27: "esc", 32: "space", 9: "tab", 10: "enter", 13: "enter", 8: "backspace"}


def open_window(title: str = "camdigits") -> "Window":
    """Open a window, a context manager. Raises WindowError where there is no screen to open it on."""
    return Window(title)


class Window:
    """An open window: call it with a picture to show that.

    pointer: (x, y) of the mouse in the picture shown last, in its pixels; None until it has moved. dragged: the
    rectangle that is being drawn with its left button, None while there is none. typing: keys are text, q and Esc too.
    """

    def __init__(self, title: str) -> None:
        screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        if sys.platform == "linux" and not screen:
            raise WindowError("no screen: DISPLAY is not set")
        memory, name, inherited = _share()
        self._sequence = 0
        self._counters, self._slots = _layout(memory)
        # not multiprocessing: it would import the caller's script again
        start = f"import sys; sys.path[:] = {sys.path!r}\nfrom camdigits.window import serve\n"
        environment = dict(os.environ)
        if os.environ.get("DISPLAY"):
            environment["QT_QPA_PLATFORM"] = "xcb"  # the only one in OpenCV's wheel; a desktop may have set another
        self._child = subprocess.Popen(
            [sys.executable, "-c", f"{start}serve({title!r}, {name!r})"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # Qt's and Xlib's last words; the one line is the reader's to say
            text=True,
            env=environment,
            pass_fds=inherited,
            start_new_session=True,  # Ctrl-C is for the reader alone
        )
        for descriptor in inherited:
            os.close(descriptor)
        self.pointer: tuple[int, int] | None = None
        self.dragged: Box | None = None
        self.typing = False
        self._scale = 1.0  # of the screen's picture to the one that was given
        self._press: tuple[int, int] | None = None
        self._drawn: deque[Box] = deque()
        self._keys: deque[str] = deque()
        self._opened = threading.Event()
        self._ready = self._quit = self._gone = False
        self._listener = threading.Thread(target=self._listen, args=(self._child.stdout,), daemon=True)
        self._listener.start()
        if not self._opened.wait(STARTING) or not self._ready:
            self.close()
            raise WindowError(f"no screen: a window cannot be opened on {screen or 'this system'}")

    @property
    def closed(self) -> bool:
        """Whether the user closed it, or it is lost."""
        return self._quit or self._gone

    @property
    def lost(self) -> bool:
        """Whether the screen went away under it."""
        return self._gone and not self._quit

    def __call__(self, image: Image) -> bool:
        """Show a (height, width, 3) BGR picture of any size, without waiting; return False once the window is closed.

        The user closes it with q, Esc or its close button; it is closed too where the screen is lost.
        """
        if self.closed:
            return False
        height, width = image.shape[:2]
        self._scale = scale = min(1.0, LARGEST[0] / width, LARGEST[1] / height)
        if scale < 1:
            width, height = max(1, int(width * scale)), max(1, int(height * scale))
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        slot = (self._sequence + 1) % SLOTS
        self._counters[1 + 2 * slot : 3 + 2 * slot] = height, width
        np.copyto(_picture(self._slots[slot], height, width), image)
        self._sequence += 1
        self._counters[0] = self._sequence  # published only when complete
        return True

    def pressed(self) -> list[str]:
        """Return the keys pressed since the last call, as "q", "esc", "space" or "left".

        Letters are in lower case; those that are typed are as the system tells them, which Qt does in lower case too.
        """
        keys = []
        while self._keys:
            key = self._keys.popleft()
            keys.append(key if self.typing else key.lower())
        return keys

    def drawn(self) -> list[Box]:
        """Return the rectangles drawn with the mouse since the last call, in pixels of the picture shown."""
        boxes = []
        while self._drawn:
            boxes.append(self._drawn.popleft())
        return boxes

    def close(self) -> None:
        """Close the window; may be called again."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._quit = self._quit or not self._gone
        self._child.stdin.close()
        try:
            self._child.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._listener.join()
        self._child.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _listen(self, lines: IO[str]) -> None:
        """Take what the child says, until it ends."""
        for line in lines:
            word = line.rstrip("\n")
            if word == "ready":
                self._ready = True
                self._opened.set()
            elif word == "closed":
                self._quit = True
            elif word.startswith("mouse "):
                what, x, y = word.split()[1:]
                self._follow(what, (round(int(x) / self._scale), round(int(y) / self._scale)))
            else:
                key = word.removeprefix("key ")
                self._keys.append(key)
                self._quit = self._quit or (key in ("q", "Q", "esc") and not self.typing)
        self._gone = True
        self._opened.set()

    def _follow(self, what: str, at: tuple[int, int]) -> None:
        """Take where the mouse is, and whether its button went down or up there."""
        self.pointer = at
        if what == "down":
            self._press = at
        elif self._press:
            box = _between(self._press, at)
            self.dragged = box if what == "move" else None
            if what == "up":
                self._press = None
                if min(box.w, box.h) >= SMALLEST:
                    self._drawn.append(box)


def _between(a: tuple[int, int], b: tuple[int, int]) -> Box:
    """Return the rectangle with these corners."""
    left, top = min(a[0], b[0]), min(a[1], b[1])
    return Box(left, top, max(a[0], b[0]) - left, max(a[1], b[1]) - top)


def serve(title: str, name: str) -> None:
    """Be the child: show the newest picture in the named shared memory and print keys, until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_input, daemon=True).start()
    counters, slots = _layout(_attach(name))
    cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
    cv2.resizeWindow(title, *FIRST_SIZE)  # before it is placed, so that it lies whole on the screen
    moved: list[tuple[int, int]] = []

    def follow(event: int, x: int, y: int, *_: object) -> None:
        if event == cv2.EVENT_MOUSEMOVE:
            moved[:] = [(x, y)]  # the newest is enough
        elif event in _BUTTON:
            moved.clear()
            print("mouse", _BUTTON[event], x, y, flush=True)

    print("ready", flush=True)
    shown = 0
    shape = (0, 0)
    while True:
        newest = int(counters[0])
        if newest != shown:
            slot = newest % SLOTS
            height, width = (int(side) for side in counters[1 + 2 * slot : 3 + 2 * slot])
            image = _picture(slots[slot], height, width).copy()
            if int(counters[0]) - newest >= SLOTS - 1:
                continue  # overtaken while copying: the slot may hold half of a newer one
            if (height, width) != shape:
                shape = height, width
                scale = min(FIRST_SIZE[0] / width, FIRST_SIZE[1] / height, 2)
                cv2.resizeWindow(title, max(1, int(width * scale)), max(1, int(height * scale)))
            cv2.imshow(title, image)
            if not shown:
                cv2.setMouseCallback(title, follow)
            shown = newest
        key = cv2.waitKeyEx(8)
        if key != -1 and (word := _name(key)):
            print("key", word, flush=True)
        if moved:
            print("mouse move", *moved.pop(), flush=True)
        if shown and not _visible(title):
            print("closed", flush=True)
            return


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)  # at once: the window's own loop may hang with its screen


def _visible(title: str) -> bool:
    try:
        return cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) >= 1
    except cv2.error:  # so say some versions when the last window is closed
        return False


def _name(key: int) -> str:
    """Return the name of what waitKeyEx gave, "" for keys without one."""
    if key in _ARROWS:
        return _ARROWS[key]
    key &= 0xFFFF  # above it Qt and GTK keep the modifiers
    if key in _ARROWS or key in _NAMED:
        return _ARROWS.get(key) or _NAMED[key]
    return chr(key) if 33 <= key < 127 else ""


def _layout(memory: mmap.mmap) -> tuple[NDArray[np.int64], list[NDArray[np.uint8]]]:
    """Return the counters (the newest picture's number, then height and width of each slot) and the slots."""
    counters = np.frombuffer(memory, np.int64, 1 + 2 * SLOTS)
    return counters, [np.frombuffer(memory, np.uint8, _SLOT, _HEADER + slot * _SLOT) for slot in range(SLOTS)]


def _picture(slot: NDArray[np.uint8], height: int, width: int) -> Image:
    return slot[: height * width * 3].reshape(height, width, 3)


def _share() -> tuple[mmap.mmap, str, tuple[int, ...]]:
    """Return memory for the slots, its name for the child, and the descriptors that the child inherits.

    Only what is touched takes memory.
    """
    size = _HEADER + SLOTS * _SLOT
    if sys.platform == "win32":
        name = f"camdigits-{os.getpid()}-{threading.get_ident()}"
        return mmap.mmap(-1, size, tagname=name), name, ()
    if sys.platform == "linux":
        descriptor = os.memfd_create("camdigits", 0)  # /dev/shm is often too small, and small there means SIGBUS
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return mmap.mmap(descriptor, size), str(descriptor), (descriptor,)


def _attach(name: str) -> mmap.mmap:
    size = _HEADER + SLOTS * _SLOT
    if sys.platform == "win32":
        return mmap.mmap(-1, size, tagname=name)
    return mmap.mmap(int(name), size)
