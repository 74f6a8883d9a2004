"""What an app has sent, to look at and to assert on."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from asynq._memory.bell import Bell
from asynq._memory.queues import Message
from asynq._memory.space import Space
from asynq._time import from_timestamp
from asynq.app import Asynq
from asynq.canvas.own import OWN
from asynq.exceptions import AsynqError
from asynq.task import AnyTask
from asynq.wire import message as wire
from asynq.wire.arguments import decode_call, encode_call
from asynq.wire.flow import split_input


class Sent(Struct, frozen=True, kw_only=True):
    """One call that was sent."""

    id: str
    task: str
    args: tuple[Any, ...]
    """As the task gets them: annotated types are restored where the app knows the task."""
    kwargs: dict[str, Any]
    queue: str
    priority: int
    eta: datetime | None = None
    """Not to run before; None: now."""
    headers: Mapping[str, object] | None = None

    def __str__(self) -> str:
        words = [*map(repr, self.args), *(f"{k}={v!r}" for k, v in self.kwargs.items())]
        later = f", not before {self.eta:%H:%M:%S}" if self.eta else ""
        return f"{self.task}({', '.join(words)}) to {self.queue}{later}"


class Outbox:
    """Everything an app has sent since the block began, in order, also what has run since.

    It can be looked through as a list of `Sent`: `len(outbox)`, `outbox[0].args`, `for sent in
    outbox`. Made by `asynq.testing.in_memory`.
    """

    def __init__(self, app: Asynq, space: Space) -> None:
        self._app = app
        self._space = space
        self._sent: list[Sent] = []
        self._ids: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._sent)

    def __getitem__(self, index: int) -> Sent:
        return self._sent[index]

    def __repr__(self) -> str:
        return f"<Outbox: {len(self)} sent>"

    def clear(self) -> None:
        """Begin anew: forget what was sent so far. It runs all the same."""
        self._sent.clear()

    def enqueued(
        self,
        task: AnyTask | str,
        *,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        queue: str | None = None,
    ) -> list[Sent]:
        """The calls of a task, in the order they were sent.

        Args:
            task: The task or its name.
            args: The positional arguments it was called with.
            kwargs: The named ones. How a call was written makes no difference: `add(4, y=4)` is
                `add(4, 4)`. With neither `args` nor `kwargs`, any call will do.
            queue: Only those that went to this queue.
        """
        name = task if isinstance(task, str) else task.name
        found = [one for one in self._sent if one.task == name and queue in (None, one.queue)]
        if args is None and kwargs is None:
            return found
        known = self._known(name)
        wanted = _call(known, *self._travelled(known, tuple(args or ()), dict(kwargs or {})))
        return [one for one in found if _call(known, one.args, one.kwargs) == wanted]

    def assert_enqueued(
        self,
        task: AnyTask | str,
        *,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        queue: str | None = None,
        times: int | None = None,
    ) -> list[Sent]:
        """Fail unless the task was sent so, at least once or exactly `times` times.

        Arguments as for `enqueued`; `times=0` says that it was not sent. Returns the calls found.
        """
        found = self.enqueued(task, args=args, kwargs=kwargs, queue=queue)
        if len(found) == times or (times is None and found):
            return found
        expected = "at least once" if times is None else f"{times} times"
        sent = "\n".join(f"  {one}" for one in self._sent) or "  nothing"
        what = _words(task if isinstance(task, str) else task.name, args, kwargs, queue)
        raise AssertionError(
            f"expected {what} to be sent {expected}, it was {len(found)} times; sent were:\n{sent}"
        )

    async def drained(self, timeout: float = 10.0, *, delayed: bool = False) -> None:
        """Wait until all that was sent has run, and what that has sent.

        Args:
            timeout: Seconds to wait.
            delayed: Run at once what waits for its time too, retries included; else it stays.

        Raises:
            AssertionError: not in time; names the queues where something is left. A queue that the
                worker does not serve is one.
        """
        bell = Bell()
        try:
            with self._space.queues.watched_for_ends(bell):
                async with asyncio.timeout(timeout):
                    while (delayed and self._hurried()) or self._space.queues.busy():
                        await bell.wait()
                        bell.clear()
        except TimeoutError:
            left = ", ".join(self._space.queues.busy() or ["(delayed, in a queue nobody serves)"])
            raise AssertionError(f"after {timeout:g} s there are still calls in: {left}") from None

    def _hurried(self) -> bool:
        """Have all that waits for its time wait no longer; was there anything?"""
        waited = {self._space.queues.reschedule(id, 0.0) for id in self._ids}
        return True in waited

    def watch(self, message: Message, due: float | None) -> None:
        """Take note of a message that is published."""
        self._ids[message.id] = None
        body, _ = split_input(message.body)
        call = wire.decode(body)
        if call.task.startswith(OWN):
            return
        known = self._known(call.task)
        try:
            args, kwargs = (known.parameters.decode if known else decode_call)(call)
        except (AsynqError, TypeError):
            args, kwargs = decode_call(call)
        sent = Sent(
            id=message.id,
            task=call.task,
            args=tuple(args),
            kwargs=dict(kwargs),
            queue=message.queue,
            priority=message.priority,
            eta=None if due is None else from_timestamp(due),
            headers=call.headers,
        )
        self._sent.append(sent)

    def _known(self, name: str) -> AnyTask | None:
        found: AnyTask | None = self._app.tasks.get(name)
        return found

    def _travelled(
        self, task: AnyTask | None, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """The arguments as they would arrive."""
        encode: Callable[..., Any] = task.parameters.encode if task else encode_call
        serializer = (task and task.serializer) or self._app.conf.task_serializer
        name = task.name if task else ""
        raw_args, raw_kwargs, content = encode(args, kwargs, serializer)
        call = wire.Message(task=name, args=raw_args, kwargs=raw_kwargs, content=content)
        return (task.parameters.decode if task else decode_call)(call)


def _call(task: AnyTask | None, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """A call in a form that is the same however it was written."""
    if task is not None:
        try:
            bound = inspect.signature(task.target).bind(*args, **kwargs)
        except (TypeError, ValueError):
            return tuple(args), dict(kwargs)
        bound.apply_defaults()
        return bound.args, bound.kwargs
    return tuple(args), dict(kwargs)


def _words(
    name: str,
    args: Sequence[Any] | None,
    kwargs: Mapping[str, Any] | None,
    queue: str | None,
) -> str:
    to = f" to {queue}" if queue else ""
    if args is None and kwargs is None:
        return name + to
    words = [*map(repr, args or ()), *(f"{k}={v!r}" for k, v in (kwargs or {}).items())]
    return f"{name}({', '.join(words)}){to}"
