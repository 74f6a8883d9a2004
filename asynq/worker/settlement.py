"""Agent: turns outcomes into effects, and settles them in batches.

What has finished since the last call went out is settled together in the next one: alone when the
worker is idle, by the hundred under load, and nothing is ever held back to fill a batch.

Where broker and backend are one server, a task's result and the end of its delivery are one
transaction. Elsewhere the order is store, then settle: a crash in between repeats work, and never
loses it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from msgspec.structs import replace

from asynq import states
from asynq._time import monotonic, time
from asynq.backends.base import ResultBackend
from asynq.brokers.base import (
    ACK,
    Broker,
    Delivery,
    Requeue,
    Settlement,
    StoredRecord,
    Verdict,
)
from asynq.exceptions import OperationalError, PayloadTooLarge
from asynq.execution.outcome import Ignored, Interrupted, Outcome, Revoked, Success
from asynq.execution.run import failed
from asynq.wire import envelope
from asynq.wire.failures import Failure
from asynq.wire.message import Message
from asynq.wire.record import Record, encode
from asynq.worker.admission import Refusal
from asynq.worker.outage import Outage
from asynq.worker.showing import shown
from asynq.worker.state import Run

logger = logging.getLogger("asynq.worker")

BATCH = 200
"""Settlements in one call: what a server does in well under 5 ms."""

BATCH_BYTES = 1024 * 1024
"""Of results in one call: a slow line carries so much before a connection counts as silent."""

SHOWN = 1024
"""Bytes of the arguments' text that `result_extended` keeps, of each kind."""

STARTED_AFTER = 0.25
"""Seconds a task must have run before STARTED is written: shorter ones go straight to the end."""


class Settlements:
    """What waits to be settled, and the loop that settles it."""

    def __init__(
        self,
        broker: Broker,
        backend: ResultBackend,
        *,
        hostname: str,
        serializer: str,
        max_bytes: int,
        extended: bool,
        expires: float | None,
    ) -> None:
        self._broker = broker
        self._backend = backend
        self._united = broker.unite(backend.location)
        self._hostname = hostname
        self._serializer = serializer
        self._max_bytes = max_bytes
        self._extended = extended
        self._expires = expires
        self._waiting: list[Settlement] = []
        self._unannounced: dict[Run, None] = {}
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def started(self, run: Run) -> None:
        """The run has begun; write STARTED if it lasts."""
        if run.task.track_started and not run.request.ignore_result:
            if not self._unannounced:
                self._wake.set()  # so that it is looked for, were nothing else to happen
            self._unannounced[run] = None

    def called(self, run: Run) -> None:
        """Its arguments are known: note them, before it may change them."""
        if self._extended:
            request = run.request
            run.called = shown((*request.args,), SHOWN), shown({**request.kwargs}, SHOWN)

    def ended(self, run: Run, outcome: Outcome) -> Outcome:
        """The run has ended: settle it.

        Returns:
            The outcome as it is stored: a value that can't be written has become a failure.
        """
        self._unannounced.pop(run, None)
        match outcome:
            case Interrupted(lost=True):
                return outcome
            case Interrupted():
                self._add(run.delivery, Requeue())
                return outcome
            case Success():
                try:
                    record = self._success(run, outcome)
                except Exception as error:  # whatever a value's own methods do
                    outcome = failed(run.task, error)
                else:
                    self._add(run.delivery, ACK, record)
                    return outcome
            case Ignored() | Revoked():
                self._add(run.delivery, ACK)
                return outcome
        self._add(run.delivery, ACK, self._failure(run, outcome.failure))
        return outcome

    def refused(self, refusal: Refusal) -> None:
        """The delivery will not run: do with it as decided, and tell who waits if it is final."""
        record = None
        if refusal.final and refusal.message is not None:
            failure = Record(
                status=states.FAILURE, error=Failure.of(refusal.error), date_done=time()
            )
            failure = self._extend(failure, refusal.message, refusal.delivery)
            body = encode(failure, envelope.JSON)
            asked = refusal.message.result_expires
            ttl = self._expires if asked is None else asked
            record = self._stored(refusal.delivery.id, body, refusal.message, ttl=ttl)
        self._add(refusal.delivery, refusal.verdict, record)

    def hand_back(self, deliveries: Sequence[Delivery]) -> None:
        """Give back what was never started."""
        for delivery in deliveries:
            self._add(delivery, Requeue())

    async def run(self) -> None:
        """Settle until cancelled."""
        outage = Outage("settle finished tasks")
        while True:
            await self._wait()
            await self._announce_started()
            while self._waiting:
                batch = self._next_batch()
                try:
                    await self._settle(batch)
                except OperationalError as error:
                    await outage.pause(error)
                    continue
                del self._waiting[: len(batch)]
                outage.over()
            self._idle.set()

    async def drained(self) -> None:
        """Wait until everything that was added is settled."""
        await self._idle.wait()

    def _add(
        self, delivery: Delivery, verdict: Verdict, record: StoredRecord | None = None
    ) -> None:
        self._waiting.append(Settlement(delivery=delivery, verdict=verdict, record=record))
        self._idle.clear()
        self._wake.set()

    async def _wait(self) -> None:
        """Until there is something to settle, or a running task is due to be called STARTED."""
        while not self._waiting:
            self._wake.clear()
            try:
                async with asyncio.timeout(STARTED_AFTER if self._unannounced else None):
                    await self._wake.wait()
            except TimeoutError:
                return

    def _next_batch(self) -> list[Settlement]:
        batch = self._waiting[:BATCH]
        size = 0
        for count, item in enumerate(batch):
            if item.record is not None:
                size += len(item.record.body)
                if size > BATCH_BYTES and count:
                    return batch[:count]
        return batch

    async def _settle(self, batch: list[Settlement]) -> None:
        settlements: Sequence[Settlement] = batch
        if not self._united:
            records = [item.record for item in batch if item.record is not None]
            if records:
                await self._backend.store(records)
            settlements = [
                Settlement(delivery=item.delivery, verdict=item.verdict, publish=item.publish)
                for item in batch
            ]
        ours = await self._broker.settle(settlements)
        for settlement, was_ours in zip(batch, ours, strict=True):
            if not was_ours:
                logger.warning(
                    "Task %s was no longer ours when it ended; another worker has it, and its "
                    "result stands",
                    settlement.delivery.id,
                )

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
            records = [self._started(run) for run in due if not run.request.reported]
            if records:
                await self._backend.store(records)
        except OperationalError:
            return  # the next settlement meets the same server, and reports it
        for run in due:
            self._unannounced.pop(run, None)

    def _started(self, run: Run) -> StoredRecord:
        record = Record(status=states.STARTED, worker=self._hostname, retries=run.message.retries)
        record = self._extend(record, run.message, run.delivery, run.called)
        return StoredRecord(
            id=run.delivery.id,
            body=encode(record, envelope.JSON),
            final=False,
            ttl=_ttl(run),
            reply_to=run.message.reply_to,
        )

    def _success(self, run: Run, outcome: Success) -> StoredRecord | None:
        if run.request.ignore_result:
            return None
        result, content = run.task.returned.encode(outcome.value, self._serializer)
        record = Record(
            result=result,
            content=content,
            date_done=time(),
            retries=run.message.retries,
        )
        record = self._extend(record, run.message, run.delivery, run.called)
        body = encode(record, self._serializer)
        if len(body) > self._max_bytes:
            raise PayloadTooLarge(
                f"the result of {run.label} has {len(body):,} bytes, the limit is "
                f"{self._max_bytes:,} (result_max_bytes): store large data elsewhere and return "
                "where it is"
            )
        return self._stored(run.delivery.id, body, run.message, ttl=_ttl(run))

    def _failure(self, run: Run, failure: Failure) -> StoredRecord | None:
        if run.request.ignore_result and not run.task.store_errors_even_if_ignored:
            return None
        record = Record(
            status=states.FAILURE,
            error=failure,
            date_done=time(),
            retries=run.message.retries,
        )
        record = self._extend(record, run.message, run.delivery, run.called)
        body = encode(record, envelope.JSON)
        return self._stored(run.delivery.id, body, run.message, ttl=_ttl(run))

    def _extend(
        self,
        record: Record,
        message: Message,
        delivery: Delivery,
        called: tuple[str, str] | None = None,
    ) -> Record:
        if not self._extended:
            return record
        args, kwargs = called or (None, None)
        return replace(
            record,
            retries=message.retries,
            worker=self._hostname,
            task=message.task,
            args=args,
            kwargs=kwargs,
            queue=delivery.queue,
        )

    def _stored(self, id: str, body: bytes, message: Message, *, ttl: float | None) -> StoredRecord:
        return StoredRecord(id=id, body=body, ttl=ttl, reply_to=message.reply_to)


def _ttl(run: Run) -> float | None:
    asked = run.message.result_expires
    if asked is None:
        return run.task.result_expires
    return asked or None
