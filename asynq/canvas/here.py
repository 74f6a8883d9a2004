"""A canvas that runs here, without broker and worker: `apply()`, and `task_always_eager`.

What workers would do with it is done step by step: the same values, the same errors, the same
errbacks, once. Members of a group run one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, Final

from msgspec import Struct

from asynq import states
from asynq.canvas.errbacks import errback_arguments
from asynq.canvas.joining import chord_error, joined
from asynq.canvas.tree import Leaf, Node, Parallel, Series
from asynq.exceptions import ChordError, EncodeError, TaskRevokedError
from asynq.producer import Producer
from asynq.request import Request
from asynq.result.group import GroupResult
from asynq.result.handle import AsyncResult, EagerResult
from asynq.result.reading import Update
from asynq.result.submission import Submission
from asynq.wire.failures import Failure
from asynq.wire.ids import new_id

Fault = tuple[Request, Any, str | None]
"""What an errback is told: the call that has failed, its error and the traceback."""

NOTHING: Final = object()
"""There is no input."""

_adding: ContextVar[list[Node] | None] = ContextVar("adding", default=None)


def adding() -> list[Node] | None:
    """While a call is made that ends a member of a group: what takes those that it adds."""
    return _adding.get()


class _TooFew(Struct):
    """In the place of the values of a group: too few of its members have succeeded."""

    error: Exception


class HereCall(Submission[Any]):
    """A canvas that runs here when it is awaited.

    Args:
        root: What it comes down to.
        producer: Of its app.
        here: It was asked for by `apply()`.
        throw: Raise its error when it is awaited; None: as `task_eager_propagates`.
        more: What takes those that it adds to the group of which it ends a member; None: it ends
            none.
    """

    __slots__ = ("_added", "_faults", "_here", "_more", "_producer", "_root", "_throw", "_unrun")

    def __init__(
        self,
        root: Node,
        producer: Producer,
        *,
        here: bool,
        throw: bool | None,
        more: list[Node] | None = None,
    ) -> None:
        end = root.last()
        chosen = end.options.get("task_id") if isinstance(end, Leaf) else end.id
        super().__init__(chosen or new_id())
        self._root = root
        self._producer = producer
        self._here = here
        self._faults: dict[str, Fault] = {}
        """Of tasks by their ids: what has failed, and be it another for which they can't run."""
        self._unrun: set[str] = set()
        """Ids of groups that can't run."""
        self._added: dict[str, list[tuple[Node, AsyncResult[Any]]]] = {}
        """What has joined groups (`self.add_to_chord`), by their ids."""
        self._more = more
        self._throw = producer.conf.task_eager_propagates if throw is None else throw

    async def _depart(self, waiting: bool) -> AsyncResult[Any]:
        self._root.last().take_id(self.id)
        result = await self._run(self._root, NOTHING, more=self._more)
        if self._throw and await result.failed():
            await result.get()
        return result

    async def _run(
        self,
        node: Node,
        input: Any,
        before: AsyncResult[Any] | None = None,
        more: list[Node] | None = None,
    ) -> AsyncResult[Any]:
        if isinstance(node, Leaf):
            result = await self._call(node, input, before, more)
        elif isinstance(node, Series):
            result = await self._run_series(node, input, before, more)
        else:
            assert isinstance(node, Parallel)
            result = await self._run_parallel(node, input, before)
        if node.errbacks and (await self._ended(node, result)).state == states.FAILURE:
            await self._tell(node, result)
        return result

    async def _run_parallel(
        self, parallel: Parallel, input: Any, before: AsyncResult[Any] | None
    ) -> AsyncResult[Any]:
        more: list[Node] = []
        members = [await self._run(part, input, before, more) for part in parallel.parts]
        result = GroupResult(parallel.id or new_id(), members, self._producer.results)
        result.parent = before
        added = [(each, await self._run(each, NOTHING, None, more)) for each in more]
        if added:
            self._added[result.id] = added
        return result

    def _members(self, end: Parallel, result: GroupResult[Any]) -> list[tuple[Node, Any]]:
        """The members of a group, those that have joined it too."""
        return [*zip(end.parts, result, strict=True), *self._added.get(result.id, ())]

    async def _call(
        self,
        leaf: Leaf,
        input: Any,
        before: AsyncResult[Any] | None,
        more: list[Node] | None,
    ) -> AsyncResult[Any]:
        if isinstance(input, _TooFew):
            failure = Update(state=states.FAILURE, result=input.error)
            unrun = self._not_run(leaf, failure, None, before)
            request = Request(id=unrun.id, task=leaf.callee.name)
            self._faults[unrun.id] = (request, input.error, Failure.of(input.error).traceback)
            return unrun
        args, takes = leaf.args, not leaf.immutable and not leaf.fed
        if leaf.errback:
            fault = errback_arguments(leaf.callee, len(args), leaf.kwargs, *input) if takes else ()
            args = (*fault, *args)
        elif takes and input is not NOTHING:
            args = (input, *args)
        token = _adding.set(more)
        try:
            made = self._made(leaf, args, fed=args is not leaf.args)
        finally:
            _adding.reset(token)
        result: AsyncResult[Any] = await made
        result.parent = before
        if await result.failed():
            request = Request(id=result.id, task=leaf.callee.name, args=args, kwargs=leaf.kwargs)
            self._faults[result.id] = (request, await result.result, await result.traceback)
        elif leaf.links and await result.successful():
            value = await result.get()
            result._children = [await self._run(link, value, result) for link in leaf.links]
        return result

    def _made(self, leaf: Leaf, args: Sequence[Any], *, fed: bool) -> Submission[Any]:
        options: Any = leaf.options
        if not self._here and not leaf.errback:  # what an errback is called with is no message's
            try:
                return leaf.callee.apply_async(args, leaf.kwargs, **options)
            except (TypeError, EncodeError):
                if not fed:
                    raise
                # What comes from another task nobody could check before: the step has failed. And
                # errors that were collected are not sent, so they need no form on the wire.
        return leaf.callee.apply(args, leaf.kwargs, throw=False, **options)

    async def _run_series(
        self,
        series: Series,
        input: Any,
        before: AsyncResult[Any] | None,
        more: list[Node] | None,
    ) -> AsyncResult[Any]:
        result, failure, fault = before, None, None
        for part, after in zip(series.parts, (*series.parts[1:], None), strict=True):
            if failure is not None:
                result = self._not_run(part, failure, fault, result)
                continue
            ran = await self._run(part, input, result, more if after is None else None)
            if result is not None and part is not series.parts[0]:
                result._children = [*(result._children or ()), ran]
            if after is not None:
                ended = await self._ended(part, ran)
                input = ended.result
                if ended.state != states.SUCCESS:
                    failure, fault = await self._failure(part, ran, ended, after)
            result = ran
        assert result is not None
        return result

    async def _failure(
        self, node: Node, result: AsyncResult[Any], ended: Update, after: Node
    ) -> tuple[Update, Fault | None]:
        """What that is to what comes after it: of a group, a `ChordError`, which is told there."""
        failed = await self._culprit(node, result)
        if not isinstance(node.last(), Parallel) or result.id in self._unrun:
            return ended, self._faults.get(failed.id)
        error = chord_error(failed.id, ended)
        traceback = Failure.of(error).traceback
        failure = Update(state=states.FAILURE, result=error, traceback=traceback)
        errbacks = [*after.errbacks]
        first = next(after.first())
        while isinstance(after, Series):
            after = after.parts[0]
            errbacks += after.errbacks
        id = first.options.get("task_id") or new_id()
        first.take_id(id)
        fault = Request(id=id, task=first.callee.name), error, traceback
        await self._call_with(errbacks, fault)
        return failure, fault

    async def _ended(self, node: Node, result: AsyncResult[Any]) -> Update:
        """How a node has ended: of a group, with its values, unless it fails with a member."""
        end = node.last()
        if not isinstance(end, Parallel) or not isinstance(result, GroupResult):
            return await _known(result)
        if result.id in self._unrun:
            return await result._look()
        members = self._members(end, result)
        updates = [_of_member(await self._ended(part, member)) for part, member in members]
        if end.errors == "fail":
            for update in updates:
                if update.state != states.SUCCESS:
                    return update
        value: Any
        try:
            value = joined(updates, end.errors, end.least, [each.id for _, each in members])
        except ChordError as error:
            value = _TooFew(error)
        return Update(state=states.SUCCESS, result=value)

    async def _culprit(self, node: Node, result: AsyncResult[Any]) -> AsyncResult[Any]:
        """What has failed in it: of a group, a member that it fails with."""
        end = node.last()
        if not isinstance(end, Parallel) or not isinstance(result, GroupResult):
            return result
        for part, member in self._members(end, result):
            if (await self._ended(part, member)).state != states.SUCCESS:
                return await self._culprit(part, member)
        return result

    async def _tell(self, node: Node, result: AsyncResult[Any]) -> None:
        failed = await self._culprit(node, result)
        while isinstance(failed, GroupResult):
            failed = failed[0]
        if (fault := self._faults.get(failed.id)) is not None:
            await self._call_with(node.errbacks, fault)

    async def _call_with(self, errbacks: Sequence[Node], fault: Fault) -> None:
        for errback in errbacks:
            for leaf in errback.first():
                leaf.errback = True
            await self._run(errback, fault)

    def _not_run(
        self, node: Node, failure: Update, fault: Fault | None, before: AsyncResult[Any] | None
    ) -> AsyncResult[Any]:
        """The handle of what can't run."""
        end = node.last()
        id = end.id if isinstance(end, Parallel) else end.options.get("task_id")
        result: AsyncResult[Any]
        if isinstance(end, Parallel):
            members = [self._not_run(part, failure, fault, before) for part in end.parts]
            result = GroupResult(id or new_id(), members, self._producer.results)
            self._unrun.add(result.id)
        else:
            result = EagerResult(id or new_id(), self._producer.results, failure)
            if fault is not None:
                self._faults[result.id] = fault
        result.parent = before
        return result


async def _known(result: AsyncResult[Any]) -> Update:
    """What is known of a result that is there; who raised `Ignore` has left no value."""
    update: Update = await result._look()
    if update.state in states.READY_STATES:
        return update
    ignored = TaskRevokedError(f"{result.id} raised {update.state.title()}")
    return Update(state=states.REVOKED, result=ignored)


def _of_member(update: Update) -> Update:
    """How a member has ended; a group in a group that is too small has failed there."""
    if isinstance(update.result, _TooFew):
        return Update(state=states.FAILURE, result=update.result.error)
    return update
