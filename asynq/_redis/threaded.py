"""A connection for a thread of its own, where an event loop would be in the way."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import redis

from asynq._redis.client import Server
from asynq._redis.command import Word
from asynq._redis.errors import DISCONNECTED, explain, kind_of
from asynq._redis.scripts import Script


class Threaded:
    """One blocking connection, made when it is used and after every loss.

    Args:
        timeout: Seconds that connecting, or one answer, may take.
    """

    def __init__(self, server: Server, *, timeout: float) -> None:
        self._server = server
        self._timeout = timeout
        self._connection: Any = None  # redis.Connection has no types

    def run_all(
        self, script: Script, calls: Sequence[tuple[Sequence[Word], Sequence[Word]]]
    ) -> Any:
        """Run a script several times, in one write, and return what each run returns.

        Args:
            calls: Keys and arguments of each.

        Raises:
            OperationalError: the server can't be reached, or refused one of them.
            ImproperlyConfigured: there is no program to start an embedded server with.
        """
        try:
            if self._connection is None:
                self._connection = self._server.connect_blocking(self._timeout)
            return self._run_all(script, calls)
        except (redis.RedisError, *DISCONNECTED) as error:
            self.close()
            raise explain(error, self._server.url) from error

    def close(self) -> None:
        """Close the connection; the next use makes another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*DISCONNECTED):
                connection.disconnect()

    def _run_all(
        self, script: Script, calls: Sequence[tuple[Sequence[Word], Sequence[Word]]]
    ) -> list[Any]:
        connection = self._connection
        for name, code in ((b"EVALSHA", script.digest), (b"EVAL", script.text)):
            packed = connection.pack_commands(
                [(name, code, len(keys), *keys, *arguments) for keys, arguments in calls]
            )
            connection.send_packed_command(packed)
            replies = [self._reply() for _ in calls]
            refused = [reply for reply in replies if isinstance(reply, redis.ResponseError)]
            if not refused:
                return replies
            if kind_of(refused[0]) != "NOSCRIPT":
                raise refused[0]
        raise refused[0]

    def _reply(self) -> Any:
        try:
            return self._connection.read_response()
        except redis.ResponseError as error:
            return error
