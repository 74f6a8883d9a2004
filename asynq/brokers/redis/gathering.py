"""Calls of many callers, gathered into batches.

What is called in one turn of the loop goes out as one batch, and what is called while batches are
on the wire goes out when one of them is back. Nothing is held back to fill a batch: when little
happens a batch is one call, and under load they grow by themselves.
"""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

from asynq._redis.errors import explain
from asynq.exceptions import OperationalError

T = TypeVar("T")

IN_FLIGHT: Final = 4
"""Batches on the wire at once."""
BATCH_BYTES: Final = 1024 * 1024
"""A batch is closed when its messages are larger than this."""


class _Call(Generic[T]):
    __slots__ = ("deadline", "future", "items", "size")

    def __init__(
        self, items: Sequence[T], size: int, deadline: float, future: asyncio.Future[Any]
    ) -> None:
        self.items = items
        self.size = size
        self.deadline = deadline
        self.future = future


class Gathering(Generic[T]):
    """One kind of call to the server, gathered.

    Args:
        send: Sends a batch; what it was called with by one caller stays together in it.
        most: Items in a batch. A caller adds no more than that at once.
        timeout: Seconds until a caller gets an error.
        url: The server's, for that error.
        trouble: Tells what keeps the server from answering, for that error; None: not known.
        doing: What it is, as in "can't {doing}".
    """

    def __init__(
        self,
        send: Callable[[list[T], float], asyncio.Future[Any]],
        *,
        most: int,
        timeout: float,
        url: str,
        trouble: Callable[[], BaseException | None],
        doing: str,
    ) -> None:
        self._send = send
        self._most = most
        self._timeout = timeout
        self._url = url
        self._trouble = trouble
        self._doing = doing
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Call[T]] = deque()
        self._all: deque[_Call[T]] = deque()
        self._in_flight = 0
        self._scheduled = False
        self._timer: asyncio.TimerHandle | None = None

    def add(
        self, items: Sequence[T], size: int, timeout: float | None = None
    ) -> asyncio.Future[tuple[Any, int]]:
        """Have the items sent.

        Args:
            size: Their bytes, roughly.
            timeout: Seconds until this caller gets an error, where it is not as for all.

        Returns:
            The server's answer to their batch, and where in the batch they began.
        """
        future: asyncio.Future[tuple[Any, int]] = self._loop.create_future()
        seconds = self._timeout if timeout is None else timeout
        call = _Call(items, size, self._loop.time() + seconds, future)
        self._waiting.append(call)
        if timeout is None:
            self._all.append(call)
        else:
            timer = self._loop.call_at(call.deadline, self._give_up, call, timeout)
            future.add_done_callback(lambda _: timer.cancel())
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)
        if self._timer is None and timeout is None:
            self._timer = self._loop.call_at(call.deadline, self._expire)
        return future

    def close(self) -> None:
        """Stop the clock; what is still asked ends with its connection."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _flush(self) -> None:
        self._scheduled = False
        while self._waiting and self._in_flight < IN_FLIGHT:
            calls = self._next_batch()
            if calls:
                self._launch(calls)

    def _launch(self, calls: list[_Call[T]]) -> None:
        items = [item for call in calls for item in call.items]
        try:
            latest = max([call.deadline for call in calls])
            sent = self._send(items, latest - self._loop.time())
        except Exception as error:  # a value that can't be packed, a closed connection
            if len(calls) == 1:
                self._fail(calls, error)
                return
            for call in calls:  # what is wrong with one is no fault of the others
                self._launch([call])
            return
        self._in_flight += 1
        sent.add_done_callback(functools.partial(self._landed, calls))

    def _next_batch(self) -> list[_Call[T]]:
        calls: list[_Call[T]] = []
        count = size = 0
        waiting = self._waiting
        while waiting:
            call = waiting[0]
            if not call.future.done():
                count += len(call.items)
                size += call.size
                if calls and (count > self._most or size > BATCH_BYTES):
                    break
                calls.append(call)
            waiting.popleft()
        return calls

    def _landed(self, calls: list[_Call[T]], done: asyncio.Future[Any]) -> None:
        self._in_flight -= 1
        if done.cancelled():
            self._fail(calls, OperationalError(f"the connection to {self._url} was closed"))
        elif (error := done.exception()) is not None:
            self._fail(calls, error)
        else:
            self._answer(calls, done.result())
        known = self._all
        while known and known[0].future.done():
            known.popleft()
        if self._waiting and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def _answer(self, calls: list[_Call[T]], reply: Any) -> None:
        begin = 0
        for call in calls:
            if not call.future.done():
                call.future.set_result((reply, begin))
            begin += len(call.items)

    def _fail(self, calls: list[_Call[T]], error: BaseException) -> None:
        if isinstance(error, TypeError):
            ours: Exception = error
        else:
            ours = explain(error, self._url, doing=self._doing)
        for call in calls:
            if not call.future.done():
                # One for each: an error raised in many tasks would collect all their tracebacks.
                call.future.set_exception(type(ours)(*ours.args).with_traceback(None))

    def _give_up(self, call: _Call[T], seconds: float) -> None:
        self._fail([call], explain(self._trouble(), self._url, doing=self._doing, seconds=seconds))

    def _expire(self) -> None:
        """Callers that have waited long enough, whatever their batch is doing."""
        self._timer = None
        now = self._loop.time()
        known = self._all
        while known and (known[0].future.done() or known[0].deadline <= now):
            self._give_up(known.popleft(), self._timeout)
        if known:
            self._timer = self._loop.call_at(known[0].deadline, self._expire)
