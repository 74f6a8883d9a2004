"""A canvas in the place of a task that runs (`self.replace`): it ends with the task's id.

A single call becomes the task's next message, in the same place of the same workflow. Anything
larger becomes a workflow of its own, whose end is the end of the task in the first one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asynq.application import Application
from asynq.brokers.base import Advance
from asynq.canvas.own import ACCUMULATE
from asynq.canvas.plan import Plan
from asynq.canvas.reading import signature
from asynq.canvas.tree import Leaf, Node, Parallel, one_after_the_other
from asynq.canvas.workflow import store
from asynq.execution.outcome import Effect
from asynq.request import Request
from asynq.wire.flow import Flow
from asynq.wire.ids import new_id


async def replacement(app: Application, request: Request, canvas: Mapping[str, Any]) -> Effect:
    """What begins in the place of a run.

    Args:
        app: Whose task it is.
        request: Of the run.
        canvas: What takes its place, as plain values.

    Raises:
        TypeError: it is no canvas, or its arguments do not fit.
        As `Task.apply_async`.
    """
    root: Node = signature(canvas, app=app).tree()
    end = root.last()
    if isinstance(end, Parallel):
        end = Leaf(app.callee(ACCUMULATE), (), {}, {})
        root = one_after_the_other([root, end])
    end.take_id(request.id or new_id())
    flow = request.flow
    if isinstance(root, Leaf) and not root.links and not root.errbacks:
        return await _call(root, request, flow)
    plan = Plan(root, app.producer, outer=flow, reply_to=request.reply_to)
    await plan.prepare()
    steps = await plan.steps(waiting=False)
    await store(plan, steps, ())
    return Effect(advance=(Advance(workflow=plan.id, start=root.entries),))


async def _call(leaf: Leaf, request: Request, flow: Flow | None) -> Effect:
    """A single call: the task's own message again, with another task in it."""
    options = {
        **leaf.options,
        "root_id": request.root_id,
        "parent_id": request.parent_id or request.id,
    }
    call = leaf.callee.prepare(leaf.args, leaf.kwargs, options, takes=0)
    place = None if flow is None else flow.complete()
    return Effect(publish=(await call.compose(place, reply_to=request.reply_to),))
