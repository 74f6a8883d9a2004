"""What is stored of a task: its outcome as the bytes of a record, with its address and lifetime."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from asynq import states
from asynq._time import monotonic, time
from asynq.brokers.base import Delivery, StoredRecord
from asynq.exceptions import PayloadTooLarge, TaskRevokedError
from asynq.execution.outcome import Success
from asynq.wire import envelope
from asynq.wire.attempts import LONGEST, Attempt, remember
from asynq.wire.failures import Failure
from asynq.wire.message import Message
from asynq.wire.record import Record, encode, moment
from asynq.wire.sealing import Seal
from asynq.worker.showing import shown
from asynq.worker.state import Run

SHOWN = 1024
"""Bytes of the arguments' text that `result_extended` keeps, of each kind."""


class Records:
    """Writes the records of one worker.

    Args:
        hostname: The worker's node name.
        serializer: What results are written with.
        max_bytes: The largest result.
        extended: Keep the task's name, arguments, worker and queue too (`result_extended`).
        expires: Seconds to keep what no task says a time for; None: for ever.
        seal: What closes records; None: they are stored as they are.
    """

    def __init__(
        self,
        *,
        hostname: str,
        serializer: str,
        max_bytes: int,
        extended: bool,
        expires: float | None,
        seal: Seal | None = None,
    ) -> None:
        self._hostname = hostname
        self._serializer = serializer
        self._max_bytes = max_bytes
        self._extended = extended
        self._expires = expires
        self.seal = seal

    def called(self, run: Run) -> None:
        """Its arguments are known: note them, before it may change them."""
        if self._extended:
            request = run.request
            run.called = shown((*request.args,), SHOWN), shown({**request.kwargs}, SHOWN)

    def started(self, run: Run) -> StoredRecord:
        """It runs."""
        record = Record(status=states.STARTED, worker=self._hostname, retries=run.message.retries)
        return self._of_run(run, record, envelope.JSON, final=False)

    def success(
        self, run: Run, outcome: Success, *, even_if_ignored: bool = False
    ) -> StoredRecord | None:
        """It has returned; None where its result is ignored.

        Raises:
            EncodeError: the value can't be written. Its own methods may raise whatever they like.
            PayloadTooLarge: the value is too large.
        """
        if run.request.ignore_result and not even_if_ignored:
            return None
        result, content = run.task.returned.encode(outcome.value, self._serializer)
        attempts: tuple[Attempt, ...] = ()
        if run.message.attempts:
            attempts = remember(run.message.attempts, self.attempt(run, states.SUCCESS))
        record = Record(
            result=result,
            content=content,
            done=moment(time()),
            retries=run.message.retries,
            attempts=attempts,
        )
        stored = self._of_run(run, record, self._serializer)
        if len(stored.body) > self._max_bytes:
            raise PayloadTooLarge(
                f"the result of {run.label} has {len(stored.body):,} bytes, the limit is "
                f"{self._max_bytes:,} (result_max_bytes): store large data elsewhere and return "
                "where it is"
            )
        return stored

    def failure(self, run: Run, failure: Failure) -> StoredRecord | None:
        """It has failed; None where not even that is kept."""
        if run.request.ignore_result and not run.task.terms.store_errors_even_if_ignored:
            return None
        return self._error(run, states.FAILURE, failure)

    def revoked(self, run: Run, reason: str) -> StoredRecord | None:
        """It was ended because somebody had revoked it."""
        if run.request.ignore_result:
            return None
        return self._error(run, states.REVOKED, Failure.of(TaskRevokedError(reason)))

    def retrying(
        self, run: Run, failure: Failure, attempts: tuple[Attempt, ...]
    ) -> StoredRecord | None:
        """It will run again."""
        if run.request.ignore_result:
            return None
        record = Record(
            status=states.RETRY, error=failure, retries=run.message.retries, attempts=attempts
        )
        return self._of_run(run, record, envelope.JSON, final=False)

    def refused(
        self, delivery: Delivery, message: Message, status: str, error: Exception
    ) -> StoredRecord:
        """It will never run; whoever waits is told, whatever the task says of its results."""
        record = Record(
            status=status,
            error=Failure.of(error),
            done=moment(time()),
            retries=message.retries,
            attempts=message.attempts,
        )
        if self._extended:
            record = self._extend(record, message, delivery)
        body = encode(record, envelope.JSON)
        if self.seal is not None:
            body = self.seal.seal_record(delivery.id, body)
        asked = message.result_expires
        ttl = self._expires if asked is None else asked or None
        return StoredRecord(id=delivery.id, body=body, ttl=ttl, reply_to=message.reply_to)

    def attempt(self, run: Run, state: str, failure: Failure | None = None) -> Attempt:
        """This run, as it is remembered."""
        seconds = monotonic() - run.started
        error = None if failure is None else f"{failure.kind}: {failure.text}"[:LONGEST]
        return Attempt(
            started=time() - seconds,
            seconds=seconds,
            worker=self._hostname,
            state=state,
            error=error,
        )

    def _error(self, run: Run, status: str, failure: Failure) -> StoredRecord:
        record = Record(
            status=status,
            error=failure,
            done=moment(time()),
            retries=run.message.retries,
            attempts=remember(run.message.attempts, self.attempt(run, status, failure)),
        )
        return self._of_run(run, record, envelope.JSON)

    def _of_run(
        self, run: Run, record: Record, serializer: str, *, final: bool = True
    ) -> StoredRecord:
        message, id = run.message, run.delivery.id
        if self._extended:
            record = self._extend(record, message, run.delivery, run.called)
        body = encode(record, serializer)
        if self.seal is not None:
            body = self.seal.seal_record(id, body)
        asked = message.result_expires
        return StoredRecord(
            id=id,
            body=body,
            final=final,
            ttl=run.task.terms.result_expires if asked is None else asked or None,
            reply_to=message.reply_to,
        )

    def _extend(
        self,
        record: Record,
        message: Message,
        delivery: Delivery,
        called: Sequence[str | None] | None = None,
    ) -> Record:
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
