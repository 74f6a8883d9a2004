"""`app.workflows`: chains, groups and chords that were sent, looked at and ended as a whole.

The server keeps each while it goes on, and for as long as results are kept when it is over::

    for each in await app.workflows.list(stale=3600):
        print(each.id, each.picture)
    print(await app.workflows.show(id))
    await app.workflows.cancel(id)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

from msgspec import Struct

from asynq import states
from asynq._printable import printable
from asynq._time import from_timestamp
from asynq.brokers.base import Broker, Known
from asynq.canvas import notes
from asynq.exceptions import (
    DecodeError,
    OptionTypeError,
    OptionValueError,
    ResultLost,
    WorkflowNotFound,
)
from asynq.result.graph import Graph
from asynq.result.outlining import picture, task_numbers
from asynq.result.reach import Reach
from asynq.result.reading import UNREADABLE, Results
from asynq.wire.flow import Outline
from asynq.wire.ids import step_id

PAGE: Final = 500
"""Tasks that are revoked in one call."""
AT_ONCE: Final = 100
"""Workflows whose outlines are asked for at the same time."""


class WorkflowInfo(Struct, frozen=True, kw_only=True):
    """A workflow in a list."""

    id: str
    began: datetime
    """When it was sent, in UTC."""
    idle: float
    """Seconds since something happened in it, or since it was over."""
    over: str
    """How it ended, a state; empty: it goes on."""
    tasks: int | None
    """How many calls it has, without those that are made only where one fails; None: what is known
    of it can't be read."""
    picture: str
    """It on one line: ``add | group(mul × 10) | xsum``."""


Infos = list[WorkflowInfo]
"""In `Workflows`, `list` is the method."""


class Workflows:
    """The workflows of an app. Found at `app.workflows`.

    Args:
        broker: The broker's connection for the running event loop.
        results: Where the states of tasks are read, and what opens sealed outlines.
        control: What revokes tasks.
    """

    def __init__(self, broker: Callable[[], Broker], results: Results, control: Reach) -> None:
        self._broker = broker
        self._results = results
        self._control = control

    async def list(self, *, limit: int = 100, stale: float | None = None) -> Sequence[WorkflowInfo]:
        """The workflows that are kept, the youngest first.

        Args:
            limit: How many at most.
            stale: Only those that go on, and in which nothing has happened for so many seconds: no
                task of theirs has ended. They may wait for a worker that is not there.

        Raises:
            OptionValueError: `limit` is below 1, or `stale` below 0.
            OptionTypeError: one is no number.
            OperationalError: the broker can't be reached.
        """
        if not isinstance(limit, int):
            raise OptionTypeError(f"workflows.list: limit: expected a whole number, got {limit!r}")
        if limit < 1:
            raise OptionValueError(f"workflows.list: limit: expected 1 or more, got {limit!r}")
        if stale is not None and not isinstance(stale, int | float):
            raise OptionTypeError(f"workflows.list: stale: expected seconds, got {stale!r}")
        if stale is not None and not stale >= 0:
            raise OptionValueError(f"workflows.list: stale: expected seconds, got {stale!r}")
        known = await self._broker().workflows().known(limit=limit, stale=stale)
        told: Infos = []
        for first in range(0, len(known), AT_ONCE):
            told += await asyncio.gather(*map(self._info, known[first : first + AT_ONCE]))
        return told

    async def show(self, id: str) -> Graph:
        """A workflow's tree, with the state of every task in it at this moment.

        Args:
            id: The workflow's: `result.workflow_id`, or `self.request.workflow` in a task of it.

        Raises:
            WorkflowNotFound: none of that id is kept, or not any more.
            TypeError: the id is no text.
            DecodeError: what is known of it can't be read; `SecurityError`: nor trusted.
            OperationalError: the server can't be reached.
            NotImplementedError: results are switched off (``disabled://``).
        """
        _check(id, "workflows.show")
        known = await self._broker().workflows().look(id)
        if known is None:
            raise _not_found(id)
        outline = await self._outline(id)
        numbers = [*task_numbers(outline.tree, errbacks=True)]
        ids = [step_id(outline.ids, id, number) for number in numbers]
        seen = await self._results.states(ids)
        return Graph(
            workflow=id,
            tree=outline.tree,
            ids=outline.ids,
            states={number: state for number, (state, _) in zip(numbers, seen, strict=True)},
            began=from_timestamp(known.began),
            idle=known.idle,
            over=known.over,
        )

    async def cancel(self, id: str) -> int:
        """End a workflow: every task of it that is not over is revoked, and ended where it runs.

        Those that wait for their turn never run. Errbacks are called, as for any other end that is
        not a success. The workflows that have begun in it, in the place of a task (`self.replace`)
        or as more members of a chord (`self.add_to_chord`), end with it.

        Args:
            id: The workflow's, as for `show`.

        Returns:
            How many tasks were not over.

        Raises:
            WorkflowNotFound: none of that id is kept, or not any more.
            TypeError: the id is no text.
            DecodeError: what is known of it can't be read; `SecurityError`: nor trusted.
            OperationalError: the server can't be reached; workers may or may not have been told.
        """
        _check(id, "workflows.cancel")
        ended: set[str] = set()
        await self._cancel(id, ended)
        return len(ended)

    async def _cancel(self, id: str, ended: set[str]) -> None:
        outline = await self._outline(id)
        ids = [step_id(outline.ids, id, number) for number in task_numbers(outline.tree)]
        for first in range(0, len(ids), PAGE):
            left = await self._not_over(ids[first : first + PAGE])
            await self._control.revoke(left, terminate=True)
            ended.update(left)
        for mark in await self._broker().workflows().marks(id, notes.INSIDE):
            with suppress(WorkflowNotFound):  # it is over, and its time too
                await self._cancel(mark.removeprefix(notes.INSIDE), ended)

    async def _not_over(self, ids: Sequence[str]) -> Sequence[str]:
        try:
            seen = await self._results.states(ids)
        except NotImplementedError:  # nobody stores what is over
            return ids
        return [
            id for id, (state, _) in zip(ids, seen, strict=True) if state not in states.READY_STATES
        ]

    async def _outline(self, id: str) -> Outline:
        try:
            return await notes.outline(self._broker().workflows(), id, self._results.seal())
        except ResultLost:
            raise _not_found(id) from None

    async def _info(self, known: Known) -> WorkflowInfo:
        outline: Outline | None = None
        with suppress(DecodeError, WorkflowNotFound):  # its time may be over just now
            outline = await self._outline(known.id)
        return WorkflowInfo(
            id=known.id,
            began=from_timestamp(known.began),
            idle=known.idle,
            over=known.over,
            tasks=None if outline is None else sum(1 for _ in task_numbers(outline.tree)),
            picture=UNREADABLE if outline is None else picture(outline.tree),
        )


def _check(id: object, owner: str) -> None:
    if isinstance(id, str):
        return
    hint = (
        "; result.workflow_id is None for a task or a group alone, and for what ran here: "
        "result.graph() and result.cancel() are for these too"
    )
    raise TypeError(
        f"{owner}: expected a workflow's id as text, got {id!r}{hint if id is None else ''}"
    )


def _not_found(id: str) -> WorkflowNotFound:
    return WorkflowNotFound(
        f"no workflow {printable(id, 100)} is kept. Give a workflow's id, not a task's: "
        "result.workflow_id of the handle on its end, self.request.workflow in a task of it; "
        "app.workflows.list() has those that are kept, which those that are over are for as long "
        "as results (result_expires)"
    )
