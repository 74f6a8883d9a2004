"""From a call to what is sent: the plan of a task, and the call with its options and routes.

What all calls of a task have in common (queue, priority, serializer, limits) is settled once and
kept as a `Plan` until a setting changes. A call is then: encode the arguments, and be a `Sending`,
which goes to the broker when it is awaited.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from msgspec import UNSET
from msgspec.structs import asdict

from asynq._time import time, to_timestamp
from asynq.brokers.base import Parcel
from asynq.conf import Settings
from asynq.conf.settings import warn_caller
from asynq.connections import Connections
from asynq.middleware import Middleware
from asynq.options import PLAIN, Call
from asynq.result.reading import Results
from asynq.routes import Router
from asynq.sending import AT_ONCE, Asked, Encoder, Plan, Sending, Timing
from asynq.wire.arguments import Returned
from asynq.wire.message import Message
from asynq.wire.serialization import check_accepted

S = TypeVar("S", bound=Sending)


class Producer:
    """Sends an app's calls.

    Args:
        conf: The app's settings, which are `conf` too.
        connections: The app's connections.
        results: Where results of what is sent will be read.
        middleware: What wraps the sending; a list that may change.
        tell_sent: Tells the event that a call was sent; see `Sender.tell_sent`.
    """

    def __init__(
        self,
        conf: Settings,
        connections: Connections,
        results: Results,
        middleware: Sequence[Middleware] = (),
        tell_sent: Callable[[Message, Parcel, float], None] = lambda *_: None,
    ) -> None:
        self._tell_sent = tell_sent
        self.connections = connections
        self.results = results
        self.middleware = middleware
        self.conf = conf
        self._router: Router | None = None
        self._router_revision = -1

    @property
    def router(self) -> Router:
        """Routes as the settings say now."""
        conf = self.conf
        if self._router is None or self._router_revision != conf.revision:
            self._router = Router(
                conf.task_routes,
                conf.task_queues,
                conf.task_default_queue,
                conf.task_create_missing_queues,
            )
            self._router_revision = conf.revision
        return self._router

    def plan(self, task: str, asked: Asked) -> Plan:
        """Settle what all calls of a task have in common.

        Raises:
            QueueNotFound: its calls would go to a queue that is not declared, and must be.
            ContentDisallowed: its serializer is not in `accept_content`.
        """
        conf = self.conf
        if task.startswith("__main__."):
            warnings.warn(
                f"{task!r} is named after the script that was started: a worker that imports it "
                "knows it by another name. Name the app, Asynq('proj'), or the task",
                RuntimeWarning,
                stacklevel=2,
            )
        queue = self.named_queue(asked.queue, asked.routing_key)
        route = self.router.static_route(task)
        serializer = asked.serializer
        priority = asked.priority
        if route is not None:
            queue = route.queue if queue is None else queue
            serializer = serializer or route.serializer
            priority = route.priority if priority is None else priority
        serializer = serializer or conf.task_serializer
        check_accepted(serializer, conf.accept_content)
        ignored = asked.ignore_result
        return Plan(
            revision=conf.revision,
            task=task,
            asked=asked,
            queue=None if route is None else queue,
            priority=conf.task_default_priority if priority is None else priority,
            serializer=serializer,
            ignored=conf.task_ignore_result if ignored is None else ignored,
            max_bytes=conf.message_max_bytes,
            eager=conf.task_always_eager,
            expires=asked.expires,
            seal=self.results.seal(),
            tells=conf.task_send_sent_event,
        )

    def call(
        self,
        plan: Plan,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        *,
        encoder: Encoder,
        options: Call = PLAIN,
        returned: Returned | None = None,
        task: object = None,
        kind: type[S] = Sending,  # type: ignore[assignment]  # mypy can't default a type parameter
    ) -> S:
        """Make a call ready to be sent. Its arguments are written now: change them later freely.

        Args:
            plan: Of the task.
            args: Positional arguments.
            kwargs: Named arguments.
            encoder: Writes the arguments.
            options: Of this call.
            returned: What the task returns, to read the result as annotated.
            task: What a routing function is given as the task.
            kind: What to make of it.

        Raises:
            EncodeError: an argument can't be written.
            QueueNotFound: the queue is not declared, and must be.
        """
        if options is not PLAIN or plan.queue is None:
            plan = self._for_this_call(plan, args, kwargs, options, task)
        encoded = encoder(args, kwargs, plan.serializer)
        timing = AT_ONCE
        if options is not PLAIN or plan.expires is not None:
            timing = self._timing(plan, options)
        return kind(self, plan, args, kwargs, encoded, encoder, options, timing, returned)

    def _for_this_call(
        self,
        plan: Plan,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        options: Call,
        task: object,
    ) -> Plan:
        """The plan with what the call's options and a routing function say in it."""
        asked = plan.asked
        queue = self.named_queue(options.queue, options.routing_key)
        priority, serializer = options.priority, options.serializer
        if plan.queue is None:
            given = {k: v for k, v in asdict(options).items() if v is not None and v is not UNSET}
            route = self.router.route(plan.task, args, kwargs, given, task)
            queue = queue or self.named_queue(asked.queue, asked.routing_key) or route.queue
            if priority is None:
                priority = route.priority if asked.priority is None else asked.priority
            serializer = serializer or asked.serializer or route.serializer
        serializer = serializer or plan.serializer
        if serializer != plan.serializer:
            check_accepted(serializer, self.conf.accept_content)
        ignored = options.ignore_result
        return Plan(
            revision=plan.revision,
            task=plan.task,
            asked=asked,
            queue=queue or plan.queue,
            priority=plan.priority if priority is None else priority,
            serializer=serializer,
            ignored=plan.ignored if ignored is None else ignored,
            max_bytes=plan.max_bytes,
            eager=plan.eager,
            expires=plan.expires,
            seal=plan.seal,
            tells=plan.tells,
        )

    def named_queue(self, queue: str | None, routing_key: str | None) -> str | None:
        """The queue that options name; None: they name none.

        Raises:
            QueueNotFound: it is not declared, and must be.
        """
        if queue is not None:
            return self.router.queue(queue)
        return None if routing_key is None else self.router.queue_for_key(routing_key)

    def tell_sent(self, message: Message, parcel: Parcel, at: float) -> None:
        """Tell the event that a call was sent."""
        self._tell_sent(message, parcel, at)

    def _timing(self, plan: Plan, options: Call) -> Timing:
        """When a call may begin; a countdown stands over an `eta`."""
        delay, due = options.countdown or 0.0, None
        if options.countdown is None and options.eta is not None:
            due = to_timestamp(options.eta, self.conf.zone)
        expires = plan.expires if options.expires is None else options.expires
        if expires is not None:
            expires = self._deadline(plan.task, expires)
        return Timing(delay=delay, due=due, expires=expires)

    def _deadline(self, task: str, expires: float | datetime) -> float:
        """The Unix time at which a call expires."""
        now = time()
        if isinstance(expires, datetime):
            deadline = to_timestamp(expires, self.conf.zone)
        else:
            deadline = now + expires
        if deadline <= now:
            warn_caller(
                f"expires of this call of {task} is in the past: it will be REVOKED, not run",
                RuntimeWarning,
            )
        return deadline
