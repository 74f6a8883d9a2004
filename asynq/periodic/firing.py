"""From an entry and a slot to what a broker is to send."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID

from msgspec import Struct

from asynq._imports import import_object
from asynq.brokers.base import Parcel, Workflow
from asynq.canvas import Canvas, Signature
from asynq.canvas.nodes import LINKS
from asynq.result.handle import AsyncResult


class Composed(Struct, frozen=True, kw_only=True):
    """All that is sent for one slot."""

    id: str
    """Of the task, or of what the workflow ends with."""
    begin: Sequence[Parcel]
    workflow: Workflow | None
    handle: AsyncResult[Any]


def slot_id(namespace: str, name: str, slot: int) -> str:
    """The id of the task that a slot calls: the same, whoever fires it.

    Args:
        namespace: The app's.
        name: The entry's.
        slot: In milliseconds since 1970.
    """
    digest = sha256(f"{namespace}\0{name}\0{slot}".encode()).digest()
    return str(UUID(bytes=digest[:16], version=5))


async def compose(canvas: Canvas[Any], id: str) -> Composed:
    """Write what is sent: through routes, middleware, signals and seals, as any call.

    Args:
        canvas: What the entry calls.
        id: Of the task; a chain, a group or a chord has ids of its own.

    Raises:
        As sending it would.
    """
    if isinstance(canvas, Signature) and not LINKS & canvas.options.keys():
        options = {**canvas.options, "task_id": id}
        call = canvas.type.prepare(canvas.args, canvas.kwargs, options, takes=0)
        parcel = await call.compose(None, reply_to=None)
        return Composed(id=id, begin=(parcel,), workflow=None, handle=call.handle())
    # Not imported with this module: most entries call one task, and a beat has few modules.
    plan, workflow, begin = await import_object("asynq.canvas.workflow:hold")(canvas)
    handle: AsyncResult[Any] = import_object("asynq.canvas.handles:handle_of")(plan)
    return Composed(id=handle.id, begin=begin, workflow=workflow, handle=handle)
