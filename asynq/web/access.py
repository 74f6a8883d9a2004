"""Who is let in: whoever has the token or the password; and who that was.

A browser shows the token once, at ``login``, and gets a cookie of a session for it, which no script
can read and no other site can have sent. Programs show it as ``Authorization: Bearer …``. Where
neither is asked for, the page is on loopback alone, or the app it is mounted in lets people in.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections import OrderedDict
from hashlib import sha256
from typing import Final

from starlette.requests import HTTPConnection
from starlette.responses import Response

from asynq._time import monotonic
from asynq.exceptions import ImproperlyConfigured

LASTS: Final = 12 * 3600.0
"""Seconds after which a session is over."""
SESSIONS: Final = 1000
"""Of more, the oldest go."""
SHORTEST: Final = 16
"""Characters of a token: it must not be found by trying."""


class Access:
    """Lets people in.

    Args:
        token: What they must show; None: no token.
        basic: ``user:password``, instead or besides; None: none.

    Raises:
        ImproperlyConfigured: one of these is too short, or none.
    """

    def __init__(self, token: str | None = None, basic: str | None = None) -> None:
        if token is not None and len(token) < SHORTEST:
            raise ImproperlyConfigured(
                f"web: token: expected {SHORTEST} characters or more, got {len(token)}. "
                'python -c "import secrets; print(secrets.token_urlsafe())" makes a good one'
            )
        user, colon, password = (basic or "").partition(":")
        if basic is not None and not (user and colon and password):
            raise ImproperlyConfigured("web: basic: expected user:password")
        self._token = None if token is None else _digest(token)
        self._basic = None if basic is None else _digest(basic)
        self._user = user
        self._sessions: OrderedDict[bytes, float] = OrderedDict()

    @property
    def asks(self) -> bool:
        """It lets not everybody in."""
        return self._token is not None or self._basic is not None

    @property
    def has_login(self) -> bool:
        """There is a token, which a form asks for."""
        return self._token is not None

    @property
    def challenge(self) -> str:
        """What a program must show: a header's value."""
        kind = "Bearer" if self._basic is None else "Basic"
        return f'{kind} realm="asynq", charset="UTF-8"'

    def user(self, connection: HTTPConnection) -> str | None:
        """Who asks; None: somebody who is not let in."""
        if not self.asks:
            return _user_of_host(connection)
        kind, _, shown = connection.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self.is_token(shown.strip()):
            return "token"
        if kind.lower() == "basic" and self._is_basic(shown.strip()):
            return self._user
        session = connection.cookies.get(cookie_name(connection), "")
        return "token" if self._is_session(session) else None

    def is_token(self, shown: str) -> bool:
        """Is that the token? Takes as long for any answer."""
        return self._token is not None and hmac.compare_digest(self._token, _digest(shown))

    def _is_basic(self, shown: str) -> bool:
        try:
            pair = base64.b64decode(shown, validate=True)
        except (binascii.Error, ValueError):
            return False
        return self._basic is not None and hmac.compare_digest(self._basic, sha256(pair).digest())

    def log_in(self, connection: HTTPConnection, response: Response) -> None:
        """Begin a session, with a cookie that is for this page alone."""
        session = secrets.token_urlsafe(32)
        self._sessions[_digest(session)] = monotonic() + LASTS
        while len(self._sessions) > SESSIONS:
            self._sessions.popitem(last=False)
        response.set_cookie(
            cookie_name(connection),
            session,
            max_age=int(LASTS),
            # Without a path it is for the directory of `login`, whatever a proxy has put before it.
            path=None,
            secure=connection.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )

    def log_out(self, connection: HTTPConnection, response: Response) -> None:
        """End the session, here and in the browser."""
        name = cookie_name(connection)
        self._sessions.pop(_digest(connection.cookies.get(name, "")), None)
        response.set_cookie(name, "", max_age=0, path=None, httponly=True, samesite="strict")

    def _is_session(self, session: str) -> bool:
        # Looked up by its digest: how long that takes tells nothing of those that are known.
        until = self._sessions.get(_digest(session))
        return until is not None and monotonic() < until


def cookie_name(connection: HTTPConnection) -> str:
    """The session's cookie. Cookies know no ports, and two pages may be at two of one machine."""
    host = connection.headers.get("host", "")
    port = host.rpartition(":")[2]
    return f"asynq_session_{port}" if port.isdecimal() and len(port) <= 5 else "asynq_session"


def address_of(connection: HTTPConnection) -> str:
    """Where a request comes from."""
    return connection.client.host if connection.client else "?"


def _user_of_host(connection: HTTPConnection) -> str:
    """As the app that the page is mounted in knows them, where it does."""
    user = connection.scope.get("user")
    for attribute in ("display_name", "username"):
        name = getattr(user, attribute, None)
        if isinstance(name, str) and name:
            return name
    return user if isinstance(user, str) and user else "-"


def _digest(text: str) -> bytes:
    return sha256(text.encode(errors="surrogatepass")).digest()
