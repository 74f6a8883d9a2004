"""A connection for a thread of its own, where an event loop would be in the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from asynq._redis.client import Server
from asynq._redis.command import Word
from asynq._redis.errors import DISCONNECTED, FatalError, Refused, explain
from asynq._redis.line import Line
from asynq._redis.scripts import Script


class Threaded:
    """One blocking connection, made when it is used and after every loss.

    Args:
        timeout: Seconds that connecting, or one answer, may take.
    """

    def __init__(self, server: Server, *, timeout: float) -> None:
        self._server = server
        self._timeout = timeout
        self._line: Line | None = None

    def run_all(
        self, script: Script, calls: Sequence[tuple[Sequence[Word], Sequence[Word]]]
    ) -> list[Any]:
        """Run a script several times, in one write, and return what each run returns.

        Args:
            calls: Keys and arguments of each.

        Raises:
            OperationalError: the server can't be reached, or refused one of them.
            ImproperlyConfigured: there is no program to start an embedded server with.
        """
        try:
            if self._line is None:
                self._line = self._server.connect_blocking(self._timeout)
            return _run_all(self._line, script, calls)
        except (Refused, FatalError, *DISCONNECTED) as error:
            self.close()
            raise explain(error, self._server.url) from error

    def close(self) -> None:
        """Close the connection; the next use makes another."""
        line, self._line = self._line, None
        if line is not None:
            line.close()


def _run_all(
    line: Line, script: Script, calls: Sequence[tuple[Sequence[Word], Sequence[Word]]]
) -> list[Any]:
    for name, code in ((b"EVALSHA", script.digest), (b"EVAL", script.text)):
        replies = line.ask_all(
            [(name, code, len(keys), *keys, *arguments) for keys, arguments in calls]
        )
        refused = [reply for reply in replies if isinstance(reply, Refused)]
        if not refused:
            return replies
        if refused[0].kind != "NOSCRIPT":
            break
    raise refused[0]
