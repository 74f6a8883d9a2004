"""Messages of many callers, gathered into batches.

What is published in one turn of the loop goes out as one batch, or as several full ones, and what
is published while batches are on the wire goes out when one of them is back. Nothing is held back
to fill a batch: when little happens a batch is one message, and under load they grow by themselves.
"""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import count
from operator import methodcaller
from typing import Any, Final

from asynq._redis.alarm import Alarm
from asynq._redis.errors import explain
from asynq.brokers.base import Parcel
from asynq.exceptions import OperationalError

IN_FLIGHT: Final = 4
"""Batches on the wire at once."""
BATCH_BYTES: Final = 1024 * 1024
"""A batch is closed when its messages are larger than this."""


_DONE: Final = methodcaller("done")


def _size(parcels: Sequence[Parcel]) -> int:
    size = 0
    for parcel in parcels:
        size += len(parcel.body)
    return size


class _Group:
    """What was published in one turn of the loop, at most a batch, by callers of equal patience.

    Lists beside each other, because an object for each caller is one more that the garbage
    collector walks while thousands wait.
    """

    __slots__ = ("callers", "deadline", "ends", "parcels", "seconds", "size")

    def __init__(self, seconds: float, deadline: float) -> None:
        self.seconds = seconds
        self.deadline = deadline
        self.parcels: list[Parcel] = []
        self.callers: list[asyncio.Future[None]] = []
        self.ends: list[int] = []
        """Of each caller, where in `parcels` those of the next begin."""
        self.size = 0

    def add(self, parcels: Sequence[Parcel], size: int, caller: asyncio.Future[None]) -> None:
        self.parcels += parcels
        self.size += size
        self.callers.append(caller)
        self.ends.append(len(self.parcels))

    def over(self) -> bool:
        """Everybody has gone, or has been answered."""
        return all(map(_DONE, self.callers))

    def split(self) -> list[_Group]:
        """A group of each caller who is still there."""
        alone, begin = [], 0
        for caller, end in zip(self.callers, self.ends, strict=True):
            if not caller.done():
                group, parcels = _Group(self.seconds, self.deadline), self.parcels[begin:end]
                group.add(parcels, _size(parcels), caller)
                alone.append(group)
            begin = end
        return alone


class Gathering:
    """Gathers what one broker publishes.

    Args:
        send: Sends a batch; what one caller has published at once stays together in it.
        most: Messages in a batch. A caller adds no more than that at once.
        timeout: Seconds until a caller gets an error.
        url: The server's, for that error.
        trouble: Tells what keeps the server from answering, for that error; None: not known.
    """

    def __init__(
        self,
        send: Callable[[list[Parcel], float], asyncio.Future[Any]],
        *,
        most: int,
        timeout: float,
        url: str,
        trouble: Callable[[], BaseException | None],
    ) -> None:
        self._send = send
        self._most = most
        self._timeout = timeout
        self._url = url
        self._trouble = trouble
        self._loop = asyncio.get_running_loop()
        self._open: _Group | None = None
        """Whom callers of this turn join."""
        self._waiting: deque[_Group] = deque()
        self._deadlines: list[tuple[float, int, _Group]] = []
        """A heap of all groups that may not have been answered."""
        self._numbers = count()
        self._alarm = Alarm(self._loop, self._expire)
        self._in_flight = 0
        self._scheduled = False

    def add(self, parcels: Sequence[Parcel], timeout: float | None = None) -> asyncio.Future[None]:
        """Have the parcels sent.

        Args:
            timeout: Seconds until this caller gets an error, where it is not as for all.

        Returns:
            What is done when they are stored.
        """
        size, group = _size(parcels), self._open
        if group is not None and not self._fits(group, len(parcels), size):
            self._open = group = None
            self._flush()  # the server works on what is full while more is written
        if group is None or timeout is not None:
            group = self._begin(self._timeout if timeout is None else timeout)
            self._open = group if timeout is None else None
        caller: asyncio.Future[None] = self._loop.create_future()
        group.add(parcels, size, caller)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._end_of_turn)
        return caller

    def close(self) -> None:
        """Stop the clock; what is still asked ends with its connection."""
        self._alarm.cancel()

    def _fits(self, group: _Group, more: int, size: int) -> bool:
        return len(group.parcels) + more <= self._most and group.size + size <= BATCH_BYTES

    def _begin(self, seconds: float) -> _Group:
        group = _Group(seconds, self._loop.time() + seconds)
        self._waiting.append(group)
        heappush(self._deadlines, (group.deadline, next(self._numbers), group))
        if group.deadline < self._alarm.at:
            self._alarm.set(group.deadline)
        return group

    def _end_of_turn(self) -> None:
        self._scheduled = False
        self._open = None
        self._flush()

    def _flush(self) -> None:
        while self._waiting and self._in_flight < IN_FLIGHT:
            groups = self._next_batch()
            if groups:
                self._launch(groups)

    def _next_batch(self) -> list[_Group]:
        """The groups that wait longest, as many as one batch holds, without who has gone."""
        waiting = self._waiting
        groups: list[_Group] = []
        total = size = 0
        while waiting:
            group = waiting[0]
            if any(map(_DONE, group.callers)):
                waiting.popleft()
                waiting.extendleft(reversed(group.split()))
                continue
            total += len(group.parcels)
            size += group.size
            if groups and (total > self._most or size > BATCH_BYTES):
                break
            groups.append(waiting.popleft())
        return groups

    def _launch(self, groups: list[_Group]) -> None:
        parcels = groups[0].parcels
        if len(groups) > 1:
            parcels = [parcel for group in groups for parcel in group.parcels]
        try:
            latest = max([group.deadline for group in groups])
            sent = self._send(parcels, latest - self._loop.time())
        except Exception as error:  # a value that can't be packed, a closed connection
            alone = [one for group in groups for one in group.split()]
            if len(alone) == 1:
                self._fail(alone[0], error)
                return
            for one in alone:  # what is wrong with one is no fault of the others
                self._launch([one])
            return
        self._in_flight += 1
        sent.add_done_callback(functools.partial(self._landed, groups))

    def _landed(self, groups: list[_Group], done: asyncio.Future[Any]) -> None:
        self._in_flight -= 1
        error = None if done.cancelled() else done.exception()
        if done.cancelled():
            error = OperationalError(f"the connection to {self._url} was closed")
        for group in groups:
            if error is not None:
                self._fail(group, error)
                continue
            for caller in group.callers:
                if not caller.done():
                    caller.set_result(None)
            # One with a deadline far ahead may stay in the heap till then; what it holds need not.
            group.parcels, group.callers, group.ends = [], [], []
        deadlines = self._deadlines
        while deadlines and deadlines[0][2].over():
            heappop(deadlines)
        if self._waiting and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._end_of_turn)

    def _fail(self, group: _Group, error: BaseException) -> None:
        if isinstance(error, TypeError):
            ours: Exception = error
        else:
            ours = explain(error, self._url, doing="publish")
        for caller in group.callers:
            if not caller.done():
                # One for each: an error raised in many tasks would collect all their tracebacks.
                caller.set_exception(type(ours)(*ours.args).with_traceback(None))

    def _expire(self) -> None:
        """Callers that have waited long enough, whatever their batch is doing."""
        now = self._loop.time()
        deadlines = self._deadlines
        while deadlines and (deadlines[0][0] <= now or deadlines[0][2].over()):
            group = heappop(deadlines)[2]
            seconds = group.seconds
            error = explain(self._trouble(), self._url, doing="publish", seconds=seconds)
            self._fail(group, error)
        if deadlines:
            self._alarm.set(deadlines[0][0])
