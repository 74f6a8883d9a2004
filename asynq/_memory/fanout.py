"""Saying something to everybody in this process who listens."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager

from asynq._memory.bell import Bell
from asynq.exceptions import OperationalError

KEPT = 1000
"""Sayings kept for one listener, the last."""


class Channels:
    """Who listens in one space; every method may be called from any thread."""

    def __init__(self, lock: AbstractContextManager[object]) -> None:
        self._lock = lock
        self._ears: dict[str, list[Ear]] = {}

    def say(self, channel: str, body: bytes) -> None:
        """Give it to all who listen there."""
        with self._lock:
            for ear in self._ears.get(channel, ()):
                ear.hear(body)

    @contextmanager
    def listening(self, channel: str, ear: Ear) -> Iterator[None]:
        """Give it what is said there, meanwhile."""
        with self._lock:
            self._ears.setdefault(channel, []).append(ear)
        try:
            yield
        finally:
            with self._lock:
                self._ears[channel].remove(ear)
                if not self._ears[channel]:
                    del self._ears[channel]


class Ear(Bell):
    """One who listens. Made in the loop that listens."""

    def __init__(self) -> None:
        super().__init__()
        self._heard: deque[bytes | None] = deque()
        self._closed = False

    def hear(self, body: bytes) -> None:
        """Take it in, from any thread; the oldest is forgotten for it, and that is remembered."""
        if len(self._heard) > KEPT:
            self._heard.popleft()
            self._heard[0] = None
        self._heard.append(body)
        self.ring()

    def close(self) -> None:
        """Hear nothing more."""
        self._closed = True
        self.ring()

    def __aiter__(self) -> Ear:
        return self

    async def __anext__(self) -> bytes | None:
        while not self._heard:
            if self._closed:
                raise OperationalError("the broker was closed")
            self.clear()
            if not self._heard and not self._closed:
                await self.wait()
        return self._heard.popleft()


class MemoryFanout:
    """See `asynq.brokers.base.Fanout`."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._ears: set[Ear] = set()
        self._closed = False

    async def publish(self, channel: str, body: bytes, *, kept: float = 3600.0) -> None:
        """Say it to all who have subscribed; what was said before is not kept at all."""
        self._check_open()
        self._channels.say(channel, body)

    @asynccontextmanager
    async def subscribe(self, channel: str) -> AsyncIterator[AsyncIterator[bytes | None]]:
        """Listen; None comes out where more was said than is kept."""
        self._check_open()
        ear = Ear()
        self._ears.add(ear)
        try:
            with self._channels.listening(channel, ear):
                yield ear
        finally:
            self._ears.discard(ear)

    def close(self) -> None:
        """Who listens gets an `OperationalError`."""
        self._closed = True
        for ear in list(self._ears):
            ear.close()

    def _check_open(self) -> None:
        if self._closed:
            raise OperationalError("the broker was closed")
