"""Who may ask, and how much: host, origin, token and body of each request are checked before anything else sees it."""

import asyncio
import secrets
from collections.abc import Collection
from html import escape
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 32_000_000
"""Bytes of a request, at most."""

HEAVY, MOST_HEAVY = 2**20, 8
"""Bytes from which a request is heavy; so many such are there at once, since each lies in memory."""

PATIENCE = 30.0
"""Seconds within which a request is all there."""

COOKIE = "camdigits-{port}"
"""Browsers keep cookies by host, whatever the port: two servers on one machine must not take each other's."""

PAGE = """<!doctype html>
<html lang="en"><meta name="viewport" content="width=device-width"><title>camdigits</title><p>{}</p>
"""
"""What a browser shows of a refusal."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


class Guard:
    """Lets through what may pass.

    names: host names, beside addresses, under which the page is known. A name that is not ours leads here only where
    somebody lets his own name point to this machine (DNS rebinding); an address cannot be made to. token: what every
    request must bring, as a cookie, as `Authorization: Bearer` or once in the page's address; None asks for none.
    port: where it listens. secure: the cookie travels encrypted only.
    """

    def __init__(
        self, app: ASGIApp, names: Collection[str], token: str | None, port: int, secure: bool = False
    ) -> None:
        self._app, self._names, self._token, self._secure = app, names, token, secure
        self._cookie = COOKIE.format(port=port)
        self._heavy = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None and scope["type"] == "http":
            heavy = _is_heavy(scope)
            self._heavy += heavy
            try:
                await self._app(scope, _bounded(receive), send_with_headers)
            finally:
                self._heavy -= heavy
        elif refusal is None:
            await self._app(scope, receive, send_with_headers)
        elif scope["type"] == "http":
            await refusal(scope, receive, send_with_headers)
        else:  # before it is accepted; the client sees 403
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    def _refusal(self, scope: Scope) -> Response | None:
        """Return what is answered instead; None where the request may pass."""
        headers = Headers(scope=scope)
        is_html = "text/html" in headers.get("accept", "").lower()
        host = headers.get("host", "")
        if not self._is_ours(host):
            return _no(403, "this address is not the page's; open the one that camdigits serve printed", is_html)
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in (f"http://{host.lower()}", f"https://{host.lower()}"):
            return _no(403, "asked for by a page of another site", is_html)
        if self._token is not None:
            asked = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
            if scope["type"] == "http" and scope["path"] == "/" and self._is_token(asked):
                return self._welcome(asked)
            if not self._is_token(_token_of(headers, self._cookie)):
                return _no(
                    401, "the token is missing, or another; open the address that camdigits serve printed", is_html
                )
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > MAX_BODY:
            return _no(413, f"larger than {MAX_BODY // 10**6} MB; reduce it first", is_html)
        if scope["type"] == "http" and _is_heavy(scope) and self._heavy >= MOST_HEAVY:
            return _no(503, "too many large pictures at once; send it again in a moment", is_html)
        return None

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""  # raises where a bracket is not closed
        except ValueError:
            return False
        return name.rstrip(".") in self._names or is_address(name)

    def _is_token(self, text: str) -> bool:
        return self._token is not None and secrets.compare_digest(text.encode(), self._token.encode())

    def _welcome(self, token: str) -> Response:
        """Keep the token in a cookie, and take it out of the address: it would stay in the browser's history."""
        answer = RedirectResponse("/", status_code=303)
        answer.set_cookie(self._cookie, token, httponly=True, samesite="lax", secure=self._secure)
        return answer


def _is_heavy(scope: Scope) -> bool:
    """Say whether a request has a large body, or one of unknown size."""
    headers = Headers(scope=scope)
    length = headers.get("content-length", "")
    return "transfer-encoding" in headers or (length.isdecimal() and int(length[:20]) > HEAVY)


def is_address(name: str) -> bool:
    """Say whether a host is named by its IP address."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _token_of(headers: Headers, cookie: str) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return cookie_parser(headers.get("cookie", "")).get(cookie, "")


def _bounded(receive: Receive) -> Receive:
    """Return a receive that raises where a request's body is too large or too slow."""
    so_far = 0
    whole = False
    end = asyncio.get_running_loop().time() + PATIENCE

    async def bounded() -> Message:
        nonlocal so_far, whole
        if whole:  # what comes now is that the client leaves, whenever that is
            return await receive()
        try:
            async with asyncio.timeout_at(end):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, f"not all there within {PATIENCE:.0f} seconds; send it again") from None
        so_far += len(message.get("body", b""))
        if so_far > MAX_BODY:
            raise HTTPException(413, f"larger than {MAX_BODY // 10**6} MB; reduce it first")
        whole = not message.get("more_body", False)
        return message

    return bounded


def _no(status: int, error: str, is_html: bool) -> Response:
    """Return a refusal: a page for who asks for one, as browsers do when they open an address."""
    headers = {"Retry-After": "2"} if status == 503 else None
    if is_html:
        return HTMLResponse(PAGE.format(escape(error)), status, headers)
    return JSONResponse({"error": error}, status, headers)
