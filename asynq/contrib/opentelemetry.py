"""Traces with OpenTelemetry: `pip install 'asynq-tasks[opentelemetry]'`.

::

    app = Asynq("proj", middleware=[OpenTelemetry()])

A call has a PRODUCER span, a run a CONSUMER span. What ties them together travels in the message's
headers, as the configured propagator writes it: W3C's ``traceparent``, and baggage. Names and
attributes follow the semantic conventions for messaging, but for the name of a run's span: they
would name it after the queue, and a queue carries all kinds of tasks.

Only the API is used. Without an SDK that the program sets up, nothing is recorded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Final, Literal

from opentelemetry import propagate, trace
from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, TracerProvider
from opentelemetry.util.types import AttributeValue

from asynq._version import __version__
from asynq.current import get_current_task
from asynq.exceptions import Ignore, ImproperlyConfigured, Reject, Replaced, Retry
from asynq.execution.outcome import Failed, Ignored, Outcome, Rejected, Retrying
from asynq.execution.outcome import Replaced as GivenAway
from asynq.execution.run import Raised, ended
from asynq.middleware import Middleware, Outgoing
from asynq.request import Request, current

__all__ = ["OpenTelemetry"]

SYSTEM: Final = "asynq"
LONGEST: Final = 1000
"""Letters of an error's text in a status or an event."""

_last_run: ContextVar[tuple[Request, Context] | None] = ContextVar("asynq.otel.run", default=None)
"""The run whose function has returned in this context, and its span. What it has asked for
(`self.replace`, `self.add_to_chord`) is sent when its span has ended, and is its child still."""


class OpenTelemetry(Middleware):
    """Makes a span of every call and of every run.

    Let it be the first in the list of middleware, so that what the others do is in its spans.

    Args:
        consumer: How a run's span knows the call's. ``"child"``: it is a child of it, in one trace
            with what made the call. ``"link"``: it begins a trace of its own, with a link to it:
            for queues in which tasks wait for long, or calls that start very many.
        tracer_provider: Makes the spans; None: the one that is set for the whole program, now or
            later.
        propagator: Writes and reads headers; None: the one that is set for the whole program.

    Raises:
        ImproperlyConfigured: `consumer` is neither of the two.
    """

    def __init__(
        self,
        *,
        consumer: Literal["child", "link"] = "child",
        tracer_provider: TracerProvider | None = None,
        propagator: TextMapPropagator | None = None,
    ) -> None:
        if consumer not in ("child", "link"):
            raise ImproperlyConfigured(f"consumer: expected 'child' or 'link', got {consumer!r}")
        self._linked = consumer == "link"
        self._tracer = trace.get_tracer("asynq", __version__, tracer_provider)
        self._propagator = propagator

    async def publish(self, outgoing: Outgoing, proceed: Callable[[], Awaitable[None]]) -> None:
        """See `Middleware.publish`: the call's span, written into its headers."""
        base = self._caller()
        span = self._tracer.start_span(
            f"publish {outgoing.queue}",
            context=base,
            kind=SpanKind.PRODUCER,
            attributes={
                "messaging.system": SYSTEM,
                "messaging.operation.name": "publish",
                "messaging.operation.type": "send",
                "messaging.destination.name": outgoing.queue,
                "messaging.message.id": outgoing.id,
                "asynq.task.name": outgoing.task,
            },
        )
        here = trace.set_span_in_context(span, base)
        token = attach(here)
        try:
            # Over what may stand there: a task that passes its own headers on is not its caller.
            self._textmap().inject(outgoing.headers, context=here)
            await proceed()
        except Exception as error:
            _record(span, error)
            span.set_status(_wrong(error))
            raise
        finally:
            detach(token)
            span.end()

    async def execute(self, request: Request, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """See `Middleware.execute`: the run's span."""
        remote = self._sender(request)
        sent = trace.get_current_span(remote).get_span_context()
        linked = self._linked and sent.is_valid and not request.is_eager
        span = self._tracer.start_span(
            f"run {request.task}",
            context=Context() if linked else remote,
            kind=SpanKind.INTERNAL if request.is_eager else SpanKind.CONSUMER,
            attributes=_about(request),
            links=[Link(sent)] if linked else None,
        )
        here = trace.set_span_in_context(span, remote)
        token = attach(here)
        _last_run.set((request, here))
        try:
            value = await proceed()
        except asyncio.CancelledError:
            span.set_status(Status(StatusCode.ERROR, "cut off: its time, a revocation or a stop"))
            span.add_event("cut off")
            raise
        except BaseException as error:
            if span.is_recording():
                _raised(span, request, error)
            raise
        else:
            again = request.again is not None
            span.set_attribute("asynq.task.state", "RETRY" if again else "SUCCESS")
            return value
        finally:
            detach(token)
            span.end()

    def _textmap(self) -> TextMapPropagator:
        return self._propagator or propagate.get_global_textmap()

    def _caller(self) -> Context:
        """What a call is made in: the current span, or the run that has just ended here."""
        here = get_current()
        if trace.get_current_span(here).get_span_context().is_valid:
            return here
        request = current.get()
        if request is None or request.called_directly:
            return here
        last = _last_run.get()
        if last is not None and last[0] is request:
            return last[1]
        return self._sender(request)  # it ran in a child process

    def _sender(self, request: Request) -> Context:
        """What the call of a run was made in, as its headers say: they come from a message, so
        anything may be in them. What runs without a message runs where it was called."""
        found = {k: v for k, v in (request.headers or {}).items() if isinstance(v, str)}
        base = get_current() if request.is_eager else Context()
        if request.is_eager or not found:
            return base
        return self._textmap().extract(found, context=base)


def _about(request: Request) -> dict[str, AttributeValue]:
    about: dict[str, AttributeValue] = {
        "asynq.task.name": request.task,
        "asynq.task.retries": request.retries,
        "messaging.message.id": request.id or "",
    }
    if not request.is_eager:
        about |= {
            "messaging.system": SYSTEM,
            "messaging.operation.name": "run",
            "messaging.operation.type": "process",
            "messaging.destination.name": request.queue,
            "messaging.client.id": request.hostname,
        }
    more = {
        "messaging.message.conversation_id": request.root_id,
        "asynq.task.parent_id": request.parent_id,
        "asynq.task.redeliveries": request.redeliveries or None,
        "asynq.workflow.id": request.workflow,
    }
    return about | {name: value for name, value in more.items() if value is not None}


def _raised(span: Span, request: Request, error: BaseException) -> None:
    """Say what an error means, as what follows will understand it."""
    task = get_current_task()
    outcome = None if task is None else ended(task, request, Raised(error))
    state = _state(outcome, error)
    span.set_attribute("asynq.task.state", state)
    match outcome:
        case Retrying(reason):
            if not isinstance(reason, Retry):
                _record(span, reason)
            when = {} if outcome.due is not None else {"asynq.retry.delay": outcome.delay}
            span.add_event("retry", {"asynq.retry.reason": _text(reason), **when})
        case Failed(raised):
            _record(span, raised)
            if not outcome.expected:
                span.set_status(_wrong(raised))
        case Rejected(requeue=False):
            span.set_status(_wrong(error))
        case None if state == "FAILURE":
            _record(span, error)
            span.set_status(_wrong(error))


def _state(outcome: Outcome | None, error: BaseException) -> str:
    match outcome, error:
        case (Retrying(), _) | (None, Retry()):
            return "RETRY"
        case (GivenAway(), _) | (None, Replaced()):
            return "REPLACED"
        case (Ignored(), _) | (None, Ignore()):
            return "IGNORED"
        case (Rejected(), _) | (None, Reject()):
            return "REJECTED"
    return "FAILURE"


def _record(span: Span, error: BaseException) -> None:
    if isinstance(error, Exception):
        span.record_exception(error)
    span.set_attribute("error.type", f"{type(error).__module__}.{type(error).__qualname__}")


def _wrong(error: BaseException) -> Status:
    return Status(StatusCode.ERROR, _text(error))


def _text(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:LONGEST]
    except Exception:  # its own text is broken
        return type(error).__name__
