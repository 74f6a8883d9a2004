"""From how a run ended to what follows from it: its message, its record, what is sent.

One clause an outcome. Nothing is written here: `settlement` writes it, all of one ending at once.

The message of a task with `acks_late=False` was spent before it ran: it goes back only where the
task itself wants another run, and what is cut off has failed.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from asynq import states
from asynq._time import time
from asynq.brokers.base import (
    ACK,
    Advance,
    Bury,
    Parcel,
    Requeue,
    Settlement,
    StoredRecord,
    Verdict,
)
from asynq.exceptions import PayloadTooLarge, TaskRevokedError, WorkerLostError
from asynq.execution.outcome import (
    Effect,
    Failed,
    Ignored,
    Interrupted,
    Outcome,
    Rejected,
    Replaced,
    Retrying,
    Revoked,
    Success,
)
from asynq.execution.retries import next_message
from asynq.execution.run import failed
from asynq.wire.attempts import remember
from asynq.wire.failures import Failure
from asynq.wire.flow import with_input
from asynq.wire.message import Message, encode
from asynq.worker.admission import GROWTH, Refusal
from asynq.worker.following import advances, news
from asynq.worker.records import Records
from asynq.worker.state import Run

REASON = 1000
"""Characters of an error that are kept with a dead letter."""


REQUEUE_PAUSE = 1.0
"""Seconds before a message that its task has put back runs again. One that always does so, at once,
would keep a worker and its log as busy as they can be, for nothing."""


NOTHING: Final[tuple[Advance, ...]] = ()


class Fate(Enum):
    """What becomes of the message of a run that has failed."""

    OVER = "over"
    AGAIN = "goes back"
    BURIED = "kept as a dead letter"


def fate_of(run: Run, outcome: Failed) -> Fate:
    """What becomes of its message: by the task's options, and by whether it killed its process."""
    terms = run.task.terms
    if run.acknowledged:
        return Fate.OVER
    if run.guilty:
        return Fate.BURIED
    if outcome.lost and terms.reject_on_worker_lost:
        return Fate.AGAIN
    return Fate.OVER if terms.acks_on_failure_or_timeout else Fate.BURIED


class Effects:
    """Says what follows from outcomes.

    Args:
        records: Writes what is stored.
        max_bytes: The largest message, `message_max_bytes`; None: any.
    """

    def __init__(self, records: Records, *, max_bytes: int | None = None) -> None:
        self._records = records
        self._max_bytes = max_bytes
        self._seal = records.seal

    def of(self, run: Run, outcome: Outcome) -> tuple[Outcome, Settlement | None]:
        """What follows from how the run ended.

        Returns:
            The outcome as it is stored (a value that can't be written has become a failure), and
            what follows; None: nothing, the delivery is another worker's.
        """
        try:
            return outcome, self._of(run, outcome)
        except Exception as error:  # whatever a value's own methods do
            broken = failed(run.task, error)
            return broken, self._failed(run, broken)

    def of_refusal(self, refusal: Refusal) -> Settlement:
        """What becomes of a delivery that does not run; who waits is told if that is final."""
        record = None
        message = refusal.message
        # Who calls with ignore_result=True waits for nothing; and of a retry with throw=False the
        # result stands that was returned before.
        if refusal.final and message is not None and message.ignore_result is not True:
            record = self._records.refused(refusal.delivery, message, refusal.state, refusal.error)
        told: tuple[Parcel, ...] = ()
        if refusal.final and message is not None and message.flow is not None:
            failure = Failure.of(refusal.error)
            told = news(message, refusal.delivery, failure, self._seal, state=refusal.state)
        return Settlement(
            delivery=refusal.delivery, verdict=refusal.verdict, record=record, publish=told
        )

    def _of(self, run: Run, outcome: Outcome) -> Settlement | None:
        match outcome:
            case Success():
                return self._success(run, outcome)
            case Failed():
                return self._failed(run, outcome)
            case Retrying():
                return self._retrying(run, outcome)
            case Replaced():
                return self._replaced(run, outcome)
            case Ignored():
                return self._ignored(run, outcome)
            case Rejected():
                return self._rejected(run, outcome)
            case Revoked(reason):
                return self._revoked(run, reason)
            case Interrupted():
                return self._interrupted(run, outcome)

    def _success(self, run: Run, outcome: Success) -> Settlement:
        flow, advance = run.message.flow, NOTHING
        publish: tuple[Parcel, ...] = ()
        if flow is None:
            record = self._records.success(run, outcome)
        elif isinstance(outcome.value, Effect):
            return self._effect(run, outcome.value)
        else:
            record = self._records.success(run, outcome, even_if_ignored=True)
            advance = NOTHING if record is None else advances(flow, record.body)
            if outcome.effect is not None:
                advance = (*outcome.effect.advance, *advance)
                publish = outcome.effect.publish
            record = None if run.request.ignore_result else record
        if outcome.again is None:
            return _ended(run, record, publish, advance)
        # What it returned stands: Celery's `retry(throw=False)`. The next runs store nothing.
        message = replace(run.message, ignore_result=True, flow=None)
        parcel, _ = self._next(run, outcome.again, message)
        return _ended(run, record, (*publish, parcel), advance)

    def _failed(self, run: Run, outcome: Failed) -> Settlement:
        fate = fate_of(run, outcome)
        if fate is Fate.AGAIN:
            return Settlement(delivery=run.delivery, verdict=Requeue(crashed=True))
        record = self._records.failure(run, outcome.failure)
        if fate is Fate.OVER:
            return _ended(run, record, self._news(run, outcome.failure))
        return self._buried(run, outcome.failure, record)

    def _retrying(self, run: Run, outcome: Retrying) -> Settlement:
        parcel, message = self._next(run, outcome, run.message)
        record = self._records.retrying(run, outcome.failure, message.attempts)
        stays = parcel.queue == run.delivery.queue and parcel.priority == run.message.priority
        if not stays:
            return _ended(run, record, (parcel,))
        again = Requeue(body=parcel.body, delay=parcel.delay, due=parcel.due, reset=True)
        return Settlement(delivery=run.delivery, verdict=again, record=record)

    def _rejected(self, run: Run, outcome: Rejected) -> Settlement:
        if outcome.requeue:
            return Settlement(delivery=run.delivery, verdict=Requeue(delay=REQUEUE_PAUSE))
        record = self._records.failure(run, outcome.failure)
        if run.acknowledged:
            return _ended(run, record, self._news(run, outcome.failure))
        return self._buried(run, outcome.failure, record)

    def _buried(self, run: Run, failure: Failure, record: StoredRecord | None) -> Settlement:
        """Its message is kept aside, with the memory of this run."""
        delivery = run.delivery
        message = self._remembering(run.message, run, states.FAILURE, failure)
        body = encode(message, run.format)
        if self._seal is not None:
            body = self._seal.seal(body, queue=delivery.queue, id=delivery.id)
        verdict = Bury(self._reason(failure), with_input(body, run.input))
        told = self._news(run, failure)
        return Settlement(delivery=delivery, verdict=verdict, record=record, publish=told)

    def _replaced(self, run: Run, outcome: Replaced) -> Settlement:
        """Another has its place; it has stored nothing, and what follows waits for that one."""
        effect = outcome.effect or Effect()
        return _ended(run, None, effect.publish, effect.advance)

    def _ignored(self, run: Run, outcome: Ignored) -> Settlement:
        """It is over, and nothing of it is stored; but what waits for its value is told."""
        if run.message.flow is None:
            return _ended(run)
        error = Failure.of(TaskRevokedError(f"{run.label} raised Ignore: {outcome.reason}"))
        return _ended(run, None, self._news(run, error, state=states.REVOKED, silent=True))

    def _revoked(self, run: Run, reason: str) -> Settlement:
        record = self._records.revoked(run, reason)
        if run.message.flow is None:
            return _ended(run, record)
        error = Failure.of(TaskRevokedError(reason))
        return _ended(run, record, self._news(run, error, state=states.REVOKED))

    def _effect(self, run: Run, effect: Effect) -> Settlement:
        """What a task of our own has decided, all at once or not at all."""
        verdict: Verdict = ACK
        if effect.again is not None:
            args = Raw(msgspec.json.encode(effect.again))
            body = encode(replace(run.message, args=args, retries=0, attempts=()), run.format)
            if self._seal is not None:
                body = self._seal.seal(body, queue=run.delivery.queue, id=run.id)
            verdict = Requeue(body=with_input(body, run.input), reset=True)
        return Settlement(
            delivery=run.delivery,
            verdict=verdict,
            publish=effect.publish,
            advance=effect.advance,
            others=effect.others,
        )

    def _news(
        self, run: Run, failure: Failure, *, state: str = states.FAILURE, silent: bool = False
    ) -> tuple[Parcel, ...]:
        """What tells its workflow, if it is in one, of its failure."""
        if run.message.flow is None:
            return ()
        return news(run.message, run.delivery, failure, self._seal, state=state, silent=silent)

    def _interrupted(self, run: Run, outcome: Interrupted) -> Settlement | None:
        if outcome.lost:
            return None
        if run.acknowledged and run.entered and not outcome.delay:
            lost = WorkerLostError(
                f"{run.label} was cut off: {outcome.reason}. With acks_late=False it is not run "
                "again"
            )
            return self._failed(run, failed(run.task, lost))
        return Settlement(delivery=run.delivery, verdict=Requeue(delay=outcome.delay))

    def _next(self, run: Run, outcome: Retrying, message: Message) -> tuple[Parcel, Message]:
        """The message of the next run, as a parcel and as it is."""
        before, input = message, run.input
        message, delay, due = next_message(message, run.request, outcome, run.task, time())
        if message.args is not before.args and message.flow is not None:
            # It was given all its arguments, so nothing comes before them any more.
            message, input = replace(message, flow=message.flow.complete()), b""
        message = self._remembering(message, run, states.RETRY, outcome.failure)
        queue = str(outcome.changes.get("queue") or run.delivery.queue)
        body = encode(message, run.format)
        if self._max_bytes is not None and len(body) > self._max_bytes + GROWTH:
            raise PayloadTooLarge(
                f"the message of the next run of {run.label} has {len(body):,} bytes, the limit "
                f"is {self._max_bytes:,} (message_max_bytes)"
            )
        if self._seal is not None:
            body = self._seal.seal(body, queue=queue, id=run.delivery.id, due=message.eta)
        parcel = Parcel(
            id=run.delivery.id,
            queue=queue,
            body=with_input(body, input),
            priority=message.priority,
            delay=delay,
            due=due,
        )
        return parcel, message

    def _remembering(self, message: Message, run: Run, state: str, failure: Failure) -> Message:
        """The message, in which the run that has ended so is remembered."""
        attempt = self._records.attempt(run, state, failure)
        return replace(message, attempts=remember(message.attempts, attempt))

    def _reason(self, failure: Failure) -> str:
        """Why a message is a dead letter. What can't be read must not be told beside it."""
        if self._seal is not None and self._seal.encrypts:
            return failure.kind
        return f"{failure.kind}: {failure.text}"[:REASON]


def _ended(
    run: Run,
    record: StoredRecord | None = None,
    publish: tuple[Parcel, ...] = (),
    advance: tuple[Advance, ...] = (),
) -> Settlement:
    return Settlement(delivery=run.delivery, record=record, publish=publish, advance=advance)
