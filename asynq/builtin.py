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
from asynq._time import time
from asynq.application import Application
from asynq.brokers.base import Advance, Parcel, StoredRecord, Workflows
from asynq.canvas import notes
from asynq.canvas.joining import chord_error
from asynq.canvas.own import ACCUMULATE, BEGIN, EXPIRE, FAIL, own_message
from asynq.canvas.repeated import IN_THREAD, MAP, STARMAP
from asynq.exceptions import NotRegistered, OperationalError, ResultLost, WorkflowNotFound
from asynq.execution.outcome import Effect
from asynq.execution.terms import Terms
from asynq.registry import make
from asynq.result.reading import Update
from asynq.task import AnyTask, Task
from asynq.wire.failures import Failure, rebuild
from asynq.wire.fault import Climb, Fault
from asynq.wire.flow import Branch, Outline, Span, with_input
from asynq.wire.ids import new_id, step_id
from asynq.wire.message import Message
from asynq.wire.record import Record, encode, moment
from asynq.wire.sealing import Seal

SLICE: Final = 500
"""Steps that begin, or are told, in one settlement: what a server does in a few milliseconds."""


class Own(Task[..., Any, Any]):
    """A task of our own: middleware does not see it."""

    def _settle_terms(self, app: Application) -> Terms:
        return replace(super()._settle_terms(app), middleware=())


async def begin(self: Own, number: int, done: int = 0) -> Effect:
    """Begin the members of a parallel, so many at a time."""
    request, workflows, seal = self.request, _workflows(self), _seal(self)
    workflow = _workflow(self)
    try:
        branch = await notes.branch(workflows, workflow, number, seal)
    except ResultLost:
        return Effect()
    spans, taken, passed = [], 0, 0
    for first, last in branch.begin:
        count = last - first + 1
        skip = min(count, max(0, done - passed))
        passed += count
        take = min(count - skip, SLICE - taken)
        if take > 0:
            spans.append((first + skip, first + skip + take - 1))
            taken += take
    more = done + taken < sum(last - first + 1 for first, last in branch.begin)
    return Effect(
        advance=(Advance(workflow=workflow, input=request.input, start=tuple(spans)),),
        again=(number, done + taken) if more else None,
    )


async def fail(self: Own, climb: Climb) -> Effect:
    """Tell what follows a failed step that it can't run, up to where somebody can live with it."""
    return await _Climbing(self, climb).climb()


async def expire(self: Own, seconds: float) -> None:
    """Revoke what is left of a workflow: its time is over."""
    workflow = _workflow(self)
    known = await _workflows(self).look(workflow)
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


class _Climbing:
    """One piece of the way up: as much as one settlement takes."""

    def __init__(self, task: Own, climb: Climb) -> None:
        self._climb = climb
        self._workflows = _workflows(task)
        self._seal = _seal(task)
        self._ttl = task.app.conf.result_expires
        request = task.request
        self._queue, self._priority = request.queue, request.priority
        self._input = request.input
        self._fault = Fault.open(climb.workflow, self._seal, self._input)
        self._outline: Outline | None = None
        self._advance: list[Advance] = []
        self._publish: list[Parcel] = []
        self._others: list[StoredRecord] = []

    async def climb(self) -> Effect:
        try:
            while not await self._step():
                pass
        except ResultLost:
            return Effect()  # nothing of it is left
        if self._climb.unrun[0] < self._climb.unrun[1]:
            return self._effect(again=(self._climb,))
        return self._effect()

    def _effect(self, again: tuple[Any, ...] | None = None) -> Effect:
        return Effect(
            advance=tuple(self._advance),
            publish=tuple(self._publish),
            others=tuple(self._others),
            again=again,
        )

    async def _step(self) -> bool:
        """One node; True: that was all, for now."""
        await self._tell_unrun()
        climb = self._climb
        if climb.unrun[0] < climb.unrun[1]:
            return True
        if not self._fault.silent:
            self._call(climb.errbacks)
        became = bool(climb.of_group and climb.body)
        if became:
            self._become_chord_error(climb)
            self._call(climb.body_errbacks)
        if not climb.up:
            await self._end()
            return True
        above = await notes.branch(self._workflows, climb.workflow, climb.up, self._seal)
        if above.parallel:
            await self._meet(above)
            return True
        self._climb = Climb(
            workflow=climb.workflow,
            node=climb.up,
            up=above.up,
            end=above.end,
            errbacks=above.errbacks,
            join=above.join,
            unrun=(climb.end, above.end),
            of_group=climb.of_group and not became,
            body=above.body,
            body_task=above.body_task,
            body_errbacks=above.body_errbacks,
        )
        return False

    async def _tell_unrun(self) -> None:
        """Store of steps that can't run why, so that nobody waits for them."""
        climb = self._climb
        first, after = climb.unrun
        room = SLICE - len(self._others)
        last = min(after, first + room)
        if first < last:
            outline = await self._known()
            ids = [step_id(outline.ids, climb.workflow, number) for number in range(first, last)]
            reply_to = outline.reply_to
            self._others += [
                StoredRecord(id=id, body=self._record(id), ttl=self._ttl, reply_to=reply_to)
                for id in ids
            ]
        self._climb = replace(climb, unrun=(last, after))

    def _record(self, id: str) -> bytes:
        record = Record(status=self._fault.state, error=self._fault.error, done=moment(time()))
        body = encode(record, "json")
        return body if self._seal is None else self._seal.seal_record(id, body)

    def _call(self, errbacks: tuple[Span, ...]) -> None:
        if errbacks:
            workflow = self._climb.workflow
            self._advance.append(Advance(workflow=workflow, input=self._input, start=errbacks))

    def _become_chord_error(self, climb: Climb) -> None:
        """From here on it is the failure of the body, which can't run."""
        fault = self._fault
        update = Update(state=fault.state, result=rebuild(fault.error))
        error = Failure.of(chord_error(fault.id, update))
        before = fault.message
        message = Message(task=climb.body_task, root_id=before.root_id, priority=before.priority)
        self._fault = Fault(id=climb.body, error=error, message=message)
        self._input = self._fault.seal(climb.workflow, self._seal)

    async def _meet(self, above: Branch) -> None:
        """A member of a parallel has failed."""
        climb = self._climb
        join = climb.join
        assert join is not None
        if above.errors != "fail":
            value = self._record(await self._end_of(above, *join))
            self._advance.append(Advance(workflow=climb.workflow, input=value, join=join))
            return
        higher = Climb(
            workflow=climb.workflow,
            node=climb.up,
            up=above.up,
            end=above.end,
            errbacks=above.errbacks,
            join=above.join,
            of_group=True,
            body=above.body,
            body_task=above.body_task,
            body_errbacks=above.body_errbacks,
        )
        once = (f"f{climb.up}", self._news(higher, self._fault))
        self._advance.append(Advance(workflow=climb.workflow, once=once))

    async def _end_of(self, above: Branch, number: int, place: int) -> str:
        """The id of the task that a member of a parallel ends with."""
        workflow = self._climb.workflow
        if place >= above.size:
            return dict(await self._workflows.added(workflow, number))[place]
        end = above.first_end + place if above.first_end else above.ends[place]
        return step_id(above.ids, workflow, end)

    async def _end(self) -> None:
        """The top of its tree: of the workflow, or of a link."""
        climb = self._climb
        if climb.node != 1:
            return
        self._advance.append(Advance(workflow=climb.workflow, over=states.FAILURE))
        outer = (await self._known()).outer
        if outer is None:
            return
        after = outer.end or outer.node + 1
        higher = Climb(
            workflow=outer.workflow,
            node=outer.node,
            up=outer.up,
            end=after,
            errbacks=outer.errbacks,
            join=outer.join,
            unrun=(outer.node + 1, after),
        )
        self._publish.append(self._news(higher, self._fault))

    def _news(self, climb: Climb, fault: Fault) -> Parcel:
        parcel = own_message(
            FAIL,
            [climb],
            workflow=climb.workflow,
            id=new_id(),
            queue=self._queue,
            priority=self._priority,
            seal=self._seal,
        )
        return replace(parcel, body=with_input(parcel.body, fault.seal(climb.workflow, self._seal)))

    async def _known(self) -> Outline:
        if self._outline is None:
            workflow = self._climb.workflow
            self._outline = await notes.outline(self._workflows, workflow, self._seal)
        return self._outline


def _workflows(task: Own) -> Workflows:
    return task.producer.connections.broker().workflows()


def _seal(task: Own) -> Seal | None:
    return task.app.results.seal()


def _workflow(task: Own) -> str:
    flow = task.request.flow
    if flow is None:
        raise ResultLost(f"{task.name} was called without a workflow")
    return flow.workflow


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
