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
from asynq.canvas.notes import INSIDE
from asynq.canvas.plan import Plan
from asynq.canvas.reading import signature
from asynq.canvas.standing_in import stand_in
from asynq.canvas.tree import Leaf, Node
from asynq.canvas.workflow import expiry, keep, timeout_of
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
        read = signature(canvas, app=self._app)
        root, timeout = stand_in(self._app, read, request.id), timeout_of(read)
        if isinstance(root, Leaf) and not (root.links or root.errbacks or timeout):
            return await _call(root, request)
        return await self._stored(root, timeout, request, request.flow, request.reply_to)

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
        begun: list[Effect] = []
        for canvas in canvases:
            # Any number that no other member takes: they are counted, and listed as they come.
            id, at = new_id(), ADDED + secrets.randbits(52)
            outer = Flow(
                workflow=flow.workflow, node=0, join=(number, at), bare=flow.bare, up=number
            )
            places.append((at, id))
            read = signature(canvas, app=self._app)
            root = stand_in(self._app, read, id)
            begun.append(await self._stored(root, timeout_of(read), request, outer, None))
        grown = Advance(workflow=flow.workflow, grow=(number, places))
        return Effect(
            advance=(grown, *(each for effect in begun for each in effect.advance)),
            publish=tuple(each for effect in begun for each in effect.publish),
        )

    async def _stored(
        self,
        root: Node,
        timeout: float | None,
        request: Request,
        outer: Flow | None,
        reply_to: str | None,
    ) -> Effect:
        """Store it as a workflow of its own; gives what begins it.

        The workflow of the run, where it is a step of one, will know of it.
        """
        plan = Plan(root, self._app.producer, outer=outer, reply_to=reply_to)
        await plan.prepare()
        steps = await plan.steps(waiting=False)
        await keep(plan, steps)
        advance = [Advance(workflow=plan.id, start=root.entries)]
        if request.workflow is not None:
            advance.append(Advance(workflow=request.workflow, once=(INSIDE + plan.id, None)))
        publish = []
        if timeout is not None:
            first = steps[root.entries[0][0]].parcel
            publish.append(expiry(plan, first, timeout))
        return Effect(advance=tuple(advance), publish=tuple(publish))


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
