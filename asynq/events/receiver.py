"""Events as they come: one after the other, or to handlers."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping
from types import TracebackType
from typing import Final, Self

from asynq._time import monotonic, time
from asynq.brokers.base import Broker
from asynq.events.event import Event, events_of
from asynq.events.reading import Read, Reader
from asynq.exceptions import OperationalError, OptionTypeError, OptionValueError
from asynq.wire.sealing import Seal

logger = logging.getLogger("asynq.events")

WAIT: Final = 5.0
"""Seconds that one reading waits."""
PAUSES: Final = (0.1, 0.5, 1.0, 2.0)
"""Seconds before the next try, while the server is away; the last again and again."""

Handler = Callable[[Event], object | Awaitable[object]]
Begin = Callable[[Broker], Awaitable[str]]
"""Says where to begin."""


class EventStream:
    """Events in their order, from one place of the log on; see `app.events`.

    Args:
        broker: The broker's connection of the running event loop.
        seal: What opens batches.
        begin: Says where to begin; asked when the first event is.
        types: Which; None: all.
        not_before: Leave out what has happened before that Unix time.

    Attributes:
        lost: How many events workers could not write, since it began.
        refused: How many batches could not be read, or trusted.
    """

    def __init__(
        self,
        broker: Callable[[], Broker],
        seal: Callable[[], Seal | None],
        begin: Begin,
        types: Collection[str] | None,
        not_before: float | None = None,
    ) -> None:
        self._broker = broker
        self._seal = seal
        self._begin = begin
        self._types = types
        self._not_before = not_before
        self._events: deque[tuple[str, Event]] = deque()
        """What was read and not given out, each with the place after it."""
        self.place = ""
        """Where it is: ``app.events(after=place)`` goes on from there. Empty: the beginning. It is
        that of a batch, or with ``/3``: and three events more."""
        self._reader: Reader | None = None
        self._skip = 0
        self._heard = False

    @property
    def lost(self) -> int:
        """How many events workers could not write, since it began."""
        return 0 if self._reader is None else self._reader.lost

    @property
    def refused(self) -> int:
        """How many batches could not be read, or trusted."""
        return 0 if self._reader is None else self._reader.refused

    async def __aenter__(self) -> Self:
        """Decide where to begin; without it, the first event that is asked for does."""
        await self._open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        """The next event, whenever it comes."""
        while True:
            event = await self.next(WAIT)
            if event is not None:
                return event

    async def next(self, wait: float) -> Event | None:
        """The next event, waiting up to so many seconds for it; None: none has come.

        Raises:
            OperationalError: the server could not be reached at all so far, or was closed. One that
                goes away later is waited for.
        """
        deadline, tries = monotonic() + wait, 0
        while not self._events:
            left = deadline - monotonic()
            if left < 0 and tries:
                return None
            try:
                reader = await self._open()
                before = reader.place
                for read in await reader.read(wait=max(0.0, left)):
                    self._take(before, read)
                    before = read.place
                self._heard, tries = True, 0
            except OperationalError as error:
                if not self._heard or self._reader is None:
                    raise
                if not tries:
                    logger.warning("Events can't be read, trying again: %s", error)
                pause = PAUSES[min(tries, len(PAUSES) - 1)]
                await asyncio.sleep(min(pause, max(0.0, left)))
            tries += 1
        self.place, event = self._events.popleft()
        return event

    async def aclose(self) -> None:
        """Close the connection."""
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.aclose()

    async def _open(self) -> Reader:
        if self._reader is None:
            broker = self._broker()
            self.place = self.place or await self._begin(broker)
            # Of a batch of which some were given out, the others follow.
            place, _, skip = self.place.partition("/")
            if skip and not skip.isdigit():
                raise OptionValueError(f"events: after: {self.place!r} is not a stream's place")
            self._skip = int(skip or 0)
            self._events.clear()
            self._reader = Reader(broker.events(), self._seal(), after=place)
        return self._reader

    def _take(self, before: str, read: Read) -> None:
        events = events_of(read.batch, None, time())
        skip, self._skip = self._skip, 0
        for number, event in enumerate(events[skip:], skip + 1):
            if self._types is not None and event["type"] not in self._types:
                continue
            if self._not_before is not None and event["timestamp"] < self._not_before:
                continue
            after = read.place if number == len(events) else f"{before}/{number}"
            self._events.append((after, event))
        if not self._events:
            self.place = read.place


class Receiver:
    """Gives events to handlers, by their types. Made by `app.events.Receiver`.

    Args:
        stream: Makes a stream of events of these types.
        handlers: Type to function, `def` or `async def`; ``*``: all that have no other.
        heartbeats: The last heartbeat of each worker, for `wakeup`.

    Raises:
        OptionTypeError: a handler can't be called.
    """

    def __init__(
        self,
        stream: Callable[[Collection[str] | None], EventStream],
        handlers: Mapping[str, Handler],
        heartbeats: Callable[[], Awaitable[list[Event]]],
    ) -> None:
        for type, handler in handlers.items():
            if not callable(handler):
                raise OptionTypeError(
                    f"Receiver: handlers: expected a function for {type!r}, got {handler!r}"
                )
        self.handlers = dict(handlers)
        self.should_stop = False
        """Set it in a handler, and `capture` ends."""
        self._stream = stream
        self._heartbeats = heartbeats

    async def capture(
        self, limit: int | None = None, timeout: float | None = None, wakeup: bool = True
    ) -> None:
        """Give events to the handlers, one after the other.

        Args:
            limit: End after so many; None: never.
            timeout: Seconds to wait for the next one.
            wakeup: Begin with the last heartbeat of each worker that lives, so that they are known
                at once.

        Raises:
            TimeoutError: no event came in time.
            OperationalError: the server can't be reached.
            Exception: what a handler raises.
        """
        self.should_stop = False
        types = None if "*" in self.handlers else frozenset(self.handlers)
        async with self._stream(types) as events:
            if wakeup:
                for event in await self._heartbeats():
                    await self.process(event)
            count = 0
            while not self.should_stop and (limit is None or count < limit):
                await self.process(await _next(events, timeout))
                count += 1

    async def process(self, event: Event) -> None:
        """Give one event to its handler."""
        handler = self.handlers.get(event["type"]) or self.handlers.get("*")
        if handler is not None:
            answer = handler(event)
            if inspect.isawaitable(answer):
                await answer


async def _next(events: EventStream, timeout: float | None) -> Event:
    if timeout is None:
        return await anext(events)
    event = await events.next(timeout)
    if event is None:
        raise TimeoutError(f"no event came within {timeout:g} s")
    return event
