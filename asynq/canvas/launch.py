"""Sending a group of plain calls: all of them, in slices, none before all of them are ready.

Everything else is a workflow, whose machinery is loaded when the first one is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic

from asynq._imports import import_object
from asynq.application import current_application
from asynq.canvas.nodes import Canvas, R
from asynq.result.group import GroupResult
from asynq.result.handle import AsyncResult
from asynq.result.reading import Results
from asynq.result.submission import Submission

SLICE: Final = 500
"""Calls that are made ready, or sent, before others get the event loop."""


class GroupSubmission(Submission[list[R]], Generic[R]):
    """A group on its way: what it gives is a `GroupResult`."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __await__(self) -> Generator[Any, None, GroupResult[R]]: ...
        def send(self) -> Coroutine[Any, Any, GroupResult[R]]:
            """A coroutine that sends it: what awaiting it does."""


class GroupCall(GroupSubmission[R], Generic[R]):
    """A group of plain calls, ready to be sent.

    Args:
        id: The group's id.
        calls: Make its members ready to be sent.
    """

    __slots__ = ("_calls",)

    def __init__(self, id: str, calls: Sequence[Callable[[], Submission[R]]]) -> None:
        super().__init__(id)
        self._calls = calls

    async def _depart(self, waiting: bool) -> GroupResult[R]:
        ready: list[Submission[R]] = []
        try:
            for call in self._calls:
                ready.append(call())
                ready[-1]._waited_for = waiting
                if not len(ready) % SLICE:
                    await asyncio.sleep(0)
            members: list[AsyncResult[R]] = []
            for first in range(0, len(ready), SLICE):
                members += await asyncio.gather(*ready[first : first + SLICE])
        finally:
            for each in ready:
                each.close()
        return GroupResult(self.id, members, results_of(members))

    def __repr__(self) -> str:
        return f"<call of a group of {len(self._calls)}: {self.id}>"


def results_of(members: Sequence[AsyncResult[Any]]) -> Results:
    """Where the results of a group's members are read: that of their app, which need not be the
    current one."""
    return members[0]._results if members else current_application().results


def launch(
    canvas: Canvas[Any],
    args: Sequence[Any] | None,
    kwargs: Mapping[str, Any] | None,
    options: Mapping[str, Any],
    *,
    here: bool = False,
    throw: bool | None = None,
) -> Submission[Any]:
    """Make a canvas ready to be sent as a workflow; see `asynq.canvas.workflow.launch`."""
    ready: Callable[..., Submission[Any]] = import_object("asynq.canvas.workflow:launch")
    return ready(canvas, args or (), kwargs, options, here=here, throw=throw)
