"""What stands before every page: which requests are answered at all.

A browser that its operator has pointed at this page will also send it what other sites want sent.
So a request is answered only under a name that is ours (a site can have its own name lead to our
address), and one that changes something only if it comes from a form of ours: the browser says so
(``Sec-Fetch-Site``, or else ``Origin``), and the form has what only our own pages are told.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
import re
import secrets
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from asynq._printable import printable
from asynq.web.access import Access, address_of

logger = logging.getLogger("asynq.web")

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
OPEN: Final = re.compile(r"/login|/static/[a-z0-9.-]+")
"""Pages for those who are not let in yet."""
SAFE: Final = frozenset({"GET", "HEAD"})
LARGEST: Final = 65_536
"""Bytes of a form."""
FORM_COOKIE: Final = "asynq_form"
FIELD: Final = "form_token"
BACK: Final = "back"
"""What every form of ours has: what shows that it is ours, and the page that it stands on."""

HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'self'; "
    "object-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not `no-referrer`: with that, browsers leave the Origin of a form out.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
"""Every answer has them."""

AGAIN: Final = (
    b"<!doctype html><meta charset=utf-8><meta http-equiv=refresh content=0><title>asynq</title>"
)
"""Somebody has followed a link of another site, so that the browser has kept its cookie to itself.
Asking once more, from here, is a request of our own."""


class Refused(Exception):  # noqa: N818 - it is no error of ours
    """A request that is not done.

    Args:
        status: The HTTP status.
        why: What to tell whoever asks.
    """

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class Hosts:
    """The names under which a page answers.

    Args:
        address: Where it listens; of all addresses, every literal one is answered, for a site can
            have its name lead here, but not a number.
        more: Other names.
    """

    def __init__(self, address: str = "127.0.0.1", more: Iterable[str] = ()) -> None:
        bare = address.strip("[]").lower()
        self._names = LOOPBACK | {bare, *(name.strip("[]").lower() for name in more)}
        self._numbers = is_any(bare)

    def has(self, host: str) -> bool:
        """Is that one of them? As in a request's header, with a port or without."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        except ValueError:
            return False
        return name in self._names or (self._numbers and is_number(name))


class Guard:
    """Before an ASGI app.

    Args:
        app: The app.
        access: Who is let in.
        hosts: Under which names it answers; None: whatever leads here, for that is the business
            of the app it is mounted in.
    """

    def __init__(self, app: ASGIApp, access: Access, hosts: Hosts | None) -> None:
        self._app = app
        self._access = access
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or have the app do so."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        connection = HTTPConnection(scope)

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        try:
            answer = self._checked(connection)
        except Refused as refused:
            answer = refusal(connection, refused)
        await (answer or self._app)(scope, receive, headed)

    def _checked(self, connection: HTTPConnection) -> Response | None:
        """The answer, where there is no more to it; None: the app answers."""
        if self._hosts is not None and not self._hosts.has(connection.headers.get("host", "")):
            raise Refused(
                421,
                "This page does not answer under that name. If it is yours: asynq web --allow-host",
            )
        method = connection.scope["method"]
        if method not in SAFE:
            if method != "POST":
                raise Refused(405, "Expected GET, HEAD or POST")
            if not is_from_here(connection):
                raise Refused(403, "Only a form of this page may do that")
        user = self._access.user(connection)
        connection.scope["asynq.user"] = user
        if user is None and not OPEN.fullmatch(path_of(connection)):
            return self._stopped(connection)
        return None

    def _stopped(self, connection: HTTPConnection) -> Response:
        path = path_of(connection)
        is_page = not path.startswith("/api/") and connection.scope["method"] in SAFE
        if not self._access.has_login or not is_page or path == "/live":
            return PlainTextResponse(
                "Who are you?\n", 401, headers={"www-authenticate": self._access.challenge}
            )
        if connection.headers.get("sec-fetch-site") == "cross-site":
            return Response(AGAIN, media_type="text/html")
        return RedirectResponse(f"{'../' * (path.count('/') - 1)}login", 303)


def refusal(connection: HTTPConnection, refused: Refused) -> Response:
    """The answer, and a line of the log where something was to be done."""
    if connection.scope["method"] not in SAFE:
        logger.warning(
            "Refused %s %s of %s: %s",
            printable(connection.scope["method"], 20),
            printable(path_of(connection), 100),
            address_of(connection),
            refused.why,
        )
    return PlainTextResponse(f"{refused.why}\n", refused.status)


def path_of(connection: HTTPConnection) -> str:
    """A request's path, without where the page is mounted."""
    path: str = connection.scope["path"]
    return path.removeprefix(connection.scope.get("root_path", "")) or "/"


def is_from_here(connection: HTTPConnection) -> bool:
    """Did a page of our own have the browser send this?"""
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = connection.headers.get("origin", "")
    with suppress(ValueError):
        parts = urlsplit(origin)
        # Whether by https only the outermost proxy knows.
        return bool(parts.netloc) and parts.netloc == connection.headers.get("host")
    return False


def is_loopback(address: str) -> bool:
    """Can only this machine reach that address?"""
    with suppress(ValueError):
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    return address.lower() == "localhost"


def is_any(address: str) -> bool:
    """Does it stand for all addresses of a machine?"""
    with suppress(ValueError):
        return ipaddress.ip_address(address).is_unspecified
    return False


def is_number(name: str) -> bool:
    """Is it an address, rather than a name?"""
    with suppress(ValueError):
        ipaddress.ip_address(name)
        return True
    return False


# What only our own pages are told


def form_secret(connection: HTTPConnection) -> tuple[str, bool]:
    """The browser's own secret, and whether it is new, and must be given to it as a cookie."""
    known = connection.cookies.get(FORM_COOKIE, "")
    return (known, False) if re.fullmatch(r"[0-9a-f]{64}", known) else (secrets.token_hex(32), True)


def form_token(secret: str, about: str = "form") -> str:
    """What shows that somebody knows the secret, without telling it."""
    return hmac.new(secret.encode(), about.encode(errors="replace"), sha256).hexdigest()


def give_secret(connection: HTTPConnection, response: Response, secret: str) -> None:
    """Have the browser remember its secret."""
    response.set_cookie(
        FORM_COOKIE,
        secret,
        path="/",
        secure=connection.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


async def read_form(request: Request, known: Collection[str]) -> dict[str, str]:
    """The fields of a form that one of our own pages has shown.

    Args:
        request: The request.
        known: The names of the fields that are wanted.

    Raises:
        Refused: it is none, or too large.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise Refused(413, f"Expected no more than {LARGEST:,} bytes")
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind != "application/x-www-form-urlencoded":
        raise Refused(415, "Expected a form")
    try:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=100))
    except ValueError:
        raise Refused(400, "Expected a form") from None
    secret = request.cookies.get(FORM_COOKIE, "")
    shown = fields.get(FIELD, "")
    if not secret or not hmac.compare_digest(form_token(secret).encode(), shown.encode()):
        raise Refused(403, "This form is not one of this page's, or too old: load the page again")
    return {name: value for name, value in fields.items() if name in known}
