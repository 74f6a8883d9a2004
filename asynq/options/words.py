"""The words: what may be said about a task, about one call of it, and about a retry."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol, TypedDict
from uuid import UUID

Pool = Literal["loop", "thread", "process"]


class Linkable(Protocol):
    """A call as data: a signature, a chain, a group, a chord."""

    def freeze(self, _id: str | None = None) -> object:
        """Settle its id."""
        ...


Linked = Linkable | Sequence[Linkable]


class TaskOptions(TypedDict, total=False):
    """Options of a task. What is left out, or None, is as the settings say.

    Keys:
        queue: the queue its calls go to; stands over `task_routes`.
        routing_key: another word for a queue, as declared in `task_queues`.
        priority: 0 to 9, 9 is the most urgent.
        serializer: what arguments and results are written with.
        ignore_result: keep no result.
        store_errors_even_if_ignored: keep errors all the same.
        result_expires: seconds (or a timedelta) to keep the result; None or 0: for ever.
        track_started: show STARTED while it runs.
        throws: errors that are part of its normal life: logged without a stack.
        pool: ``"loop"`` (default of `async def`), ``"thread"`` (default of `def`) or ``"process"``.
        typing: check the arguments against the signature when it is called.
        acks_late: a message is settled after its run (default), so a killed worker loses nothing;
            False: before, so it never runs twice, and is lost with its worker.
        acks_on_failure_or_timeout: False: a run that fails makes its message a dead letter.
        reject_on_worker_lost: with `pool="process"`: run it again when its process dies.
        expires: seconds (or a timedelta) after the call in which it must begin.
        max_retries: how often it may be retried (default 3); None: without end.
        retry_for: seconds (or a timedelta) from the first run in which it may be retried, instead
            of a count.
        default_retry_delay: seconds before a retry that says nothing else (default 180).
        autoretry_for: errors that it is retried for.
        dont_autoretry_for: errors among those that it is not retried for.
        retry_kwargs: what an automatic retry passes to `retry()`: `max_retries`, `countdown`.
        retry_backoff: seconds before the first automatic retry, doubled for each further one;
            True: 1, False: `default_retry_delay` instead.
        retry_backoff_max: the most seconds of those (default 600).
        retry_jitter: take a random part of those seconds (default).
        time_limit: seconds after which a run is ended, and has failed; 0: never.
        soft_time_limit: seconds after which `SoftTimeLimitExceeded` is raised in it; 0: never.
        rate_limit: how many runs each worker may begin: ``"10/s"``, ``"100/m"``, ``"2/h"``, or a
            number a second; 0: any.
    """

    queue: str | None
    routing_key: str | None
    priority: int | None
    serializer: str | None
    ignore_result: bool | None
    store_errors_even_if_ignored: bool | None
    result_expires: float | timedelta | None
    track_started: bool | None
    throws: type[BaseException] | Collection[type[BaseException]]
    pool: Pool | None
    typing: bool | None
    acks_late: bool | None
    acks_on_failure_or_timeout: bool | None
    reject_on_worker_lost: bool | None
    expires: float | timedelta | None
    max_retries: int | None
    retry_for: float | timedelta | None
    default_retry_delay: float | timedelta | None
    autoretry_for: type[BaseException] | Collection[type[BaseException]]
    dont_autoretry_for: type[BaseException] | Collection[type[BaseException]]
    retry_kwargs: Mapping[str, object] | None
    retry_backoff: float | timedelta | bool | None
    retry_backoff_max: float | timedelta | None
    retry_jitter: bool | None
    time_limit: float | timedelta | None
    soft_time_limit: float | timedelta | None
    rate_limit: str | float | None


class CallOptions(TypedDict, total=False):
    """Options of one call, for `apply_async` and `send_task`. None: not given.

    Keys:
        task_id: the id to use; default: a new one.
        countdown: seconds (or a timedelta) from now before it may run; stands over `eta`.
        eta: when it may run: a datetime (naive: in the app's `timezone`) or ISO 8601 text.
        expires: the last moment it may begin: seconds (or a timedelta) from now, a datetime or ISO
            8601 text. Later it is REVOKED.
        time_limit: seconds after which a run is ended, and has failed; 0: never.
        soft_time_limit: seconds after which `SoftTimeLimitExceeded` is raised in it; 0: never.
        queue: the queue it goes to; stands over everything else.
        routing_key: another word for a queue, as declared in `task_queues`.
        priority: 0 to 9, 9 is the most urgent.
        serializer: what its arguments are written with.
        headers: values of your own, for `self.request.headers`.
        ignore_result: keep no result of this call.
        result_expires: seconds (or a timedelta) to keep its result; None or 0: for ever.
        shadow: the name to show in logs.
        publish_timeout: seconds to wait for a broker that can't be reached.
        retry: True: try again until then. (False is not in this release.)
        root_id: the first task of the tree it belongs to; default: that of the running task.
        parent_id: the task that made the call; default: the running one.
        link: a signature, or several, called with its value when it has succeeded.
        link_error: a signature, or several, called when it has failed.
        workflow_timeout: seconds (or a timedelta) after which what is left of the workflow that it
            begins, or is a part of, is revoked; they count from when that is sent.
    """

    task_id: str | UUID | None
    countdown: float | timedelta | None
    eta: datetime | str | None
    expires: float | timedelta | datetime | str | None
    time_limit: float | timedelta | None
    soft_time_limit: float | timedelta | None
    queue: str | None
    routing_key: str | None
    priority: int | None
    serializer: str | None
    headers: Mapping[str, object] | None
    ignore_result: bool | None
    result_expires: float | timedelta | None
    shadow: str | None
    publish_timeout: float | timedelta | None
    retry: bool | None
    root_id: str | None
    parent_id: str | None
    link: Linked | None
    link_error: Linked | None
    workflow_timeout: float | timedelta | None


class RetryOptions(TypedDict, total=False):
    """What a retry may change for the next run, for `Task.retry`. None: as it was.

    Keys:
        expires, time_limit, soft_time_limit, queue, routing_key, priority, headers, ignore_result,
        result_expires, shadow: as in `CallOptions`.
    """

    expires: float | timedelta | datetime | str | None
    time_limit: float | timedelta | None
    soft_time_limit: float | timedelta | None
    queue: str | None
    routing_key: str | None
    priority: int | None
    headers: Mapping[str, object] | None
    ignore_result: bool | None
    result_expires: float | timedelta | None
    shadow: str | None
