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
from asynq.exceptions import TaskRevokedError
from asynq.producer import Producer
from asynq.request import Request
from asynq.result.group import GroupResult
from asynq.result.handle import AsyncResult, EagerResult
from asynq.result.reading import Update
from asynq.result.submission import Submission
from asynq.wire.ids import new_id

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

    __slots__ = ("_here", "_producer", "_root", "_throw")

    def __init__(self, root: Node, producer: Producer, *, here: bool, throw: bool | None) -> None:
        end = root.last()
        chosen = end.options.get("task_id") if isinstance(end, Leaf) else end.id
        super().__init__(chosen or new_id())
        self._root = root
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
        if node.errbacks and await result.failed():
            await self._tell(node.errbacks, result)
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
        options: Any = leaf.options
        if self._here:
            call = leaf.callee.apply(args, leaf.kwargs, throw=False, **options)
        else:
            call = leaf.callee.apply_async(args, leaf.kwargs, **options)
        result: AsyncResult[Any] = await call
        result.parent = before
        if leaf.links and await result.successful():
            value = await result.get()
            result._children = [await self._run(link, value, result) for link in leaf.links]
        return result

    async def _run_series(
        self, series: Series, input: Any, before: AsyncResult[Any] | None
    ) -> AsyncResult[Any]:
        result, failure = before, None
        for part, after in zip(series.parts, (*series.parts[1:], None), strict=True):
            if failure is not None:
                result = _not_run(part, failure, result, self._producer)
                continue
            ran = await self._run(part, input, result)
            if result is not None and part is not series.parts[0]:
                result._children = [*(result._children or ()), ran]
            if after is not None:
                input, failure = await _outcome(part, ran)
                if failure is not None and isinstance(part.last(), Parallel) and after.errbacks:
                    unrun = _not_run(after, failure, ran, self._producer)
                    await self._tell(after.errbacks, unrun)
            result = ran
        assert result is not None
        return result

    async def _tell(self, errbacks: Sequence[Node], result: AsyncResult[Any]) -> None:
        failed = result
        if isinstance(result, GroupResult):
            for member in result:
                if await member.failed():
                    failed = member
                    break
        error = await failed.result
        request = Request(id=failed.id, task=await failed.name or "")
        fault = (request, error, await failed.traceback)
        for errback in errbacks:
            for leaf in errback.first():
                leaf.errback = True
            await self._run(errback, fault)


async def _outcome(node: Node, result: AsyncResult[Any]) -> tuple[Any, Update | None]:
    """The value of what has run, and why what follows it can't run."""
    end = node.last()
    if isinstance(end, Parallel) and isinstance(result, GroupResult):
        updates = [await _known(member) for member in result]
        try:
            return joined(updates, end.errors, end.least, [each.id for each in result]), None
        except Exception as error:
            return None, Update(state=states.FAILURE, result=error)
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


def _not_run(
    node: Node, failure: Update, before: AsyncResult[Any] | None, producer: Producer
) -> AsyncResult[Any]:
    """The handle of what can't run."""
    end = node.last()
    id = end.id if isinstance(end, Parallel) else end.options.get("task_id")
    result: AsyncResult[Any]
    if isinstance(end, Parallel):
        members = [_not_run(part, failure, before, producer) for part in end.parts]
        result = GroupResult(id or new_id(), members, producer.results)
    else:
        result = EagerResult(id or new_id(), producer.results, failure)
    result.parent = before
    return result
