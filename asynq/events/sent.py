"""`task-sent`, and people's own events: told by whoever has no worker around it.

Each event loop has a dispatcher, which writes in the background, a moment after something was
told, and for the last time when the app is closed or the loop ends.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final
from weakref import WeakKeyDictionary

from msgspec import UNSET

from asynq.brokers.base import Broker, Parcel
from asynq.conf import Settings
from asynq.events.dispatcher import GATHERED, Dispatcher, as_it_came, microseconds
from asynq.events.event import Life, iso
from asynq.exceptions import OperationalError
from asynq.wire.message import Message
from asynq.wire.sealing import Seal

LAST_SECONDS: Final = 2.0
"""How long the last writing may take."""


class Background(Dispatcher):
    """A dispatcher that runs by itself."""

    def __init__(self, broker: Broker, *args: Any, **options: Any) -> None:
        super().__init__(broker.events(), *args, **options)
        self.broker = broker
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    def news(self) -> None:
        """There is something to write: in a moment."""
        if self._task is None or self._task.done():
            loop = asyncio.get_running_loop()
            self._task = loop.create_task(self._write(), name="asynq-sent")

    async def aclose(self) -> None:
        """Write what was told last."""
        self._closing = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        self._closing = False

    async def _write(self) -> None:
        try:
            await asyncio.sleep(GATHERED)
        except asyncio.CancelledError:  # the loop ends, or the app is closed: now or never
            with suppress(TimeoutError, OperationalError):
                async with asyncio.timeout(LAST_SECONDS):
                    await self.flush()
            if not self._closing:
                raise
            return
        while self.has_news:
            await self.flush()
            await asyncio.sleep(0)


class Sent:
    """The dispatchers of an app, one for each event loop.

    Args:
        broker: The broker's connection of the running event loop.
        conf: The app's settings.
        seal: What closes batches.
    """

    def __init__(
        self, broker: Callable[[], Broker], conf: Settings, seal: Callable[[], Seal | None]
    ) -> None:
        self._broker = broker
        self._conf = conf
        self._seal = seal
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Background] = WeakKeyDictionary()

    def dispatcher(self) -> Dispatcher:
        """That of the running loop.

        Raises:
            RuntimeError: no event loop runs here.
        """
        loop, broker = asyncio.get_running_loop(), self._broker()
        found = self._loops.get(loop)
        if found is None or found.broker is not broker:  # it is closed, or settings have changed
            found = self._loops[loop] = Background(
                broker,
                hostname=f"gen{os.getpid()}@{socket.gethostname()}",
                now=broker.now,
                seal=self._seal(),
                max_bytes=self._conf.event_max_bytes,
                expires=self._conf.event_expires,
            )
        return found

    def tell(self, message: Message, parcel: Parcel, at: float) -> None:
        """A call was sent, on the monotonic clock at that time."""
        dispatcher = self.dispatcher()
        life = Life(
            parcel.id,
            message.retries,
            sent=microseconds(at - dispatcher.base),
            root_id=message.root_id,
            parent_id=message.parent_id,
        )
        if not message.content:
            if message.args is not UNSET:
                life.args = as_it_came(bytes(message.args))
            if message.kwargs is not UNSET:
                life.kwargs = as_it_came(bytes(message.kwargs))
        else:
            life.args = life.kwargs = f"<{message.content}>"
        if message.eta is not None or message.expires is not None:
            life.more = {"eta": iso(message.eta), "expires": iso(message.expires)}
        dispatcher.tell(message.task, parcel.queue, life)
        dispatcher.news()

    async def aclose(self) -> None:
        """Write what the running loop has told last."""
        found = self._loops.pop(asyncio.get_running_loop(), None)
        if found is not None:
            await found.aclose()
