"""May this delivery run, here and now? Bytes to a `Run`, or to the reason why not.

Every refusal leaves the message somewhere: nothing that comes out of a queue is ever just dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from itertools import takewhile
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from asynq import states
from asynq._time import from_timestamp, monotonic, time
from asynq.brokers.base import ACK, Bury, Delivery, Requeue, Verdict, parked_until
from asynq.canvas.own import OWN
from asynq.exceptions import (
    AsynqError,
    ContentDisallowed,
    DecodeError,
    ImproperlyConfigured,
    NotRegistered,
    PayloadTooLarge,
    SecurityError,
    TaskRevokedError,
    WorkerLostError,
)
from asynq.execution.terms import Terms
from asynq.request import Request
from asynq.routes import check_name
from asynq.task import AnyTask
from asynq.wire.bounds import LONGEST
from asynq.wire.envelope import JSON, format_of
from asynq.wire.flow import split_input, with_input
from asynq.wire.message import Message, decode, encode
from asynq.wire.sealing import Seal
from asynq.wire.serialization import check_accepted
from asynq.wire.stamps import Stamps
from asynq.worker.state import Run

MAX_REDELIVERIES = 20
"""A message whose worker vanished this often is taken for the cause of it."""

UNKNOWN_PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before a message with an unknown task is tried again, on whatever worker comes."""

REVOKED_SECONDS = 60.0
"""How long a revocation is remembered here, for what was fetched before it and comes in after it.
The server remembers it for as long as was asked, and tells with what is fetched later."""

GROWTH = 64 * 1024
"""Bytes that a message may have above `message_max_bytes`: the memory of its attempts, a seal."""

KNOWN = 20
"""How many of the tasks known here are named to who looks for another."""


E = TypeVar("E", bound=Exception)


class TaskPausedError(AsynqError):
    """Somebody has paused the task."""


class Refusal(Struct, frozen=True):
    """Why a delivery does not run, and what becomes of it."""

    delivery: Delivery
    verdict: Verdict
    error: AsynqError
    message: Message | None = None
    """None: not even that could be read, so nobody can be told."""
    state: str = states.FAILURE
    """What is stored of it, if it will not run anywhere."""
    task: AnyTask | None = None
    """The task that does not run, where it is known and was not wanted, now or any more."""

    @property
    def final(self) -> bool:
        """It will not run anywhere."""
        return not isinstance(self.verdict, Requeue)

    @property
    def parked(self) -> bool:
        """It waits until its task is resumed."""
        return isinstance(self.error, TaskPausedError)

    @property
    def revoked(self) -> bool:
        """Somebody did not want it to run, or not so late."""
        return self.state == states.REVOKED


class Admission:
    """Decides over deliveries by the tasks and formats this worker knows."""

    def __init__(
        self,
        tasks: Mapping[str, AnyTask],
        *,
        hostname: str,
        accept: Collection[str],
        unknown_task_ttl: float,
        now: Callable[[], float] = time,
        seal: Seal | None = None,
        max_bytes: int | None = None,
    ) -> None:
        self._tasks = tasks
        self._hostname = hostname
        self._accept = frozenset(accept)
        self._unknown_task_ttl = unknown_task_ttl
        self.now = now
        """The broker's clock."""
        self._seal = seal
        self._max_bytes = None if max_bytes is None else max_bytes + GROWTH
        self.paused: Collection[str] = ()
        """Names of tasks that do not begin now."""
        self.stamps = Stamps()
        """Headers whose tasks do not run."""
        self._revoked: dict[str, float] = {}
        """Ids that were revoked lately, and until when that counts."""

    def revoke(self, ids: Iterable[str]) -> None:
        """Refuse these, should they come: the news of it may be faster than what was fetched."""
        now = monotonic()
        # In the order of their age: one that is revoked again goes to the end.
        over = takewhile(lambda each: each[1] <= now, self._revoked.items())
        for id, _ in list(over):
            del self._revoked[id]
        for id in ids:
            self._revoked.pop(id, None)
            self._revoked[id] = now + REVOKED_SECONDS

    def admit(self, delivery: Delivery) -> Run | Refusal:
        """Read the delivery and find its task; the arguments are read when it runs."""
        message = None
        try:
            body, input = self._opened(delivery)
            message = decode(body)
            self._check_format(body, message)
            return self._admit(delivery, message, format_of(body), input)
        except (DecodeError, PayloadTooLarge) as error:
            if isinstance(error, SecurityError):
                message = self._too_old(delivery)
            reason = f"{type(error).__name__}: {error}"
            return Refusal(delivery, Bury(reason), _bare(error), message)
        except Exception as error:  # a field with nonsense in it must not stop the worker
            nonsense = DecodeError(f"the message makes no sense: {type(error).__name__}: {error}")
            return Refusal(delivery, Bury(str(nonsense)), nonsense, message)

    def _opened(self, delivery: Delivery) -> tuple[bytes, bytes]:
        """The message's bytes, if it is one that may be read at all, and its input."""
        id, (body, input) = delivery.id, split_input(delivery.body)
        if not 0 < len(id) <= LONGEST or not id.isprintable():
            raise DecodeError(f"{id[:LONGEST]!a} is no task's id: 1 to {LONGEST} printable letters")
        if self._max_bytes is not None and len(body) > self._max_bytes:
            raise PayloadTooLarge(
                f"the message has {len(body):,} bytes, and message_max_bytes is "
                f"{self._max_bytes - GROWTH:,} here: it was not read"
            )
        if self._seal is not None:
            body = self._seal.open(body, queue=delivery.queue, id=id)
        return body, input

    def _too_old(self, delivery: Delivery) -> Message | None:
        """The message of which nothing is wrong but its age: who waits for it can be told."""
        if self._seal is None:
            return None
        try:
            id, queue = delivery.id, delivery.queue
            body, _ = split_input(delivery.body)
            return decode(self._seal.open(body, queue=queue, id=id, any_age=True))
        except DecodeError:
            return None

    def _admit(
        self, delivery: Delivery, message: Message, format: str, input: bytes
    ) -> Run | Refusal:
        if delivery.spent:
            return _spent(delivery, message)
        if delivery.revoked or (self._revoked and self._was_revoked(delivery.id)):
            return self._refuse(delivery, message, "revoked")
        if self.stamps and self.stamps.revoked(message.headers, self.now()):
            return self._refuse(delivery, message, "revoked")
        if message.expires is not None and self.now() > message.expires:
            return self._refuse(delivery, message, "expired")
        if delivery.redeliveries >= MAX_REDELIVERIES:
            lost = WorkerLostError(
                f"{message.task}[{delivery.id}]: {delivery.redeliveries} workers vanished while "
                "they ran it; it is kept aside"
            )
            return Refusal(delivery, Bury(str(lost)), lost, message)
        if self.paused and message.task in self.paused:
            paused = TaskPausedError(
                f"{message.task} is paused: it is put aside until it is resumed"
            )
            later = Requeue(due=parked_until(message.task))
            task = self._tasks.get(message.task)
            return Refusal(delivery, later, paused, message, task=task)
        task = self._tasks.get(message.task)
        if task is None:
            return self._unknown(delivery, message, format, input)
        terms = task.terms
        run = Run(
            delivery=delivery,
            message=message,
            task=task,
            request=(request := self._request(delivery, message, terms)),
            format=format,
            rate=terms.rate_limit,
        )
        if message.flow is not None:
            request.flow, request.input = message.flow, input
            run.input = input
        return run

    def _refuse(self, delivery: Delivery, message: Message, reason: str) -> Refusal:
        error, task = TaskRevokedError(reason), self._tasks.get(message.task)
        return Refusal(delivery, ACK, error, message, states.REVOKED, task)

    def _was_revoked(self, id: str) -> bool:
        until = self._revoked.get(id)
        return until is not None and monotonic() < until

    def _check_format(self, body: bytes, message: Message) -> None:
        serializer = message.content or format_of(body)
        if serializer not in self._accept and not (
            # Tasks of our own have plain arguments, whatever is accepted of others'.
            serializer == JSON and message.task.startswith(OWN)
        ):
            check_accepted(serializer, self._accept)
            raise ContentDisallowed(serializer)

    def _request(self, delivery: Delivery, message: Message, terms: Terms) -> Request:
        return Request(
            id=delivery.id,
            task=message.task,
            retries=message.retries,
            root_id=message.root_id or delivery.id,
            parent_id=message.parent_id,
            reply_to=message.reply_to,
            eta=None if message.eta is None else from_timestamp(message.eta).isoformat(),
            expires=(
                None if message.expires is None else from_timestamp(message.expires).isoformat()
            ),
            timelimit=_limits(message, terms),
            attempts=message.attempts,
            hostname=self._hostname,
            queue=delivery.queue,
            priority=message.priority,
            redeliveries=delivery.redeliveries,
            headers=message.headers,
            ignore_result=(
                terms.ignore_result if message.ignore_result is None else message.ignore_result
            ),
            shadow=message.shadow,
        )

    def _unknown(self, delivery: Delivery, message: Message, format: str, input: bytes) -> Refusal:
        """A task that is unknown here may be known to a newer worker: let one of them have it.

        Celery acknowledges and drops such a message; in a rolling deploy that loses tasks.
        """
        try:
            check_name(message.task, "task name")
        except ImproperlyConfigured as wrong:  # no worker anywhere can know it
            raise DecodeError(str(wrong)) from None
        first_seen = message.unknown_since or time()
        age = time() - first_seen
        error = NotRegistered(
            f"no task {message.task!r} in this worker. Is the module that defines it in `include`, "
            f"and has every worker of the queue {delivery.queue!r} been restarted since? "
            f"Known: {_known(message.task, tuple(sorted(self._tasks)))}"
        )
        if age >= self._unknown_task_ttl:
            return Refusal(delivery, Bury(f"NotRegistered: {message.task}"), error, message)
        pause = next((pause for pause in UNKNOWN_PAUSES if pause > age), UNKNOWN_PAUSES[-1])
        again = message
        if message.unknown_since is None:
            again = replace(message, unknown_since=first_seen)
        body = encode(again, format)
        if self._seal is not None:
            body = self._seal.seal(body, queue=delivery.queue, id=delivery.id, due=message.eta)
        again_later = Requeue(body=with_input(body, input), delay=pause)
        return Refusal(delivery, again_later, error, message)


def _bare(error: E) -> E:
    """The error alone. Its frames hold the message, be it of 100 MB, and are held by it in turn,
    until the garbage collector comes by."""
    error.__context__ = error.__cause__ = None
    return error.with_traceback(None)


def _spent(delivery: Delivery, message: Message) -> Refusal:
    lost = WorkerLostError(
        f"{message.task}[{delivery.id}]: its worker vanished while it ran, and with "
        "acks_late=False it is not run again"
    )
    return Refusal(delivery, ACK, lost, message)


def _limits(message: Message, terms: Terms) -> tuple[float | None, float | None]:
    """Seconds after which the run is ended, and after which it is warned."""
    hard, soft = message.time_limit, message.soft_time_limit
    return (
        terms.time_limit if hard is None else hard or None,
        terms.soft_time_limit if soft is None else soft or None,
    )


@lru_cache(100)  # for looking for near names takes milliseconds where there are hundreds
def _known(name: str, names: tuple[str, ...]) -> str:
    """The tasks there are, the nearest first, not all of many."""
    order = dict.fromkeys([*get_close_matches(name, names, KNOWN), *names])
    shown, more = list(order)[:KNOWN], len(names) - KNOWN
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "") or "none"
