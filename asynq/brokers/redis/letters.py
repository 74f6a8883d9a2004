"""Dead letters: looking at what was put aside, putting it back, throwing it away."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from asynq._redis.keys import LEVELS
from asynq._redis.pipeline import Word
from asynq.brokers.base import Buried
from asynq.brokers.redis.calls import Calls
from asynq.brokers.redis.delivery import entry_order, number_in
from asynq.brokers.redis.scripts import DISCARD, EXHUME
from asynq.brokers.redis.sending import Marks

READ: Final = 20
"""Letters in one call: each may be as large as a message."""
EXHUMED: Final = 20
DISCARDED: Final = 500

_RECEIPT: Final = re.compile(r"\d{1,20}-\d{1,20}", re.ASCII)


class Letters:
    """The dead letters of all queues."""

    def __init__(self, calls: Calls, marks: Marks) -> None:
        self._calls = calls
        self._marks = marks
        self._keys = calls.keys

    async def buried(self, queue: str, *, limit: int, after: str | None) -> list[Buried]:
        """See `Broker.buried`.

        Raises:
            ValueError: `after` is no receipt.
        """
        if after is not None and not _RECEIPT.fullmatch(after):
            raise ValueError(f"{after!r} is not the receipt of a dead letter")
        stream, first = self._keys.buried(queue), b"-" if after is None else f"({after}"
        found: list[Buried] = []
        while len(found) < limit:
            count = min(READ, limit - len(found))
            page = await self._calls.execute(b"XRANGE", stream, first, b"+", b"COUNT", count)
            found += [_letter(queue, entry, fields) for entry, fields in page]
            if len(page) < count:
                break
            first = f"({found[-1].receipt}"
        return found

    async def count(self, queue: str) -> int:
        """See `Broker.buried_count`."""
        return int(await self._calls.execute(b"XLEN", self._keys.buried(queue)))

    async def exhume(self, queue: str, letters: Mapping[str, bytes | None]) -> int:
        """See `Broker.exhume`. They go back in the order of their age."""
        keys = (self._keys.buried(queue), *self._keys.lanes(queue)[1:])
        receipts = sorted(_receipts(letters), key=lambda receipt: entry_order(receipt.encode()))
        count = 0
        for first in range(0, len(receipts), EXHUMED):
            mark, *number = self._marks.next()
            words: list[Word] = [*number, len(LEVELS), *LEVELS]
            for receipt in receipts[first : first + EXHUMED]:
                body = letters[receipt]
                words += (receipt, 0, b"") if body is None else (receipt, 1, body)
            count += await self._calls.run(EXHUME, (mark, *keys), words)
        return count

    async def discard(self, queue: str, receipts: Sequence[str] | None) -> int:
        """See `Broker.discard`."""
        if receipts is None:
            return await self._discard(queue, "all")
        known = _receipts(receipts)
        count = 0
        for first in range(0, len(known), DISCARDED):
            count += await self._discard(queue, "some", *known[first : first + DISCARDED])
        return count

    async def _discard(self, queue: str, *which: Word) -> int:
        mark, *number = self._marks.next()
        keys = (mark, self._keys.buried(queue))
        return int(await self._calls.run(DISCARD, keys, (*number, *which)))


def _receipts(given: Iterable[str]) -> list[str]:
    """Each once; what can't be a receipt is none that we gave."""
    return [receipt for receipt in dict.fromkeys(given) if _RECEIPT.fullmatch(receipt)]


def _letter(queue: str, entry: bytes, fields: Sequence[bytes]) -> Buried:
    named = dict(zip(fields[::2], fields[1::2], strict=False))
    buried_at = number_in(named.get(b"when"), digits=16) or entry_order(entry)[0]
    return Buried(
        receipt=entry.decode(),
        id=named.get(b"i", entry).decode(errors="backslashreplace"),
        queue=queue,
        body=named.get(b"m", b""),
        reason=named.get(b"why", b"").decode(errors="replace"),
        at=buried_at / 1000,
        priority=number_in(named.get(b"p")),
        redeliveries=number_in(named.get(b"d")),
    )
