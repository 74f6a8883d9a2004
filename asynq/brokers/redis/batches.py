"""What is published and settled, gathered into batches; and what becomes due soon after.

A batch carries a number. Sent again after a lost reply, it is known by that to have been stored.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from asynq._redis.keys import Keys
from asynq.brokers.base import Location, Parcel, Settlement
from asynq.brokers.redis import sending
from asynq.brokers.redis.calls import Calls
from asynq.brokers.redis.clock import Clock
from asynq.brokers.redis.delayed import Soon, held_back, put_off
from asynq.brokers.redis.delivery import Held
from asynq.brokers.redis.gathering import Gathering
from asynq.brokers.redis.scripts import ENQUEUE, SETTLE

logger = logging.getLogger("asynq.broker")


class Batches:
    """`publish` and `settle` of one broker."""

    def __init__(self, calls: Calls, marks: sending.Marks, held: Held, clock: Clock) -> None:
        self._calls = calls
        self._keys = calls.keys
        self._held = held
        self._clock = clock
        self._database = calls.server.database
        self._records = sending.Records(calls.keys, self._database)
        self._marks = marks
        self._parcels: Gathering[Parcel] | None = None
        self._settlements: Gathering[Settlement] | None = None
        self._soon: Soon | None = None

    @property
    def soon(self) -> Soon:
        """Who moves what becomes due soon."""
        if self._soon is None:
            self._soon = Soon(self._calls.pipe, self._keys, self._clock)
        return self._soon

    def keep_records_in(self, where: Location) -> None:
        """Write results there from now on."""
        self._records = sending.Records(Keys(where.namespace), where.database)

    async def publish(self, parcels: Sequence[Parcel], timeout: float | None = None) -> None:
        """See `Broker.publish`. A batch of more than 100 parcels is several of them."""
        gathered = self._parcels or self._gather_parcels()
        if timeout is not None:
            self._marks.last_for(timeout)
        if len(parcels) <= sending.PARCELS:
            size = sum([len(parcel.body) for parcel in parcels])
            await gathered.add(parcels, size, timeout)
            return
        most = sending.PARCELS
        for first in range(0, len(parcels), most):
            chunk = parcels[first : first + most]
            await gathered.add(chunk, sum([len(parcel.body) for parcel in chunk]), timeout)

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[bool]:
        """See `Broker.settle`."""
        gathered = self._settlements or self._gather_settlements()
        answers: list[bool] = []
        for first in range(0, len(settlements), sending.SETTLEMENTS):
            chunk = settlements[first : first + sending.SETTLEMENTS]
            size = sum(map(sending.settlement_bytes, chunk))
            reply, begin = await gathered.add(chunk, size)
            if reply != 1 and isinstance(reply, list):
                reply = self._despite(reply, first_of_batch=begin == 0)
            if reply == 1:
                answers += [True] * len(chunk)
            else:
                answers += [sign == ord("1") for sign in reply[begin : begin + len(chunk)]]
        return answers

    def close(self) -> None:
        """Stop all clocks; what is still asked ends with its connection."""
        for gathered in (self._parcels, self._settlements):
            if gathered is not None:
                gathered.close()
        if self._soon is not None:
            self._soon.close()

    def _despite(self, reply: Sequence[Any], *, first_of_batch: bool) -> Any:
        """The answer to a batch of which some results could not be written."""
        answer, count, error = reply
        if first_of_batch:
            logger.error(
                "%d results could not be stored at %s, their tasks are done: %s",
                count,
                self._calls.server.url,
                error.decode(errors="replace"),
            )
        return answer

    def _gather_parcels(self) -> Gathering[Parcel]:
        pipe, soon = self._calls.pipe, self.soon

        def send(parcels: list[Parcel], timeout: float) -> asyncio.Future[Any]:
            call = sending.enqueue_call(self._keys, self._marks, parcels)
            sent = pipe.call(ENQUEUE, *call, timeout=timeout, at_once=True)
            if delays := held_back(parcels):
                soon.expect(delays, sent)
            return sent

        self._parcels = Gathering(
            send,
            most=sending.PARCELS,
            timeout=self._calls.timeout,
            url=self._calls.server.url,
            trouble=lambda: pipe.trouble,
            doing="publish",
        )
        return self._parcels

    def _gather_settlements(self) -> Gathering[Settlement]:
        pipe, soon = self._calls.pipe, self.soon

        def send(settlements: list[Settlement], timeout: float) -> asyncio.Future[Any]:
            call = sending.settle_call(
                self._keys, self._records, self._database, self._marks, settlements
            )
            sent = pipe.call(SETTLE, *call, timeout=timeout, at_once=True)
            self._held.settling([settlement.delivery for settlement in settlements], sent)
            if delays := put_off(settlements):
                soon.expect(delays, sent)
            return sent

        self._settlements = Gathering(
            send,
            most=sending.SETTLEMENTS,
            timeout=self._calls.timeout,
            url=self._calls.server.url,
            trouble=lambda: pipe.trouble,
            doing="settle",
        )
        return self._settlements
