"""`memory://[name]`: a broker inside this process, for tests and for trying things out.

All brokers of one name and namespace share their queues, over event loops and threads. What is
in there ends with the process.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from asynq import _time
from asynq._imports import import_object
from asynq._memory.bell import Bell
from asynq._memory.events import MemoryEventLog
from asynq._memory.fanout import MemoryFanout
from asynq._memory.queues import PRIORITIES, Message, Queues
from asynq._memory.records import Entry
from asynq._memory.space import Space, open_space, server_of
from asynq.brokers.base import (
    Ack,
    Bounds,
    Buried,
    Bury,
    Capabilities,
    Counts,
    Delivery,
    EventLog,
    Fanout,
    Finding,
    Known,
    LeaseKeeper,
    Location,
    Parcel,
    Requeue,
    Settlement,
    Sighting,
    Spend,
    Waiting,
    Workflow,
    parked_until,
)
from asynq.exceptions import ImproperlyConfigured, OperationalError

if TYPE_CHECKING:  # for who fires periodic tasks
    from asynq.brokers.schedules import Schedules

SILENT_SECONDS = 3600.0
"""How long a worker is remembered that has fallen silent."""
POLL = 0.02
"""Seconds between two looks at queues that have a limit: what is held elsewhere may end."""


class MemoryDelivery(Delivery, frozen=True, kw_only=True, eq=False):
    """A delivery that knows when it began to wait."""

    came: float

    @property
    def since(self) -> float:
        """See `Delivery.since`."""
        return self.came


class MemoryBroker:
    """A broker in memory (see `asynq.brokers.base.Broker`).

    A delivery is held by the broker object that received it, with no lease: when that object is
    closed or collected, what it has not settled comes out again as redelivered.
    """

    def __init__(
        self,
        url: str,
        *,
        namespace: str,
        lease: float = 30.0,
        publish_timeout: float = 10.0,
        options: Mapping[str, Any] = {},
    ) -> None:
        if options:
            raise ImproperlyConfigured(f"memory:// has no options, got {', '.join(options)}")
        self.capabilities = Capabilities(priorities=PRIORITIES, durable=False)
        self.location = Location(server=server_of(url), namespace=namespace)
        self._space = open_space(self.location.server, namespace)
        self._queues = self._space.queues
        self._held: dict[Delivery, Message] = {}
        self._bells: set[Bell] = set()
        self._fanout = MemoryFanout(self._space.channels)
        self._event_logs: weakref.WeakSet[MemoryEventLog] = weakref.WeakSet()
        self._closed = False
        # Nobody may be there to close it: its loop ended, its worker was a failed test.
        self._vanish = weakref.finalize(self, _redeliver, self._queues, self._held)
        self._vanish.atexit = False

    async def publish(self, parcels: Sequence[Parcel], *, timeout: float | None = None) -> None:
        """Store the parcels."""
        self._publish(parcels)

    async def receive(
        self, queues: Sequence[str], *, limit: int, wait: float, bounds: Bounds | None = None
    ) -> Sequence[Delivery]:
        """Take up to `limit` messages, waiting up to `wait` seconds for the first."""
        # A receiver in a loop of its own must let the others run, however much is there.
        await asyncio.sleep(0)
        deadline = _time.monotonic() + wait
        bell = Bell()
        self._bells.add(bell)
        try:
            with self._queues.watched(queues, bell):
                while True:
                    bell.clear()
                    self._check_open()
                    taken = self._queues.take(queues, limit, bounds)
                    left = deadline - _time.monotonic()
                    if taken or left <= 0:
                        return self._hold(taken)
                    due = self._queues.next_due(queues)
                    left = left if due is None else min(left, due - _time.time())
                    await bell.wait(left if bounds is None else min(left, POLL))
        finally:
            self._bells.discard(bell)

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[bool]:
        """End deliveries, each with all its effects or none."""
        return [self._settle(settlement) for settlement in settlements]

    def unite(self, records: Location) -> bool:
        """True for the memory backend of the same name: one lock covers both."""
        return records == self.location

    def lease_keeper(self) -> LeaseKeeper | None:
        """None: there are no leases."""
        return None

    async def upkeep(self, queues: Sequence[str]) -> None:
        """Nothing to do: receivers know by themselves when the next message is due."""

    async def resign(self, queues: Sequence[str]) -> None:
        """Hand back every delivery not settled."""
        with self._space.lock:
            for message in self._held.values():
                self._queues.give_back(message)
            self._held.clear()

    async def announce(self, worker: str, info: bytes, *, ttl: float) -> None:
        """Say that this worker lives, for `ttl` seconds; 0 says that it is gone."""
        with self._space.lock:
            if ttl > 0:
                now = _time.monotonic()
                self._space.workers[worker] = (now, now + ttl, info)
            else:
                self._space.workers.pop(worker, None)

    async def workers(self) -> Mapping[str, bytes]:
        """The workers that live, with what each last said of itself."""
        seen = await self.sightings()
        return {name: sighting.info for name, sighting in seen.items() if sighting.alive}

    async def sightings(self) -> Mapping[str, Sighting]:
        """The workers that live, and those that have fallen silent within an hour."""
        with self._space.lock:
            now = _time.monotonic()
            return {
                name: Sighting(info=info, age=now - said, alive=until > now)
                for name, (said, until, info) in sorted(self._space.workers.items())
                if until > now - SILENT_SECONDS
            }

    def now(self) -> float:
        """The time of this machine: the server is this process."""
        return _time.time()

    async def revoke(self, ids: Sequence[str], *, terminate: bool = False, ttl: float) -> None:
        """Remember that these shall not run; what waits for its time comes out now."""
        with self._space.lock:
            self._check_open()
            self._space.revocations.add(ids, terminate=terminate, ttl=ttl)
            for id in ids:
                self._queues.reschedule(id, _time.time())

    async def revoked(self, ids: Sequence[str]) -> Mapping[str, bool]:
        """Those of the ids that are revoked, and whether with `terminate`."""
        return self._space.revocations.among(ids)

    async def revocations(self, *, limit: int = 1000) -> Mapping[str, bool]:
        """What is revoked, those that are remembered longest first."""
        return self._space.revocations.all(limit)

    async def waiting(self, queue: str, *, limit: int = 100) -> Sequence[Waiting]:
        """What waits for its time, the next due first."""
        return [
            Waiting(
                id=message.id,
                queue=queue,
                body=message.body,
                due=due,
                priority=message.priority,
                redeliveries=message.redeliveries,
            )
            for due, message in self._queues.delayed(queue, limit)
        ]

    async def reschedule(self, id: str, *, delay: float = 0.0, due: float | None = None) -> bool:
        """Give a message that waits for its time another one; False: none of that id waits."""
        self._check_open()
        return self._queues.reschedule(id, _time.time() + delay if due is None else due)

    async def buried(
        self, queue: str, *, limit: int = 100, after: str | None = None
    ) -> Sequence[Buried]:
        """Dead letters of a queue, the oldest first, from after that receipt.

        Raises:
            ValueError: `after` is no receipt.
        """
        first = -1 if after is None else _number(after)
        if first is None:
            raise ValueError(f"{after!r} is not the receipt of a dead letter")
        letters = [letter for letter in self._queues.buried(queue) if letter.number > first]
        return [
            Buried(
                receipt=str(letter.number),
                id=letter.message.id,
                queue=queue,
                body=letter.message.body,
                reason=letter.reason,
                at=letter.at,
                priority=letter.message.priority,
                redeliveries=letter.message.redeliveries,
            )
            for letter in letters[:limit]
        ]

    async def buried_count(self, queue: str) -> int:
        """How many dead letters of a queue there are."""
        return len(self._queues.buried(queue))

    async def exhume(self, queue: str, letters: Mapping[str, bytes | None]) -> int:
        """Put dead letters back in their queue, by age; return how many there were."""
        known = {number: letters[receipt] for receipt, number in _numbers(letters)}
        return sum(self._queues.exhume(queue, number, known[number]) for number in sorted(known))

    async def discard(self, queue: str, receipts: Sequence[str] | None = None) -> int:
        """Throw dead letters away, those or all; return how many that were."""
        if receipts is None:
            numbers = [letter.number for letter in self._queues.buried(queue)]
        else:
            numbers = [number for _, number in _numbers(receipts)]
        return sum(self._queues.discard(queue, number) for number in numbers)

    async def diagnose(self) -> Sequence[Finding]:
        """Nothing to look at."""
        return ()

    def fanout(self) -> Fanout:
        """What says something to all who listen in this process."""
        return self._fanout

    def workflows(self) -> MemoryWorkflows:
        """What keeps workflows."""
        return MemoryWorkflows(self._space, self._publish)

    def events(self) -> EventLog:
        """What keeps events."""
        log = MemoryEventLog(self._space.events)
        self._event_logs.add(log)
        return log

    def schedules(self) -> Schedules:
        """What keeps the entries of periodic tasks."""
        make: Callable[..., Schedules] = import_object("asynq._memory.schedules:MemorySchedules")
        return make(self._space, self._publish)

    async def queues(self) -> Sequence[str]:
        """The names of the queues that were ever used, sorted."""
        return self._queues.names()

    async def depth(self, queue: str) -> int:
        """How many messages are ready, delayed, or not yet settled."""
        return self._queues.depth(queue)

    async def count(self, queue: str) -> Counts:
        """How many messages the queue has, and since when the oldest waits."""
        return self._queues.count(queue)

    async def rules(self) -> Mapping[str, str]:
        """What was said to hold until somebody says otherwise."""
        with self._space.lock:
            return dict(self._space.rules)

    async def set_rule(self, name: str, text: str | None) -> None:
        """Have that hold; None: nothing of that name."""
        with self._space.lock:
            self._check_open()
            if text is None:
                self._space.rules.pop(name, None)
            else:
                self._space.rules[name] = text

    async def unpark(self, queues: Sequence[str], *, keep: Collection[str] = ()) -> int:
        """Make ready what is parked, but under those labels; how many messages those were."""
        self._check_open()
        return self._queues.unpark(queues, {parked_until(label) for label in keep})

    async def purge(self, queue: str) -> int:
        """Throw away what waits; return how many messages that were."""
        return self._queues.purge(queue)

    async def aclose(self) -> None:
        """Close; who still waits in `receive` gets an `OperationalError`."""
        self._closed = True
        self._vanish()
        self._fanout.close()
        for log in list(self._event_logs):
            log.close()
        for bell in self._bells:
            bell.ring()

    def _check_open(self) -> None:
        if self._closed:
            raise OperationalError(f"this connection to {self.location.server} was closed")

    def _publish(self, parcels: Sequence[Parcel]) -> None:
        with self._space.lock:
            self._check_open()
            for parcel in parcels:
                message = Message(
                    id=parcel.id, queue=parcel.queue, body=parcel.body, priority=parcel.priority
                )
                self._space.publish(message, _due(parcel))

    def _hold(self, messages: Sequence[Message]) -> list[Delivery]:
        revoked = self._space.revocations.among([message.id for message in messages])
        deliveries: list[Delivery] = []
        for message in messages:
            delivery = MemoryDelivery(
                id=message.id,
                queue=message.queue,
                body=message.body,
                priority=message.priority,
                redeliveries=message.redeliveries,
                revoked=message.id in revoked,
                spent=message.spent,
                came=message.since,
            )
            self._held[delivery] = message
            deliveries.append(delivery)
        return deliveries

    def _settle(self, settlement: Settlement) -> bool:
        with self._space.lock:
            self._check_open()
            message = self._held.pop(settlement.delivery, None)
            if message is None:
                return False
            match settlement.verdict:
                case Ack():
                    self._queues.finish(message)
                case Bury(reason, body):
                    kept = message if body is None else replace(message, body=body)
                    self._queues.bury(kept, reason)
                case Requeue() as verdict:
                    spent = settlement.delivery.spent
                    due = None if spent else _due(verdict)
                    self._queues.give_back(_again(message, verdict, spent=spent), due=due)
                case Spend():
                    self._held[settlement.delivery] = replace(message, spent=True)
            for each in (settlement.record, *settlement.others):
                if each is not None:
                    entry = Entry(each.body, each.final)
                    self._space.records.write(each.id, entry, ttl=each.ttl)
            self._publish(settlement.publish)
            for advance in settlement.advance:
                self._space.workflows.advance(advance, self._publish)
            return True


class MemoryWorkflows:
    """See `asynq.brokers.base.Workflows`."""

    def __init__(self, space: Space, publish: Callable[[Sequence[Parcel]], None]) -> None:
        self._workflows = space.workflows
        self._publish = publish

    async def keep(self, part: Workflow) -> None:
        """Keep part of a workflow."""
        self._workflows.keep(part)

    async def launch(self, part: Workflow, begin: Sequence[Parcel]) -> None:
        """Keep the rest of it, and begin."""
        self._workflows.launch(part, begin, self._publish)

    async def notes(self, id: str, names: Sequence[str]) -> Sequence[bytes | None]:
        """Notes by their names."""
        return self._workflows.notes(id, names)

    async def values(self, id: str, join: int, places: Sequence[int]) -> Sequence[bytes | None]:
        """What stands at these places of a join."""
        return self._workflows.values(id, join, places)

    async def added(self, id: str, join: int) -> Sequence[tuple[int, str]]:
        """The places that a join was given later."""
        return self._workflows.added(id, join)

    async def marks(self, id: str, prefix: str) -> Sequence[str]:
        """The marks that begin so."""
        return self._workflows.marks(id, prefix)

    async def known(self, *, limit: int = 100, stale: float | None = None) -> Sequence[Known]:
        """The workflows that are kept, the youngest first."""
        known = self._workflows.known()
        if stale is not None:
            known = [each for each in known if not each.over and each.idle >= stale]
        return known[:limit]

    async def look(self, id: str) -> Known | None:
        """One of them."""
        found = self._workflows.known([id])
        return found[0] if found else None


def _due(source: Parcel | Requeue) -> float | None:
    if source.due is not None:
        return source.due
    return _time.time() + source.delay if source.delay > 0 else None


def _again(message: Message, verdict: Requeue, *, spent: bool) -> Message:
    return replace(
        message,
        body=message.body if verdict.body is None else verdict.body,
        redeliveries=verdict.crashed + (0 if verdict.reset else message.redeliveries),
        spent=spent,
    )


def _number(receipt: str) -> int | None:
    return int(receipt) if receipt.isascii() and receipt.isdigit() else None


def _numbers(receipts: Iterable[str]) -> list[tuple[str, int]]:
    """What can't be a receipt is none that we gave."""
    known = ((receipt, _number(receipt)) for receipt in receipts)
    return [(receipt, number) for receipt, number in known if number is not None]


def _redeliver(queues: Queues, held: dict[Delivery, Message]) -> None:
    """The holder has vanished: what it held comes out again, and counts it."""
    for message in held.values():
        queues.give_back(replace(message, redeliveries=message.redeliveries + 1))
    held.clear()
