"""`camdigits serve`: opens the port, says where the page is, and serves until Ctrl-C."""

import errno
import os
import secrets
import signal
import socket
import sys
import threading
import webbrowser
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from camdigits.errors import ServeError
from camdigits.memory import return_large_blocks
from camdigits.types import MIN_CONFIDENCE

if TYPE_CHECKING:
    import uvicorn

MOST_CONNECTIONS = 400
"""More at once are answered 503."""

MAX_MESSAGE = 4 * 2**20
"""Bytes of a WebSocket message: a camera's picture."""

ANYWHERE = ("0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """What `camdigits serve` can be asked for.

    host, port: where it listens; port 0 is any that is free. source: what everyone may watch, as open_source takes it,
    None for nothing. collect: where digits go that people say were misread, None: nowhere. tls: encrypted, by a
    certificate made for this run. open_browser: open the page once it is there.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    source: str | None = None
    collect: Path | None = None
    tls: bool = False
    open_browser: bool = True
    model: str = "cnn"
    min_confidence: float = MIN_CONFIDENCE


def serve(settings: ServeSettings) -> None:
    """Serve until Ctrl-C or SIGTERM, which are ordinary ends.

    Raises ServeError where the port cannot be had or the extra is missing, SourceError, ModelError, SinkError.
    """
    try:
        import uvicorn

        from camdigits.web.app import create_app
        from camdigits.web.collect import Collection
        from camdigits.web.guard import Guard
        from camdigits.web.protocols import PatientProtocol, QuietProtocol
        from camdigits.web.reading import Models
        from camdigits.web.tls import encrypted, qr_code
        from camdigits.web.watch import Watch
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("camdigits"):
            raise
        raise ServeError(f'the page needs {error.name}: python -m pip install "camdigits[web]"') from error

    return_large_blocks()
    # many are read at once, each on one thread, networks too; OpenCV's own would only wait for one another
    cv2.setNumThreads(1)
    models = Models(settings.model)
    with listen(settings.host, settings.port) as listener:
        token = None if _is_loopback(settings.host) else secrets.token_urlsafe(16)
        port = listener.getsockname()[1]
        collection = Collection(settings.collect) if settings.collect else None
        watch = None
        if settings.source is not None:
            watch = Watch(settings.source, models[models.default], settings.min_confidence)
        names = _names(settings.host)
        app = create_app(models, settings.min_confidence, watch, collection)
        config = uvicorn.Config(
            Guard(app, names, token, port, secure=settings.tls),
            http=PatientProtocol,
            ws=QuietProtocol,
            proxy_headers=False,
            log_level="error",
            access_log=False,
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=2,
            ws_max_size=MAX_MESSAGE,
            ws_max_queue=4,
            ws_per_message_deflate=False,
        )
        address = _address("https" if settings.tls else "http", settings.host, port, token)
        print(address, flush=True)
        if settings.tls:
            config.load()
            config.ssl, fingerprint = encrypted({*names, *_reached_as(settings.host)})
            _say(
                "browsers warn of a certificate that nobody vouches for: it is this run's own, SHA-256 fingerprint\n"
                f"{fingerprint}"
            )
        if token:
            secrecy = "" if settings.tls else "; nothing is encrypted: --tls changes that"
            _say(
                f"listening on {settings.host}: whoever reaches this machine and has the address, with its token, can "
                f"have pictures read and see what --source sees{secrecy}"
            )
            if sys.stderr.isatty():
                _say(qr_code(address))
        _run(uvicorn.Server(config), listener, address if settings.open_browser else None)


def _run(server: "uvicorn.Server", listener: socket.socket, to_open: str | None) -> None:
    """Serve until a signal, and open the page in a browser where there is a screen."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    if to_open and (sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        # the port listens already: the browser waits until the server takes it up
        threading.Thread(target=webbrowser.open, args=[to_open], daemon=True).start()
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listener])
    _say("stopped")


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens there. Raises ServeError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    both = host == "::" and socket.has_dualstack_ipv6()  # the address shown may be an IPv4 one
    try:
        listener = socket.create_server((host, port), family=family, backlog=128, dualstack_ipv6=both)
    except OSError as error:
        where = f"{host}:{port}"
        if error.errno == errno.EADDRINUSE:
            raise ServeError(f"{where}: in use, perhaps by another camdigits serve; choose another --port") from error
        if error.errno == errno.EACCES:
            raise ServeError(f"{where}: not allowed; choose a --port above 1023") from error
        raise ServeError(
            f"{where}: cannot listen there ({error.strerror or error}); --host must be an address of this machine"
        ) from error
    # what it accepts inherits it; asyncio does not know such a socket for TCP, and answers would wait 40 ms
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _names(host: str) -> frozenset[str]:
    own = socket.gethostname().lower()
    given = set() if host in ANYWHERE else {host.lower()}
    return frozenset({"localhost", own, f"{own}.local"} | given)


def _reached_as(host: str) -> set[str]:
    """Return the addresses by which it is reached where it listens."""
    return {"127.0.0.1", "::1", _own_address()} if host in ANYWHERE else {host}


def _address(scheme: str, host: str, port: int, token: str | None) -> str:
    shown = _own_address() if host in ANYWHERE else host
    shown = f"[{shown}]" if ":" in shown else shown
    return f"{scheme}://{shown}:{port}/" + (f"?token={token}" if token else "")


def _own_address() -> str:
    """Return the address by which other machines reach this one; no packet is sent to learn it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
