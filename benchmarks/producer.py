"""What a system's module has as its `producer`: the same few calls for each of them.

A system that is called from coroutines has an `AsyncProducer`, and concurrent calls are concurrent
coroutines; one that is called from functions has a `SyncProducer`, and they are threads. A system
whose documentation has a call for many messages may have `send_many(task, numbers)` besides, async
or not as the rest is, which stands for concurrent calls then; one that does better with fewer than
2,000 concurrent calls says with how many, as `at_a_time`. Imported under every system's
interpreter, so it has nothing but the standard library.
"""

from __future__ import annotations

from typing import Any, Protocol

Handle = Any
"""What a system's call gives back, by which its result is waited for."""


class AsyncProducer(Protocol):
    """Sends from coroutines; one of it serves any number of them at a time."""

    async def open(self) -> None:
        """Connect."""

    async def close(self) -> None:
        """Let go of the connections."""

    async def send(self, task: str, number: int) -> Handle:
        """Send one call of `noop`, `nap` or `work`; return when the server has it."""

    async def wait(self, handle: Handle) -> None:
        """Return when the result of that call is here."""


class SyncProducer(Protocol):
    """The same from threads; one of it serves any number of them at a time."""

    def open(self) -> None:
        """Connect."""

    def close(self) -> None:
        """Let go of the connections."""

    def send(self, task: str, number: int) -> Handle:
        """Send one call of `noop`, `nap` or `work`; return when the server has it."""

    def wait(self, handle: Handle) -> None:
        """Return when the result of that call is here."""
