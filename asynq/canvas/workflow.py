"""Sending a workflow: nothing before all its calls are ready, and then all of it at once.

One that is too large for one call is stored in parts first, and then begins with a single message,
so that there is never half of one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from asynq.brokers.base import Join, Parcel, Step, Workflow
from asynq.canvas.handles import handle_of
from asynq.canvas.here import HereCall
from asynq.canvas.own import EXPIRE, own_message
from asynq.canvas.plan import Plan
from asynq.canvas.tree import Node
from asynq.result.handle import AsyncResult
from asynq.result.submission import Submission
from asynq.result.waiting import check_may_wait
from asynq.wire.ids import new_id

PART: Final = 100
"""Steps, joins and notes in one call to the broker."""
PART_BYTES: Final = 512 * 1024
LIFETIME: Final = 7 * 86400.0
"""Seconds that a workflow is kept without anything happening in it."""


class WorkflowCall(Submission[Any]):
    """A chain, a chord, a call with links …, ready to be sent.

    Args:
        plan: What it comes down to.
        timeout: Seconds after which what is left of it is revoked; None: never.
    """

    __slots__ = ("_plan", "_timeout")

    def __init__(self, plan: Plan, timeout: float | None) -> None:
        super().__init__(plan.id_of(plan.root.last()))
        self._plan = plan
        self._timeout = timeout

    async def _depart(self, waiting: bool) -> AsyncResult[Any]:
        if waiting:
            check_may_wait()  # before anything is sent
        plan = self._plan
        await plan.prepare()
        steps = await plan.steps(waiting=waiting)
        begin = [
            steps.pop(number).parcel
            for first, last in plan.root.entries
            for number in range(first, last + 1)
        ]
        if self._timeout is not None and begin:
            begin.append(self._expiry(begin[0], self._timeout))
        await store(plan, steps, begin)
        handle = handle_of(plan)
        handle._workflow = plan.id
        return handle

    def _expiry(self, like: Parcel, timeout: float) -> Parcel:
        plan = self._plan
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

    def __repr__(self) -> str:
        return f"<call of a workflow of {len(self._plan.leaves)} tasks: {self.id}>"


class _Part(Struct):
    """Some of a workflow."""

    steps: dict[int, Step]
    joins: dict[int, Join]
    notes: dict[str, bytes]
    size: int = 0


async def store(plan: Plan, steps: Mapping[int, Step], begin: Sequence[Parcel]) -> None:
    """Store a workflow, and send what it begins with, if that is sent now.

    Args:
        plan: What it comes down to.
        steps: Its steps that begin later.
        begin: The messages it begins with.
    """
    *parts, last = _parts(steps, plan.joins(), plan.notes())
    workflows = plan.producer.connections.broker().workflows()
    if parts or last.size + sum(len(each.body) for each in begin) > PART_BYTES:
        for part in (*parts, last):
            await workflows.keep(_workflow(plan, part))
        last = _Part({}, {}, {})
    await workflows.launch(_workflow(plan, last), begin)


def launch(
    root: Node, *, timeout: float | None = None, here: bool = False, throw: bool | None = None
) -> Submission[Any]:
    """Make a tree ready to be sent.

    Args:
        root: The tree.
        timeout: Seconds after which what is left of it is revoked; None: never.
        here: Run it here, without a worker.
        throw: Where it runs here: raise an error of it when it is awaited; None: as
            `task_eager_propagates`.
    """
    first = next(root.first(), None)
    if first is None:
        raise ValueError("an empty group has no calls: there is nothing to send")
    producer = first.callee.producer
    if here or producer.conf.task_always_eager:
        return HereCall(root, producer, here=here, throw=throw)
    return WorkflowCall(Plan(root, producer), timeout)


def _workflow(plan: Plan, part: _Part) -> Workflow:
    kept = plan.producer.conf.result_expires
    return Workflow(
        id=plan.id,
        steps=part.steps,
        joins=part.joins,
        notes=part.notes,
        ttl=LIFETIME,
        kept=LIFETIME if kept is None else min(kept, LIFETIME),
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
