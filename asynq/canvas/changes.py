"""What a running task changes in its workflow: another takes its place, or joins its group.

A single call in the place of a task (`self.replace`) becomes the task's next message, in the same
place of the same workflow. Anything else becomes a workflow of its own, whose end is the end of the
task in the first one; what joins a group (`self.add_to_chord`) gets a new place there.

It is stored before the run is settled, and begins with the settlement: once, or not at all.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from asynq.application import Application
from asynq.brokers.base import Advance
from asynq.canvas.plan import Plan
from asynq.canvas.standing_in import stand_in
from asynq.canvas.tree import Leaf, Node
from asynq.canvas.workflow import keep
from asynq.execution.outcome import Effect
from asynq.request import Request
from asynq.wire.flow import Flow
from asynq.wire.ids import new_id

ADDED: Final = 1 << 52
"""Places in a group that were added begin here: nobody sends so many."""


class Changes:
    """Prepares what a run has asked for.

    Args:
        app: Whose tasks run.
    """

    def __init__(self, app: Application) -> None:
        self._app = app

    async def replace(self, request: Request, canvas: Mapping[str, Any]) -> Effect:
        """What begins in the place of a run.

        Args:
            request: Of the run.
            canvas: What takes its place, as plain values.

        Raises:
            TypeError: it is no canvas, or its arguments do not fit.
            ValueError: it ends with a group that collects errors.
            As `Task.apply_async`.
        """
        assert request.id is not None
        root = stand_in(self._app, canvas, request.id)
        if isinstance(root, Leaf) and not root.links and not root.errbacks:
            return await _call(root, request)
        return Effect(advance=(await self._stored(root, request.flow, request.reply_to),))

    async def add(self, request: Request, canvases: Sequence[Mapping[str, Any]]) -> Effect:
        """What begins with the end of a run, as more members of its group; raises as `replace`.

        Args:
            request: Of the run.
            canvases: What it has added, as plain values.
        """
        flow = request.flow and request.flow.member()
        assert flow is not None
        assert flow.join is not None
        number, _ = flow.join
        places: list[tuple[int, str]] = []
        begun: list[Advance] = []
        for canvas in canvases:
            # Any number that no other member takes: they are counted, and listed as they come.
            id, at = new_id(), ADDED + secrets.randbits(52)
            outer = Flow(
                workflow=flow.workflow, node=0, join=(number, at), bare=flow.bare, up=number
            )
            places.append((at, id))
            begun.append(await self._stored(stand_in(self._app, canvas, id), outer, None))
        grown = Advance(workflow=flow.workflow, grow=(number, places))
        return Effect(advance=(grown, *begun))

    async def _stored(self, root: Node, outer: Flow | None, reply_to: str | None) -> Advance:
        """Store it as a workflow of its own; gives what begins it."""
        plan = Plan(root, self._app.producer, outer=outer, reply_to=reply_to)
        await plan.prepare()
        await keep(plan, await plan.steps(waiting=False))
        return Advance(workflow=plan.id, start=root.entries)


async def _call(leaf: Leaf, request: Request) -> Effect:
    """A single call: the task's own message again, with another task in it."""
    options = {
        **leaf.options,
        "root_id": request.root_id,
        "parent_id": request.parent_id or request.id,
    }
    place = None if request.flow is None else request.flow.complete()
    call = leaf.callee.prepare(leaf.args, leaf.kwargs, options, takes=0)
    return Effect(publish=(await call.compose(place, reply_to=request.reply_to),))
