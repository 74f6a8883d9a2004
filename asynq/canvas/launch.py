"""Sending a group: all its calls, in slices, none before all of them are ready."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic

from asynq.canvas.nodes import R
from asynq.result.group import GroupResult
from asynq.result.handle import AsyncResult
from asynq.result.reading import Results
from asynq.result.submission import Submission

SLICE: Final = 500
"""Calls that are made ready, or sent, before others get the event loop."""


class GroupCall(Submission[list[R]], Generic[R]):
    """A group, ready to be sent.

    Args:
        id: The group's id.
        calls: Make its members ready to be sent.
        results: Where results will be read.
    """

    __slots__ = ("_calls", "_results")

    def __init__(
        self, id: str, calls: Sequence[Callable[[], Submission[R]]], results: Results
    ) -> None:
        super().__init__(id)
        self._calls = calls
        self._results = results

    if TYPE_CHECKING:

        def __await__(self) -> Generator[Any, None, GroupResult[R]]: ...
        def send(self) -> Coroutine[Any, Any, GroupResult[R]]:
            """A coroutine that sends it: what awaiting it does."""

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
        return GroupResult(self.id, members, self._results)

    def __repr__(self) -> str:
        return f"<call of a group of {len(self._calls)}: {self.id}>"
