"""What a task can do and be told while it runs: its request, progress, retries, hooks."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NoReturn, Unpack, overload

from msgspec import UNSET

from asynq import states
from asynq.application import Application
from asynq.brokers.base import StoredRecord
from asynq.canvas import Canvas
from asynq.conf.kinds import per_second
from asynq.exceptions import Replaced, Retry
from asynq.execution.hooks import NAMES, ExceptionInfo, Hooks
from asynq.execution.retries import Policy, brief, handled, refused
from asynq.execution.terms import Terms
from asynq.options import RetryOptions, read_retry_options
from asynq.request import DIRECT, Request, current
from asynq.task.attributes import Attributes
from asynq.wire.arguments import Parameters, Returned
from asynq.wire.record import Record, encode
from asynq.wire.serialization import encode_value

OURS: Final = "asynq."
"""What the names of tasks begin with that are asynq's own."""

Hooked = Awaitable[None] | None
"""What a hook gives: it may be a `def` or an `async def`."""


class Running(Attributes):
    """A task, as the code that it runs sees it."""

    parameters: Parameters
    returned: Returned

    _terms: Terms | None = None

    @property
    def request(self) -> Request:
        """The call that runs here now; one without an id where the task does not run."""
        request = current.get()
        return request if request is not None and request.task == self.name else DIRECT

    @property
    def terms(self) -> Terms:
        """What running it needs to know of its options and hooks, prepared."""
        app = self._app
        if app is None:  # shared: which app is the current one may change
            return self._settle_terms(self.app)
        terms = self._terms
        if terms is None or terms.revision != app.conf.revision:
            terms = self._settle_terms(app)
            object.__setattr__(self, "_terms", terms)
        return terms

    async def update_state(
        self, task_id: str | None = None, state: str | None = None, meta: Any = None
    ) -> None:
        """Store a state on the way, such as progress, for `result.info` and `result.updates()`.

        An eager call has nowhere to show it: there it does nothing, unless
        `task_store_eager_result` is on.

        Args:
            task_id: Of the call; None: the one that runs.
            state: Any name but those of final states; None: ``"PROGRESS"``.
            meta: What to tell, any value a task may return.

        Raises:
            ValueError: a final state (return, or raise, instead); or no task runs here.
            EncodeError: `meta` can't be written.
        """
        request = self.request
        id = task_id or request.id
        state = state or "PROGRESS"
        if state in states.READY_STATES:
            raise ValueError(f"{state} ends a task: return a value, or raise, instead")
        if id is None:
            raise ValueError(f"{self.name} does not run as a task here: give the task_id")
        conf = self.app.conf
        if request.is_eager and not conf.task_store_eager_result:
            return
        raw, content = encode_value(meta, conf.result_serializer, what="meta")
        record = Record(status=state, result=raw, content=content, retries=request.retries)
        body = encode(record, conf.result_serializer)
        seal = self.app.results.seal()
        if seal is not None:
            body = seal.seal_record(id, body)
        reply_to = None
        if id == request.id:
            reply_to = request.reply_to
            request.reported = True
        stored = StoredRecord(
            id=id, body=body, final=False, ttl=self.result_expires, reply_to=reply_to
        )
        await self.app.backend.store([stored])

    # Again

    @overload
    def retry(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        exc: BaseException | None = None,
        throw: Literal[True] = True,
        eta: datetime | str | None = None,
        countdown: float | timedelta | None = None,
        max_retries: int | None = None,
        **options: Unpack[RetryOptions],
    ) -> NoReturn: ...
    @overload
    def retry(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        exc: BaseException | None = None,
        *,
        throw: bool,
        eta: datetime | str | None = None,
        countdown: float | timedelta | None = None,
        max_retries: int | None = None,
        **options: Unpack[RetryOptions],
    ) -> Retry: ...
    def retry(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        exc: BaseException | None = None,
        throw: bool = True,
        eta: datetime | str | None = None,
        countdown: float | timedelta | None = None,
        max_retries: int | None = None,
        **options: Any,
    ) -> Retry:
        """Have this run followed by another, of the same id: ``raise self.retry(exc=error)``.

        It raises, so that what stands below it is not run. What it counts comes with this run: runs
        at the same time never count for each other.

        Args:
            args: Other positional arguments; None: the same.
            kwargs: Other named arguments; None: the same.
            exc: The reason, shown while it waits, and raised when no retry is left; None: the error
                that is being handled.
            throw: False: go on after it. What the task then returns is stored as its result, and
                stays; the next run stores nothing.
            eta: When to run again: a datetime (naive: in the app's `timezone`) or ISO 8601 text.
            countdown: Seconds (or a timedelta) until then, in place of `eta`; neither: the task's
                `default_retry_delay`.
            max_retries: How often at most, in place of the task's own.
            **options: What else shall be different, see `asynq.options.RetryOptions`. What is not
                given stays: a deadline (`expires`) holds for all runs together.

        Returns:
            With `throw=False`, what it would have raised.

        Raises:
            Retry: it will run again.
            MaxRetriesExceededError: it may not, and there is no `exc`; else `exc` itself.
            TypeError: the arguments do not fit the function, or there is no such option.
            OptionTypeError, OptionValueError: an option's value is wrong.
            QueueNotFound: the queue is not declared, and must be.
        """
        owner = f"{self.name}.retry()"
        options |= {"args": args, "kwargs": kwargs, "eta": eta, "countdown": countdown}
        changes = self._changes(read_retry_options(options, owner), owner)
        error = handled() if exc is None else exc
        if error is not None and not isinstance(error, BaseException):
            raise TypeError(f"{owner}: exc: expected an error, got {error!r}")
        request, policy = self.request, self.terms.retries
        if request.id is None:  # a plain call of the function: nobody would run it again
            raise error or Retry("the task is to be retried, and was called as a function")
        if not policy.allows(request, UNSET if max_retries is None else max_retries):
            raise refused(request, error)
        if max_retries is not None:
            changes["max_retries"] = max_retries
        when = policy.due(changes)
        why = "" if error is None else f": {brief(error)}"
        retry = Retry(f"Retry {_shown(when)}{why}", error, when, changes)
        if throw:
            raise retry
        request.again = retry
        return retry

    def replace(self, sig: Canvas[Any]) -> NoReturn:
        """Have another canvas take the place of this run: ``raise self.replace(other.s(1))``.

        It ends with this task's id: who waits for this task gets its value, and what comes after
        this task in a chain, a group or a chord comes after it. A group gives the list of its
        values. This run stores nothing, and neither hooks nor callbacks see it end.

        Args:
            sig: A signature, a chain, a group or a chord, with all its arguments. One that gives
                the values of a group with ``errors="collect"`` fails this task with a `ValueError`:
                errors among values are no result.

        Raises:
            Replaced: always; it is an `Ignore`.
            TypeError: it is none of these.
        """
        if not isinstance(sig, Canvas):
            raise TypeError(f"{self.name}.replace(): expected a signature, got {sig!r}")
        raise Replaced(sig.to_dict())

    def add_to_chord(self, sig: Canvas[Any]) -> None:
        """Add a member to the group that this run is a member of; what comes after the group waits
        for it too, and gets its value after the others.

        It begins together with the end of this run, once, and not at all where this run fails.

        Args:
            sig: A signature, a chain, a group or a chord, with all its arguments; as for `replace`.

        Raises:
            ValueError: this run is no member of a group in a workflow, or not its member's last.
            TypeError: it is no canvas.
        """
        if not isinstance(sig, Canvas):
            raise TypeError(f"{self.name}.add_to_chord(): expected a signature, got {sig!r}")
        request = self.request
        if request.flow is None or request.flow.member() is None:
            raise ValueError(
                f"{self.name}[{request.id}] does not end a member of a chord: there is nothing to "
                "add to"
            )
        request.added.append(sig.to_dict())

    def _changes(self, changes: dict[str, Any], owner: str) -> dict[str, Any]:
        """What a retry changes, checked against the function and the queues there are."""
        request = self.request
        if self.typing and ("args" in changes or "kwargs" in changes):
            args = changes.get("args", request.args)
            self.parameters.check(args, changes.get("kwargs", request.kwargs))
        queue, key = changes.pop("queue", None), changes.pop("routing_key", None)
        if queue is not None or key is not None:
            changes["queue"] = self.app.producer.named_queue(queue, key)
        return changes

    # Hooks: a class of your own overrides those it needs, as `def` or as `async def`. Those of a
    # task in a thread are called in a thread, where they may block.

    def before_start(self, task_id: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Hooked:
        """Called before every run; what it raises, the run has raised."""
        return None

    def on_success(
        self, retval: Any, task_id: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Hooked:
        """Called when it has returned."""
        return None

    def on_failure(
        self,
        exc: BaseException,
        task_id: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        einfo: ExceptionInfo,
    ) -> Hooked:
        """Called when it has failed for good."""
        return None

    def on_retry(
        self,
        exc: BaseException,
        task_id: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        einfo: ExceptionInfo,
    ) -> Hooked:
        """Called when it is to run again; `exc` is the reason."""
        return None

    def after_return(
        self,
        status: str,
        retval: Any,
        task_id: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        einfo: ExceptionInfo | None,
    ) -> Hooked:
        """Called last, when it is over: `status` is SUCCESS or FAILURE, `retval` what it returned
        or its error. Not called where it runs again, or raised `Ignore` or `Reject`."""
        return None

    def _settle_terms(self, app: Application) -> Terms:
        return Terms(
            revision=app.conf.revision,
            time_limit=self.time_limit or None,
            soft_time_limit=self.soft_time_limit or None,
            rate_limit=self._rate(app),
            acks_late=self.acks_late,
            acks_on_failure_or_timeout=self.acks_on_failure_or_timeout,
            reject_on_worker_lost=self.reject_on_worker_lost,
            retries=Policy(
                max_retries=self.max_retries,
                retry_for=self.retry_for,
                default_delay=self.default_retry_delay,
                autoretry_for=self.autoretry_for,
                dont_autoretry_for=self.dont_autoretry_for,
                changes=self.retry_kwargs,
                backoff=self.retry_backoff,
                backoff_max=self.retry_backoff_max,
                jitter=self.retry_jitter,
                zone=app.conf.zone,
            ),
            hooks=self._hooks(),
            middleware=app.middleware,
            result_serializer=app.conf.result_serializer,
            ignore_result=self.ignore_result,
            store_errors_even_if_ignored=self.store_errors_even_if_ignored,
            result_expires=self.result_expires,
            track_started=self.track_started,
        )

    def _rate(self, app: Application) -> float | None:
        """Ours are not limited: what waits for them is."""
        if app.conf.worker_disable_rate_limits or self.name.startswith(OURS):
            return None
        rate = self.rate_limit
        return None if rate is None else per_second(rate) or None

    def _hooks(self) -> Hooks | None:
        """Those that a class of its own defines, or that were put on the object."""
        there = {
            name: getattr(self, name)
            for name in NAMES
            if name in vars(self) or getattr(type(self), name) is not getattr(Running, name)
        }
        return Hooks(**there) if there else None


def _shown(when: float | datetime) -> str:
    return f"in {when:g}s" if isinstance(when, float) else f"at {when.isoformat()}"
