"""What a handle needs of the rest of asynq to do something about its task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:  # loaded when the first one is asked for
    from asynq.result.graph import Graph


class Reach(Protocol):
    """Reaches a task that is not over: `app.control` is one."""

    async def revoke(
        self,
        task_id: str | Iterable[str],
        *,
        terminate: bool = False,
        signal: None = None,
        wait: bool = False,
        timeout: float | None = None,
        ttl: float | None = None,
    ) -> Mapping[str, Any] | None:
        """Have it not run, or with `terminate` not go on."""

    async def reschedule(
        self,
        task_id: str,
        *,
        countdown: float | timedelta | None = None,
        eta: datetime | str | None = None,
    ) -> bool:
        """Give it another time, if it waits for one."""


class WorkflowReach(Protocol):
    """Reaches a workflow as a whole: `app.workflows` is one."""

    async def show(self, id: str) -> Graph:
        """Its tree, with the state of every task."""

    async def cancel(self, id: str) -> int:
        """End every task of it that has not ended; give how many those were."""
