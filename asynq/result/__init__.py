"""Handles: on a call that is not sent yet, and on a task's result."""

from __future__ import annotations

from asynq.result.handle import AsyncResult, EagerResult
from asynq.result.reading import Results, Update
from asynq.result.submission import Submission

__all__ = ["AsyncResult", "EagerResult", "Results", "Submission", "Update"]
