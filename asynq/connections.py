"""An app's connections: one broker and one result backend for each event loop that uses it.

Connections belong to the loop they were opened in, and one process may have several loops, after
each other (`asyncio.run` in a row, tests) or at the same time (threads). What belonged to a loop
that is closed is forgotten when the next one connects; the adapters saw to it that nothing is left
open.

What an open connection was made from may change (`app.conf.broker_url = …`). Then the next call
opens another, and the one before is closed: who still waits on it gets an `OperationalError`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from typing import TypeAlias

from asynq.backends.base import Neighbour, ResultBackend
from asynq.brokers.base import Broker
from asynq.conf import Settings
from asynq.exceptions import ImproperlyConfigured

logger = logging.getLogger(__name__)


_Place: TypeAlias = tuple[str, str | None]
"""A URL and a namespace."""


class _Pair:
    """What one event loop has open."""

    __slots__ = ("backend", "broker", "closing", "places", "revision")

    def __init__(self) -> None:
        self.broker: Broker | None = None
        self.backend: ResultBackend | None = None
        self.closing: set[asyncio.Task[None]] = set()
        """Of what was open before the settings changed."""
        self.revision = -1
        """Of the settings that these are of."""
        self.places: tuple[_Place, _Place] | None = None


class Connections:
    """Opens, for whichever event loop asks, and remembers.

    Args:
        conf: What says where to; looked at again when it has changed.
        open_broker: Makes a broker for the running event loop, without I/O.
        open_backend: Makes a result backend for it.
    """

    def __init__(
        self,
        conf: Settings,
        open_broker: Callable[[], Broker],
        open_backend: Callable[[], ResultBackend],
    ) -> None:
        self._conf = conf
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
            _introduce(pair)
        return pair.broker

    def backend(self) -> ResultBackend:
        """The running loop's result backend; raises as `broker` does."""
        pair = self._pair()
        if pair.backend is None:
            pair.backend = self._open_backend()
            if isinstance(pair.backend, Neighbour):
                with contextlib.suppress(ImproperlyConfigured):  # said to who sends
                    self.broker()
                _introduce(pair)
        return pair.backend

    async def aclose(self) -> None:
        """Close what the running loop has open. It opens again when it is needed."""
        with self._lock:
            pair = self._pairs.pop(asyncio.get_running_loop(), None)
        if pair is None:
            return
        if pair.closing:
            await asyncio.wait(pair.closing)
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
        if pair is None:
            pair = self._begin(loop)
        if pair.revision != self._conf.revision:
            self._follow(pair, loop)
        return pair

    def _begin(self, loop: asyncio.AbstractEventLoop) -> _Pair:
        with self._lock:
            for other in [other for other in self._pairs if other.is_closed()]:
                del self._pairs[other]
            return self._pairs.setdefault(loop, _Pair())

    def _follow(self, pair: _Pair, loop: asyncio.AbstractEventLoop) -> None:
        """Drop what the settings, which have changed, no longer mean."""
        conf = self._conf
        revision = conf.revision
        broker = conf.broker_url, conf.namespace
        backend = conf.result_backend or conf.broker_url, conf.namespace
        before, pair.places, pair.revision = pair.places, (broker, backend), revision
        if before is None or before == pair.places:
            return
        old: list[Broker | ResultBackend] = []
        if before[0] != broker and pair.broker is not None:
            old.append(pair.broker)
            pair.broker = None
        if before[1] != backend and pair.backend is not None:
            old.append(pair.backend)
            pair.backend = None
        for adapter in old:
            closing = loop.create_task(_close(adapter), name="asynq-close")
            pair.closing.add(closing)
            closing.add_done_callback(pair.closing.discard)


def _introduce(pair: _Pair) -> None:
    """Tell the backend where the messages are, as soon as both are known."""
    if pair.broker is not None and isinstance(pair.backend, Neighbour):
        pair.backend.beside(pair.broker.location)


async def _close(adapter: Broker | ResultBackend) -> None:
    try:
        await adapter.aclose()
    except Exception as error:  # nobody asked for it, so nobody is told but the log
        logger.warning("Closing a connection that settings no longer name: %s", error)
