"""The broker on Redis Streams.

Every change of a message's place is one script, so a crash leaves it in one place, never in two or
none. A delivery is an entry of a stream, pending under our name; that entry's id is the lease and
the fence in one: whoever takes it over moves the message to a new entry, and what the old owner
still says about the old one is refused.

The parts: `publishing` (`gathering` under it), `batches` (settle), `fetching` (read),
`leases` (keep), `delayed` and `reaper` (upkeep), `revocations`, `rules` (what is paused), `letters`
(the dead), `fanout`, `workflows`, `events`.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from asynq._imports import import_object
from asynq._redis.backoff import Backoff
from asynq._redis.client import Server
from asynq._redis.errors import Refused, explain
from asynq._redis.keys import GROUP, LEVELS, Keys
from asynq._time import monotonic
from asynq.brokers.base import (
    Bounds,
    Buried,
    Capabilities,
    Counts,
    EventLog,
    Fanout,
    Finding,
    LeaseKeeper,
    Location,
    Parcel,
    Settlement,
    Sighting,
    Waiting,
    Workflows,
)
from asynq.brokers.redis.batches import Batches
from asynq.brokers.redis.calls import Calls
from asynq.brokers.redis.clock import Clock
from asynq.brokers.redis.delayed import move_for_ever
from asynq.brokers.redis.delivery import Held, RedisDelivery, waiting
from asynq.brokers.redis.diagnosis import diagnose
from asynq.brokers.redis.events import RedisEventLog
from asynq.brokers.redis.fanout import RedisFanout
from asynq.brokers.redis.fetching import Fetching
from asynq.brokers.redis.leases import Keeper
from asynq.brokers.redis.letters import Letters
from asynq.brokers.redis.publishing import Publishing
from asynq.brokers.redis.reaper import Reaper
from asynq.brokers.redis.revocations import Revocations
from asynq.brokers.redis.rules import Ruling, parked_from
from asynq.brokers.redis.scripts import ANNOUNCE, COUNT, DEPTH, PURGE, WAITING, WORKERS
from asynq.brokers.redis.sending import Marks
from asynq.brokers.redis.workflows import RedisWorkflows
from asynq.exceptions import OperationalError

if TYPE_CHECKING:  # for who fires periodic tasks
    from asynq.brokers.schedules import Schedules

PURGED: Final = 500
"""Messages of each lane thrown away in one call."""


class RedisBroker:
    """See `asynq.brokers.base.Broker`.

    Args:
        url: ``redis://``, ``rediss://``, ``unix://`` or ``embedded://``.
        namespace: What all keys begin with.
        lease: Seconds after which a delivery that is not renewed goes to somebody else.
        publish_timeout: Seconds to try before `publish` and the other calls give up.
        options: Of the connection, see `asynq._redis.client.Server`.

    Raises:
        ImproperlyConfigured: one of them is wrong.
    """

    capabilities: Final = Capabilities(priorities=LEVELS, leases=True)

    def __init__(
        self,
        url: str,
        *,
        namespace: str,
        lease: float = 30.0,
        publish_timeout: float = 10.0,
        options: Mapping[str, object] | None = None,
    ) -> None:
        self._server = server = Server(url, name=namespace, options=options)
        self._keys = keys = Keys(namespace)
        self._lease = lease
        self.location = Location(
            server=server.identity, database=server.database, namespace=namespace
        )
        self._held = held = Held()
        self._clock = clock = Clock()
        self._calls = calls = Calls(server, keys, timeout=publish_timeout)
        marks = Marks(keys.marks(secrets.token_hex(8)), publish_timeout)
        self._batches = batches = Batches(calls, held, clock)
        self._soon = soon = lambda: batches.soon
        self._publishing = Publishing(calls, marks, soon)
        self._fetching = Fetching(server, keys, held, clock, lease=lease)
        self._revocations = Revocations(calls, batches, clock)
        self._letters = Letters(calls, marks)
        self._fanout = RedisFanout(calls)
        self._ruling = Ruling(calls)
        self._workflows = RedisWorkflows(calls, soon)
        self._event_logs: WeakSet[RedisEventLog] = WeakSet()
        self._closed = False

    def publish(
        self, parcels: Sequence[Parcel], *, timeout: float | None = None
    ) -> Awaitable[None]:
        """See `Broker.publish`. More than 100 parcels are several batches."""
        return self._publishing.publish(parcels, timeout)

    async def receive(
        self, queues: Sequence[str], *, limit: int, wait: float, bounds: Bounds | None = None
    ) -> Sequence[RedisDelivery]:
        """See `Broker.receive`. When cancelled, its connection is dropped; what had been read by
        then is handed back by the next `receive`, by `resign`, or by others after a lease."""
        if not queues or limit <= 0:
            await asyncio.sleep(wait)
            return ()
        pipe = self._calls.pipe
        return await self._fetching.receive(pipe, queues, limit=limit, wait=wait, bounds=bounds)

    def settle(self, settlements: Sequence[Settlement]) -> Coroutine[Any, Any, Sequence[bool]]:
        """See `Broker.settle`. Up to 200 that were not answered, settled again by themselves and
        within an hour, are known to the server."""
        return self._batches.settle(settlements)

    def unite(self, records: Location) -> bool:
        """See `Broker.unite`: True for any namespace and database of the same server."""
        if records.server != self.location.server:
            return False
        self._batches.keep_records_in(records)
        return True

    def lease_keeper(self) -> LeaseKeeper:
        """See `Broker.lease_keeper`."""
        return Keeper(self._server, self._held, lease=self._lease)

    async def upkeep(self, queues: Sequence[str]) -> None:
        """See `Broker.upkeep`: moves what is due, brings back what is abandoned."""
        pipe, clock = self._calls.pipe, self._clock
        reaper = Reaper(pipe, self._keys, self._held, queues, lease=self._lease)
        async with asyncio.TaskGroup() as group:
            group.create_task(_persist(lambda: move_for_ever(pipe, self._keys, queues, clock)))
            group.create_task(_persist(reaper.run))

    async def resign(self, queues: Sequence[str]) -> None:
        """See `Broker.resign`."""
        try:
            await self._fetching.resign(self._calls.pipe, queues)
        except Refused as error:
            raise explain(error, self._server.url, doing="resign") from error

    async def announce(self, worker: str, info: bytes, *, ttl: float) -> None:
        """See `Broker.announce`."""
        keys = (self._keys.workers, self._keys.worker_infos)
        asked = monotonic()
        now = await self._calls.run(ANNOUNCE, keys, (worker, max(0, round(ttl * 1000)), info))
        self._clock.heard(now, asked=asked)

    async def workers(self) -> Mapping[str, bytes]:
        """See `Broker.workers`."""
        seen = await self.sightings()
        return {name: sighting.info for name, sighting in seen.items() if sighting.alive}

    async def sightings(self) -> Mapping[str, Sighting]:
        """See `Broker.sightings`."""
        asked = monotonic()
        now, *told = await self._calls.run(WORKERS, (self._keys.workers, self._keys.worker_infos))
        self._clock.heard(now, asked=asked)
        return {
            name.decode(): Sighting(
                info=info, age=max(0.0, (now - int(said)) / 1000), alive=alive == b"1"
            )
            for name, alive, said, info in zip(*[iter(told)] * 4, strict=True)
        }

    def now(self) -> float:
        """See `Broker.now`. Known from what workers do: who only sends hears nothing of it, and
        has the time of its own machine."""
        return self._clock.now()

    async def revoke(self, ids: Sequence[str], *, terminate: bool = False, ttl: float) -> None:
        """See `Broker.revoke`."""
        await self._revocations.revoke(ids, terminate=terminate, ttl=ttl)

    async def revoked(self, ids: Sequence[str]) -> Mapping[str, bool]:
        """See `Broker.revoked`."""
        return await self._revocations.revoked(ids)

    async def revocations(self, *, limit: int = 1000) -> Mapping[str, bool]:
        """See `Broker.revocations`."""
        return await self._revocations.all(limit)

    async def waiting(self, queue: str, *, limit: int = 100) -> Sequence[Waiting]:
        """See `Broker.waiting`."""
        keys = self._keys
        names = (keys.delayed(queue), keys.delayed_messages(queue))
        told = await self._calls.run(WAITING, names, (limit,))
        return [waiting(queue, *each) for each in zip(*[iter(told)] * 3, strict=True)]

    async def reschedule(self, id: str, *, delay: float = 0.0, due: float | None = None) -> bool:
        """See `Broker.reschedule`."""
        return await self._revocations.reschedule(id, delay=delay, due=due)

    async def buried(
        self, queue: str, *, limit: int = 100, after: str | None = None
    ) -> Sequence[Buried]:
        """See `Broker.buried`. About 10,000 are kept of each queue, the youngest.

        Raises:
            ValueError: `after` is no receipt.
        """
        return await self._letters.buried(queue, limit=limit, after=after)

    async def buried_count(self, queue: str) -> int:
        """See `Broker.buried_count`."""
        return await self._letters.count(queue)

    async def exhume(self, queue: str, letters: Mapping[str, bytes | None]) -> int:
        """See `Broker.exhume`."""
        return await self._letters.exhume(queue, letters)

    async def discard(self, queue: str, receipts: Sequence[str] | None = None) -> int:
        """See `Broker.discard`."""
        return await self._letters.discard(queue, receipts)

    async def diagnose(self) -> Sequence[Finding]:
        """See `Broker.diagnose`."""
        return await diagnose(self._calls.pipe, self._keys, self._server)

    def fanout(self) -> Fanout:
        """See `Broker.fanout`. What was said is kept for an hour, the last 1,000 of a channel."""
        return self._fanout

    def workflows(self) -> Workflows:
        """See `Broker.workflows`."""
        return self._workflows

    def events(self) -> EventLog:
        """See `Broker.events`."""
        log = RedisEventLog(self._calls)
        self._event_logs.add(log)
        return log

    def schedules(self) -> Schedules:
        """See `Broker.schedules`."""
        make: Callable[..., Schedules] = import_object(
            "asynq.brokers.redis.schedules:RedisSchedules"
        )
        return make(self._calls, self._clock, self._soon)

    async def queues(self) -> Sequence[str]:
        """See `Broker.queues`."""
        return await self._calls.queues()

    async def depth(self, queue: str) -> int:
        """See `Broker.depth`."""
        keys = self._keys
        return int(await self._calls.run(DEPTH, (keys.delayed(queue), *keys.lanes(queue))))

    async def count(self, queue: str) -> Counts:
        """See `Broker.count`."""
        keys = self._keys
        names = (keys.delayed(queue), *keys.lanes(queue))
        *counts, oldest = await self._calls.run(COUNT, names, (GROUP, parked_from()))
        ready, delayed, parked, held, gone = (max(0, count) for count in counts)
        return Counts(
            ready=ready,
            delayed=delayed,
            parked=parked,
            held=held,
            gone=gone,
            oldest=int(oldest) / 1000 if oldest else None,
        )

    async def rules(self) -> Mapping[str, str]:
        """See `Broker.rules`."""
        return await self._ruling.rules()

    async def set_rule(self, name: str, text: str | None) -> None:
        """See `Broker.set_rule`."""
        await self._ruling.set_rule(name, text)

    async def unpark(self, queues: Sequence[str], *, keep: Collection[str] = ()) -> int:
        """See `Broker.unpark`."""
        return await self._ruling.unpark(queues, keep)

    async def purge(self, queue: str) -> int:
        """See `Broker.purge`."""
        keys = self._keys
        names = (keys.delayed(queue), keys.delayed_messages(queue), *keys.lanes(queue))
        total, more = 0, 1
        while more:
            count, more = await self._calls.run(PURGE, names, (GROUP, PURGED))
            total += count
        return total

    async def aclose(self) -> None:
        """See `Broker.aclose`."""
        if self._closed:
            return
        self._closed = True
        await self._fanout.aclose()
        for log in list(self._event_logs):
            await log.aclose()
        await self._fetching.aclose()
        self._publishing.close()
        self._batches.close()
        await self._calls.aclose()
        await self._server.aclose()


async def _persist(work: Callable[[], Awaitable[None]]) -> None:
    """Do it for ever, whatever the server does; the pipeline reconnects by itself."""
    backoff = Backoff(0.2, 5.0)
    while True:
        with contextlib.suppress(OperationalError, Refused):
            await work()
        await asyncio.sleep(backoff.next())
