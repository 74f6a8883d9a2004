"""What is settled, in batches; and what becomes due soon after.

A batch carries a number. Sent again after a lost reply, it is known by that to have been stored.
Settlements that were not answered in time keep their number: only by it does the server still know
whether these deliveries were ours when they ended.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from typing import Any, Final

from asynq._redis.errors import Refused, explain
from asynq._redis.keys import Keys
from asynq._redis.pipeline import Word
from asynq.brokers.base import Delivery, Location, Settlement, Spend
from asynq.brokers.redis import sending
from asynq.brokers.redis.calls import Calls
from asynq.brokers.redis.clock import Clock
from asynq.brokers.redis.delayed import Soon, put_off
from asynq.brokers.redis.delivery import Held
from asynq.brokers.redis.scripts import SETTLE
from asynq.exceptions import OperationalError

logger = logging.getLogger("asynq.broker")

REPEATED: Final = 1800.0
"""Seconds for which settlements are repeated as the ones they were. The server remembers them for
twice as long."""


class Batches:
    """`settle` of one broker."""

    def __init__(self, calls: Calls, held: Held, clock: Clock) -> None:
        self._calls = calls
        self._keys = calls.keys
        self._held = held
        self._clock = clock
        self._database = calls.server.database
        self._records = sending.Records(calls.keys, self._database)
        # Of their own: those of what is published would push out what waits for an answer.
        self._marks = sending.Marks(calls.keys.marks(secrets.token_hex(8)), REPEATED)
        self._unanswered: dict[tuple[Delivery, ...], tuple[list[Word], list[Word]]] = {}
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
                *(self._keys, self._records, self._database, self._marks, settlements),
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
            reply = self._more_in(reply)
        if reply == 1:
            return [True] * len(ending)
        return [sign == ord("1") for sign in reply]

    def close(self) -> None:
        """Stop all clocks; what is still asked ends with its connection."""
        if self._soon is not None:
            self._soon.close()

    def _more_in(self, reply: Sequence[Any]) -> Any:
        """The answer to a batch of which there is more to tell: steps that wait for their time now,
        results that could not be written."""
        answer, delays, count, error = reply
        for queue, milliseconds in zip(delays[::2], delays[1::2], strict=True):
            self.soon.stored(queue.decode(), milliseconds / 1000)
        if count:
            logger.error(
                "%d results could not be stored at %s, their tasks are done: %s",
                count,
                self._calls.server.url,
                error.decode(errors="replace"),
            )
        return answer
