"""Agent: settles what has ended, in batches.

What has ended since the last call went out is settled together in the next one: alone when the
worker is idle, by the hundred under load, and nothing is ever held back to fill a batch.

Where broker and backend are one server, a task's result and the end of its delivery are one
transaction. Elsewhere the order is store, then settle: a crash in between repeats work, and never
loses it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

from msgspec.structs import replace

from asynq._time import monotonic
from asynq.backends.base import ResultBackend
from asynq.brokers.base import SPEND, Broker, Delivery, Requeue, Settlement, StoredRecord
from asynq.exceptions import OperationalError
from asynq.execution.outcome import Outcome
from asynq.outage import Outage
from asynq.worker.admission import Refusal
from asynq.worker.effects import Effects
from asynq.worker.records import Records
from asynq.worker.state import Run

logger = logging.getLogger("asynq.worker")

BATCH = 200
"""Settlements in one call: what a server does in well under 5 ms."""

BATCH_BYTES = 1024 * 1024
"""Of results in one call: a slow line carries so much before a connection counts as silent."""

STARTED_AFTER = 0.25
"""Seconds a task must have run before STARTED is written: shorter ones go straight to the end."""

TRUST_SECONDS = 0.1
"""How often a worker that can't be sure of its leases looks whether it can again."""


class Settlements:
    """What waits to be settled, and the loop that settles it.

    Args:
        broker: Whose deliveries are settled.
        backend: Where results go.
        records: Writes them.
        trusted: Are the leases surely ours?
        message_max_bytes: The largest message that a retry may send; None: any.
    """

    def __init__(
        self,
        broker: Broker,
        backend: ResultBackend,
        records: Records,
        *,
        trusted: Callable[[], bool],
        message_max_bytes: int | None = None,
    ) -> None:
        self._broker = broker
        self._backend = backend
        self._united = broker.unite(backend.location)
        self._records = records
        self._effects = Effects(records, max_bytes=message_max_bytes)
        self._trusted = trusted
        self._waiting: list[Settlement] = []
        self._acknowledging: dict[Delivery, asyncio.Future[bool]] = {}
        self._unannounced: dict[Run, None] = {}
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._over = False

    def started(self, run: Run) -> None:
        """The run has begun; write STARTED if it lasts."""
        if run.task.terms.track_started and not run.request.ignore_result:
            if not self._unannounced:
                self._wake.set()  # so that it is looked for, were nothing else to happen
            self._unannounced[run] = None

    def called(self, run: Run) -> None:
        """Its arguments are known: note them, before it may change them."""
        self._records.called(run)

    def ended(self, run: Run, outcome: Outcome) -> Outcome:
        """The run has ended: settle it.

        Returns:
            The outcome as it is stored: a value that can't be written has become a failure.
        """
        self._unannounced.pop(run, None)
        outcome, effect = self._effects.of(run, outcome)
        if effect is not None:
            self._add(effect)
        return outcome

    def refused(self, refusal: Refusal) -> None:
        """The delivery will not run: do with it as decided, and tell who waits if it is final."""
        self._add(self._effects.of_refusal(refusal))

    async def acknowledge(self, run: Run) -> bool:
        """Have the message spent before it runs; False: it is another worker's by now.

        Goes on when it is cancelled: whether the message may still be run must be known.
        """
        if self._over:
            return False
        done = asyncio.get_running_loop().create_future()
        self._acknowledging[run.delivery] = done
        self._add(Settlement(delivery=run.delivery, verdict=SPEND))
        while not done.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(done)
        run.acknowledged = done.result()
        return run.acknowledged

    def hand_back(self, deliveries: Sequence[Delivery]) -> None:
        """Give back what was never started."""
        for delivery in deliveries:
            self._add(Settlement(delivery=delivery, verdict=Requeue()))

    def put_off(self, delivery: Delivery, seconds: float) -> None:
        """Give back what is not to begin yet; it comes again in so many seconds."""
        self._add(Settlement(delivery=delivery, verdict=Requeue(delay=seconds)))

    def lost(self, deliveries: Collection[Delivery]) -> None:
        """These are another worker's by now: what of them still waits to be settled is void.

        Settling them would be refused. But where results live on another server they are stored
        first, and would write over what the other worker stores.
        """
        gone = set(deliveries)
        for delivery in gone & self._acknowledging.keys():
            self._acknowledged(delivery, False)
        for delivery in [each.delivery for each in self._waiting if each.delivery in gone]:
            _warn_of_late_end(delivery)
        self._waiting = [each for each in self._waiting if each.delivery not in gone]

    async def run(self) -> None:
        """Settle until cancelled."""
        try:
            await self._settle_what_ends()
        finally:
            self._over = True  # nobody would answer any more
            for delivery in list(self._acknowledging):
                self._acknowledged(delivery, False)

    async def _settle_what_ends(self) -> None:
        outage = Outage("settle finished tasks")
        while True:
            await self._wait()
            await self._announce_started()
            while self._waiting:
                batch = self._next() if self._united else await self._stored(outage)
                if batch:
                    await self._settle(batch, outage)

    async def drained(self) -> None:
        """Wait until everything that was added is settled."""
        await self._idle.wait()

    def _add(self, settlement: Settlement) -> None:
        self._waiting.append(settlement)
        self._idle.clear()
        self._wake.set()

    def _next(self) -> list[Settlement]:
        batch = _up_to(self._waiting, BATCH, BATCH_BYTES)
        del self._waiting[: len(batch)]
        return batch

    async def _stored(self, outage: Outage) -> list[Settlement]:
        """The next of them, once their results are stored on the other server."""
        while self._waiting:
            if not self._trusted():
                await asyncio.sleep(TRUST_SECONDS)
                continue
            batch = _up_to(self._waiting, BATCH, BATCH_BYTES)
            try:
                if records := [record for each in batch for record in _records_of(each)]:
                    await self._backend.store(records)
            except OperationalError as error:
                await outage.pause(error)
                continue
            done = set(map(id, batch))  # some of it may have been lost meanwhile
            self._waiting = [each for each in self._waiting if id(each) not in done]
            return list(map(_without_record, batch))
        return []

    async def _wait(self) -> None:
        """Until there is something to settle, or a running task is due to be called STARTED."""
        while not self._waiting:
            self._idle.set()
            self._wake.clear()
            try:
                async with asyncio.timeout(STARTED_AFTER if self._unannounced else None):
                    await self._wake.wait()
            except TimeoutError:
                return

    async def _settle(self, batch: list[Settlement], outage: Outage) -> None:
        """Settle the batch. While it is not answered it stays as it is: by the very same call,
        repeated, a broker knows that it was carried out before."""
        while True:
            try:
                answers = await self._broker.settle(batch)
                break
            except OperationalError as error:
                await outage.pause(error)
        outage.over()
        for settlement, ours in zip(batch, answers, strict=True):
            self._settled(settlement.delivery, ours)

    def _settled(self, delivery: Delivery, ours: bool) -> None:
        if self._acknowledging:
            self._acknowledged(delivery, ours)
        if not ours:
            _warn_of_late_end(delivery)

    def _acknowledged(self, delivery: Delivery, ours: bool) -> None:
        waiting = self._acknowledging.pop(delivery, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(ours)

    async def _announce_started(self) -> None:
        if not self._unannounced:
            return
        before = monotonic() - STARTED_AFTER
        due = []
        for run in self._unannounced:  # in order of their start
            if run.started > before:
                break
            due.append(run)
        if not due:
            return
        try:
            # What a run has told of itself says more than STARTED, and is not written over.
            records = [self._records.started(run) for run in due if not run.request.reported]
            if records:
                await self._backend.store(records)
        except OperationalError:
            return  # the next settlement meets the same server, and reports it
        for run in due:
            self._unannounced.pop(run, None)


def _warn_of_late_end(delivery: Delivery) -> None:
    logger.warning(
        "Task %s was no longer ours when it ended; another worker has it, and its result stands",
        delivery.id,
    )


def _up_to(waiting: list[Settlement], most: int, most_bytes: int) -> list[Settlement]:
    """The first of them, as many as are written in one call."""
    batch = waiting[:most]
    size = 0
    for count, each in enumerate(batch):
        if each.record is not None or each.others:
            size += sum(len(record.body) for record in _records_of(each))
            if size > most_bytes and count:
                return batch[:count]
    return batch


def _without_record(settlement: Settlement) -> Settlement:
    return replace(settlement, record=None, others=())


def _records_of(settlement: Settlement) -> tuple[StoredRecord, ...]:
    record = settlement.record
    return settlement.others if record is None else (record, *settlement.others)
