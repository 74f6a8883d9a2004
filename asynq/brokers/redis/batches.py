"""What is published and settled, in batches; and what becomes due soon after.

What many publish at once is gathered here; who settles has gathered already.

A batch carries a number. Sent again after a lost reply, it is known by that to have been stored.
Settlements that were not answered in time keep their number: only by it does the server still know
whether these deliveries were ours when they ended.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Sequence
from typing import Any, Final

from asynq._redis.errors import Refused, explain
from asynq._redis.keys import Keys
from asynq._redis.pipeline import Word
from asynq.brokers.base import Delivery, Location, Parcel, Settlement, Spend
from asynq.brokers.redis import sending
from asynq.brokers.redis.calls import Calls
from asynq.brokers.redis.clock import Clock
from asynq.brokers.redis.delayed import Soon, held_back, put_off
from asynq.brokers.redis.delivery import Held
from asynq.brokers.redis.gathering import Gathering
from asynq.brokers.redis.scripts import ENQUEUE, SETTLE
from asynq.exceptions import OperationalError

logger = logging.getLogger("asynq.broker")

REPEATED: Final = 1800.0
"""Seconds for which settlements are repeated as the ones they were. The server remembers them for
twice as long."""


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
        # Not those of what is published: they would push out what waits for an answer.
        self._endings = sending.Marks(calls.keys.marks(secrets.token_hex(8)), REPEATED)
        self._unanswered: dict[tuple[Delivery, ...], tuple[list[Word], list[Word]]] = {}
        self._parcels: Gathering[Parcel] | None = None
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
        answers: list[bool] = []
        for first in range(0, len(settlements), sending.SETTLEMENTS):
            answers += await self._settle(settlements[first : first + sending.SETTLEMENTS])
        return answers

    async def _settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        calls, ending = self._calls, tuple([each.delivery for each in settlements])
        call = self._unanswered.pop(ending, None) if self._unanswered else None
        if call is None:
            call = sending.settle_call(
                *(self._keys, self._records, self._database, self._endings, settlements),
                self._held.consumer,
            )
        sent = calls.pipe.call(SETTLE, *call, timeout=calls.timeout, at_once=True)
        leaving = [each.delivery for each in settlements if type(each.verdict) is not Spend]
        self._held.settling(leaving, sent)
        if delays := put_off(settlements):
            self.soon.expect(delays, sent)
        try:
            reply = await sent
        except (Refused, OperationalError) as error:
            self._unanswered[ending] = call
            raise explain(error, calls.server.url, doing="settle") from error
        if isinstance(reply, list):
            reply = self._despite(reply)
        if reply == 1:
            return [True] * len(ending)
        return [sign == ord("1") for sign in reply]

    def close(self) -> None:
        """Stop all clocks; what is still asked ends with its connection."""
        if self._parcels is not None:
            self._parcels.close()
        if self._soon is not None:
            self._soon.close()

    def _despite(self, reply: Sequence[Any]) -> Any:
        """The answer to a batch of which some results could not be written."""
        answer, count, error = reply
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
