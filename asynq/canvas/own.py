"""Messages to tasks of our own, which every worker has and no app sees (see `asynq.builtin`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from asynq._time import time
from asynq.brokers.base import Parcel
from asynq.wire.envelope import JSON
from asynq.wire.flow import Flow
from asynq.wire.message import Message, encode
from asynq.wire.sealing import Seal

OWN: Final = "asynq.workflow."
"""What the names of those begin with that move workflows on."""
BEGIN: Final = "asynq.workflow.begin"
"""Begins a parallel that is too large to begin at once."""
FAIL: Final = "asynq.workflow.fail"
"""Tells what follows a step that it can't run."""
EXPIRE: Final = "asynq.workflow.expire"
"""Revokes what is left of a workflow when its time is over."""
ACCUMULATE: Final = "asynq.accumulate"
"""Returns what it is called with: gives a group the id of the task that it replaces."""

MOVING_ON: Final = frozenset({BEGIN, FAIL, EXPIRE})
"""Those that run no code but ours."""


def own_message(
    task: str,
    args: Sequence[Any],
    *,
    workflow: str,
    id: str,
    queue: str,
    priority: int,
    seal: Seal | None,
    node: int = 0,
    delay: float = 0.0,
) -> Parcel:
    """A message to a task of our own."""
    raw = msgspec.Raw(msgspec.json.encode(args))
    flow = Flow(workflow=workflow, node=node)
    body = encode(Message(task=task, args=raw, priority=priority, flow=flow), JSON)
    if seal is not None:
        body = seal.seal(body, queue=queue, id=id, due=time() + delay if delay else None)
    return Parcel(id=id, queue=queue, body=body, priority=priority, delay=delay)
