"""Waking a coroutine from any thread of the process, without polling."""

from __future__ import annotations

import asyncio
from collections import deque
from threading import get_ident
from typing import Generic, TypeVar

T = TypeVar("T")


class Bell:
    """One coroutine waits; anybody rings, from whatever thread or event loop.

    Made in the loop that waits. A ring before `wait` is not lost.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = get_ident()
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake who waits. Does nothing if that one's loop is gone."""
        try:
            if get_ident() == self._thread:
                self._rung.set()
            else:
                self._loop.call_soon_threadsafe(self._rung.set)
        except RuntimeError:
            pass

    def clear(self) -> None:
        """Forget earlier rings."""
        self._rung.clear()

    async def wait(self, timeout: float | None = None) -> None:
        """Return at the next ring, or after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._rung.wait()
        except TimeoutError:
            return


class Mailbox(Bell, Generic[T]):
    """A bell that comes with something in hand, in order."""

    def __init__(self) -> None:
        super().__init__()
        self._letters: deque[T] = deque()

    def post(self, letter: T) -> None:
        """Leave a letter and ring, from any thread."""
        self._letters.append(letter)
        self.ring()

    async def take(self) -> T:
        """The next letter, as soon as there is one."""
        while not self._letters:
            self.clear()
            if not self._letters:
                await self.wait()
        return self._letters.popleft()
