"""Commands that a server has refused for now, until they are sent again.

All that wait go out together, in their order, after one pause that grows while the server goes on
refusing: a busy server is not asked by ten thousand callers one by one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

from asynq._redis.backoff import Backoff
from asynq._redis.command import Command

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 2.0


class Deferred:
    """What waits for a server to be ready.

    Args:
        loop: The event loop.
        send: Takes them when the pause is over.
        over: Called when one of them was answered after all.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        send: Callable[[list[Command]], None],
        over: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._send = send
        self._over = over
        self._backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        self._waiting: list[Command] = []
        self._timer: asyncio.TimerHandle | None = None

    def __iter__(self) -> Iterator[Command]:
        return iter(self._waiting)

    def add(self, command: Command) -> None:
        """Send it again a little later."""
        self._waiting.append(command)
        if self._timer is None:
            command.future.add_done_callback(self._answered)
            self._timer = self._loop.call_later(self._backoff.next(), self._resume)

    def take(self) -> list[Command]:
        """Everything that waits; nothing of it is sent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        taken, self._waiting = self._waiting, []
        return taken

    def _resume(self) -> None:
        self._timer = None
        self._send(self.take())

    def _answered(self, future: asyncio.Future[object]) -> None:
        if not future.cancelled() and future.exception() is None:
            self._backoff.reset()
            self._over()
