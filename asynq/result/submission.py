"""A call that is made and not sent yet: what `delay` and its kin return.

Awaiting it sends the call and gives the handle on its result. `get()` sends and waits for the
value, and knows already while sending that somebody will wait::

    result = await add.delay(4, 4)           # AsyncResult[int]
    value = await add.delay(4, 4).get()      # 8

It is sent once, however often and from however many places it is awaited. One that is never
awaited is a call that never happened: it warns, as a coroutine does. For what takes only
coroutines (`asyncio.create_task`, `TaskGroup.create_task`) there are `send()` and `get()`.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Awaitable, Coroutine, Generator, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, NoReturn, TypeVar, overload

from asynq._time import monotonic
from asynq.result.handle import AsyncResult
from asynq.result.waiting import check_timeout

if TYPE_CHECKING:  # PEP 696, as in `asynq.result.handle`
    from typing_extensions import TypeVar as DefaultedTypeVar

    R = DefaultedTypeVar("R", covariant=True, default=Any)
else:
    R = TypeVar("R", covariant=True)
T = TypeVar("T")

_NEW: Final = 0
_CLAIMED: Final = 1
"""A coroutine exists that will send it; if that never runs, Python itself warns."""
_SENDING: Final = 2
_SENT: Final = 3
_FAILED: Final = 4


class Submission(Generic[R]):
    """One call, ready to be sent. Subclasses know how (`_depart`).

    Attributes:
        id: the id of the task, or of the last of several; known before anything is sent.
    """

    __slots__ = ("__weakref__", "_error", "_others", "_result", "_stage", "_waited_for", "id")

    _error: Exception
    """Why it was not sent, where it was not."""

    def __init__(self, id: str) -> None:
        self.id = id
        self._stage = _NEW
        self._waited_for = False
        self._result: AsyncResult[R] | None = None
        self._others: Sequence[asyncio.Future[None]] = ()

    def __await__(self) -> Generator[Any, None, AsyncResult[R]]:
        # One generator, and no coroutine, between the caller's task and what it waits for: where
        # thousands are sent at once, whatever lives meanwhile is what the garbage collector walks.
        if self._stage > _CLAIMED:
            return (yield from self._sent_elsewhere().__await__())
        self._stage = _SENDING
        try:
            made = yield from self._depart(self._waited_for).__await__()
            self._result = result = self._arrived() if made is None else made
        except BaseException as error:
            self._stage = _FAILED
            self._error = error if isinstance(error, Exception) else _interrupted(self)
            raise
        else:
            self._stage = _SENT
        finally:
            if self._others:
                self._tell_others()
        return result

    def send(self) -> Coroutine[Any, Any, AsyncResult[R]]:
        """A coroutine that sends it: what awaiting it does.

        Raises (when awaited):
            OperationalError: the broker can't be reached; it may or may not have arrived.
            PayloadTooLarge: it is larger than `message_max_bytes`. Nothing was sent.
        """
        return self._claim(self._send(), "send")

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
        """A coroutine that sends it, waits for the task to end and gives what it returned.

        Arguments and errors are those of `AsyncResult.get`; `timeout` includes the sending.
        """
        return self._claim(self._get(timeout, propagate), "get")

    def close(self) -> None:
        """Drop it: it was not sent, and does not warn. One that was sent stays sent."""
        if self._stage in (_NEW, _CLAIMED):
            self._stage = _FAILED
            self._error = RuntimeError(f"{self!r} was closed, not sent")

    def _depart(self, waiting: bool) -> Awaitable[AsyncResult[R] | None]:
        """Send it; called once. `waiting`: the caller goes on to wait for the result.

        Gives the handle, or None: then `_arrived` does when it is sent.
        """
        raise NotImplementedError

    def _arrived(self) -> AsyncResult[R]:
        """The handle on the result of what was sent."""
        raise NotImplementedError

    def _claim(self, work: Coroutine[Any, Any, T], word: str) -> Coroutine[Any, Any, T]:
        if self._stage == _NEW:
            self._stage = _CLAIMED
        # What Python names where it is never awaited: the call, rather than a function of ours.
        work.__qualname__ = f"{self!r}.{word}()"  # type: ignore[attr-defined]  # coroutines have it
        return work

    async def _send(self) -> AsyncResult[R]:
        return await self

    async def _sent_elsewhere(self) -> AsyncResult[R]:
        """What became of the sending that somebody else has begun."""
        if self._stage == _SENDING:
            other = asyncio.get_running_loop().create_future()
            self._others = [*self._others, other]
            await other
        if self._result is None:
            raise self._error
        return self._result

    def _tell_others(self) -> None:
        for other in self._others:
            if not other.done():
                other.set_result(None)

    async def _get(self, timeout: float | None, propagate: bool) -> R | BaseException:
        self._waited_for = True
        if timeout is None:
            result, left = await self, None
        else:
            check_timeout(timeout)
            began = monotonic()
            result = await self
            left = max(timeout - (monotonic() - began), 0.0)
        return await result._get(left, propagate, asked=timeout)

    if not TYPE_CHECKING:  # which finds by itself what is not there

        def __getattr__(self, name: str) -> NoReturn:
            if name.startswith("_") or not hasattr(AsyncResult, name):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            raise AttributeError(
                f"{self!r} has no {name!r}, its result has: await the call first, result = await …"
            )

    def __del__(self) -> None:
        # getattr: the constructor of a subclass may have failed before ours ran.
        if getattr(self, "_stage", _SENT) == _NEW:
            warnings.warn(
                f"{self!r} was never awaited, so nothing was sent: write `await` before it",
                RuntimeWarning,
                stacklevel=2,
                source=self,
            )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.id}>"


def _interrupted(submission: Submission[Any]) -> RuntimeError:
    return RuntimeError(
        f"sending {submission!r} was cancelled; whether it arrived is not known. Make a new call"
    )
