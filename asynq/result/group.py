"""The handle on the results of a group: of several tasks that run at the same time.

It is a handle like any other (`await`, `get`, `state`, `ready()` …) whose value is the list of its
members' values in the order they were declared in, and it is a list of its members' handles::

    result = await group(add.s(i, i) for i in range(10))()
    await result                      # [0, 2, 4, …]
    async for member in result.iter():
        ...                           # as they end
"""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, Protocol, TypeVar, overload

from asynq import states
from asynq._time import monotonic
from asynq.brokers.base import StoredRecord
from asynq.exceptions import DecodeError, TimeoutError
from asynq.result.answer import Answer
from asynq.result.handle import AsyncResult, EagerResult
from asynq.result.reading import UNKNOWN, Results, Update
from asynq.wire.flow import Shape
from asynq.wire.record import Record, encode
from asynq.wire.serialization import encode_value

if TYPE_CHECKING:  # PEP 696, as in `asynq.result.handle`
    from typing_extensions import TypeVar as DefaultedTypeVar

    R = DefaultedTypeVar("R", default=Any)
else:
    R = TypeVar("R")


class HasResults(Protocol):
    """Something that knows where results are read: an app."""

    results: Results


PAGE: Final = 1000
"""Members that are asked about in one call."""


class GroupResult(AsyncResult[list[R]], Generic[R]):
    """A handle on the results of a group's members.

    Attributes:
        id: the group's id.
        results: the members' handles, in the order they were declared in.
    """

    __slots__ = ("results",)

    def __init__(self, id: str, members: Iterable[AsyncResult[R]], results: Results) -> None:
        """Made by sending a group, and by `app.GroupResult`.

        Args:
            id: The group's id.
            members: The members' handles.
            results: Where to read.
        """
        super().__init__(id, results)
        self.results: list[AsyncResult[R]] = [*members]

    @property
    def children(self) -> list[AsyncResult[Any]]:
        """Its members' handles."""
        return [*self.results]

    # As a list

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[AsyncResult[R]]:
        return iter(self.results)

    def __getitem__(self, index: int) -> AsyncResult[R]:
        return self.results[index]

    def __bool__(self) -> bool:
        return bool(self.results)

    def add(self, result: AsyncResult[R]) -> None:
        """Make it a member, if it is none."""
        if result not in self.results:
            self.results.append(result)

    def remove(self, result: AsyncResult[R] | str) -> None:
        """Leave out a member.

        Raises:
            KeyError: it is none.
        """
        if result not in self.results:
            raise KeyError(result)
        self.discard(result)

    def discard(self, result: AsyncResult[R] | str) -> None:
        """Leave out a member, if it is one."""
        self.results[:] = [each for each in self.results if each != result]

    def update(self, results: Iterable[AsyncResult[R]]) -> None:
        """Make these members too."""
        for result in results:
            self.add(result)

    def clear(self) -> None:
        """Leave out all of them."""
        self.results.clear()

    # Waiting

    async def iter(
        self, timeout: float | None = None, propagate: bool = False
    ) -> AsyncIterator[AsyncResult[R]]:
        """The members as they end, the first to end first; each is ready when it comes out.

        Args:
            timeout: Seconds for all of them; None: as long as it takes.
            propagate: Raise the error of a member that failed, rather than let it come out.

        Raises:
            TimeoutError: some were not ready in time.
        """
        if timeout is not None and timeout <= 0:
            async for member in self._over(timeout, propagate):
                yield member
            return
        ended: asyncio.Queue[tuple[AsyncResult[R], asyncio.Task[Any]]] = asyncio.Queue()
        until = None if timeout is None else monotonic() + timeout
        waiting = [asyncio.create_task(each._get(None, False, None)) for each in self.results]
        for member, task in zip(self.results, waiting, strict=True):
            task.add_done_callback(_putter(ended, member))
        try:
            for _ in waiting:
                left = None if until is None else max(until - monotonic(), 0.0)
                try:
                    async with asyncio.timeout(left):
                        member, task = await ended.get()
                except builtins.TimeoutError:
                    raise self._late(_arrived(waiting), timeout) from None
                task.result()  # raises where it could not be waited for
                if propagate:
                    await member._get(0.0, True, timeout)
                yield member
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _over(self, asked: float, propagate: bool) -> AsyncIterator[AsyncResult[R]]:
        """The members that are over now; raises where others are not."""
        await self._look_at_all()
        over = [
            each
            for each in self.results
            if each._ignored or each._settled or each._known_now().ready
        ]
        for member in over:
            if propagate:
                await member._get(0.0, True, asked)
            yield member
        if len(over) < len(self.results):
            raise self._late(len(over), asked)

    async def join(self, timeout: float | None = None, propagate: bool = True) -> list[Any]:
        """The same as `get`."""
        return await self._get(timeout, propagate, timeout)

    join_native = join

    # Asking

    def ready(self) -> Answer[bool]:
        """Are all members over?"""
        return self._of_all("ready()", lambda known: all(each.ready for each in known))

    def waiting(self) -> Answer[bool]:
        """Is a member not over?"""
        return self._of_all("waiting()", lambda known: not all(each.ready for each in known))

    def successful(self) -> Answer[bool]:
        """Are all members over, and did they all return?"""
        return self._of_all(
            "successful()", lambda known: all(each.state == states.SUCCESS for each in known)
        )

    def failed(self) -> Answer[bool]:
        """Is a member over with an error?"""
        return self._of_all(
            "failed()", lambda known: any(each.state == states.FAILURE for each in known)
        )

    def exists(self) -> Answer[bool]:
        """Is anything known of a member? A task that waits in its queue is not known yet."""
        return self._of_all("exists()", lambda known: any(each is not UNKNOWN for each in known))

    def completed_count(self) -> Answer[int]:
        """How many members have returned; a group among them counts once, when all of it has."""
        members = self.results
        return self._of_all(
            "completed_count()",
            lambda _: sum(each._known_now().state == states.SUCCESS for each in members),
        )

    async def updates(self) -> AsyncIterator[Update]:
        """What is known of the group, each time that a member has ended; ends after the last."""
        if not self.results:
            yield await self._look()
        async for _ in self.iter():
            yield await self._look()

    # The end

    async def forget(self) -> None:
        """Delete what is stored of its members, and what `save` has stored."""
        ids = [self.id]
        for task in self._sent():
            task._last = None
            ids.append(task.id)
        for first in range(0, len(ids), PAGE):
            await self._results.backend().forget(ids[first : first + PAGE])

    async def revoke(
        self,
        terminate: bool = False,
        *,
        signal: None = None,
        wait: bool = False,
        timeout: float | None = None,
        ttl: float | None = None,
    ) -> None:
        """Have no member run that has not begun; with `terminate`, none go on. As `AsyncResult`'s.

        Raises:
            RuntimeError: it was made without an app.
        """
        reach = self._results.reach
        if reach is None:
            raise RuntimeError(f"{self!r} was made without an app: use app.control.revoke(ids)")
        ids = [task.id for task in self._sent()]
        if not ids:
            return
        await reach.revoke(
            ids, terminate=terminate, signal=signal, wait=wait, timeout=timeout, ttl=ttl
        )

    async def save(self, *, expires: float | None = None) -> None:
        """Store which members it has, to find it again by its id: `app.GroupResult.restore`.

        Args:
            expires: Seconds to keep that; None: for ever.
        """
        result, content = encode_value(self._saved(), "json", what="the group's members")
        body = encode(Record(result=result, content=content), "json")
        seal = self._results.seal()
        if seal is not None:
            body = seal.seal_record(self.id, body)
        await self._results.backend().store([StoredRecord(id=self.id, body=body, ttl=expires)])

    async def delete(self) -> None:
        """Delete what `save` has stored; its members' results stay."""
        await self._results.backend().forget([self.id])

    @classmethod
    async def restore(cls, id: str, *, app: HasResults) -> GroupResult[Any] | None:
        """The handle that `save` has stored; None: there is none.

        Args:
            id: The group's.
            app: Whose group it was.

        Raises:
            DecodeError: something else is stored under that id.
        """
        results = app.results
        (body,) = await results.backend().fetch([id])
        stored = results.read(body, None, id=id)
        if body is None:
            return None
        if not isinstance(stored.result, dict) or "group" not in stored.result:
            raise DecodeError(f"{id} is the id of a task, not of a group that was saved")
        return cls._restored({**stored.result, "id": id}, results)

    def __repr__(self) -> str:
        shown = ", ".join(member.id for member in self.results[:3])
        more = len(self.results) - 3
        return f"<GroupResult: {self.id} [{shown}{f', … {more} more' if more > 0 else ''}]>"

    @overload  # type: ignore[override]  # errors stand in the list
    async def get(
        self, timeout: float | None = None, propagate: Literal[True] = True
    ) -> list[R]: ...
    @overload
    async def get(
        self, timeout: float | None = None, *, propagate: bool
    ) -> list[R | BaseException]: ...
    @overload
    async def get(self, timeout: float | None, propagate: bool) -> list[R | BaseException]: ...
    async def get(self, timeout: float | None = None, propagate: bool = True) -> list[Any]:
        """Wait for all members to end, and give what they returned, in their declared order.

        Args:
            timeout: Seconds to wait at most for all of them; None: as long as it takes.
            propagate: Raise the error of the first member to fail, as soon as it has; False: errors
                stand in the list, in the place of values.

        Raises:
            As `AsyncResult.get`, of any member.
        """
        return await self._get(timeout, propagate, timeout)

    async def _get(self, timeout: float | None, propagate: bool, asked: float | None) -> list[Any]:
        waiting = [
            asyncio.ensure_future(member._get(timeout, propagate, asked)) for member in self.results
        ]
        try:
            values: list[Any] = await asyncio.gather(*waiting)
            return values
        except TimeoutError as error:
            if any(task._known_now().result is error for task in self._tasks()):
                raise  # a task has failed with it
            raise self._late(_arrived(waiting), asked) from error
        finally:
            for each in waiting:
                each.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    def _late(self, ready: int, asked: float | None) -> builtins.TimeoutError:
        return TimeoutError(
            f"{ready} of {len(self.results)} results of the group {self.id} within {asked:g} s; "
            "the others go on"
        )

    async def _look(self) -> Update:
        await self._look_at_all()
        return self._known_now()

    def _known_now(self) -> Update:
        known = [member._known_now() for member in self.results]
        if not all(each.ready for each in known):
            begun = any(each.state != states.PENDING for each in known)
            return Update(state=states.STARTED if begun else states.PENDING)
        failed = [each for each in known if each.state != states.SUCCESS]
        return Update(
            state=failed[0].state if failed else states.SUCCESS,
            result=failed[0].result if failed else [each.result for each in known],
            traceback=failed[0].traceback if failed else None,
            date_done=max((each.date_done for each in known if each.date_done), default=None),
        )

    async def _look_at_all(self) -> list[Update]:
        """What is known of each task in it, in one question for many."""
        unknown = [task for task in self._tasks() if not task._settled]
        for first in range(0, len(unknown), PAGE):
            page = unknown[first : first + PAGE]
            bodies = await self._results.backend().fetch([task.id for task in page])
            for task, body in zip(page, bodies, strict=True):
                task._keep(self._results.read(body, task._returned, id=task.id))
        return [task._known_now() for task in self._tasks()]

    def _tasks(self) -> Iterator[AsyncResult[Any]]:
        for member in self.results:
            if isinstance(member, GroupResult):
                yield from member._tasks()
            else:
                yield member

    def _sent(self) -> Iterator[AsyncResult[Any]]:
        """The tasks of which the server knows, or may."""
        return (task for task in self._tasks() if not isinstance(task, EagerResult))

    def _saved(self) -> dict[str, Any]:
        """What is stored of it, as a member too."""
        members = [
            member._saved() if isinstance(member, GroupResult) else member.id
            for member in self.results
        ]
        return {"id": self.id, "group": members, "workflow": self._workflow}

    @classmethod
    def _restored(cls, saved: Mapping[str, Any], results: Results) -> GroupResult[Any]:
        members: list[AsyncResult[Any]] = [
            AsyncResult(each, results) if isinstance(each, str) else cls._restored(each, results)
            for each in saved["group"]
        ]
        made = cls(saved["id"], members, results)
        made._workflow = saved.get("workflow", "")
        return made

    def _shape(
        self, numbers: Iterator[int], ids: dict[int, str], names: Mapping[str, str]
    ) -> Shape:
        number = next(numbers)
        ids[number] = self.id
        parts = tuple(member._shape(numbers, ids, names) for member in self.results)
        return Shape(kind="group", number=number, parts=parts)

    def _of_all(self, name: str, pick: Callable[[list[Update]], Any]) -> Answer[Any]:
        async def ask() -> Any:
            return pick(await self._look_at_all())

        return Answer(name, ask)


def _putter(
    ended: asyncio.Queue[tuple[AsyncResult[R], asyncio.Task[Any]]], member: AsyncResult[R]
) -> Callable[[asyncio.Task[Any]], None]:
    return lambda task: ended.put_nowait((member, task))


def _arrived(waiting: Sequence[asyncio.Future[Any]]) -> int:
    return sum(
        each.done() and not each.cancelled() and each.exception() is None for each in waiting
    )
