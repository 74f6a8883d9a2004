"""`app.events`: what workers and producers tell, to be listened to::

async for event in app.events("task-failed"):
    print(event["name"], event["exception"])

state = app.events.State()
await app.events.load(state)
print(state.count_by_state())
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Final, Literal

from asynq._time import time, to_timestamp
from asynq.brokers.base import Broker, Parcel
from asynq.conf import Settings
from asynq.events import state as states
from asynq.events.dispatcher import Dispatcher
from asynq.events.event import Event, events_of
from asynq.events.reading import Reader
from asynq.events.receiver import Begin, EventStream, Handler, Receiver
from asynq.events.sent import Sent
from asynq.exceptions import OperationalError, OptionTypeError, OptionValueError
from asynq.wire.message import Message
from asynq.wire.sealing import Seal

Since = datetime | timedelta | float | Literal["beginning"] | None

BACK: Final = 10.0
"""Seconds in which a worker that lives has told of itself."""
WAIT: Final = 5.0
"""Seconds that one reading of `follow` waits."""
PAUSE: Final = 1.0
"""Seconds before `follow` tries again, when the server is away."""


class Events:
    """The events of an app. Found at `app.events`.

    Args:
        broker: The broker's connection of the running event loop.
        conf: The app's settings.
        seal: What closes batches, and opens them.
    """

    State = states.State
    """The cluster, as its events tell it."""

    def __init__(
        self, broker: Callable[[], Broker], conf: Settings, seal: Callable[[], Seal | None]
    ) -> None:
        self._broker = broker
        self._conf = conf
        self._seal = seal
        self._sent = Sent(broker, conf, seal)

    def __call__(self, *types: str, since: Since = None, after: str | None = None) -> EventStream:
        """The events, one after the other, without an end: for ``async for``.

        Args:
            *types: Only those: ``"task-failed"``; none: all.
            since: From where. None: from now on, which is when the first is asked for, or
                ``async with`` entered. ``"beginning"``: all that is kept. A datetime, a Unix time,
                or a timedelta for so long ago.
            after: The place of another stream (`EventStream.place`), to go on there instead.

        Raises:
            OptionTypeError, OptionValueError: one of these is none.
        """
        for type in types:
            if not isinstance(type, str):
                raise OptionTypeError(f"events: expected types like 'task-failed', got {type!r}")
        return self._stream(frozenset(types) or None, since, after)

    def Receiver(  # noqa: N802 - Celery's name
        self,
        handlers: Mapping[str, Handler] | None = None,
        *,
        since: Since = None,
        after: str | None = None,
    ) -> Receiver:
        """What gives events to handlers.

        Args:
            handlers: Type to function, `def` or `async def`; ``*``: all that have no other.
            since: From where, as for `app.events(…)`.
            after: A place to go on from, instead.

        Raises:
            OptionTypeError, OptionValueError: one of these is none.
        """
        self._begin(since, after)
        return Receiver(
            lambda types: self._stream(types, since, after), handlers or {}, self._heartbeats
        )

    def default_dispatcher(self) -> Dispatcher:
        """What tells events of one's own: ``app.events.default_dispatcher().send("my-event")``.

        Raises:
            RuntimeError: no event loop runs here.
        """
        return self._sent.dispatcher()

    async def load(self, state: states.State, *, since: Since = "beginning") -> str:
        """Take into a state what was told so far.

        Args:
            state: The state.
            since: From where, as for `app.events(…)`.

        Returns:
            The place, for `follow`.

        Raises:
            OptionTypeError, OptionValueError: `since` is none.
            OperationalError: the server can't be reached.
        """
        begin, _ = self._begin(since, None)
        broker = self._broker()
        state.now = broker.now
        reader = Reader(broker.events(), self._seal(), after=await begin(broker))
        while reads := await reader.read():
            for read in reads:
                state.batch(read.batch)
                await asyncio.sleep(0)  # a screen wants to be drawn meanwhile
        return reader.place

    async def follow(self, state: states.State, after: str) -> None:
        """Take into a state what is told from that place on, until cancelled.

        A server that goes away is waited for.
        """
        broker = self._broker()
        state.now = broker.now
        reader = Reader(broker.events(), self._seal(), after=after)
        try:
            while True:
                try:
                    for read in await reader.read(wait=WAIT):
                        state.batch(read.batch)
                        await asyncio.sleep(0)
                except OperationalError:
                    await asyncio.sleep(PAUSE)
        finally:
            await reader.aclose()

    def tell_sent(self, message: Message, parcel: Parcel, at: float) -> None:
        """Tell `task-sent`, of a call that was sent on the monotonic clock at that time."""
        self._sent.tell(message, parcel, at)

    async def aclose(self) -> None:
        """Write what the running event loop has told last."""
        await self._sent.aclose()

    def _stream(
        self, types: Collection[str] | None, since: Since, after: str | None
    ) -> EventStream:
        begin, not_before = self._begin(since, after)
        return EventStream(self._broker, self._seal, begin, types, not_before)

    def _begin(self, since: Since, after: str | None) -> tuple[Begin, float | None]:
        """How to find the place to begin after, and the time before which nothing is wanted."""
        if after is not None:
            if not isinstance(after, str):
                raise OptionTypeError(f"events: after: expected a stream's place, got {after!r}")
            given = after
            return lambda broker: _at_once(given), None
        if since is None:
            return lambda broker: broker.events().last(), None
        if since == "beginning":
            return lambda broker: _at_once(""), None
        moment = self._moment(since)
        return lambda broker: _at_once(broker.events().at(moment)), moment

    def _moment(self, since: object) -> float:
        if isinstance(since, datetime):
            return to_timestamp(since, self._conf.zone)
        if isinstance(since, timedelta):
            return time() - since.total_seconds()
        if isinstance(since, int | float) and not isinstance(since, bool):
            return float(since)
        kind = OptionValueError if isinstance(since, str) else OptionTypeError
        raise kind(
            "events: since: expected 'beginning', a datetime, a timedelta, a Unix time or None, "
            f"got {since!r}"
        )

    async def _heartbeats(self) -> list[Event]:
        """The last heartbeat of each worker that has told of itself lately."""
        log = self._broker().events()
        reader = Reader(log, self._seal(), after=log.at(time() - BACK))
        found: dict[str, Event] = {}
        while reads := await reader.read():
            for read in reads:
                for event in events_of(read.batch, _OF_WORKERS, time()):
                    found[event["hostname"]] = event
        return [event for event in found.values() if event["type"] != "worker-offline"]


_OF_WORKERS: Final = frozenset({"worker-online", "worker-heartbeat", "worker-offline"})


async def _at_once(place: str) -> str:
    return place
