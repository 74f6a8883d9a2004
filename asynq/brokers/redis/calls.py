"""Single calls to the server, over the connection that everybody shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from asynq._redis.client import Server
from asynq._redis.errors import Refused, explain
from asynq._redis.keys import Keys
from asynq._redis.pipeline import Pipeline, Word, shared
from asynq._redis.scripts import Script
from asynq.exceptions import OperationalError


class Calls:
    """What the parts of a broker call the server with. Nothing connects before the first call.

    Args:
        timeout: Seconds a call may take.
    """

    def __init__(self, server: Server, keys: Keys, *, timeout: float) -> None:
        self.server = server
        self.keys = keys
        self.timeout = timeout
        self._pipeline: Pipeline | None = None
        self._closed = False

    @property
    def pipe(self) -> Pipeline:
        """The shared connection.

        Raises:
            OperationalError: this broker is closed.
        """
        if self._closed:
            raise OperationalError(f"the connection to {self.server.url} is closed")
        if self._pipeline is None:
            self._pipeline = shared(self.server, timeout=self.timeout)
        return self._pipeline

    async def run(
        self, script: Script, keys: Sequence[Word], arguments: Sequence[Word] = ()
    ) -> Any:
        """Run a script and return what it returns.

        Raises:
            OperationalError: it was refused, or there was no answer in time.
        """
        try:
            return await self.pipe.run(script, keys, arguments, timeout=self.timeout)
        except Refused as error:
            raise explain(error, self.server.url) from error

    async def execute(self, *command: Word) -> Any:
        """Send a command and return its reply; raises as `run` does."""
        try:
            return await self.pipe.execute(*command, timeout=self.timeout)
        except Refused as error:
            raise explain(error, self.server.url) from error

    async def queues(self) -> list[str]:
        """The names of all queues that were ever used, sorted."""
        names = await self.execute(b"SMEMBERS", self.keys.queues)
        return sorted(name.decode() for name in names)

    async def aclose(self) -> None:
        """Let go of the connection."""
        self._closed = True
        if self._pipeline is not None:
            await self._pipeline.aclose()
