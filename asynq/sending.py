"""A call on its way: from what was asked for to a message, and to the broker.

The calls of many coroutines share one round trip; that is the broker's doing. Here a call is made
bytes and handed over, through the app's middleware and past the receivers of `before_task_publish`
and `after_task_publish` where there are any.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final, Protocol

from msgspec import UNSET, Struct
from msgspec.structs import replace

from asynq import signals
from asynq._time import from_timestamp, monotonic, time
from asynq.brokers.base import Parcel
from asynq.connections import Connections
from asynq.exceptions import EncodeError, PayloadTooLarge
from asynq.middleware import Middleware, Outgoing, wrapped
from asynq.options import PLAIN, Call
from asynq.request import current
from asynq.result.handle import AsyncResult
from asynq.result.reading import Results
from asynq.result.submission import Submission
from asynq.result.waiting import check_may_wait
from asynq.wire.arguments import Encoded, Returned
from asynq.wire.ids import new_id
from asynq.wire.message import Message, encode
from asynq.wire.sealing import Seal

Encoder = Callable[[Sequence[Any], Mapping[str, Any], str], Encoded]


class Asked(Struct, frozen=True, kw_only=True):
    """What a task asks for its calls; None: as routes and settings say."""

    queue: str | None = None
    routing_key: str | None = None
    priority: int | None = None
    serializer: str | None = None
    ignore_result: bool | None = None
    expires: float | None = None


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
    expires: float | None
    """Seconds after the call in which it must begin."""
    seal: Seal | None
    """What seals them; None: they go as they are."""
    tells: bool = False
    """An event says that one was sent."""


class Sender(Protocol):
    """What sending needs of who sends."""

    connections: Connections
    results: Results
    middleware: Sequence[Middleware]

    def named_queue(self, queue: str | None, routing_key: str | None) -> str | None:
        """The queue that options name; raises where there is none."""
        ...

    def tell_sent(self, message: Message, parcel: Parcel, at: float) -> None:
        """Tell the event that it was sent, on the monotonic clock at that time."""
        ...


class Timing(Struct, frozen=True, kw_only=True, eq=False):
    """When a call may begin."""

    delay: float = 0.0
    """Seconds to hold it back."""
    due: float | None = None
    """The Unix time to hold it back until; stands over `delay`."""
    expires: float | None = None
    """The Unix time at which it is too late."""


AT_ONCE: Final = Timing()


class Sending(Submission[Any]):
    """One call on its way to the broker.

    Args:
        sender: Who sends it.
        plan: What it has in common with other calls.
        args: Its positional arguments.
        kwargs: Its named arguments.
        encoded: Both, as bytes.
        encoder: What wrote them.
        options: Of this call.
        timing: When it may begin.
        returned: What the task returns, to read the result as annotated.
    """

    __slots__ = (
        "_announced",
        "_args",
        "_encoded",
        "_encoder",
        "_headers",
        "_kwargs",
        "_options",
        "_parent_id",
        "_plan",
        "_returned",
        "_root_id",
        "_sender",
        "_timing",
    )

    def __init__(
        self,
        sender: Sender,
        plan: Plan,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        encoded: Encoded,
        encoder: Encoder,
        options: Call,
        timing: Timing,
        returned: Returned | None,
    ) -> None:
        super().__init__(options.task_id or new_id())
        self._sender = sender
        self._plan = plan
        self._args = args
        self._kwargs = kwargs
        self._encoded = encoded
        self._encoder = encoder
        self._options = options
        self._timing = timing
        self._returned = returned
        self._headers = options.headers
        self._root_id, self._parent_id = options.root_id, options.parent_id
        request = current.get()
        if request is not None:  # a task calls another
            self._root_id = self._root_id or request.root_id or request.id
            self._parent_id = self._parent_id or (
                request.parent_id if request.called_directly else request.id
            )

    def _depart(self, waiting: bool) -> Awaitable[None]:
        if waiting and not self._plan.ignored:
            check_may_wait()  # before anything is sent
        if self._sender.middleware:
            return self._publish_wrapped(waiting)
        message, parcel = self._letter(waiting)
        if signals.PUBLISHING.receivers:
            return self._publish_told(message, parcel)
        return self._hand_over(message, parcel)

    def _arrived(self) -> AsyncResult[Any]:
        return AsyncResult(
            self.id, self._sender.results, self._returned, self._plan.ignored, self._announced
        )

    async def _publish_wrapped(self, waiting: bool) -> None:
        """Publish it as the middleware wants it."""
        plan, sent = self._plan, False
        outgoing = Outgoing(
            id=self.id,
            task=plan.task,
            args=self._args,
            kwargs=self._kwargs,
            headers=dict(self._headers or {}),
            queue=plan.queue or "",
            priority=plan.priority,
        )

        async def proceed() -> None:
            nonlocal sent
            self._change(outgoing)
            message, parcel = self._letter(waiting)
            if signals.PUBLISHING.receivers:
                await self._publish_told(message, parcel)
            else:
                await self._hand_over(message, parcel)
            sent = True

        await wrapped(attrgetter("publish"), self._sender.middleware, outgoing, proceed)()
        if not sent:  # who waits for its result would wait for ever
            raise RuntimeError(
                f"a middleware's publish() did not proceed, so {self!r} was not sent: raise an "
                "error of your own there to refuse a call"
            )

    def _change(self, outgoing: Outgoing) -> None:
        plan = self._plan
        if (outgoing.queue, outgoing.priority) != (plan.queue, plan.priority):
            queue = self._sender.named_queue(outgoing.queue, None)
            self._plan = replace(plan, queue=queue, priority=outgoing.priority)
        args, kwargs = outgoing.args, outgoing.kwargs
        if args is not self._args or kwargs is not self._kwargs:
            self._args, self._kwargs = args, kwargs
            self._encoded = self._encoder(args, kwargs, plan.serializer)
        self._headers = outgoing.headers or None

    def _letter(self, waiting: bool) -> tuple[Message, Parcel]:
        """What is sent: to read, and to carry."""
        plan, timing, reply_to = self._plan, self._timing, None
        if not plan.ignored:
            reply_to = self._sender.connections.backend().reply_address(waiting=waiting)
        self._announced = reply_to is not None
        message = self._message(reply_to)
        parcel = Parcel(
            id=self.id,
            queue=plan.queue or "",
            body=self._body(message),
            priority=plan.priority,
            delay=timing.delay,
            due=timing.due,
        )
        return message, parcel

    async def _publish_told(self, message: Message, parcel: Parcel) -> None:
        """Publish it, and tell who listens."""
        task, told = self._plan.task, self._told(message)
        await signals.before_task_publish.send(
            task, **told, properties=_properties(parcel, message), declare=[], retry_policy={}
        )
        await self._hand_over(message, parcel)
        await signals.after_task_publish.send(task, **told)

    def _hand_over(self, message: Message, parcel: Parcel) -> Awaitable[None]:
        broker = self._sender.connections.broker()
        publishing = broker.publish((parcel,), timeout=self._options.publish_timeout)
        return self._tell(publishing, message, parcel) if self._plan.tells else publishing

    async def _tell(self, publishing: Awaitable[None], message: Message, parcel: Parcel) -> None:
        at = monotonic()
        await publishing
        self._sender.tell_sent(message, parcel, at)

    def _message(self, reply_to: str | None) -> Message:
        plan, options = self._plan, self._options
        args, kwargs, content = self._encoded
        # Two steps, also because Python calls with more than fifteen names by way of a dict.
        message = Message(
            task=plan.task,
            args=args,
            kwargs=kwargs,
            content=content,
            priority=plan.priority,
            reply_to=reply_to,
            root_id=self._root_id,
            parent_id=self._parent_id,
            headers=self._headers,
        )
        timing, kept = self._timing, options.result_expires
        if options is PLAIN and timing is AT_ONCE:
            return message
        later = timing.due is None and timing.delay
        return replace(
            message,
            eta=time() + timing.delay if later else timing.due,
            expires=timing.expires,
            time_limit=options.time_limit,
            soft_time_limit=options.soft_time_limit,
            ignore_result=options.ignore_result,
            result_expires=None if kept is UNSET else kept or FOR_EVER,
            shadow=options.shadow,
        )

    def _body(self, message: Message) -> bytes:
        plan = self._plan
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
        return plan.seal.seal(body, queue=plan.queue or "", id=self.id, due=message.eta)

    def _told(self, message: Message) -> dict[str, Any]:
        """What receivers of the signals are told, by Celery's names."""
        headers = {
            **(message.headers or {}),
            "lang": "py",
            "task": message.task,
            "id": self.id,
            "root_id": message.root_id or self.id,
            "parent_id": message.parent_id,
            "retries": message.retries,
            "eta": _iso(message.eta),
            "expires": _iso(message.expires),
            "timelimit": (message.time_limit, message.soft_time_limit),
            "ignore_result": self._plan.ignored,
            "shadow": message.shadow,
        }
        return {
            "body": (self._args, self._kwargs),
            "exchange": "",
            "routing_key": self._plan.queue,
            # It is written already: a receiver that changes it is told so.
            "headers": MappingProxyType(headers),
        }

    def __repr__(self) -> str:
        return f"<call of {self._plan.task}: {self.id}>"


def _properties(parcel: Parcel, message: Message) -> dict[str, Any]:
    return {
        "correlation_id": parcel.id,
        "reply_to": message.reply_to,
        "priority": parcel.priority,
        "content_type": message.content or "json",
    }


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else from_timestamp(seconds).isoformat()


FOR_EVER: Final = 0.0
"""What a message says of a result that is kept for ever."""
