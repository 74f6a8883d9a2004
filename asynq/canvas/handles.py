"""The handles on the results of a workflow: there as soon as it is sent, all of them linked."""

from __future__ import annotations

from typing import Any

from asynq.canvas.plan import Plan
from asynq.canvas.tree import Leaf, Many, Node, Parallel
from asynq.result.group import GroupResult
from asynq.result.handle import AsyncResult

Handle = AsyncResult[Any]


def handle_of(plan: Plan) -> Handle:
    """The handle on the result of all of it; `parent` and `children` lead to all the others."""
    return _handle(plan, plan.root, None)


def _handle(plan: Plan, node: Node, before: Handle | None) -> Handle:
    """The handle on a node's result, which comes after another's."""
    if isinstance(node, Leaf):
        result: Handle = plan.calls[node.number].handle()
        result.parent = before
        links = [_handle(plan, link, result) for link in node.links]
        result._children = links
    elif isinstance(node, Parallel):
        members = [_handle(plan, part, before) for part in node.parts]
        result = GroupResult(plan.id_of(node), members, plan.producer.results)
        result.parent = before
    else:
        assert isinstance(node, Many)
        for part in node.parts:
            result = _handle(plan, part, before)
            if before is not None and part is not node.parts[0]:
                before._children = [*(before._children or ()), _first(result, before)]
            before = result
    return result


def _first(result: Handle, before: Handle) -> Handle:
    """Of what comes after a handle, the one that comes right after it."""
    while result.parent is not None and result.parent is not before:
        result = result.parent
    return result
