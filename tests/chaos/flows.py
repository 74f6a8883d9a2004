"""What must be true of workflows when everything is over: by the ledger, and by what is kept."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from asynq._redis.keys import Keys
from asynq.wire import record
from tests.chaos.ledger import AT_TIMES, Book
from tests.servers import PrivateServer

MAY_BE: Final[Mapping[str, tuple[str, ...]]] = {
    "failing": ("FAILURE",),
    "unrun": ("FAILURE",),
    "expired": ("REVOKED",),
    "revocable": ("SUCCESS", "REVOKED"),
    "behind": ("SUCCESS", "FAILURE", "REVOKED"),
}
"""How steps of a role may end; all others succeed."""

_JOIN: Final = re.compile(rb"(\d+)\|")


class FlowTally(NamedTuple):
    """How they ended."""

    sent: int
    steps: int
    """Of those that were sent, without errbacks that nobody needed."""
    chains: int
    """Long ones."""
    chords: int
    """Large ones."""
    bodies: int
    bodies_again: int
    """Bodies that were started more than once: their worker had died."""
    errbacks: int
    """Errbacks that ran."""
    retold: list[str]
    """Errbacks that ran although nothing had failed, or did not run although something had."""
    wrong: list[str]
    """Steps whose value is not what it must be."""
    halves: list[str]
    """Workflows whose call raised, of which some steps ended and others did not."""
    open: list[str]
    """Workflows that are kept and are not over."""
    stale: list[str]
    """Joins of workflows that went well which have not all their values."""
    begun: list[str]
    """Steps that began to run and have not ended."""

    @property
    def faults(self) -> list[str]:
        """What must not be; empty when all is well."""
        told = {
            "errbacks ran for nothing, or not at all": self.retold,
            "values are wrong": self.wrong,
            "workflows ran by half": self.halves,
            "workflows are not over": self.open,
            "joins wait for values": self.stale,
            "steps began and never ended": self.begun,
        }
        return [f"{len(ids)} {what}: {ids[:5]}" for what, ids in told.items() if ids]


class Flows:
    """Looks at the workflows of a ledger."""

    def __init__(self, server: PrivateServer, keys: Keys) -> None:
        self._server = server
        self._keys = keys

    def tally(self, book: Book) -> FlowTally:
        """Everything counted."""
        records = self._records(book)
        runs = Counter(start.id for start in book.starts)
        roles = Counter(step.role for step in book.steps.values())
        kinds = Counter(kind for kind, sent in book.workflows.values() if sent)
        bodies = [id for id, step in book.steps.items() if step.role == "body"]
        open_ones, stale = self._kept()
        return FlowTally(
            sent=kinds.total(),
            steps=sum(id in book.sent for id in book.steps),
            chains=kinds["chain"],
            chords=kinds["chord"],
            bodies=sum(runs[id] > 0 for id in bodies),
            bodies_again=sum(runs[id] > 1 for id in bodies),
            errbacks=sum(
                runs[id] > 0
                for id, step in book.steps.items()
                if step.role in ("errback", "errback?")
            ),
            retold=self._retold(book, records, runs) if roles else [],
            wrong=_wrong(book, records),
            halves=_halves(book, records, runs),
            open=open_ones,
            stale=stale,
            begun=sorted(
                id for id in book.steps if runs[id] and id not in records and id not in book.sent
            ),
        )

    def _records(self, book: Book) -> dict[str, record.Record]:
        """The final records of all steps."""
        ids, found = list(book.steps), {}
        for first in range(0, len(ids), 500):
            page = ids[first : first + 500]
            stored = self._server.command("MGET", *map(self._keys.result, page))
            for id, body in zip(page, stored, strict=True):
                if body is not None and not body.startswith(b"~"):
                    found[id] = record.decode(body)
        return found

    def _retold(
        self, book: Book, records: Mapping[str, record.Record], runs: Counter[str]
    ) -> list[str]:
        failed = {
            step.workflow
            for id, step in book.steps.items()
            if id in records and records[id].status != "SUCCESS"
        }
        found = []
        for id, step in book.steps.items():
            if step.role == "idle" or (step.role == "errback?" and step.workflow not in failed):
                wanted = False
            elif step.role == "errback?":
                wanted = True
            else:
                continue
            if (id in records) is not wanted or (runs[id] > 0) is not wanted:
                found.append(id)
        return found

    def _kept(self) -> tuple[list[str], list[str]]:
        """Workflows that are not over, and joins of others that wait."""
        open_ones, stale = [], []
        for id in self._server.command("ZRANGE", self._keys.workflows, 0, -1):
            fields = self._server.command("HGETALL", self._keys.workflow(id.decode()))
            kept = dict(zip(fields[::2], fields[1::2], strict=True))
            if kept and b"over" not in kept:
                open_ones.append(id.decode())
            elif kept.get(b"over", b"").startswith(b"SUCCESS"):
                stale += [f"{id.decode()}:{name}" for name in _waiting(kept)]
        return open_ones, stale


def _waiting(kept: Mapping[bytes, bytes]) -> list[str]:
    """The joins of a workflow that have not all their values."""
    found = []
    for name, packed in kept.items():
        size = _JOIN.match(packed) if re.fullmatch(rb"j\d+", name) else None
        if size is not None and int(kept.get(b"c" + name[1:], b"0")) != int(size[1]):
            found.append(name.decode())
    return found


def _wrong(book: Book, records: Mapping[str, record.Record]) -> list[str]:
    found = []
    for id, value in book.values.items():
        if id in records and records[id].status == "SUCCESS":
            result = records[id].result
            text = bytes(result).decode() if isinstance(result, msgspec.Raw) else "null"
            if text != value:
                found.append(f"{id}: {text}, not {value}")
    return found


def _halves(book: Book, records: Mapping[str, record.Record], runs: Counter[str]) -> list[str]:
    """Those that were perhaps sent, and are neither there nor whole."""
    ended: Counter[str] = Counter()
    missing: Counter[str] = Counter()
    for id, step in book.steps.items():
        if step.role in AT_TIMES or book.workflows.get(step.workflow, ("", False))[1]:
            continue
        if id in records or runs[id]:
            ended[step.workflow] += 1
        if id not in records:
            missing[step.workflow] += 1
    return sorted(id for id in ended if missing[id])
