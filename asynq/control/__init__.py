"""What can be said to tasks and workers from anywhere, and what they answer.

`app.control` is a `Control`. A command of your own is a function with a decorator, which workers
import with their tasks; see `asynq.control.commands`::

    from asynq.control import ControlState, control_command

    @control_command(args=[("n", int)], signature="[N=1]")
    def increase(state: ControlState, n: int = 1) -> dict[str, str]:
        ...
        return {"ok": f"increased by {n}"}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asynq._imports import import_object
from asynq.control.client import Control
from asynq.control.orders import CHANNEL, Order

if TYPE_CHECKING:
    from asynq.control.answers import Answers, DuplicateNodenameWarning
    from asynq.control.commands import ControlState, control_command, inspect_command
    from asynq.control.inspecting import Inspect

__all__ = [
    "CHANNEL",
    "Answers",
    "Control",
    "ControlState",
    "DuplicateNodenameWarning",
    "Inspect",
    "Order",
    "control_command",
    "inspect_command",
]

_LATER = {
    "Answers": "asynq.control.answers:Answers",
    "ControlState": "asynq.control.commands:ControlState",
    "DuplicateNodenameWarning": "asynq.control.answers:DuplicateNodenameWarning",
    "Inspect": "asynq.control.inspecting:Inspect",
    "control_command": "asynq.control.commands:control_command",
    "inspect_command": "asynq.control.commands:inspect_command",
}
"""Loaded when first asked for: who only sends tasks never needs them."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = import_object(_LATER[name])
    globals()[name] = found
    return found
