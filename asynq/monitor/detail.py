"""One task, with all that is known of it; and what can be done with it."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from asynq import states
from asynq._printable import printable
from asynq.app import Asynq
from asynq.dead import DeadLetter
from asynq.events.seen import Task
from asynq.exceptions import AsynqError, OptionValueError
from asynq.result.graph import Graph
from asynq.wire.attempts import Attempt
from asynq.wire.ids import nth

DEEPEST: Final = 6
"""Levels of a workflow at which its first step is looked for."""
SHOWN: Final = 20_000
"""Characters of a result that are shown."""


class Detail(Struct, frozen=True, kw_only=True):
    """What is known of one task."""

    id: str
    task: Task | None
    """As events tell of it; None: they do not, or not any more."""
    state: str
    """By its result, or else by its events."""
    result: str | None
    """What its value looks like, or its error; None: there is none yet, or not any more."""
    traceback: str | None
    attempts: tuple[Attempt, ...]
    letter: DeadLetter | None
    """The dead letter that it has become."""
    workflow: Graph | None
    """The workflow that it is part of."""
    problem: str | None = None
    """Why something could not be asked."""

    @property
    def is_over(self) -> bool:
        """It has ended."""
        return self.state in states.READY_STATES


async def look(app: Asynq, id: str, task: Task | None) -> Detail:
    """Ask all that can be asked of a task.

    Args:
        app: Whose.
        id: Its id.
        task: What events tell of it.

    Raises:
        OperationalError: the server can't be reached.
    """
    root = (task.root_id if task is not None else None) or id
    (state, result, traceback, attempts, problem), letters, workflow = await asyncio.gather(
        _result(app, id), app.dead.find(id), _workflow(app, root)
    )
    if task is not None and state == states.PENDING:
        state = task.state
        result, traceback = result or task.result or task.exception, traceback or task.traceback
    return Detail(
        id=id,
        task=task,
        state=state,
        result=result,
        traceback=traceback,
        attempts=attempts,
        letter=letters[-1] if letters else None,
        workflow=workflow,
        problem=problem,
    )


async def retry(app: Asynq, id: str, task: Task | None) -> str:
    """Have it run again, or now; returns what was done, as a sentence.

    A dead letter goes back into its queue. What waits for its time runs now. What is over is called
    again with the same arguments, as far as its events tell them in full, and as another task.

    Raises:
        OptionValueError: none of that can be done.
        OperationalError: the server can't be reached.
    """
    if letters := await app.dead.find(id):
        await app.dead.retry(letters[-1])
        return "The dead letter is back in its queue."
    if await app.control.reschedule(id, countdown=0):
        return "It runs now, rather than when it was to."
    if task is None or not task.ready:
        raise OptionValueError(
            "it neither waits for its time nor is it over: there is nothing to retry"
        )
    args, kwargs = _arguments(task)
    result = await app.send_task(task.name, args, kwargs, queue=task.queue)
    return f"Called again, as {result.id}."


def _arguments(task: Task) -> tuple[list[Any], dict[str, Any]]:
    try:
        args = ast.literal_eval(task.args or "()")
        kwargs = ast.literal_eval(task.kwargs or "{}")
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        args = kwargs = None
    if task.args is None or not isinstance(args, tuple | list) or not isinstance(kwargs, dict):
        raise OptionValueError(
            "its events do not tell its arguments in full, so it can't be called again from here"
        )
    return list(args), kwargs


Told = tuple[str, str | None, str | None, tuple[Attempt, ...], str | None]


async def _result(app: Asynq, id: str) -> Told:
    handle: Any = app.AsyncResult(id)
    try:
        state = await handle.state
        value = await handle.result
        traceback, attempts = await handle.traceback, tuple(await handle.attempts)
    except AsynqError as error:
        return states.PENDING, None, None, (), f"{type(error).__name__}: {error}"
    shown = None if state == states.PENDING else printable(_repr(value), SHOWN)
    return state, shown, traceback, attempts, None


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:
        return f"<{type(value).__name__}, whose repr raises {type(error).__name__}>"


async def _workflow(app: Asynq, first: str) -> Graph | None:
    """The workflow that begins with this task: its id comes a few before that of its first step,
    by how deep that stands."""
    try:
        ids = [nth(first, -before) for before in range(DEEPEST)]
        known = await asyncio.gather(*map(app.broker.workflows().look, ids))
        found = [each.id for each in known if each is not None]
        return await app.workflows.show(found[0]) if found else None
    except (ValueError, AsynqError):  # an id that somebody has chosen; one that is gone just now
        return None


def shown_fields(detail: Detail) -> Mapping[str, str]:
    """What is told of it in short, by name; in the order in which it is shown."""
    task = detail.task
    found: dict[str, object] = {"id": detail.id, "state": detail.state}
    if task is not None:
        found |= {
            "task": task.name,
            "queue": task.queue,
            "worker": task.worker,
            "args": task.args,
            "kwargs": task.kwargs,
            "retries": task.retries or None,
            "runtime": None if task.runtime is None else f"{task.runtime:.6f} s",
            "eta": task.eta,
            "expires": task.expires,
            "root": task.root_id if task.root_id != detail.id else None,
            "parent": task.parent_id,
        }
    return {name: str(value) for name, value in found.items() if value not in (None, "")}
