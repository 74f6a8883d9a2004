"""A Redis server by its URL, and the making of connections to it.

Connections are made explicitly, in one place, and by ourselves: redis-py re-sends a command after a
lost reply (a second copy of the task), and importing it costs a worker 10 MB.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from asynq._redis import embedded
from asynq._redis.address import Address, parse
from asynq._redis.backoff import Gate
from asynq._redis.errors import CROWDED, CrowdedError, FatalError, NotNowError, Refused, kind_of
from asynq._redis.line import Line, closed_on_error
from asynq._redis.link import Link

OLDEST: Final = (7, 0)
CLIENT_NAME: Final = "asynq"
CROWDED_SECONDS: Final = (1.0, 30.0)
"""The shortest and the longest time to leave a server alone that has no connection for us."""
REFUSED_SECONDS: Final = (5.0, 60.0)
"""The same for one that refuses our password: somebody must change something first."""


class Server:
    """Where a Redis is and how to get in. Nothing connects at construction.

    Args:
        url: ``redis://``, ``rediss://``, ``unix://`` or ``embedded://``.
        name: Whose embedded server ``embedded://`` means: the app's.
        options: ``socket_connect_timeout`` (seconds, 5 by default) and the ``ssl_…`` options that
            redis-py has, ``grace`` of an embedded server (seconds that it outlives its last user);
            they may also stand in the URL's query.

    Raises:
        ImproperlyConfigured: the URL or an option is wrong.
    """

    def __init__(
        self, url: str, *, name: str = "default", options: Mapping[str, object] | None = None
    ) -> None:
        self._address = address = parse(url, options)
        self.url = address.shown
        """The URL without its password, for people."""
        self.database = address.database
        self._directory: Path | None = None
        if address.embedded:
            directory = address.path or embedded.state_directory(address.name or name)
            self._directory = Path(directory)
            embedded.hold(self._directory, self)
        self._gate = Gate()
        self.identity = _identity(address, self._directory)
        """The same for two URLs of one server."""

    def __repr__(self) -> str:
        return f"<Server {self.url}>"

    @property
    def is_local(self) -> bool:
        """Can only this machine reach it, by a Unix socket?"""
        return not self._address.host

    @property
    def key(self) -> tuple[str, int, str | None, str | None]:
        """Two servers of one key may share a connection."""
        address = self._address
        return self.identity, address.database, address.username, address.password

    async def connect(self, timeout: float | None = None) -> Link:
        """A new connection: made, let in, in its database.

        Args:
            timeout: Seconds for all of it; the URL's ``socket_connect_timeout`` otherwise.

        Raises:
            FatalError: it will not go better next time, and why.
            One of `DISCONNECTED`: it may.
            Refused: a wrong password.
        """
        self._gate.pass_through()
        address = self._address
        async with asyncio.timeout(address.connect_timeout if timeout is None else timeout):
            link = await self._open(address)
            try:
                _check(await link.ask_all(_introduction(address)), address)
            except BaseException as error:
                link.close()
                self._sent_away(error)
                raise
        self._gate.open()
        return link

    async def aclose(self) -> None:
        """Nobody connects through it any more: an embedded server may end with its last user."""
        if self._directory is not None:
            await asyncio.to_thread(embedded.let_go, self._directory, self)

    def connect_blocking(self, timeout: float) -> Line:
        """A new connection for a thread of its own: made, let in, in its database.

        Args:
            timeout: Seconds that one read or write may take.

        Raises:
            As `connect`.
        """
        self._gate.pass_through()
        address = self._address
        line = Line(self._open_blocking(address, min(timeout, address.connect_timeout)), timeout)
        try:
            _check(line.ask_all(_introduction(address)), address)
        except BaseException as error:
            line.close()
            self._sent_away(error)
            raise
        self._gate.open()
        return line

    def _sent_away(self, error: BaseException) -> None:
        """Leave the server alone for a while where it has said so."""
        if isinstance(error, CrowdedError) or CROWDED in str(error):
            self._gate.shut(CrowdedError(), *CROWDED_SECONDS)
        elif isinstance(error, Refused) and error.kind in ("NOAUTH", "WRONGPASS"):
            self._gate.shut(error, *REFUSED_SECONDS)

    def _socket_path(self) -> str:
        """Where the socket is; starts an embedded server that does not run. Blocks."""
        if self._directory is None:
            return self._address.path
        return embedded.ensure(self._directory, grace=self._address.grace)

    async def _open(self, address: Address) -> Link:
        loop = asyncio.get_running_loop()
        if not address.host:
            path = address.path
            if self._directory is not None:
                path = await asyncio.to_thread(self._socket_path)
            _, link = await loop.create_unix_connection(Link, path)
            return link
        tls = _tls(address)
        try:
            transport, link = await loop.create_connection(
                Link, address.host, address.port, ssl=tls
            )
        except ssl.SSLCertVerificationError as error:
            raise _not_accepted(error) from error
        sock = transport.get_extra_info("socket")
        if sock is not None:
            _keep_alive(sock)
        return link

    def _open_blocking(self, address: Address, timeout: float) -> socket.socket:
        if not address.host:
            path = self._socket_path()
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.settimeout(timeout)
            with closed_on_error(sock):
                sock.connect(path)
            return sock
        tls = _tls(address)
        sock = socket.create_connection((address.host, address.port), timeout)
        with closed_on_error(sock):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _keep_alive(sock)
            if tls is None:
                return sock
            try:
                return tls.wrap_socket(sock, server_hostname=address.host)
            except ssl.SSLCertVerificationError as error:
                raise _not_accepted(error) from error


def _identity(address: Address, directory: Path | None) -> str:
    if address.host:
        return f"redis://{address.host}:{address.port}"
    path = address.path if directory is None else str(embedded.socket_path(directory))
    return f"unix://{os.path.realpath(path)}"


def _introduction(address: Address) -> list[tuple[str | int, ...]]:
    """The words a connection begins with."""
    words: list[str | int] = ["HELLO", 2]
    if address.password is not None:
        words += ["AUTH", address.username or "default", address.password]
    commands: list[tuple[str | int, ...]] = [(*words, "SETNAME", CLIENT_NAME)]
    if address.database:
        commands.append(("SELECT", address.database))
    return commands


def _check(replies: Sequence[Any], address: Address) -> None:
    """See in the answers to them that we were let in, and by whom."""
    for reply in replies:
        if isinstance(reply, Refused):
            raise _refusal(reply, address) from None
    told = replies[0]
    version = dict(zip(told[::2], told[1::2], strict=True)).get(b"version", b"?").decode()
    numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
    if numbers and numbers < OLDEST:
        raise FatalError(f"its version is {version}; asynq needs Redis 7.0 or later, or Valkey")


def _refusal(error: Refused, address: Address) -> Exception:
    text = str(error)
    match kind_of(error):
        case "NOAUTH" | "WRONGPASS" | "NOPERM":
            return error
        case "ERR" if "unknown command" in text.lower():
            return FatalError("it does not know HELLO; asynq needs Redis 7.0 or later, or Valkey")
        case "ERR" if "without any password" in text:
            return FatalError("the URL has a password, and the server knows none")
        case "ERR" if "DB index" in text or "SELECT is not allowed" in text:
            return FatalError(f"it has no database {address.database}")
        case "ERR" if CROWDED in text:
            return CrowdedError()
    return NotNowError(text)


def _keep_alive(sock: socket.socket) -> None:
    """A peer that is gone without a word is noticed after about a minute of silence."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _tls(address: Address) -> ssl.SSLContext | None:
    try:
        return None if address.tls is None else address.tls.context()
    except OSError as error:
        raise FatalError(f"the files for TLS can't be used: {error}") from error


def _not_accepted(error: ssl.SSLCertVerificationError) -> FatalError:
    return FatalError(f"its certificate is not accepted: {error.verify_message}")
