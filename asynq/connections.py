"""An app's connections: one broker and one result backend for each event loop that uses it.

Connections belong to the loop they were opened in, and one process may have several loops, after
each other (`asyncio.run` in a row, tests) or at the same time (threads). What belonged to a loop
that is closed is forgotten when the next one connects; the adapters saw to it that nothing is left
open.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from asynq.backends.base import ResultBackend
from asynq.brokers.base import Broker


class _Pair:
    """What one event loop has open."""

    __slots__ = ("backend", "broker")

    def __init__(self) -> None:
        self.broker: Broker | None = None
        self.backend: ResultBackend | None = None


class Connections:
    """Opens, for whichever event loop asks, and remembers.

    Args:
        open_broker: Makes a broker for the running event loop, without I/O.
        open_backend: Makes a result backend for it.
    """

    def __init__(
        self, open_broker: Callable[[], Broker], open_backend: Callable[[], ResultBackend]
    ) -> None:
        self._open_broker = open_broker
        self._open_backend = open_backend
        self._pairs: dict[asyncio.AbstractEventLoop, _Pair] = {}
        self._lock = threading.Lock()

    def broker(self) -> Broker:
        """The running loop's broker.

        Raises:
            RuntimeError: no event loop runs here.
            ImproperlyConfigured: the URL is wrong.
        """
        pair = self._pair()
        if pair.broker is None:
            pair.broker = self._open_broker()
        return pair.broker

    def backend(self) -> ResultBackend:
        """The running loop's result backend; raises as `broker` does."""
        pair = self._pair()
        if pair.backend is None:
            pair.backend = self._open_backend()
        return pair.backend

    async def aclose(self) -> None:
        """Close what the running loop has open. It opens again when it is needed."""
        with self._lock:
            pair = self._pairs.pop(asyncio.get_running_loop(), None)
        if pair is None:
            return
        try:
            if pair.broker is not None:
                await pair.broker.aclose()
        finally:
            if pair.backend is not None:
                await pair.backend.aclose()

    def _pair(self) -> _Pair:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError(
                "no event loop runs here, and connections belong to one: use the app inside "
                "`async def`, or hand what you would await to asynq.run(…)"
            ) from None
        pair = self._pairs.get(loop)
        return self._begin(loop) if pair is None else pair

    def _begin(self, loop: asyncio.AbstractEventLoop) -> _Pair:
        with self._lock:
            for other in [other for other in self._pairs if other.is_closed()]:
                del self._pairs[other]
            return self._pairs.setdefault(loop, _Pair())
