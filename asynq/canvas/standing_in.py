"""What stands in for a task that gives its place away (`self.replace`): it ends with one call."""

from __future__ import annotations

from typing import Any

from asynq.application import Application
from asynq.canvas.nodes import Canvas
from asynq.canvas.own import ACCUMULATE
from asynq.canvas.tree import Leaf, Node, Parallel, one_after_the_other


def stand_in(app: Application, canvas: Canvas[Any], id: str) -> Node:
    """The tree of a canvas that ends with a call of this id: of a group, one that gives its list.

    Args:
        app: Whose tasks it means.
        canvas: What stands in.
        id: Of the task that it stands in for.

    Raises:
        TypeError: its arguments do not fit.
        ValueError: it ends with a group that collects errors.
    """
    root = canvas.tree()
    end = root.last()
    if isinstance(end, Parallel):
        if _collects(end):
            raise ValueError(
                "a group with errors='collect' can't stand in for a task: errors among its values "
                "are no result; have a task take them, as in chord(…, body, errors='collect'), or "
                "say errors='ignore'"
            )
        end = Leaf(app.callee(ACCUMULATE), (), {}, {})
        root = one_after_the_other([root, end])
    end.take_id(id)
    return root


def _collects(end: Parallel) -> bool:
    """There may be errors among its values."""
    if end.errors == "collect":
        return True
    inner = [part.last() for part in end.parts]
    return any(isinstance(each, Parallel) and _collects(each) for each in inner)
