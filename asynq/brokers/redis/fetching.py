"""Taking messages from the streams, and knowing what was taken.

Reading and becoming the owner are one operation of the server, so nothing is lost in between. But
its reply may be: then messages are ours and we don't know it. So after every new connection, and
once a lease, what is pending under our name is compared with what we hold; the rest goes back.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import secrets
from collections.abc import Sequence
from typing import Final

from asynq._redis.backoff import Backoff
from asynq._redis.blocking import Blocking
from asynq._redis.client import Server
from asynq._redis.errors import Refused, explain, kind_of
from asynq._redis.keys import GROUP, Keys
from asynq._redis.pipeline import Pipeline, Word
from asynq._time import monotonic
from asynq.brokers.base import Bounds
from asynq.brokers.redis.clock import Clock
from asynq.brokers.redis.delivery import Held, Lanes, RedisDelivery, level_word, tagged
from asynq.brokers.redis.pending import pages
from asynq.brokers.redis.scripts import COLLECT, FETCH, OPEN, RELEASE, REVOKED
from asynq.exceptions import BrokerRefused, OperationalError

logger = logging.getLogger("asynq.broker")

LAYOUT: Final = b"1"
"""The version of the keys and entries this release reads and writes."""
BLOCK: Final = 2.0
"""Seconds one read blocks at first. When nothing comes, the next blocks twice as long."""
LONGEST_BLOCK: Final = 10.0
"""Seconds one read blocks at most, and no longer than a lease: no connection may be trusted for
ever."""
SHORTEST_POLL: Final = 0.002
LONGEST_POLL: Final = 0.1
"""Seconds between two looks at queues that have a limit: at first, and when nothing comes."""
FETCHED: Final = 8 * 1024 * 1024
"""Bytes after which one call takes no more: they must arrive before their lease is over."""
WOKEN: Final = 16
"""Messages of each lane that a blocked read takes at once, of whatever size; the next call takes
the rest."""
RELEASED: Final = 200
"""Entries in one call of RELEASE."""


class Fetching:
    """The connection that reads. One `receive` at a time."""

    def __init__(
        self, server: Server, keys: Keys, held: Held, clock: Clock, *, lease: float
    ) -> None:
        self._server = server
        self._clock = clock
        self._keys = keys
        self._held = held
        self._lease = lease
        self._connection = Blocking(server)
        self._lanes = functools.lru_cache(16)(functools.partial(Lanes, keys))
        self._ready: tuple[str, ...] = ()
        self._seen = 0
        self._reconciled = 0.0
        self._emptied = False
        """The last read took all there was, so that the next may wait without a look."""
        self._patience = BLOCK
        """Seconds that the next read blocks."""
        self._bounded_first = False
        """Whether queues that have a limit are looked at before the others, in turn."""
        self._data = b""
        """The name of the data that was there when we last looked."""

    async def receive(
        self,
        pipeline: Pipeline,
        queues: Sequence[str],
        *,
        limit: int,
        wait: float,
        bounds: Bounds | None = None,
    ) -> list[RedisDelivery]:
        """See `Broker.receive`."""
        names = tuple(queues)
        lanes = self._lanes(names)
        limits = (
            {} if bounds is None else {n: bounds.limits[n] for n in names if n in bounds.limits}
        )
        until = monotonic() + wait
        failures = 0
        while True:
            try:
                await self._prepare(pipeline, names, lanes)
                if bounds is None or not limits:
                    return await self._take(pipeline, lanes, limit, until)
                free = tuple(name for name in names if name not in limits)
                return await self._take_bounded(
                    pipeline, free, limit, until, Bounds(limits, min(bounds.most, limit))
                )
            except Refused as error:
                failures += 1
                if failures > 3 or kind_of(error) not in ("NOGROUP", "UNBLOCKED"):
                    raise explain(error, self._server.url, doing="receive") from error
                self._ready = ()  # somebody deleted the streams
            except OperationalError:
                failures += 1
                if failures > 1 or not self._seen:
                    raise
                # It had worked: the connection is old, a new one may do.

    async def give_back(
        self, pipeline: Pipeline, queues: Sequence[str], *, everything: bool
    ) -> None:
        """Hand back what is pending under our name.

        Args:
            everything: Else only what we don't know of.
        """
        held = self._held
        places = dict(self._lanes(tuple(queues)).places) if queues else {}
        if everything:
            for delivery in held.deliveries.copy():  # the leases' thread may take some out
                places.update(self._lanes((delivery.queue,)).places)
        known = {lane: set() if everything else held.entries(lane) for lane in places}
        async for lane, page in pages(pipeline, list(places), owner=held.consumer):
            queue, level = places[lane]
            unknown = [entry[0] for entry in page if entry[0] not in known[lane]]
            for first in range(0, len(unknown), RELEASED):
                batch = unknown[first : first + RELEASED]
                await pipeline.run(
                    RELEASE,
                    (lane, self._keys.returned(queue)),
                    (GROUP, held.consumer, level_word(level), *batch),
                )

    async def resign(self, pipeline: Pipeline, queues: Sequence[str]) -> None:
        """See `Broker.resign`."""
        await self._connection.aclose()
        self._connection = Blocking(self._server)
        self._seen = 0
        names = {*queues, *(delivery.queue for delivery in self._held.deliveries.copy())}
        await self.give_back(pipeline, list(queues), everything=True)
        self._held.deliveries.clear()
        self._ready = ()
        for queue in names:
            for lane in self._keys.lanes(queue):
                try:
                    await pipeline.run(COLLECT, (lane,), (GROUP, self._held.consumer))
                except Refused as error:
                    if kind_of(error) != "NOGROUP":
                        raise

    async def aclose(self) -> None:
        """Close the connection."""
        await self._connection.aclose()

    async def _prepare(self, pipeline: Pipeline, names: tuple[str, ...], lanes: Lanes) -> None:
        await self._connection.connect()
        is_new = self._connection.connections != self._seen
        if is_new or self._ready != names:
            await self._open(pipeline, names, lanes)
            self._ready = names
        if is_new or monotonic() - self._reconciled > self._lease:
            if self._seen:
                await self.give_back(pipeline, names, everything=False)
            self._seen = self._connection.connections
            self._reconciled = monotonic()

    async def _open(self, pipeline: Pipeline, names: tuple[str, ...], lanes: Lanes) -> None:
        keys = self._keys
        asked = monotonic()
        found, data, now = await pipeline.run(
            OPEN,
            (keys.meta, keys.queues, *lanes.places),
            (GROUP, LAYOUT, secrets.token_hex(8), *names),
        )
        self._clock.heard(now, asked=asked)
        if found != LAYOUT:
            raise BrokerRefused(
                f"the namespace at {self._server.url} has layout {found.decode(errors='replace')}, "
                f"this release reads {LAYOUT.decode()}: run the release that wrote it, or choose "
                "another namespace"
            )
        if self._data not in (b"", data):
            logger.critical(
                "The broker at %s has lost its data: what waited there is gone. "
                "Work goes on with what is sent from now on",
                self._server.url,
            )
        self._data = data

    async def _take(
        self, pipeline: Pipeline, lanes: Lanes, limit: int, until: float
    ) -> list[RedisDelivery]:
        """One look at the lanes in their order; if nothing is there, wait for what comes."""
        order = lanes.next()
        if not (self._emptied and monotonic() < until):
            found = await self._look(lanes, order, limit)
            if found:
                self._patience = BLOCK
                return found
        while (left := until - monotonic()) > 0:
            found = await self._block(lanes, order, limit, min(left, self._patience, self._lease))
            self._emptied = 0 < len(found) < min(limit, WOKEN)
            if found:
                self._patience = BLOCK
                return found
            self._patience = min(2 * self._patience, LONGEST_BLOCK)
            if monotonic() - self._reconciled > self._lease:
                await self.give_back(pipeline, self._ready, everything=False)
                self._reconciled = monotonic()
        return []

    async def _take_bounded(
        self, pipeline: Pipeline, free: tuple[str, ...], limit: int, until: float, bounds: Bounds
    ) -> list[RedisDelivery]:
        """The same where some queues have a limit: these are asked again and again.

        A blocked read can't keep a limit, and nobody tells when what is held elsewhere has ended.
        """
        pauses = Backoff(SHORTEST_POLL, LONGEST_POLL)
        self._bounded_first = not self._bounded_first
        while True:
            found = []
            if self._bounded_first:
                found += await self._look_bounded(bounds)
            left, pause = until - monotonic(), pauses.next()
            if free and len(found) < limit:
                wait = 0.0 if found else min(left, pause)
                found += await self._take(
                    pipeline, self._lanes(free), limit - len(found), monotonic() + wait
                )
            elif not found:
                await asyncio.sleep(max(0.0, min(left, pause)))
            if not self._bounded_first and len(found) < limit:
                room = Bounds(bounds.limits, min(bounds.most, limit - len(found)))
                found += await self._look_bounded(room)
            if found or left <= 0:
                return found

    async def _look_bounded(self, bounds: Bounds) -> list[RedisDelivery]:
        """What is there now in queues that have a limit, and may be taken."""
        found: list[RedisDelivery] = []
        for queue, limit in bounds.limits.items():
            if (room := bounds.most - len(found)) > 0:
                lanes = self._lanes((queue,))
                found += await self._look(lanes, lanes.next(), room, most=limit)
        return found

    async def _look(
        self, lanes: Lanes, order: Sequence[bytes], limit: int, *, most: int | None = None
    ) -> list[RedisDelivery]:
        """What is there now.

        Args:
            most: How many messages of these lanes may be held at once, by all workers together.
        """
        words: tuple[Word, ...] = (GROUP, self._held.consumer, limit, FETCHED)
        if most is not None:
            words = (*words, most)
        reply = await self._connection.run(FETCH, (*order, self._keys.revoked), words)
        found: list[RedisDelivery] = []
        for place, entries in zip(reply[::2], reply[1::2], strict=True):
            if place:
                found += lanes.deliveries(order[place - 1], entries)
            else:
                found = tagged(found, {id.decode(errors="backslashreplace") for id in entries})
        self._held.deliveries.update(found)
        return found

    async def _block(
        self, lanes: Lanes, order: Sequence[bytes], limit: int, seconds: float
    ) -> list[RedisDelivery]:
        read: list[Word] = [b"XREADGROUP", b"GROUP", GROUP, self._held.consumer]
        read += [b"COUNT", min(limit, WOKEN), b"BLOCK", max(1, round(seconds * 1000)), b"STREAMS"]
        read += [*order, *[b">"] * len(order)]
        # The second is answered after the first: what was revoked before a delivery is seen.
        reply, any_revoked = await self._connection.execute_all(
            (read, (b"EXISTS", self._keys.revoked)), block=seconds
        )
        if isinstance(reply, Refused):
            raise reply
        found: list[RedisDelivery] = []
        for lane, entries in reply or ():
            found += lanes.deliveries(lane, entries)
        if found and any_revoked != 0:
            found = await self._tagged(found)
        self._held.deliveries.update(found)
        return found

    async def _tagged(self, found: list[RedisDelivery]) -> list[RedisDelivery]:
        """On this connection: when it is lost meanwhile, what was found is handed back."""
        keys = (self._keys.revoked, self._keys.terminated)
        ids = [delivery.id for delivery in found]
        signs = await self._connection.run(REVOKED, keys, ids)
        revoked = {id for id, sign in zip(ids, signs, strict=True) if sign != ord("0")}
        return tagged(found, revoked)
