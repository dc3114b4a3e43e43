"""How a run is ended from outside: in order."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def polite_end() -> Iterator[threading.Event]:
    """Let Ctrl-C, SIGTERM and a terminal that closes end the run in order, so that the recording is finished.

    Yields what is set then too: an interrupt that is raised inside a callback of a library may be swallowed there.
    """
    ended = threading.Event()

    def end(*_: object) -> None:
        ended.set()
        raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            handler = signal.getsignal(getattr(signal, name)) if hasattr(signal, name) else None
            if handler in (signal.SIG_DFL, signal.default_int_handler):  # what ignores it, as nohup does, is left
                before[getattr(signal, name)] = handler
    for number in before:
        signal.signal(number, end)
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
