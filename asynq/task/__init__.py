"""Tasks: what an app can call here, and have called elsewhere."""

from __future__ import annotations

from asynq.application import Application, current_application, make_current
from asynq.task.base import AnyTask, Task
from asynq.task.recipe import Recipe

__all__ = ["AnyTask", "Application", "Recipe", "Task", "current_application", "make_current"]
