"""The handle on a task's result.

Everything that asks the result backend is awaited, also where Celery has an attribute: such an
attribute gives an `Answer`, which refuses to be compared or to be true or false, so that a
forgotten `await` is an error and never a wrong decision::

    value = await result                     # waits
    if await result.state == "FAILURE": …    # asks
    if result.ready(): …                     # TypeError: await result.ready()
"""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Generator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, Never, TypeVar, overload

from asynq import states
from asynq.exceptions import OperationalError, TaskError, TaskRevokedError, TimeoutError
from asynq.result.questions import Questions
from asynq.result.reading import UNKNOWN, Results, Update
from asynq.result.waiting import check_timeout, waiting_slot
from asynq.result.whole import Whole
from asynq.wire.arguments import Returned

if TYPE_CHECKING:  # PEP 696 for type checkers: a bare `AsyncResult` means "of anything"
    from typing_extensions import TypeVar as DefaultedTypeVar

    R = DefaultedTypeVar("R", covariant=True, default=Any)
else:
    R = TypeVar("R", covariant=True)

_UNSAID: Final[Any] = object()

LAST_LOOK_SECONDS: Final = 0.5
"""How much later than asked for a `get` may time out, to tell what became of the task."""


class AsyncResult(Questions, Whole, Generic[R]):
    """A handle on one task's result, by the task's id. It costs nothing until it is asked.

    Two handles are equal if their ids are, and a handle equals its id as text.

    Attributes:
        id: the task's id.
        parent: the result of the step before, in a chain; None elsewhere.
    """

    __slots__ = (
        "__weakref__",
        "_announced",
        "_children",
        "_ignored",
        "_last",
        "_results",
        "_returned",
        "_workflow",
        "id",
        "parent",
    )

    @overload
    def __init__(
        self,
        id: str,
        results: Results,
        returned: Returned | None = None,
        ignored: bool = False,
        announced: bool = False,
    ) -> None: ...
    @overload
    def __init__(self, id: Never) -> None: ...
    def __init__(
        self,
        id: str,
        results: Results = _UNSAID,
        returned: Returned | None = None,
        ignored: bool = False,
        announced: bool = False,
    ) -> None:
        """Made by `app.AsyncResult(id)`, `task.AsyncResult(id)`, and by sending.

        Args:
            id: The task's id.
            results: Where to read.
            returned: What the task returns, to read the value as annotated.
            ignored: The call was sent with `ignore_result`: there is nothing to wait for.
            announced: The message carries where we wait.

        Raises:
            TypeError: it has nowhere to read, as in Celery's ``AsyncResult(id)``.
        """
        if results is _UNSAID:
            raise TypeError(
                f"AsyncResult({id!r}) has no app to be read with: write app.AsyncResult({id!r}), "
                f"or task.AsyncResult({id!r})"
            )
        self.id = id
        self.parent: AsyncResult[Any] | None = None
        self._results = results
        self._returned = returned
        self._ignored = ignored
        self._announced = announced
        self._last: Update | None = None
        self._children: Sequence[AsyncResult[Any]] | None = None
        self._workflow = ""

    @property
    def task_id(self) -> str:
        """The id again."""
        return self.id

    def __await__(self) -> Generator[Any, None, R]:
        return self.get().__await__()

    @overload
    def get(
        self, timeout: float | None = None, propagate: Literal[True] = True
    ) -> Coroutine[Any, Any, R]: ...
    @overload
    def get(
        self, timeout: float | None = None, *, propagate: bool
    ) -> Coroutine[Any, Any, R | BaseException]: ...
    @overload
    def get(
        self, timeout: float | None, propagate: bool
    ) -> Coroutine[Any, Any, R | BaseException]: ...
    def get(
        self, timeout: float | None = None, propagate: bool = True
    ) -> Coroutine[Any, Any, R | BaseException]:
        """Wait for the task to end, and give what it returned.

        The wait is pushed by the server, and any number may wait for one task. An `async def` task
        may wait for others: it lends its slot while it does.

        Args:
            timeout: Seconds to wait at most; None: as long as it takes.
            propagate: Raise the task's error; False: return it.

        Returns:
            The value; None at once where the call was sent with `ignore_result`.

        Raises:
            TimeoutError: it did not come in time. The task goes on.
            TypeError: `timeout` is no number.
            NotImplementedError: results are switched off (``disabled://``).
            RuntimeError: called from inside a `def` task.
            TaskRevokedError: it was revoked, or had expired before it began.
            ResultLost: the server has lost its data, and the task with it.
            OperationalError: the connection was closed while waiting.
        """
        return self._get(timeout, propagate, timeout)

    wait = get

    async def updates(self) -> AsyncIterator[Update]:
        """Every state and every report of progress from now on, the current one first.

        Ends after the final one. Those that follow each other very fast may be skipped, the final
        one never.
        """
        if self._settled:
            yield self._known_now()
            return
        bodies = self._results.backend().updates(self.id)
        try:
            while True:
                with waiting_slot():
                    body = await anext(bodies, None)
                if body is None:
                    return
                yield self._keep(self._results.read(body, self._returned, id=self.id))
        finally:  # whoever stops looking leaves nothing behind
            if isinstance(bodies, AsyncGenerator):
                await bodies.aclose()

    async def forget(self) -> None:
        """Delete what is stored of it; its state is PENDING from then on."""
        self._last = None
        await self._results.backend().forget([self.id])

    async def revoke(
        self,
        terminate: bool = False,
        *,
        signal: None = None,
        wait: bool = False,
        timeout: float | None = None,
        ttl: float | None = None,
    ) -> None:
        """Have the task not run, wherever it is: in a queue, waiting for its time, fetched.

        It ends REVOKED, and who waits for it gets a `TaskRevokedError`. What is over stays as it
        is. Arguments and errors are those of `app.control.revoke`.
        """
        reach = self._results.reach
        if reach is None:
            raise RuntimeError(f"{self!r} was made without an app: use app.control.revoke(id)")
        await reach.revoke(
            self.id, terminate=terminate, signal=signal, wait=wait, timeout=timeout, ttl=ttl
        )

    async def reschedule(
        self,
        *,
        countdown: float | timedelta | None = None,
        eta: datetime | str | None = None,
    ) -> bool:
        """Give the task, which waits for its time, another one.

        Arguments and errors are those of `app.control.reschedule`.

        Returns:
            Whether it was waiting. What is in its queue already, runs or is over stays as it is.
        """
        reach = self._results.reach
        if reach is None:
            raise RuntimeError(f"{self!r} was made without an app: use app.control.reschedule(id)")
        return await reach.reschedule(self.id, countdown=countdown, eta=eta)

    @property
    def children(self) -> list[AsyncResult[Any]]:
        """The results of what comes after it, and of its links, where this handle was given for a
        workflow that was sent; else empty."""
        return [*(self._children or ())]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, AsyncResult):
            return self.id == other.id
        return self.id == other if isinstance(other, str) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.id)

    def __str__(self) -> str:
        return self.id

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.id}>"

    async def _get(
        self, timeout: float | None, propagate: bool, asked: float | None
    ) -> R | BaseException:
        """`get`; of the seconds `asked` for, the sending may have left less as `timeout`."""
        if self._ignored:
            return None  # type: ignore[return-value]  # as in Celery, whatever it is annotated with
        update = self._known_now() if self._settled else await self._finish(timeout, asked)
        if propagate and update.state in states.PROPAGATE_STATES:
            raise _error_of(update).with_traceback(None)
        result: R = update.result
        return result

    async def _look(self) -> Update:
        """What is known now."""
        if self._settled:
            return self._known_now()
        (body,) = await self._results.backend().fetch([self.id])
        return self._keep(self._results.read(body, self._returned, id=self.id))

    async def _finish(self, timeout: float | None, asked: float | None) -> Update:
        """What is known when it is over."""
        update: Update | None
        if timeout is not None:
            check_timeout(timeout)
        if timeout is not None and timeout <= 0:
            update = await self._look()
        else:
            results = self._results
            try:
                with waiting_slot():
                    body = await results.backend().wait(
                        self.id, announced=self._announced, timeout=timeout
                    )
            except builtins.TimeoutError:
                update = await self._look_at_last()
            else:
                update = self._last = results.read(body, self._returned, id=self.id)
        if update is None or not update.ready:
            raise self._unready(asked, update)
        return update

    async def _look_at_last(self) -> Update | None:
        """What is known when the time is up; None: that can't be told in a moment."""
        try:
            async with asyncio.timeout(LAST_LOOK_SECONDS):
                return await self._look()
        except (builtins.TimeoutError, OperationalError):
            return None

    def _unready(self, asked: float | None, update: Update | None) -> TimeoutError:
        if update is not UNKNOWN:
            why = "the task goes on"
        elif self._workflow or self.parent is not None:
            why = (
                "its turn in the workflow has not come, or no worker serves its queue: graph(), of "
                "the handle on the workflow's end, shows which"
            )
        else:
            why = "nothing is known to have started it: does a worker serve its queue?"
        return TimeoutError(f"no result of {self.id} within {asked:g} s; {why}")

    def _keep(self, update: Update) -> Update:
        self._last = update
        return update

    def _known_now(self) -> Update:
        """What is known without asking."""
        return self._last or UNKNOWN

    @property
    def _settled(self) -> bool:
        """There is nothing to ask any more."""
        return self._last is not None and self._last.ready


class EagerResult(AsyncResult[R]):
    """The result of a task that ran here, without a worker (`apply`, `task_always_eager`)."""

    __slots__ = ()

    def __init__(self, id: str, results: Results, update: Update) -> None:
        super().__init__(id, results)
        self._last = update

    async def updates(self) -> AsyncIterator[Update]:
        """Its final state."""
        yield self._known_now()

    async def forget(self) -> None:
        """Do nothing: only this object knows of it."""

    async def revoke(
        self,
        terminate: bool = False,
        *,
        signal: None = None,
        wait: bool = False,
        timeout: float | None = None,
        ttl: float | None = None,
    ) -> None:
        """Do nothing: it is over."""

    async def reschedule(
        self,
        *,
        countdown: float | timedelta | None = None,
        eta: datetime | str | None = None,
    ) -> bool:
        """Do nothing: it is over."""
        return False

    @property
    def _settled(self) -> bool:
        """It is over; so is one that was ignored or rejected, here."""
        return True


def _error_of(update: Update) -> BaseException:
    """What to raise for a task that ended badly; a task may have called itself so, with no error
    (`update_state`)."""
    if isinstance(update.result, BaseException):
        return update.result
    kind = TaskRevokedError if update.state == states.REVOKED else TaskError
    return kind(update.state if update.result is None else f"{update.state}: {update.result!r}")
