"""A URL, taken apart: which server, and how to get in.

Parsed here rather than by redis-py, which takes `redis://host/abc` for database 0 and hands unknown
options on to fail somewhere else.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from msgspec import Struct

from asynq._secrets import hide_password
from asynq.exceptions import ImproperlyConfigured

_LATER: Final = {
    "sentinel": "Sentinel",
    "rediss+sentinel": "Sentinel",
    "redis+sentinel": "Sentinel",
    "cluster": "Cluster",
    "redis+cluster": "Cluster",
    "rediss+cluster": "Cluster",
}
_SCHEMES: Final = "redis://, rediss://, unix:// or embedded://"
_VERIFY: Final = {
    "required": ssl.CERT_REQUIRED,
    "optional": ssl.CERT_OPTIONAL,
    "none": ssl.CERT_NONE,
}
_YES: Final = ("1", "true", "yes", "on")
_NO: Final = ("0", "false", "no", "off")


class Tls(Struct, frozen=True, kw_only=True):
    """How a `rediss://` server is verified, and how we show who we are."""

    verify: str = "required"
    """`required`, `optional` or `none`."""
    check_hostname: bool = True
    ca_certs: str | None = None
    certfile: str | None = None
    keyfile: str | None = None
    key_password: str | None = None

    def context(self) -> ssl.SSLContext:
        """What the connection is made with.

        Raises:
            OSError: a file is not there, or is not what it should be.
        """
        context = ssl.create_default_context(cafile=self.ca_certs)
        context.check_hostname = self.check_hostname and self.verify != "none"
        context.verify_mode = _VERIFY[self.verify]
        if self.certfile:
            context.load_cert_chain(self.certfile, self.keyfile, self.key_password)
        return context


class Address(Struct, frozen=True, kw_only=True):
    """Where a server is. `path` of a socket, or `host` and `port`, or neither: embedded."""

    shown: str
    """The URL without its password."""
    host: str = ""
    port: int = 0
    path: str = ""
    embedded: bool = False
    """`path` is the directory of an embedded server; empty: the one under `name`."""
    name: str = ""
    """Whose embedded server; empty: the app's."""
    database: int = 0
    username: str | None = None
    password: str | None = None
    tls: Tls | None = None
    connect_timeout: float = 5.0
    grace: float | None = None
    """Seconds an embedded server outlives its last user; None: as the environment says."""


def parse(url: str, options: Mapping[str, object] | None = None) -> Address:
    """Take a URL apart.

    Args:
        options: Options beside the URL; they stand over those in its query.

    Raises:
        ImproperlyConfigured: with what was expected and what came.
    """
    shown = hide_password(url)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # Python's text repeats what it took for the port: a password, if there is a / in it.
        raise ImproperlyConfigured(
            f"{shown}: not a URL: the host or the port can't be read; in a password, write / as "
            "%2F, # as %23 and ? as %3F"
        ) from None
    if kind := _LATER.get(parts.scheme):
        raise ImproperlyConfigured(
            f"{shown}: {kind} is not in this release yet; name one server by {_SCHEMES}"
        )
    if parts.scheme not in ("redis", "rediss", "unix", "embedded"):
        raise ImproperlyConfigured(f"{shown}: expected {_SCHEMES}")
    reader = _Options(shown, dict(parse_qsl(parts.query, keep_blank_values=True)), options or {})
    in_network = parts.scheme in ("redis", "rediss")
    address = Address(
        shown=shown,
        host=(parts.hostname or "localhost") if in_network else "",
        port=(port or 6379) if in_network else 0,
        path="" if in_network else _path(parts, shown),
        embedded=parts.scheme == "embedded",
        name=(parts.hostname or "") if parts.scheme == "embedded" else "",
        database=_database(parts, reader),
        username=reader.text("username") or _part(parts.username),
        password=reader.text("password") or _part(parts.password),
        tls=_tls(reader) if parts.scheme == "rediss" else None,
        # Starting an embedded server is part of connecting to it, and it may have much to read.
        connect_timeout=reader.seconds(
            "socket_connect_timeout", 30.0 if parts.scheme == "embedded" else 5.0
        ),
        grace=reader.grace() if parts.scheme == "embedded" else None,
    )
    reader.finish()
    return address


class _Options:
    """The query of a URL and the options beside it; what nobody asked for is a mistake."""

    def __init__(
        self, shown: str, query: Mapping[str, object], options: Mapping[str, object]
    ) -> None:
        self._shown = shown
        self._left = {**query, **options}
        self._asked: list[str] = []

    def text(self, name: str) -> str | None:
        self._asked.append(name)
        value = self._left.pop(name, None)
        return None if value is None or value == "" else str(value)

    def number(self, name: str, text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = -1
        if number < 0:
            raise self._wrong(name, "a number from 0 up", text)
        return number

    def seconds(self, name: str, default: float) -> float:
        text = self.text(name)
        if text is None:
            return default
        seconds = _number(text)
        if not 0 < seconds < 86_400:
            raise self._wrong(name, "seconds, more than 0", text)
        return seconds

    def grace(self) -> float | None:
        text = self.text("grace")
        if text is None:
            return None
        seconds = _number(text)
        if not seconds >= 0:
            raise self._wrong("grace", "seconds, 0 or more", text)
        return seconds

    def flag(self, name: str, default: bool) -> bool:
        text = (self.text(name) or ("yes" if default else "no")).lower()
        if text not in _YES + _NO:
            raise self._wrong(name, "true or false", text)
        return text in _YES

    def choice(self, name: str, choices: Mapping[str, object], default: str) -> str:
        text = (self.text(name) or default).lower().removeprefix("cert_")
        if text not in choices:
            raise self._wrong(name, " or ".join(choices), text)
        return text

    def finish(self) -> None:
        if self._left:
            unknown = ", ".join(sorted(self._left))
            raise ImproperlyConfigured(
                f"{self._shown}: unknown option {unknown}; known here: {', '.join(self._asked)}"
            )

    def _wrong(self, name: str, expected: str, came: str) -> ImproperlyConfigured:
        return ImproperlyConfigured(f"{self._shown}: {name}: expected {expected}, not {came!r}")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return -1.0


def _database(parts: SplitResult, options: _Options) -> int:
    asked = options.text("db") or options.text("virtual_host")
    in_path = parts.path.strip("/") if parts.scheme in ("redis", "rediss") else ""
    return options.number("database", asked or in_path or "0")


def _path(parts: SplitResult, shown: str) -> str:
    path = unquote(parts.path)
    if parts.scheme == "unix" and (parts.hostname or not path.strip("/")):
        raise ImproperlyConfigured(f"{shown}: expected unix:///absolute/path/of/the.socket")
    return path.rstrip("/")


def _tls(options: _Options) -> Tls:
    return Tls(
        verify=options.choice("ssl_cert_reqs", _VERIFY, "required"),
        check_hostname=options.flag("ssl_check_hostname", True),
        ca_certs=options.text("ssl_ca_certs"),
        certfile=options.text("ssl_certfile"),
        keyfile=options.text("ssl_keyfile"),
        key_password=options.text("ssl_password"),
    )


def _part(text: str | None) -> str | None:
    return unquote(text) if text else None
