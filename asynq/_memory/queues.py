"""Queues in memory: lanes by priority, a store for what is due later, and the dead.

Every method may be called from any thread; bells wake the receivers.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from asynq import _time
from asynq._memory.bell import Bell
from asynq.wire.stock import PARKED, Bounds, Counts

PRIORITIES = tuple(range(9, -1, -1))
BURIED = 10_000
"""Dead letters kept of a queue, the youngest."""


class Message(Struct, frozen=True, kw_only=True):
    """What lies in a queue."""

    id: str
    queue: str
    body: bytes
    priority: int = 0
    redeliveries: int = 0
    spent: bool = False
    """It must not be run again, see `asynq.brokers.base.Spend`."""
    since: float = 0.0
    """Of one that was taken: when it had begun to wait, a Unix time in seconds."""


class Letter(Struct, frozen=True):
    """A message that was buried, and why."""

    number: int
    message: Message
    reason: str
    at: float
    """Unix time, seconds."""


Lane: TypeAlias = deque[tuple[int, float, Message]]


class Queue:
    """One queue. Lanes hold (age, since, message): the lower the age, the longer it has waited;
    since when, is a Unix time in seconds."""

    def __init__(self) -> None:
        self.returned: Lane = deque()
        self.lanes: tuple[Lane, ...] = tuple(deque() for _ in PRIORITIES)
        self.delayed: list[tuple[float, int, Message]] = []
        self.held = 0
        self.gone = 0
        """Messages that have left it, or came back into it."""
        self.buried: dict[int, Letter] = {}

    def waiting(self) -> int:
        """How many messages are ready or delayed."""
        return len(self.returned) + sum(map(len, self.lanes)) + len(self.delayed)

    def counts(self, now: float) -> Counts:
        """How many messages there are at that time, and since when the oldest waits."""
        lanes = [lane for lane in (self.returned, *self.lanes) if lane]
        since = [lane[0][1] for lane in lanes]
        since += [self.delayed[0][0]] if self.delayed and self.delayed[0][0] <= now else []
        due = sum(at <= now for at, _, _ in self.delayed)
        parked = sum(at >= PARKED for at, _, _ in self.delayed)
        return Counts(
            ready=sum(map(len, lanes)) + due,
            delayed=len(self.delayed) - due - parked,
            parked=parked,
            held=self.held,
            gone=self.gone,
            oldest=min(since, default=None),
        )

    def busy(self) -> bool:
        """Is there something ready or held?"""
        return bool(self.held or self.returned or any(self.lanes))

    def clear(self) -> int:
        """Throw away what waits; how many those were."""
        waiting = self.waiting()
        self.returned.clear()
        self.delayed.clear()
        for lane in self.lanes:
            lane.clear()
        return waiting


class Queues:
    """All queues of one space."""

    def __init__(self, lock: AbstractContextManager[object]) -> None:
        self._lock = lock
        self._queues: dict[str, Queue] = {}
        self._age = count()
        self._bells: dict[str, list[Bell]] = {}
        self._idle_bells: list[Bell] = []

    def names(self) -> list[str]:
        """The queues that were ever used, sorted."""
        with self._lock:
            return sorted(self._queues)

    def put(self, message: Message, *, due: float | None = None) -> None:
        """Add a message, ready now or at `due` (Unix time, seconds)."""
        with self._lock:
            queue = self._queue(message.queue)
            if due is not None and due > _time.time():
                heapq.heappush(queue.delayed, (due, next(self._age), message))
            else:
                queue.lanes[_lane(message)].append((next(self._age), _time.time(), message))
            self._ring(message.queue)

    def take(self, names: Sequence[str], limit: int, bounds: Bounds | None = None) -> list[Message]:
        """Up to `limit` ready messages of these queues; the taker holds them from now on."""
        with self._lock:
            taken: list[Message] = []
            limits = {} if bounds is None else bounds.limits
            most = 0 if bounds is None else min(bounds.most, limit)
            for name in [name for name in dict.fromkeys(names) if name in limits]:
                queue = self._queue(name)
                room = min(limits[name] - queue.held, most - len(taken))
                taken += self._taken([queue], room)
            others = [self._queue(name) for name in dict.fromkeys(names) if name not in limits]
            return taken + self._taken(others, limit - len(taken))

    def _taken(self, queues: Sequence[Queue], limit: int) -> list[Message]:
        taken: list[Message] = []
        for queue in queues:
            self._ripen(queue)
        _drain([queue.returned for queue in queues], taken, limit)
        for level in range(len(PRIORITIES)):
            _drain([queue.lanes[level] for queue in queues], taken, limit)
        for message in taken:
            self._queues[message.queue].held += 1
        return taken

    def delayed(self, name: str, limit: int) -> list[tuple[float, Message]]:
        """What waits for its time, and when it is due, the next first."""
        with self._lock:
            queue = self._queue(name)
            self._ripen(queue)
            soonest = heapq.nsmallest(limit, queue.delayed, key=lambda each: each[:2])
            return [(due, message) for due, _, message in soonest]

    def next_due(self, names: Sequence[str]) -> float | None:
        """When the next delayed message of these queues is due, a Unix time."""
        with self._lock:
            heaps = (self._queue(name).delayed for name in names)
            return min((heap[0][0] for heap in heaps if heap), default=None)

    def give_back(self, message: Message, *, due: float | None = None) -> None:
        """End the hold; the message waits again, ahead of the others if it is not delayed."""
        with self._lock:
            queue = self._let_go(message)
            if due is not None and due > _time.time():
                self.put(message, due=due)
            else:
                queue.returned.append((next(self._age), _time.time(), message))
                self._ring(message.queue)

    def finish(self, message: Message) -> None:
        """End the hold; the message is gone."""
        with self._lock:
            self._let_go(message)

    def bury(self, message: Message, reason: str) -> None:
        """End the hold; the message is kept aside."""
        with self._lock:
            queue = self._let_go(message)
            number = next(self._age)
            queue.buried[number] = Letter(number, message, reason, _time.time())
            if len(queue.buried) > BURIED:
                del queue.buried[min(queue.buried)]

    def buried(self, name: str) -> list[Letter]:
        """What was buried from the queue, oldest first."""
        with self._lock:
            return list(self._queue(name).buried.values())

    def exhume(self, name: str, number: int, body: bytes | None) -> bool:
        """Put a buried message back, with another body or its own; False: there was none."""
        with self._lock:
            letter = self._queue(name).buried.pop(number, None)
            if letter is None:
                return False
            message = letter.message
            self.put(_fresh(message, body))
            return True

    def discard(self, name: str, number: int) -> bool:
        """Throw a buried message away; False: there was none."""
        with self._lock:
            return self._queue(name).buried.pop(number, None) is not None

    def reschedule(self, id: str, due: float) -> bool:
        """Give every delayed message of that id another time; False: none waits."""
        with self._lock:
            found = False
            for name, queue in self._queues.items():
                if not any(message.id == id for _, _, message in queue.delayed):
                    continue
                found = True
                queue.delayed = [
                    (due if message.id == id else was, age, message)
                    for was, age, message in queue.delayed
                ]
                heapq.heapify(queue.delayed)
                self._ring(name)
            return found

    def depth(self, name: str) -> int:
        """Messages that are ready, delayed or held."""
        with self._lock:
            queue = self._queues.get(name)
            return 0 if queue is None else queue.waiting() + queue.held

    def count(self, name: str) -> Counts:
        """How many messages there are, and since when the oldest waits."""
        with self._lock:
            queue = self._queues.get(name)
            return Counts() if queue is None else queue.counts(_time.time())

    def unpark(self, names: Sequence[str], stay: Collection[float]) -> int:
        """Make ready what is parked, but until these times; how many messages those were."""
        with self._lock:
            found = 0
            for name in names:
                queue = self._queue(name)
                parked = [each for each in queue.delayed if each[0] >= PARKED]
                resumed = sorted(each for each in parked if each[0] not in stay)
                if resumed:
                    queue.delayed = [each for each in queue.delayed if each not in resumed]
                    heapq.heapify(queue.delayed)
                    for _, _, message in resumed:
                        self.put(message)
                    found += len(resumed)
            return found

    def purge(self, name: str) -> int:
        """Throw away what waits; how many those were."""
        with self._lock:
            queue = self._queues.get(name)
            return 0 if queue is None else queue.clear()

    def clear(self) -> None:
        """Throw away all that waits and was buried, in every queue."""
        with self._lock:
            for queue in self._queues.values():
                queue.clear()
                queue.buried.clear()

    def busy(self) -> list[str]:
        """The queues with something ready or held, sorted. What is delayed does not count."""
        with self._lock:
            return sorted(name for name, queue in self._queues.items() if queue.busy())

    @contextmanager
    def watched_for_ends(self, bell: Bell) -> Iterator[None]:
        """Ring the bell whenever a hold ends."""
        self._idle_bells.append(bell)
        try:
            yield
        finally:
            self._idle_bells.remove(bell)

    @contextmanager
    def watched(self, names: Sequence[str], bell: Bell) -> Iterator[None]:
        """Ring the bell whenever a message comes into one of these queues."""
        with self._lock:
            for name in names:
                self._bells.setdefault(name, []).append(bell)
        try:
            yield
        finally:
            with self._lock:
                for name in names:
                    self._bells[name].remove(bell)

    def _queue(self, name: str) -> Queue:
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = Queue()
        return queue

    def _let_go(self, message: Message) -> Queue:
        queue = self._queue(message.queue)
        queue.held -= 1
        queue.gone += 1
        for bell in self._idle_bells:
            bell.ring()
        return queue

    def _ring(self, name: str) -> None:
        for bell in self._bells.get(name, ()):
            bell.ring()

    def _ripen(self, queue: Queue) -> None:
        if queue.delayed:
            now = _time.time()
            while queue.delayed and queue.delayed[0][0] <= now:
                due, _, message = heapq.heappop(queue.delayed)
                queue.lanes[_lane(message)].append((next(self._age), due, message))


def _fresh(message: Message, body: bytes | None) -> Message:
    body = message.body if body is None else body
    return replace(message, body=body, redeliveries=0, spent=False)


def _lane(message: Message) -> int:
    return PRIORITIES.index(min(max(message.priority, 0), 9))


def _drain(lanes: list[Lane], taken: list[Message], limit: int) -> None:
    """Move the oldest of all these lanes to `taken`, up to its limit."""
    filled = [lane for lane in lanes if lane]
    while filled and len(taken) < limit:
        oldest = min(filled, key=lambda lane: lane[0][0])
        _, since, message = oldest.popleft()
        taken.append(replace(message, since=since))
        if not oldest:
            filled.remove(oldest)
