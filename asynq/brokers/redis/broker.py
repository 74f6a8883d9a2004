"""The broker on Redis Streams.

Every change of a message's place is one script, so a crash leaves it in one place, never in two or
none. A delivery is an entry of a stream, pending under our name; that entry's id is the lease and
the fence in one: whoever takes it over moves the message to a new entry, and what the old owner
still says about the old one is refused.

The parts: `sending` (arguments of the scripts), `gathering` (batches), `fetching` (read),
`leases` (keep), `delayed` and `reaper` (upkeep).
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import redis

from asynq._redis.backoff import Backoff
from asynq._redis.client import Server
from asynq._redis.errors import explain
from asynq._redis.keys import GROUP, LEVELS, Keys
from asynq._redis.pipeline import Pipeline, Word, shared
from asynq._redis.scripts import Script
from asynq.brokers.base import Capabilities, LeaseKeeper, Location, Parcel, Settlement
from asynq.brokers.redis import sending
from asynq.brokers.redis.delayed import Soon, held_back, move_for_ever, put_off
from asynq.brokers.redis.delivery import Held, RedisDelivery
from asynq.brokers.redis.fetching import Fetching
from asynq.brokers.redis.gathering import Gathering
from asynq.brokers.redis.leases import Keeper
from asynq.brokers.redis.reaper import Reaper
from asynq.brokers.redis.scripts import (
    ANNOUNCE,
    DEPTH,
    ENQUEUE,
    PURGE,
    SETTLE,
    WORKERS,
)
from asynq.exceptions import OperationalError

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
        self._timeout = publish_timeout
        self.location = Location(
            server=server.identity, database=server.database, namespace=namespace
        )
        self._records = sending.Records(keys, server.database)
        self._marks = keys.marks(secrets.token_hex(8))
        self._number = 0
        self._held = Held()
        self._fetching = Fetching(server, keys, self._held, lease=lease)
        self._pipeline: Pipeline | None = None
        self._parcels: Gathering[Parcel] | None = None
        self._settlements: Gathering[Settlement] | None = None
        self._soon: Soon | None = None
        self._closed = False

    async def publish(self, parcels: Sequence[Parcel]) -> None:
        """See `Broker.publish`. A batch of more than 100 parcels is several of them."""
        gathered = self._parcels or self._gather_parcels()
        if len(parcels) <= sending.PARCELS:
            size = sum([len(parcel.body) for parcel in parcels])
            await gathered.add(parcels, size)
            return
        most = sending.PARCELS
        for first in range(0, len(parcels), most):
            chunk = parcels[first : first + most]
            await gathered.add(chunk, sum([len(parcel.body) for parcel in chunk]))

    async def receive(
        self, queues: Sequence[str], *, limit: int, wait: float
    ) -> Sequence[RedisDelivery]:
        """See `Broker.receive`. When cancelled, its connection is dropped; what had been read by
        then is handed back by the next `receive`, by `resign`, or by others after a lease."""
        if not queues or limit <= 0:
            await asyncio.sleep(wait)
            return ()
        return await self._fetching.receive(self._pipe(), queues, limit=limit, wait=wait)

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[bool]:
        """See `Broker.settle`. Where it raised `OperationalError`, a delivery may be settled
        already; settling it again then says False, and does nothing."""
        gathered = self._settlements or self._gather_settlements()
        answers: list[bool] = []
        for first in range(0, len(settlements), sending.SETTLEMENTS):
            chunk = settlements[first : first + sending.SETTLEMENTS]
            size = sum(map(sending.settlement_bytes, chunk))
            reply, begin = await gathered.add(chunk, size)
            if reply == 1:
                answers += [True] * len(chunk)
            else:
                answers += [sign == ord("1") for sign in reply[begin : begin + len(chunk)]]
        return answers

    def unite(self, records: Location) -> bool:
        """See `Broker.unite`: True for any namespace and database of the same server."""
        if records.server != self.location.server:
            return False
        self._records = sending.Records(Keys(records.namespace), records.database)
        return True

    def lease_keeper(self) -> LeaseKeeper:
        """See `Broker.lease_keeper`."""
        return Keeper(self._server, self._held, lease=self._lease)

    async def upkeep(self, queues: Sequence[str]) -> None:
        """See `Broker.upkeep`: moves what is due, brings back what is abandoned."""
        pipe = self._pipe()
        reaper = Reaper(pipe, self._keys, self._held, queues, lease=self._lease)
        async with asyncio.TaskGroup() as group:
            group.create_task(_persist(lambda: move_for_ever(pipe, self._keys, queues)))
            group.create_task(_persist(reaper.run))

    async def resign(self, queues: Sequence[str]) -> None:
        """See `Broker.resign`."""
        try:
            await self._fetching.resign(self._pipe(), queues)
        except redis.ResponseError as error:
            raise explain(error, self._server.url, doing="resign") from error

    async def announce(self, worker: str, info: bytes, *, ttl: float) -> None:
        """See `Broker.announce`."""
        keys = (self._keys.workers, self._keys.worker_infos)
        await self._run(ANNOUNCE, keys, (worker, max(0, round(ttl * 1000)), info))

    async def workers(self) -> Mapping[str, bytes]:
        """See `Broker.workers`."""
        told = await self._run(WORKERS, (self._keys.workers, self._keys.worker_infos))
        return {name.decode(): info for name, info in zip(told[::2], told[1::2], strict=True)}

    async def queues(self) -> Sequence[str]:
        """See `Broker.queues`."""
        try:
            names = await self._pipe().execute(
                b"SMEMBERS", self._keys.queues, timeout=self._timeout
            )
        except redis.ResponseError as error:
            raise explain(error, self._server.url) from error
        return sorted(name.decode() for name in names)

    async def depth(self, queue: str) -> int:
        """See `Broker.depth`."""
        keys = self._keys
        return int(await self._run(DEPTH, (keys.delayed(queue), *keys.lanes(queue))))

    async def purge(self, queue: str) -> int:
        """See `Broker.purge`."""
        keys = self._keys
        names = (keys.delayed(queue), keys.delayed_messages(queue), *keys.lanes(queue))
        total, more = 0, 1
        while more:
            count, more = await self._run(PURGE, names, (GROUP, PURGED))
            total += count
        return total

    async def aclose(self) -> None:
        """See `Broker.aclose`."""
        if self._closed:
            return
        self._closed = True
        await self._fetching.aclose()
        for gathered in (self._parcels, self._settlements):
            if gathered is not None:
                gathered.close()
        if self._soon is not None:
            self._soon.close()
        if self._pipeline is not None:
            await self._pipeline.aclose()
        await self._server.aclose()

    def _pipe(self) -> Pipeline:
        if self._closed:
            raise OperationalError(f"the connection to {self._server.url} is closed")
        if self._pipeline is None:
            self._pipeline = shared(self._server, timeout=self._timeout)
        return self._pipeline

    async def _run(
        self, script: Script, keys: Sequence[Word], arguments: Sequence[Word] = ()
    ) -> Any:
        try:
            return await self._pipe().run(script, keys, arguments, timeout=self._timeout)
        except redis.ResponseError as error:
            raise explain(error, self._server.url) from error

    def _move_soon(self, pipe: Pipeline) -> Soon:
        if self._soon is None:
            self._soon = Soon(pipe, self._keys)
        return self._soon

    def _gather_parcels(self) -> Gathering[Parcel]:
        pipe = self._pipe()
        soon = self._move_soon(pipe)

        def send(parcels: list[Parcel], timeout: float) -> asyncio.Future[Any]:
            self._number += 1
            call = sending.enqueue_call(self._keys, self._marks, self._number, parcels)
            sent = pipe.call(ENQUEUE, *call, timeout=timeout, at_once=True)
            if delays := held_back(parcels):
                soon.expect(delays, sent)
            return sent

        self._parcels = Gathering(
            send,
            most=sending.PARCELS,
            timeout=self._timeout,
            url=self._server.url,
            trouble=lambda: pipe.trouble,
            doing="publish",
        )
        return self._parcels

    def _gather_settlements(self) -> Gathering[Settlement]:
        pipe = self._pipe()
        soon = self._move_soon(pipe)

        def send(settlements: list[Settlement], timeout: float) -> asyncio.Future[Any]:
            self._number += 1
            call = sending.settle_call(
                self._keys,
                self._records,
                self._server.database,
                self._marks,
                self._number,
                settlements,
            )
            sent = pipe.call(SETTLE, *call, timeout=timeout, at_once=True)
            self._held.settling([settlement.delivery for settlement in settlements], sent)
            if delays := put_off(settlements):
                soon.expect(delays, sent)
            return sent

        self._settlements = Gathering(
            send,
            most=sending.SETTLEMENTS,
            timeout=self._timeout,
            url=self._server.url,
            trouble=lambda: pipe.trouble,
            doing="settle",
        )
        return self._settlements


async def _persist(work: Callable[[], Awaitable[None]]) -> None:
    """Do it for ever, whatever the server does; the pipeline reconnects by itself."""
    backoff = Backoff(0.2, 5.0)
    while True:
        with contextlib.suppress(OperationalError, redis.RedisError):
            await work()
        await asyncio.sleep(backoff.next())
