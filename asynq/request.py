"""`self.request`: what a running task can ask about its own call.

One object a run, in a context variable: two runs of one task at the same time never see each
other's. (Celery keeps a stack on the task object; in one event loop that would mix them up.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any

from msgspec import Struct

from asynq.exceptions import Retry
from asynq.wire.attempts import Attempt
from asynq.wire.flow import Flow


class Request(Struct, kw_only=True, eq=False):
    """The call that is running. Field names are Celery's."""

    id: str | None = None
    """The task's id; None when the task was called as a plain function."""
    task: str = ""
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = {}
    retries: int = 0
    root_id: str | None = None
    parent_id: str | None = None
    reply_to: str | None = None
    eta: str | None = None
    """Not to run before, in ISO 8601."""
    expires: str | None = None
    """Not to begin after, in ISO 8601."""
    timelimit: tuple[float | None, float | None] = (None, None)
    """Seconds after which it is ended, and after which `SoftTimeLimitExceeded` is raised in it."""
    attempts: tuple[Attempt, ...] = ()
    """Earlier runs of this call that were retried."""
    hostname: str = ""
    """The worker's node name."""
    queue: str = ""
    priority: int = 0
    redeliveries: int = 0
    """How often a worker vanished while it ran this call."""
    headers: Mapping[str, Any] | None = None
    """The caller's own, from `apply_async(headers=…)`."""
    ignore_result: bool = False
    shadow: str | None = None
    reported: bool = False
    """The run has stored a state of its own (`update_state`)."""
    again: Retry | None = None
    """It is to run again when it has returned: `retry(throw=False)` was called."""
    spent: BaseException | None = None
    """The error that `retry()` raised because the task may not be retried any more."""
    is_eager: bool = False
    called_directly: bool = False
    flow: Flow | None = None
    """Its place in a workflow."""
    input: bytes = b""
    """What the workflow has brought it, as it travels."""
    added: list[Mapping[str, Any]] = []
    """What it has added to its chord, as plain values."""

    @property
    def correlation_id(self) -> str | None:
        """The id again, by AMQP's name."""
        return self.id

    @property
    def workflow(self) -> str | None:
        """The id of the workflow that it is a step of, for `app.workflows`; None: it is of none."""
        return (self.flow and self.flow.workflow) or None  # what runs here is of none

    @property
    def delivery_info(self) -> dict[str, Any]:
        """Where the message came from, with Celery's keys."""
        return {
            "exchange": "",
            "routing_key": self.queue,
            "priority": self.priority,
            "redelivered": self.redeliveries > 0,
        }


current: ContextVar[Request | None] = ContextVar("asynq.request", default=None)
"""The request of the task that runs in this context; None outside a task."""

lend: ContextVar[Callable[[], AbstractContextManager[None]] | None] = ContextVar(
    "asynq.lend", default=None
)
"""Gives the running task's slot away, for as long as it waits for another task's result.

The worker sets it for tasks on its event loop, and only for those: what waits inside a task without
it would hold a thread or a process, so waiting there is an error (`asynq.result`). Several waits of
one task may be open at the same time (`asyncio.gather`), each enters it.
"""

DIRECT = Request(called_directly=True)
"""What `self.request` is outside a worker."""
