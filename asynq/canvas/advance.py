"""What follows a step where its own settlement can't say it: too much at once, or a failure.

Each of these is the work of a task of our own. It looks up what it must know, decides, and gives an
`Effect`, which is carried out together with the end of its message: once, whoever dies. What is too
much for one settlement goes on with the next, by the same message.

The life of a failure: the settlement of the step that has failed publishes the news. `fail` tells
the steps that can't run any more, calls errbacks, and climbs to what the step is part of; a
sequence has failed with it. A parallel meets it: where it collects or ignores errors, the failure
is one of its values, and that is all. Else it fails too, but once, whoever of its members fails
after; so the climb goes on with a message of its own, behind a mark. What takes the values of a
parallel can't run, and is told of a `ChordError`.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec.structs import replace

from asynq._time import time
from asynq.application import Application
from asynq.brokers.base import Advance, Parcel, StoredRecord, Workflows
from asynq.canvas import notes
from asynq.canvas.joining import chord_error
from asynq.canvas.own import FAIL, own_message
from asynq.exceptions import ResultLost
from asynq.execution.outcome import Effect
from asynq.request import Request
from asynq.result.reading import Update
from asynq.wire.failures import Failure, rebuild
from asynq.wire.fault import Climb, Fault
from asynq.wire.flow import Branch, Outline, Span, with_input
from asynq.wire.ids import new_id, step_id
from asynq.wire.message import Message
from asynq.wire.record import Record, encode, moment

SLICE: Final = 500
"""Steps that begin, or are told, in one settlement: what a server does in a few milliseconds."""


async def begin(app: Application, request: Request, number: int, done: int) -> Effect:
    """Begin the members of a parallel, so many at a time.

    Args:
        app: The worker's.
        request: Of the run that does it.
        number: The parallel.
        done: How many have begun.
    """
    workflow = workflow_of(request)
    try:
        branch = await notes.branch(workflows_of(app), workflow, number, app.results.seal())
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


async def fail(app: Application, request: Request, climb: Climb) -> Effect:
    """Tell what follows a failed step that it can't run, up to where somebody can live with it.

    Args:
        app: The worker's.
        request: Of the run that does it.
        climb: How far the news has come.
    """
    return await _Climbing(app, request, climb).climb()


def workflows_of(app: Application) -> Workflows:
    """Where workflows are kept, for the running event loop."""
    return app.producer.connections.broker().workflows()


def workflow_of(request: Request) -> str:
    """The workflow that a task of our own moves on.

    Raises:
        ResultLost: it was called without one.
    """
    if request.flow is None:
        raise ResultLost(f"{request.task} was called without a workflow")
    return request.flow.workflow


class _Climbing:
    """One piece of the way up: as much as one settlement takes."""

    def __init__(self, app: Application, request: Request, climb: Climb) -> None:
        self._climb = climb
        self._workflows = workflows_of(app)
        self._seal = app.results.seal()
        self._ttl = app.conf.result_expires
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
        of_group = climb.of_group and not became
        self._climb = climb.rise(above, of_group=of_group, unrun=(climb.end, above.end))
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
        once = (f"f{climb.up}", self._news(climb.rise(above, of_group=True)))
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
        self._advance.append(Advance(workflow=climb.workflow, over=self._fault.state))
        outer = (await self._known()).outer
        if outer is None:
            return
        self._publish.append(self._news(Climb.begin(outer)))

    def _news(self, climb: Climb) -> Parcel:
        parcel = own_message(
            FAIL,
            [climb],
            workflow=climb.workflow,
            id=new_id(),
            queue=self._queue,
            priority=self._priority,
            seal=self._seal,
        )
        input = self._fault.seal(climb.workflow, self._seal)
        return replace(parcel, body=with_input(parcel.body, input))

    async def _known(self) -> Outline:
        if self._outline is None:
            workflow = self._climb.workflow
            self._outline = await notes.outline(self._workflows, workflow, self._seal)
        return self._outline
