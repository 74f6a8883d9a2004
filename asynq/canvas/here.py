"""A canvas that runs here, without broker and worker: `apply()`, and `task_always_eager`.

What workers would do with it is done step by step: the same values, the same errors, the same
errbacks, once. Members of a group run one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from asynq import states
from asynq.canvas.errbacks import errback_arguments
from asynq.canvas.joining import joined
from asynq.canvas.tree import Leaf, Node, Parallel, Series
from asynq.exceptions import EncodeError, TaskRevokedError
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


class HereCall(Submission[Any]):
    """A canvas that runs here when it is awaited.

    Args:
        root: What it comes down to.
        producer: Of its app.
        here: It was asked for by `apply()`.
        throw: Raise its error when it is awaited; None: as `task_eager_propagates`.
    """

    __slots__ = ("_faults", "_here", "_producer", "_root", "_throw")

    def __init__(self, root: Node, producer: Producer, *, here: bool, throw: bool | None) -> None:
        end = root.last()
        chosen = end.options.get("task_id") if isinstance(end, Leaf) else end.id
        super().__init__(chosen or new_id())
        self._root = root
        self._faults: dict[str, Fault] = {}
        self._producer = producer
        self._here = here
        self._throw = producer.conf.task_eager_propagates if throw is None else throw

    async def _depart(self, waiting: bool) -> AsyncResult[Any]:
        self._root.last().take_id(self.id)
        result = await self._run(self._root, NOTHING)
        if self._throw and await result.failed():
            await result.get()
        return result

    async def _run(
        self, node: Node, input: Any, before: AsyncResult[Any] | None = None
    ) -> AsyncResult[Any]:
        if isinstance(node, Leaf):
            result = await self._call(node, input, before)
        elif isinstance(node, Series):
            result = await self._run_series(node, input, before)
        else:
            assert isinstance(node, Parallel)
            members = [await self._run(part, input, before) for part in node.parts]
            result = GroupResult(node.id or new_id(), members, self._producer.results)
            result.parent = before
        fault = self._fault_of(result) if node.errbacks else None
        if fault is not None:
            await self._tell(node.errbacks, fault)
        return result

    async def _call(
        self, leaf: Leaf, input: Any, before: AsyncResult[Any] | None
    ) -> AsyncResult[Any]:
        args, takes = leaf.args, not leaf.immutable and not leaf.fed
        if leaf.errback:
            fault = errback_arguments(leaf.callee, len(args), *input) if takes else ()
            args = (*fault, *args)
        elif takes and input is not NOTHING:
            args = (input, *args)
        result: AsyncResult[Any] = await self._made(leaf, args, fed=args is not leaf.args)
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
        if not self._here:
            try:
                return leaf.callee.apply_async(args, leaf.kwargs, **options)
            except (TypeError, EncodeError):
                if not fed:
                    raise
                # What comes from another task nobody could check before: the step has failed. And
                # errors that were collected are not sent, so they need no form on the wire.
        return leaf.callee.apply(args, leaf.kwargs, throw=False, **options)

    async def _run_series(
        self, series: Series, input: Any, before: AsyncResult[Any] | None
    ) -> AsyncResult[Any]:
        result, failure, fault = before, None, None
        for part, after in zip(series.parts, (*series.parts[1:], None), strict=True):
            if failure is not None:
                result = self._not_run(part, failure, fault, result)
                continue
            ran = await self._run(part, input, result)
            if result is not None and part is not series.parts[0]:
                result._children = [*(result._children or ()), ran]
            result = ran
            if after is None:
                break
            input, failure = await _outcome(part, ran)
            fault = None if failure is None else self._fault_of(ran)
            if failure is not None and isinstance(part.last(), Parallel):
                fault = _chord_fault(after, failure)
                await self._tell(after.errbacks, fault)
        assert result is not None
        return result

    async def _tell(self, errbacks: Sequence[Node], fault: Fault) -> None:
        for errback in errbacks:
            for leaf in errback.first():
                leaf.errback = True
            await self._run(errback, fault)

    def _fault_of(self, result: AsyncResult[Any]) -> Fault | None:
        """Why it has failed; of a group, the first of its members that has."""
        if isinstance(result, GroupResult):
            return next(filter(None, map(self._fault_of, result)), None)
        return self._faults.get(result.id)

    def _not_run(
        self, node: Node, failure: Update, fault: Fault | None, before: AsyncResult[Any] | None
    ) -> AsyncResult[Any]:
        """The handle of what can't run."""
        end = node.last()
        result: AsyncResult[Any]
        if isinstance(end, Parallel):
            members = [self._not_run(part, failure, fault, before) for part in end.parts]
            result = GroupResult(end.id or new_id(), members, self._producer.results)
        else:
            id = end.options.get("task_id") or new_id()
            result = EagerResult(id, self._producer.results, failure)
            if fault is not None:
                self._faults[id] = fault
        result.parent = before
        return result


async def _outcome(node: Node, result: AsyncResult[Any]) -> tuple[Any, Update | None]:
    """The value of what has run, and why what follows it can't run."""
    end = node.last()
    if isinstance(end, Parallel) and isinstance(result, GroupResult):
        updates = [await _known(member) for member in result]
        try:
            return joined(updates, end.errors, end.least, [each.id for each in result]), None
        except Exception as error:
            traceback = Failure.of(error).traceback
            return None, Update(state=states.FAILURE, result=error, traceback=traceback)
    update = await _known(result)
    if update.state == states.SUCCESS:
        return update.result, None
    if update.state in states.READY_STATES:
        return None, update
    ignored = TaskRevokedError(f"{result.id} raised {update.state.title()}")
    return None, Update(state=states.REVOKED, result=ignored)


async def _known(result: AsyncResult[Any]) -> Update:
    """What is known of a result that is there; of a group, its list."""
    update: Update = await result._look()
    return update


def _chord_fault(body: Node, failure: Update) -> Fault:
    """It is the failure of what follows a group from here on."""
    first = next(body.first())
    id = first.options.get("task_id") or new_id()
    first.options = {**first.options, "task_id": id}
    request = Request(id=id, task=first.callee.name)
    return request, failure.result, failure.traceback
