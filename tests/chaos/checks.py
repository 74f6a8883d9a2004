"""What must be true when everything is over: of every task, and of what is left on the server."""

from __future__ import annotations

import contextlib
import fnmatch
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from asynq._redis.keys import GROUP, Keys
from asynq.wire import record
from tests.chaos.fleet import Fleet
from tests.chaos.flows import MAY_BE, Flows, FlowTally
from tests.chaos.ledger import EARLY, Book
from tests.chaos.trail import Trail
from tests.servers import PrivateServer
from tests.waiting import until

FOR_EVER: Final = ("meta", "queues", "q:*", "z:*", "zm:*", "dlq:*", "wfs")
"""The only keys that may have no time to live. `z:` and `zm:` vanish when nothing waits; `q:` are
the empty streams of queues; `dlq:` are kept for a person to look at, up to 10,000 entries each;
`wfs` forgets workflows that are gone as others come."""

POISON: Final = "poison"
"""The kind of a task that kills its worker, and so may end as a dead letter."""


class Letter(NamedTuple):
    """A dead letter."""

    id: str
    why: str


class Tally(NamedTuple):
    """How it ended."""

    tasks: int
    perhaps: int
    """Calls that raised, of which the task may exist."""
    executions: int
    duplicates: int
    """Runs beyond the first of an attempt."""
    fenced: int
    """Ends of workers that had lost the task: refused, or given up."""
    lost: list[str]
    """Sent, and neither ended nor buried."""
    completed_twice: list[str]
    untold: list[str]
    """Ended, and not on the server's trail: then `completed_twice` would prove nothing."""
    poison: int
    """Poison pills sent."""
    poison_buried: int
    innocents_buried: list[Letter]
    revoked: int
    early_lost: int
    """Tasks with `acks_late=False` that went with their worker, as they may, and were said to."""
    early_twice: list[str]
    """Of those, tasks that ran more than once."""
    revoked_executed: list[str]
    """A run has begun after the call that revoked it had returned."""
    states: Counter[str]
    """How tasks ended, poison pills aside."""
    failed: list[str]
    """Tasks that should have succeeded and did not."""
    flows: FlowTally
    """Of workflows."""

    @property
    def faults(self) -> list[str]:
        """What must not be; empty when all is well."""
        found = list(self.flows.faults)
        if self.lost:
            found.append(f"{len(self.lost)} lost: {self.lost[:5]}")
        if self.completed_twice:
            found.append(f"{len(self.completed_twice)} ended twice: {self.completed_twice[:5]}")
        if self.untold:
            found.append(f"{len(self.untold)} ended without a trace: {self.untold[:5]}")
        if self.innocents_buried:
            letters = self.innocents_buried
            found.append(f"{len(letters)} innocents buried: {letters[:3]}")
        if self.early_twice:
            found.append(
                f"{len(self.early_twice)} with early acks ran twice: {self.early_twice[:5]}"
            )
        if self.failed:
            found.append(f"{len(self.failed)} failed: {self.failed[:5]}")
        if self.revoked_executed:
            found.append(f"{len(self.revoked_executed)} ran after they were revoked")
        return found


class Checks:
    """Looks at a fleet's ledger and at its server."""

    def __init__(self, fleet: Fleet, queue: str = "chaos") -> None:
        self.fleet = fleet
        self.queue = queue
        self.server: PrivateServer = fleet.server
        self.keys = Keys(fleet.namespace)
        self.trail = Trail(fleet.server, fleet.namespace, fleet.ledger)
        self.flows = Flows(fleet.server, self.keys)

    def unfinished(self, ids: Iterable[str]) -> list[str]:
        """Those of the ids that have no final record."""
        left = []
        for page in _pages(list(ids), 500):
            stored = self.server.command("MGET", *(self.keys.result(id) for id in page))
            for id, body in zip(page, stored, strict=True):
                if body is None or body.startswith(b"~"):
                    left.append(id)
        return left

    def statuses(self, ids: Iterable[str]) -> dict[str, str]:
        """The states of those that have one."""
        found = {}
        for page in _pages(list(ids), 500):
            stored = self.server.command("MGET", *(self.keys.result(id) for id in page))
            for id, body in zip(page, stored, strict=True):
                if body is not None:
                    found[id] = record.decode(body.removeprefix(b"~")).status
        return found

    async def drained(self, *, within: float) -> list[str]:
        """Wait until everything sent has ended; what has not, in time."""
        with contextlib.suppress(TimeoutError):
            await until(self.is_drained, within=within)
        self.trail.follow()
        return self.unfinished(self.fleet.ledger.read().sent)

    def is_drained(self) -> bool:
        """Has everything sent ended, and is the queue empty?"""
        self.trail.follow()
        book = self.fleet.ledger.read()
        open_ones = book.sent.keys() - book.accepted.keys()
        return not self.unfinished(open_ones) and not self._in_queue()

    def _in_queue(self) -> int:
        lanes = sum(self.server.command("XLEN", lane) for lane in self.keys.lanes(self.queue))
        return int(lanes + self.server.command("ZCARD", self.keys.delayed(self.queue)))

    def held(self) -> int:
        """How many messages are pending, of all workers."""
        lanes = self.keys.lanes(self.queue)
        return sum(self.server.command("XPENDING", lane, GROUP)[0] for lane in lanes)

    def letters(self) -> list[Letter]:
        """The dead letters."""
        found = []
        for _, fields in self.server.command("XRANGE", self.keys.buried(self.queue), "-", "+"):
            named = dict(zip(fields[::2], fields[1::2], strict=True))
            found.append(Letter(named[b"i"].decode(), named[b"why"].decode()))
        return found

    def tally(self) -> Tally:
        """Everything counted. The whole ledger is read."""
        self.trail.follow()
        book = self.fleet.ledger.read()
        kinds = book.perhaps_sent | book.sent
        letters = self.letters()
        buried = {letter.id for letter in letters}
        poison = {id for id, kind in kinds.items() if kind == POISON}
        statuses = self.statuses(id for id in book.sent if id not in poison)
        unfinished = set(self.unfinished(book.sent))
        ended = book.sent.keys() - unfinished
        early = {id for id, kind in book.sent.items() if kind == EARLY}
        runs = Counter(start.id for start in book.starts)
        return Tally(
            tasks=len(book.sent),
            perhaps=len(book.perhaps_sent.keys() - book.sent.keys()),
            executions=len(book.starts),
            duplicates=book.duplicates,
            fenced=self.fleet.fenced,
            lost=sorted(unfinished - buried),
            completed_twice=book.completed_twice,
            untold=sorted(ended - book.accepted.keys()),
            poison=len(poison),
            poison_buried=len(poison & buried),
            innocents_buried=[letter for letter in letters if letter.id not in poison],
            revoked=len(book.revoked),
            early_lost=[statuses.get(id) for id in early].count("FAILURE"),
            early_twice=sorted(id for id in early if runs[id] > 1),
            revoked_executed=_executed(book),
            states=Counter(statuses.values()),
            failed=[id for id, state in statuses.items() if state not in _may_be(kinds[id])],
            flows=self.flows.tally(book),
        )

    def left_behind(self, *, consumers: bool = True) -> list[str]:
        """What is left on the server and should not be.

        Args:
            consumers: Name consumers that no worker lives for, too; it takes a while until those
                of killed workers are forgotten.
        """
        found = []
        command = self.server.command
        for lane in self.keys.lanes(self.queue):
            if length := command("XLEN", lane):
                found.append(f"{length} messages in {lane!r}")
            if not command("EXISTS", lane) or not command("XINFO", "GROUPS", lane):
                continue
            if pending := command("XPENDING", lane, GROUP)[0]:
                found.append(f"{pending} pending in {lane!r}")
            if consumers:
                found += [f"{name} is a consumer of {lane!r}" for name in self._dead(lane)]
        stores = (self.keys.delayed(self.queue), self.keys.delayed_messages(self.queue))
        found += [f"{store!r} is not empty" for store in stores if command("EXISTS", store)]
        return found + [f"no time to live: {key}" for key in self.without_ttl()]

    def _dead(self, lane: bytes) -> list[str]:
        """Consumers of a lane whose process does not live; the name says which one it was."""
        told = self.server.command("XINFO", "CONSUMERS", lane, GROUP)
        names = [fields[fields.index(b"name") + 1].decode() for fields in told]
        living = {str(worker.pid) for worker in self.fleet.alive}
        return [name for name in names if name.split(":")[-2] not in living]

    def without_ttl(self) -> list[str]:
        """Keys that stay for ever and are not on the list of those which may."""
        prefix = self.keys.meta.decode().removesuffix("meta")
        found = []
        for key in self.all_keys():
            name = key.decode().removeprefix(prefix)
            allowed = any(fnmatch.fnmatchcase(name, pattern) for pattern in FOR_EVER)
            if not allowed and self.server.command("PTTL", key) == -1:
                found.append(name)
        return sorted(found)

    def all_keys(self) -> Iterator[bytes]:
        """Every key of the server."""
        cursor: Any = "0"
        while cursor != b"0":
            cursor, names = self.server.command("SCAN", cursor, "COUNT", 1000)
            yield from names

    async def clean(self, *, consumers: bool = True, within: float = 20.0) -> None:
        """Wait until nothing is left behind; says what is, if that does not come."""
        try:
            await until(lambda: not self.left_behind(consumers=consumers), within=within)
        except TimeoutError:
            left = self.left_behind(consumers=consumers)
            raise AssertionError(f"left behind: {left}") from None


def _may_be(kind: str) -> tuple[str, ...]:
    """How a task of that kind may end; one that was revoked may have been quicker."""
    return {
        **MAY_BE,
        "revoked": ("SUCCESS", "REVOKED"),
        "terminated": ("SUCCESS", "REVOKED"),
        "limited": ("FAILURE",),
        EARLY: ("SUCCESS", "FAILURE"),
    }.get(kind, ("SUCCESS",))


def _executed(book: Book) -> list[str]:
    """Tasks that began to run although they had been revoked before."""
    return sorted(
        {
            start.id
            for start in book.starts
            if start.id in book.revoked and start.at > book.revoked[start.id]
        }
    )


def _pages(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for first in range(0, len(items), size):
        yield items[first : first + size]
