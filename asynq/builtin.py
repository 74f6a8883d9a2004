"""Tasks of our own: every worker has them, and no app lists them.

`asynq.map` and `asynq.starmap` call a task many times within one call; `asynq.accumulate` returns
what it gets. The others move workflows on where a settlement alone can't: they begin what is too
large to begin at once, and carry the news of a failure up, a level at a time. What they decide is
carried out together with the end of their own message, so it happens once, whoever dies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from msgspec.structs import replace

from asynq import states
from asynq.application import Application
from asynq.canvas import advance
from asynq.canvas.own import ACCUMULATE, BEGIN, EXPIRE, FAIL
from asynq.canvas.repeated import IN_THREAD, MAP, STARMAP
from asynq.exceptions import NotRegistered, OperationalError, WorkflowNotFound
from asynq.execution.outcome import Effect
from asynq.execution.terms import Terms
from asynq.registry import make
from asynq.task import AnyTask, Task
from asynq.wire.fault import Climb


class Own(Task[..., Any, Any]):
    """A task of our own: middleware does not see it."""

    def _settle_terms(self, app: Application) -> Terms:
        return replace(super()._settle_terms(app), middleware=())


async def begin(self: Own, number: int, done: int = 0) -> Effect:
    """Begin the members of a parallel, so many at a time."""
    return await advance.begin(self.app, self.request, number, done)


async def fail(self: Own, climb: Climb) -> Effect:
    """Tell what follows a failed step that it can't run, up to where somebody can live with it."""
    return await advance.fail(self.app, self.request, climb)


async def expire(self: Own, seconds: float) -> None:
    """Revoke what is left of a workflow: its time is over."""
    workflow = advance.workflow_of(self.request)
    known = await advance.workflows_of(self.app).look(workflow)
    if known is None or known.over == states.SUCCESS:
        return
    reach = self.app.results.workflows()
    assert reach is not None
    with suppress(WorkflowNotFound):
        await reach.cancel(workflow)


async def accumulate(values: Any, *more: Any) -> Any:
    """Return what it gets."""
    return [values, *more] if more else values


async def map_here(self: Own, task: str, it: list[Any]) -> list[Any]:
    """Call an `async def` with each of these."""
    called = _known(self, task)
    return [await called(*_fitting(called, (each,))) for each in it]


async def starmap_here(self: Own, task: str, it: list[Any]) -> list[Any]:
    """Call an `async def` with the arguments in each of these."""
    called = _known(self, task)
    return [await called(*_fitting(called, each)) for each in it]


def map_in_thread(self: Own, task: str, it: list[Any]) -> list[Any]:
    """Call a `def` with each of these."""
    called = _known(self, task)
    return [called(*_fitting(called, (each,))) for each in it]


def starmap_in_thread(self: Own, task: str, it: list[Any]) -> list[Any]:
    """Call a `def` with the arguments in each of these."""
    called = _known(self, task)
    return [called(*_fitting(called, each)) for each in it]


def _known(self: Own, name: str) -> AnyTask:
    task = self.app.callee(name)
    if not isinstance(task, Task):
        raise NotRegistered(f"no task {name!r} in this worker, so it can't be called many times")
    return task


def _fitting(task: AnyTask, args: Sequence[Any]) -> Sequence[Any]:
    """Arguments, as the task is annotated."""
    return task.parameters.fit(args, {})[0]


_AGAIN: Final[Mapping[str, Any]] = {
    "autoretry_for": (OperationalError,),
    "retry_for": 7 * 86400.0,
    "retry_backoff": 1.0,
    "retry_backoff_max": 30.0,
    "ignore_result": True,
    "bind": True,
    # What they could not do for another reason, somebody has to look at: as a dead letter it may be
    # sent again, and its workflow goes on.
    "acks_on_failure_or_timeout": False,
}

BUILTIN: Final[Mapping[str, tuple[Callable[..., Any], Mapping[str, Any]]]] = {
    BEGIN: (begin, _AGAIN),
    FAIL: (fail, _AGAIN),
    EXPIRE: (expire, _AGAIN),
    ACCUMULATE: (accumulate, {}),
    MAP: (map_here, {"bind": True}),
    STARMAP: (starmap_here, {"bind": True}),
    MAP + IN_THREAD: (map_in_thread, {"bind": True}),
    STARMAP + IN_THREAD: (starmap_in_thread, {"bind": True}),
}
"""Name to function and options."""


def build(name: str, app: Application) -> AnyTask | None:
    """An app's own object for one of them; None: there is none of that name."""
    if name not in BUILTIN:
        return None
    function, options = BUILTIN[name]
    rest = {option: value for option, value in options.items() if option != "bind"}
    return make(function, Own(), app, name=name, bind=options.get("bind", False), options=rest)
