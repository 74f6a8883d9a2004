"""From a call to a message, and from there to the broker.

What all calls of a task have in common (queue, priority, serializer, limits) is settled once and
kept as a `Plan` until a setting changes. A call is then: encode the arguments, and when it is
awaited write the message and hand it to the broker, which puts the calls of many coroutines into
one round trip.
"""

from __future__ import annotations

import asyncio
import builtins
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec import UNSET, Struct
from msgspec.structs import asdict

from asynq._time import time
from asynq.brokers.base import Parcel
from asynq.conf import Settings
from asynq.connections import Connections
from asynq.exceptions import EncodeError, OperationalError, PayloadTooLarge
from asynq.options import PLAIN, Call
from asynq.request import current
from asynq.result.handle import AsyncResult
from asynq.result.reading import Results
from asynq.result.submission import Submission
from asynq.result.waiting import check_may_wait
from asynq.routes import Router
from asynq.wire.arguments import Encoded, Returned
from asynq.wire.ids import new_id
from asynq.wire.message import Message, encode
from asynq.wire.sealing import Seal
from asynq.wire.serialization import check_accepted

Encoder = Callable[[Sequence[Any], Mapping[str, Any], str], Encoded]


class Asked(Struct, frozen=True, kw_only=True):
    """What a task asks for its calls; None: as routes and settings say."""

    queue: str | None = None
    routing_key: str | None = None
    priority: int | None = None
    serializer: str | None = None
    ignore_result: bool | None = None


class Plan(Struct, frozen=True, kw_only=True, eq=False):
    """What all calls of one task have in common, as long as no setting changes."""

    revision: int
    """Of the settings it was made from."""
    task: str
    asked: Asked
    queue: str | None
    """None: a routing function decides call by call."""
    priority: int
    serializer: str
    ignored: bool
    max_bytes: int
    eager: bool
    seal: Seal | None
    """What seals them; None: they go as they are."""


class Producer:
    """Sends an app's calls.

    Args:
        conf: The app's settings.
        connections: The app's connections.
        results: Where results of what is sent will be read.
    """

    def __init__(self, conf: Settings, connections: Connections, results: Results) -> None:
        self.connections = connections
        self.results = results
        self._conf = conf
        self._router: Router | None = None
        self._router_revision = -1

    @property
    def router(self) -> Router:
        """Routes as the settings say now."""
        conf = self._conf
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
        conf = self._conf
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
            seal=self.results.seal(),
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
    ) -> Sending:
        """Make a call ready to be sent. Its arguments are written now: change them later freely.

        Args:
            plan: Of the task.
            args: Positional arguments.
            kwargs: Named arguments.
            encoder: Writes the arguments.
            options: Of this call.
            returned: What the task returns, to read the result as annotated.
            task: What a routing function is given as the task.

        Raises:
            EncodeError: an argument can't be written.
            QueueNotFound: the queue is not declared, and must be.
        """
        if options is not PLAIN or plan.queue is None:
            plan = self._for_this_call(plan, args, kwargs, options, task)
        encoded = encoder(args, kwargs, plan.serializer)
        delay, due = self._when(options)
        return Sending(self, plan, encoded, options, delay, due, returned)

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
            check_accepted(serializer, self._conf.accept_content)
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
            seal=plan.seal,
        )

    def named_queue(self, queue: str | None, routing_key: str | None) -> str | None:
        """The queue that options name; None: they name none.

        Raises:
            QueueNotFound: it is not declared, and must be.
        """
        if queue is not None:
            return self.router.queue(queue)
        return None if routing_key is None else self.router.queue_for_key(routing_key)

    def _when(self, options: Call) -> tuple[float, float | None]:
        """Seconds to hold it back, and the Unix time; a countdown stands over an `eta`."""
        moment = options.eta
        if options.countdown is not None or moment is None:
            return options.countdown or 0.0, None
        if moment.tzinfo is None and (zone := self._conf.zone) is not None:
            moment = moment.replace(tzinfo=zone)
        return 0.0, moment.timestamp()


class Sending(Submission[Any]):
    """One call on its way to the broker."""

    __slots__ = (
        "_delay",
        "_due",
        "_encoded",
        "_options",
        "_parent_id",
        "_plan",
        "_producer",
        "_returned",
        "_root_id",
    )

    def __init__(
        self,
        producer: Producer,
        plan: Plan,
        encoded: Encoded,
        options: Call,
        delay: float,
        due: float | None,
        returned: Returned | None,
    ) -> None:
        super().__init__(options.task_id or new_id())
        self._producer = producer
        self._plan = plan
        self._encoded = encoded
        self._options = options
        self._delay = delay
        self._due = due
        self._returned = returned
        self._root_id, self._parent_id = options.root_id, options.parent_id
        request = current.get()
        if request is not None:  # a task calls another
            self._root_id = self._root_id or request.root_id or request.id
            self._parent_id = self._parent_id or (
                request.parent_id if request.called_directly else request.id
            )

    async def _depart(self, waiting: bool) -> AsyncResult[Any]:
        plan, connections = self._plan, self._producer.connections
        reply_to = None
        if not plan.ignored:
            if waiting:
                check_may_wait()  # before anything is sent
            reply_to = connections.backend().reply_address(waiting=waiting)
        parcel = Parcel(
            id=self.id,
            queue=plan.queue or "",
            body=self._body(reply_to),
            priority=plan.priority,
            delay=self._delay,
            due=self._due,
        )
        broker = connections.broker()
        seconds = self._options.publish_timeout
        if seconds is None:
            await broker.publish((parcel,))
        else:
            try:
                async with asyncio.timeout(seconds):
                    await broker.publish((parcel,))
            except builtins.TimeoutError:
                raise OperationalError(
                    f"{self!r} could not be published to {broker.location.server} within "
                    f"{seconds:g} s (publish_timeout); whether it arrived is not known"
                ) from None
        return AsyncResult(
            self.id,
            self._producer.results,
            self._returned,
            ignored=plan.ignored,
            announced=reply_to is not None,
        )

    def _body(self, reply_to: str | None) -> bytes:
        plan, options = self._plan, self._options
        args, kwargs, content = self._encoded
        eta = self._due if self._due is not None or not self._delay else time() + self._delay
        expires = options.result_expires
        message = Message(
            task=plan.task,
            args=args,
            kwargs=kwargs,
            content=content,
            priority=plan.priority,
            reply_to=reply_to,
            root_id=self._root_id,
            parent_id=self._parent_id,
            eta=eta,
            ignore_result=options.ignore_result,
            result_expires=None if expires is UNSET else expires or FOR_EVER,
            shadow=options.shadow,
            headers=options.headers,
        )
        try:
            body = encode(message, plan.serializer)
        except Exception as error:  # the arguments are bytes already
            raise EncodeError(f"the headers of {self!r} can't be written: {error}") from error
        if len(body) > plan.max_bytes:
            raise PayloadTooLarge(
                f"the message for {plan.task} has {len(body):,} bytes, the limit is "
                f"{plan.max_bytes:,} (message_max_bytes): store large data elsewhere and send "
                "where it is"
            )
        if plan.seal is None:
            return body
        return plan.seal.seal(body, queue=plan.queue or "", id=self.id, due=eta)

    def __repr__(self) -> str:
        return f"<call of {self._plan.task}: {self.id}>"


FOR_EVER: Final = 0.0
"""What a message says of a result that is kept for ever."""
