"""What a broker is: a carrier of bytes that never opens a letter.

A parcel goes in with `publish`, comes out at a worker as a delivery with `receive`, and every
delivery ends in exactly one `settle`. All three take batches, because batches are where the speed
is. A delivery that is never settled (its worker died) comes out again, somewhere else.

Adapters are held to this by the suite in `asynq.testing.contracts.brokers`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from asynq.wire.parcels import Advance as Advance
from asynq.wire.parcels import Join as Join
from asynq.wire.parcels import Known as Known
from asynq.wire.parcels import Page as Page
from asynq.wire.parcels import Parcel as Parcel
from asynq.wire.parcels import Step as Step
from asynq.wire.parcels import Workflow as Workflow
from asynq.wire.stock import PARKED as PARKED
from asynq.wire.stock import Bounds as Bounds
from asynq.wire.stock import Counts as Counts
from asynq.wire.stock import parked_until as parked_until

if TYPE_CHECKING:  # for who fires periodic tasks
    from asynq.brokers.schedules import Schedules


class Location(Struct, frozen=True):
    """Where data lives, precise enough to tell whether two adapters share one transaction."""

    server: str
    """The server's identity, without user or password: ``redis://localhost:6379``."""
    database: int = 0
    namespace: str = ""


class Capabilities(Struct, frozen=True, kw_only=True):
    """What a broker can do, as data."""

    max_delay: float | None = None
    """The longest delay it keeps by itself, in seconds; None: any."""
    priorities: tuple[int, ...] = (0,)
    """The priority levels it tells apart, highest first."""
    leases: bool = False
    """A delivery must be renewed while it runs, or another worker gets it."""
    durable: bool = True
    """What was published outlives the process that published it."""


class Delivery(Struct, frozen=True, kw_only=True, eq=False):
    """One message handed to this worker, which now owes the broker a settlement.

    Two deliveries are equal only if they are the same object: the same message delivered again is
    another delivery. Adapters subclass it to keep their receipt.
    """

    id: str
    queue: str
    body: bytes
    priority: int = 0
    redeliveries: int = 0
    """How often a worker vanished while it held this message."""
    revoked: bool = False
    """Somebody had revoked its id before it was handed out."""
    spent: bool = False
    """A worker has spent it (see `Spend`) and vanished: it must not run, and who waits for it is to
    be told."""

    @property
    def since(self) -> float | None:
        """When it began to wait for a worker: when it came into the queue, was handed back to it,
        or was due. A Unix time, in seconds, on the broker's clock; None: the broker can't tell."""
        return None


class Ack(Struct, frozen=True):
    """The delivery is done; forget it."""


class Requeue(Struct, frozen=True, kw_only=True):
    """The message goes back, unchanged or as a new body, now or later.

    Without `body`, `delay` and `due` it is handed back as it came, ahead of what waits in its
    queue, and its count of redeliveries stays.
    """

    body: bytes | None = None
    delay: float = 0.0
    due: float | None = None
    reset: bool = False
    """Forget earlier redeliveries: the worker has survived this attempt."""
    crashed: bool = False
    """Count one redelivery more: the process that ran it has died."""


class Bury(Struct, frozen=True):
    """The message can never be run; keep it aside, with the reason, for a person to look at."""

    reason: str
    body: bytes | None = None
    """What is kept; None: the message as it came."""


class Spend(Struct, frozen=True):
    """The message must not be run again, whoever dies; it is about to be run by us.

    The only verdict that does not end a delivery: it stays ours, and owes another settlement. When
    we vanish, it comes out as `spent`. A message that we spent and give back with `Requeue` may be
    run again; one that came out as spent stays so, whatever it is given back with.
    """


Verdict = Ack | Requeue | Bury | Spend
ACK = Ack()
SPEND = Spend()


class StoredRecord(Struct, frozen=True, kw_only=True):
    """A task's state on its way into a result backend, encoded."""

    id: str
    body: bytes
    final: bool = True
    """False for a state on the way (STARTED, progress): it never replaces a final one."""
    ttl: float | None = None
    """Seconds to keep it; None: for ever."""
    reply_to: str | None = None
    """Where somebody waits for it: what `ResultBackend.reply_address` said when it was sent."""


class Settlement(Struct, frozen=True, kw_only=True):
    """How one delivery ends, with everything that must end with it."""

    delivery: Delivery
    verdict: Verdict = ACK
    record: StoredRecord | None = None
    publish: tuple[Parcel, ...] = ()
    advance: tuple[Advance, ...] = ()
    others: tuple[StoredRecord, ...] = ()
    """Records of other tasks, which end with it."""


class Buried(Struct, frozen=True, kw_only=True):
    """A dead letter: a message that was put aside."""

    receipt: str
    """What `exhume` and `discard` take."""
    id: str
    queue: str
    body: bytes
    reason: str
    at: float
    """When it was put aside: Unix time, seconds."""
    priority: int = 0
    redeliveries: int = 0


class Waiting(Struct, frozen=True, kw_only=True):
    """A message that waits for its time."""

    id: str
    queue: str
    body: bytes
    due: float
    """Unix time, seconds."""
    priority: int = 0
    redeliveries: int = 0


class Sighting(Struct, frozen=True, kw_only=True):
    """What is known of a worker that has announced itself and has not said that it is gone."""

    info: bytes
    """What it last said of itself."""
    age: float
    """How many seconds ago that was."""
    alive: bool
    """That still holds; False: it should have spoken again by now, and has not."""


class Finding(Struct, frozen=True, kw_only=True):
    """What a look at the server has found, good or bad."""

    level: str
    """``ok``, ``warning`` (it works, and may lose something some day) or ``error``."""
    topic: str
    """What was looked at, in a word or two: ``persistence``."""
    text: str
    """What was found."""
    advice: str = ""
    """What to do about it."""


class Workflows(Protocol):
    """Keeps workflows: the messages of steps that have not begun, and values that must meet.

    Every method raises `OperationalError` when the server can't be reached, and may be called again
    then: it has no other effect than calling it once.
    """

    async def keep(self, part: Workflow) -> None:
        """Keep a workflow, or part of one. It does not begin, and is none of those that are known,
        until it is launched, or the end of a delivery begins steps of it."""

    async def launch(self, part: Workflow, begin: Sequence[Parcel]) -> None:
        """Keep a workflow, or the rest of one, and publish the messages it begins with, both or
        neither; up to 100 steps, joins and messages together."""

    async def notes(self, id: str, names: Sequence[str]) -> Sequence[bytes | None]:
        """Notes of a workflow by their names; None where there is none."""

    async def values(self, id: str, join: int, places: Sequence[int]) -> Sequence[bytes | None]:
        """What stands at these places of a join; None where nothing does yet."""

    async def added(self, id: str, join: int) -> Sequence[tuple[int, str]]:
        """The places that a join was given later, as they came, and the ids they came with."""

    async def marks(self, id: str, prefix: str) -> Sequence[str]:
        """The marks that a workflow has been left with (`Advance.once`) which begin so."""

    async def known(self, *, limit: int = 100, stale: float | None = None) -> Sequence[Known]:
        """The workflows that are kept, the youngest first.

        Args:
            limit: How many at most.
            stale: Only those that go on, and in which nothing happened for so many seconds.
        """

    async def look(self, id: str) -> Known | None:
        """One of them; None: it is not kept, or not any more."""


class Fanout(Protocol):
    """Says something to everybody who listens now. What nobody hears is lost."""

    async def publish(self, channel: str, body: bytes, *, kept: float = 3600.0) -> None:
        """Say it to all who have subscribed.

        Args:
            channel: Where.
            body: What.
            kept: Seconds after which, at the earliest, what was said there may be forgotten.
        """

    def subscribe(self, channel: str) -> AbstractAsyncContextManager[AsyncIterator[bytes | None]]:
        """Listen: what is said after the context is entered comes out, in order.

        Survives a server that is away. None comes out where something may have been missed (after
        the server was away, or when the listener was too slow).
        """


class EventLog(Protocol):
    """Remembers what was appended, the youngest of it; everybody reads it from where they want.

    A place is a text that the log gives and takes; the empty one is before the beginning. One that
    is no longer kept stands where it stood: reading goes on with the oldest that is kept after it.
    """

    async def append(self, body: bytes, *, max_bytes: int, expires: float) -> None:
        """Append an entry. When the connection is lost on the way, it may be there twice.

        Args:
            body: The entry.
            max_bytes: What all entries together may have, about; the oldest are dropped for it.
            expires: Seconds to keep an entry, about.

        Raises:
            OperationalError: the server can't be reached, or has no room.
        """

    async def read(self, after: str, *, limit: int, wait: float = 0.0) -> Sequence[Page]:
        """Up to `limit` entries from after that place, waiting up to `wait` seconds for the first.

        Safe to cancel. One at a time may wait on one log object.

        Raises:
            ValueError: that is no place.
            OperationalError: the server can't be reached.
        """

    async def last(self) -> str:
        """The place of the youngest entry; where there is none, the empty one."""

    def at(self, time: float) -> str:
        """The place before all that was appended at that Unix time or later."""

    async def aclose(self) -> None:
        """Close the connection that waits, if there is one."""


class LeaseKeeper(Protocol):
    """Keeps what a broker has handed out ours. Used from a thread of its own, so it blocks."""

    def renew(self) -> Sequence[Delivery]:
        """Renew the lease of every unsettled delivery; return those that are no longer ours.

        Raises:
            OperationalError: the server did not answer; leases may run out.
        """

    def close(self) -> None:
        """Close the connection."""


class Broker(Protocol):
    """One connection to a carrier of messages, used from one event loop.

    Every method that talks to the server raises `OperationalError` when it can't be reached.
    Nothing connects before the first call.
    """

    capabilities: Capabilities
    location: Location

    def publish(
        self, parcels: Sequence[Parcel], *, timeout: float | None = None
    ) -> Awaitable[None]:
        """Store the parcels. When it returns, they are in the broker; a parcel is stored once
        however often the sending was repeated.

        Args:
            parcels: What to store.
            timeout: Seconds to go on trying; None: the broker's own.

        Raises:
            BrokerFull: the server has no room; of more than 100 parcels, the first hundreds may
                have been stored.
            OperationalError: not reachable; they may or may not have been stored.
        """

    async def receive(
        self, queues: Sequence[str], *, limit: int, wait: float, bounds: Bounds | None = None
    ) -> Sequence[Delivery]:
        """Take up to about `limit` messages, waiting up to `wait` seconds for the first.

        What was handed back comes first, then higher priorities, then by age. Safe to cancel: what
        the server had already handed out goes back to the queue by itself.

        Args:
            queues: Of these.
            limit: About so many.
            wait: Seconds.
            bounds: What holds for those of them that have a limit; None: none has.
        """

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[bool]:
        """End deliveries, each with all its effects or none.

        Returns:
            For each: True, or False if the delivery was no longer ours and nothing was written.

        Raises:
            OperationalError: there was no answer, and they may be settled or not. Call again with
                the same settlements, in the same order, until there is one: where the broker can
                tell, it is the answer that was missing.
        """

    def unite(self, records: Location) -> bool:
        """May `settle` be given records of the backend that lives there?

        True where this broker writes them in the same transaction. Where False, the worker stores
        them in the backend first.
        """

    def lease_keeper(self) -> LeaseKeeper | None:
        """What renews the leases of this broker's deliveries; None if they need no renewal."""

    async def upkeep(self, queues: Sequence[str]) -> None:
        """Run what the broker needs run: move what is due, bring back what a dead worker held.

        Runs until cancelled, survives a server that is away; may return at once.
        """

    async def resign(self, queues: Sequence[str]) -> None:
        """Hand back every delivery not settled, and leave no trace as a consumer."""

    async def announce(self, worker: str, info: bytes, *, ttl: float) -> None:
        """Say that this worker lives, for `ttl` seconds; 0 says that it is gone."""

    async def workers(self) -> Mapping[str, bytes]:
        """The workers that live, with what each last said of itself."""

    async def sightings(self) -> Mapping[str, Sighting]:
        """All workers that live, and those that have fallen silent within an hour."""

    def now(self) -> float:
        """The time on the broker's clock (Unix time, seconds), as well as it is known here.

        The server's clock decides over what is due and what has expired; this one is read from its
        answers, and does not follow jumps of the machine's own.
        """

    async def revoke(self, ids: Sequence[str], *, terminate: bool = False, ttl: float) -> None:
        """Remember for `ttl` seconds that these shall not run; what waits for its time comes out
        now, as a delivery that says so. `terminate` is remembered too, for who runs them."""

    async def revoked(self, ids: Sequence[str]) -> Mapping[str, bool]:
        """Those of the ids that are revoked, and whether with `terminate`."""

    async def revocations(self, *, limit: int = 1000) -> Mapping[str, bool]:
        """What is revoked, as `revoked` tells it; the ids that are remembered longest first."""

    async def reschedule(self, id: str, *, delay: float = 0.0, due: float | None = None) -> bool:
        """Give a message that waits for its time another one; False: none of that id waits."""

    async def waiting(self, queue: str, *, limit: int = 100) -> Sequence[Waiting]:
        """The messages of a queue that wait for their time, the next due first."""

    async def buried(
        self, queue: str, *, limit: int = 100, after: str | None = None
    ) -> Sequence[Buried]:
        """Dead letters of a queue, the oldest first, from after that receipt."""

    async def buried_count(self, queue: str) -> int:
        """How many dead letters of a queue there are."""

    async def exhume(self, queue: str, letters: Mapping[str, bytes | None]) -> int:
        """Put dead letters back in their queue, without redeliveries; return how many there were.

        Args:
            queue: Theirs.
            letters: Receipt to the body that goes back; None: as it is.
        """

    async def discard(self, queue: str, receipts: Sequence[str] | None = None) -> int:
        """Throw dead letters away, those or all; return how many that were."""

    async def diagnose(self) -> Sequence[Finding]:
        """Look whether the server is fit for its work: version, persistence, permissions, clock."""

    def fanout(self) -> Fanout:
        """What says something to all workers, or to all who watch."""

    def workflows(self) -> Workflows:
        """What keeps workflows."""

    def events(self) -> EventLog:
        """What keeps the events of tasks and workers; an object of its own at each call."""

    def schedules(self) -> Schedules:
        """What keeps the entries of periodic tasks, and fires them."""

    async def queues(self) -> Sequence[str]:
        """The names of all queues that were ever used and may hold messages, sorted."""

    async def depth(self, queue: str) -> int:
        """How many messages wait in the queue: ready, delayed, and not yet settled."""

    async def count(self, queue: str) -> Counts:
        """How many messages the queue has, and since when the oldest waits."""

    async def rules(self) -> Mapping[str, str]:
        """What was said to hold until somebody says otherwise: names to texts."""

    async def set_rule(self, name: str, text: str | None) -> None:
        """Have that hold, remembered for ever; None: nothing of that name."""

    async def unpark(self, queues: Sequence[str], *, keep: Collection[str] = ()) -> int:
        """Make ready what is parked: what was requeued until `parked_until(label)`.

        Args:
            queues: In these.
            keep: Labels under which messages stay parked.

        Returns:
            How many messages that were.
        """

    async def purge(self, queue: str) -> int:
        """Throw away what waits (not what runs); return how many messages that were."""

    async def aclose(self) -> None:
        """Close every connection. Calling it again does nothing."""
