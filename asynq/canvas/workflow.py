"""Sending a workflow: nothing before all its calls are ready, and then all of it at once.

One that is too large for one call is stored in parts first, and then begins with a single message,
so that there is never half of one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from msgspec import Struct

from asynq.brokers.base import Join, Parcel, Step, Workflow
from asynq.canvas.handles import handle_of
from asynq.canvas.here import HereCall
from asynq.canvas.launch import GroupCall
from asynq.canvas.nodes import TIMEOUT, Canvas
from asynq.canvas.own import EXPIRE, own_message
from asynq.canvas.plan import Plan
from asynq.canvas.signature import Signature
from asynq.canvas.tree import Node, Parallel
from asynq.producer import Producer
from asynq.result.handle import AsyncResult
from asynq.result.submission import Submission
from asynq.result.waiting import check_may_wait
from asynq.wire.ids import new_id

T = TypeVar("T")

PART: Final = 100
"""Steps, joins and notes in one call to the broker."""
PART_BYTES: Final = 512 * 1024
LARGE: Final = 2_000
"""Calls of a canvas that is prepared in a thread, so that others get the event loop meanwhile."""
AFTERWARDS: Final = 3600.0
"""Seconds that one is kept at least when it is over: links and errbacks may still go on."""
LIFETIME: Final = 7 * 86400.0
"""Seconds that a workflow is kept without anything happening in it."""


class WorkflowCall(Submission[Any]):
    """A chain, a chord, a call with links …, ready to be sent.

    Args:
        id: Of the task, or the group, that it ends with.
        plan: What it comes down to; or what makes that, for a canvas that is large.
        timeout: Seconds after which what is left of it is revoked; None: never.
    """

    __slots__ = ("_plan", "_timeout")

    def __init__(self, id: str, plan: Plan | Callable[[], Plan], timeout: float | None) -> None:
        super().__init__(id)
        self._plan = plan
        self._timeout = timeout

    async def _depart(self, waiting: bool) -> AsyncResult[Any]:
        if waiting:
            check_may_wait()  # before anything is sent
        plan = self._plan
        if not isinstance(plan, Plan):
            plan = await asyncio.to_thread(plan)
        await store(plan, *await _ready(plan, self._timeout, waiting=waiting))
        handle = await _aside(plan, partial(handle_of, plan))
        handle._workflow = plan.id
        return handle

    def __repr__(self) -> str:
        return f"<call of a workflow: {self.id}>"


class _Part(Struct):
    """Some of a workflow."""

    steps: dict[int, Step]
    joins: dict[int, Join]
    notes: dict[str, bytes]
    size: int = 0


async def keep(plan: Plan, steps: Mapping[int, Step]) -> None:
    """Store a workflow that begins with the end of a delivery.

    Args:
        plan: What it comes down to.
        steps: All its steps.
    """
    workflows = plan.producer.connections.broker().workflows()
    for part in _parts(steps, plan.joins(), plan.notes()):
        await workflows.keep(_workflow(plan, part))


async def store(plan: Plan, steps: Mapping[int, Step], begin: Sequence[Parcel]) -> None:
    """Store a workflow, and send what it begins with.

    Args:
        plan: What it comes down to.
        steps: Its steps that begin later.
        begin: The messages it begins with.
    """
    workflows = plan.producer.connections.broker().workflows()
    await workflows.launch(await _last_part(plan, steps, begin), begin)


async def hold(canvas: Canvas[Any]) -> tuple[Plan, Workflow, Sequence[Parcel]]:
    """Make a canvas ready for who launches it; what is too much for one call is kept already.

    Returns:
        What it comes down to; what is to be kept of it with its launch; what it begins with.

    Raises:
        ValueError: it is empty.
    """
    signature = _any_of(canvas)
    if signature is None:
        raise ValueError(f"{canvas!r} is empty: there is nothing to send")
    root, producer = canvas.tree((), None, {}), signature.type.producer
    plan = (
        await asyncio.to_thread(Plan, root, producer)
        if _size(canvas) >= LARGE
        else Plan(root, producer)
    )
    steps, begin = await _ready(plan, timeout_of(canvas), waiting=False)
    return plan, await _last_part(plan, steps, begin), begin


def launch(
    canvas: Canvas[Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any] | None,
    options: Mapping[str, Any],
    *,
    here: bool = False,
    throw: bool | None = None,
) -> Submission[Any]:
    """Make a canvas ready to be sent.

    Args:
        canvas: It.
        args: Positional arguments of a caller.
        kwargs: Named arguments of a caller.
        options: Read options of a caller.
        here: Run it here, without a worker.
        throw: Where it runs here: raise an error of it when it is awaited; None: as
            `task_eager_propagates`.

    Raises:
        ValueError: it is an empty chain.
    """
    build = partial(canvas.tree, args, kwargs, options)
    signature = _any_of(canvas)
    if signature is None:  # there is nothing to send, and the result is there
        end = build().last()
        id = end.id if isinstance(end, Parallel) else None
        return GroupCall(id or new_id(), ())
    producer = signature.type.producer
    if here or producer.conf.task_always_eager:
        return HereCall(build(), producer, here=here, throw=throw)
    timeout = options[TIMEOUT] if TIMEOUT in options else timeout_of(canvas)
    if _size(canvas) < LARGE:
        plan = Plan(build(), producer)
        return WorkflowCall(plan.id_of(plan.root.last()), plan, timeout)
    id = options.get("task_id") or _chosen_id(canvas) or new_id()
    return WorkflowCall(id, partial(_plan, build, producer, id), timeout)


async def _ready(
    plan: Plan, timeout: float | None, *, waiting: bool
) -> tuple[dict[int, Step], list[Parcel]]:
    """Its steps that begin later, and the messages it begins with."""
    await plan.prepare()
    steps = await plan.steps(waiting=waiting)
    begin = [
        steps.pop(number).parcel
        for first, last in plan.root.entries
        for number in range(first, last + 1)
    ]
    if timeout is not None and begin:
        begin.append(expiry(plan, begin[0], timeout))
    return steps, begin


async def _last_part(plan: Plan, steps: Mapping[int, Step], begin: Sequence[Parcel]) -> Workflow:
    """What is kept with the launch; what is too much for that is kept here, before it."""
    *parts, last = await _aside(plan, lambda: _parts(steps, plan.joins(), plan.notes()))
    if parts or last.size + sum(len(each.body) for each in begin) > PART_BYTES:
        workflows = plan.producer.connections.broker().workflows()
        for part in (*parts, last):
            await workflows.keep(_workflow(plan, part))
        last = _Part({}, {}, {})
    return _workflow(plan, last)


def timeout_of(canvas: Canvas[Any]) -> float | None:
    """Seconds that all of it has: as it says itself, or the least that its parts say; None: nobody
    says."""
    own: float | None = canvas.options.get(TIMEOUT)
    if own is not None or isinstance(canvas, Signature):
        return own
    parts = map(timeout_of, canvas.some())
    return min((each for each in parts if each is not None), default=None)


def _any_of(canvas: Canvas[Any]) -> Signature[Any] | None:
    if isinstance(canvas, Signature):
        return canvas
    return next(filter(None, map(_any_of, canvas.some())), None)


def _size(canvas: Canvas[Any]) -> int:
    """About how many calls it has: more than `LARGE` need not be counted."""
    size = 1
    for part in canvas.some():
        size += _size(part)
        if size >= LARGE:
            break
    return size


def _chosen_id(canvas: Canvas[Any]) -> str | None:
    """The id of what it ends with, where that was chosen."""
    ending = canvas.ending()
    chosen: str | None = canvas.options.get("task_id")
    return chosen or (None if ending is None else _chosen_id(ending))


def _plan(build: Callable[[], Node], producer: Producer, id: str) -> Plan:
    root = build()
    root.last().take_id(id)
    return Plan(root, producer)


async def _aside(plan: Plan, work: Callable[[], T]) -> T:
    """Do it; in a thread, where it would keep the event loop from others."""
    return work() if len(plan.leaves) < LARGE else await asyncio.to_thread(work)


def expiry(plan: Plan, like: Parcel, timeout: float) -> Parcel:
    """The message that revokes what is left of a workflow after so many seconds.

    Args:
        plan: The workflow.
        like: A message of it, which says where this one goes.
        timeout: The seconds.
    """
    return own_message(
        EXPIRE,
        [timeout],
        workflow=plan.id,
        id=new_id(),
        queue=like.queue,
        priority=like.priority,
        seal=plan.producer.results.seal(),
        delay=timeout,
    )


def _workflow(plan: Plan, part: _Part) -> Workflow:
    kept = plan.producer.conf.result_expires
    return Workflow(
        id=plan.id,
        steps=part.steps,
        joins=part.joins,
        notes=part.notes,
        ttl=LIFETIME,
        kept=LIFETIME if kept is None else min(max(kept, AFTERWARDS), LIFETIME),
    )


def _parts(
    steps: Mapping[int, Step], joins: Mapping[int, Join], notes: Mapping[str, bytes]
) -> list[_Part]:
    """All of it, so much at a time as one call takes."""
    parts = [_Part({}, {}, {})]

    def room(size: int) -> _Part:
        part = parts[-1]
        items = len(part.steps) + len(part.joins) + len(part.notes)
        if items >= PART or (items and part.size + size > PART_BYTES):
            part = _Part({}, {}, {})
            parts.append(part)
        part.size += size
        return part

    for number, step in steps.items():
        room(len(step.parcel.body)).steps[number] = step
    for name, note in notes.items():
        room(len(note)).notes[name] = note
    for number, join in joins.items():
        room(0).joins[number] = join
    return parts
