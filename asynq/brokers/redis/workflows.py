"""Workflows on the server: one hash each, moved on by the settlements of their steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from asynq._redis.keys import ttl_word
from asynq._redis.pipeline import Word
from asynq.brokers.base import Known, Parcel, Workflow
from asynq.brokers.redis.calls import Calls
from asynq.brokers.redis.delayed import Soon, held_back
from asynq.brokers.redis.packing import packed, packed_join
from asynq.brokers.redis.scripts import KNOWN, LAUNCH

PAGE: Final = 500
"""Fields in one question, and workflows that are looked at in one."""
LONGEST_IDLE: Final = 1e9
"""Seconds: longer than any workflow is kept."""


class RedisWorkflows:
    """See `asynq.brokers.base.Workflows`.

    Args:
        soon: Gives who moves what becomes due soon.
    """

    def __init__(self, calls: Calls, soon: Callable[[], Soon]) -> None:
        self._calls = calls
        self._soon = soon
        self._keys = calls.keys

    async def keep(self, part: Workflow) -> None:
        """See `Workflows.keep`."""
        await self._launch(part, (), "")

    async def launch(self, part: Workflow, begin: Sequence[Parcel]) -> None:
        """See `Workflows.launch`."""
        await self._launch(part, begin, part.id)

    async def notes(self, id: str, names: Sequence[str]) -> Sequence[bytes | None]:
        """See `Workflows.notes`."""
        return await self._fields(id, names)

    async def values(self, id: str, join: int, places: Sequence[int]) -> Sequence[bytes | None]:
        """See `Workflows.values`."""
        return await self._fields(id, [f"v{join}:{place}" for place in places])

    async def added(self, id: str, join: int) -> Sequence[tuple[int, str]]:
        """See `Workflows.added`."""
        (text,) = await self._fields(id, [f"a{join}"])
        pairs = [pair.partition(":") for pair in (text or b"").decode().split()]
        return [(int(place), id) for place, _, id in pairs]

    async def marks(self, id: str, prefix: str) -> Sequence[str]:
        """See `Workflows.marks`."""
        key, cursor, found = self._keys.workflow(id), b"0", set[str]()
        pattern = f"o{prefix}*"
        while True:
            words = (b"HSCAN", key, cursor, b"MATCH", pattern, b"COUNT", PAGE)
            cursor, fields = await self._calls.execute(*words)
            found.update(name.decode()[1:] for name in fields[::2])
            if cursor == b"0":
                return [*found]

    async def known(self, *, limit: int = 100, stale: float | None = None) -> Sequence[Known]:
        """See `Workflows.known`."""
        found: dict[str, Known] = {}
        skip, looked = 0, PAGE
        while len(found) < limit and looked == PAGE:
            looked, page = await self._known(PAGE, skip=skip, stale=stale)
            # Those that were launched meanwhile have moved the others on.
            found.update((each.id, each) for each in page if each.id not in found)
            skip += looked
        return [*found.values()][:limit]

    async def look(self, id: str) -> Known | None:
        """See `Workflows.look`."""
        _, found = await self._known(1, id=id)
        return found[0] if found else None

    async def _launch(self, part: Workflow, begin: Sequence[Parcel], id: str) -> None:
        keys = (self._keys.workflow(part.id), self._keys.queues, self._keys.workflows)
        words = launch_words(part, begin)
        words[2] = id
        await self._calls.run(LAUNCH, keys, words)
        for queue, delay in held_back(begin):
            self._soon().stored(queue, delay)

    async def _fields(self, id: str, names: Sequence[str]) -> list[bytes | None]:
        key, found = self._keys.workflow(id), []
        for first in range(0, len(names), PAGE):
            found += await self._calls.execute(b"HMGET", key, *names[first : first + PAGE])
        return found

    async def _known(
        self, limit: int, *, id: str = "", skip: int = 0, stale: float | None = None
    ) -> tuple[int, list[Known]]:
        keys = (self._keys.workflows, self._keys.queues)
        idle = "" if stale is None else round(min(stale, LONGEST_IDLE) * 1000)
        looked, *told = await self._calls.run(KNOWN, keys, (limit, id, skip, idle))
        return looked, [
            Known(
                id=told[at].decode(),
                began=int(told[at + 1]) / 1000,
                idle=int(told[at + 2]) / 1000,
                over=told[at + 3].decode(),
            )
            for at in range(0, len(told), 4)
        ]


def launch_words(part: Workflow | None, begin: Sequence[Parcel]) -> list[Word]:
    """A workflow, or none, and what begins, as LAUNCH and FIRE read them."""
    if part is None:
        return [0, 0, "", 0, *map(packed, begin)]
    fields: list[Word] = []
    for number, step in part.steps.items():
        fields += (f"n{number}", packed(step.parcel, wants_input=step.wants_input))
    for number, join in part.joins.items():
        fields += (f"j{number}", packed_join(join))
    for name, note in part.notes.items():
        fields += (name, note)
    ttl = ttl_word(part.ttl)
    kept = ttl_word(part.kept) or ttl
    return [ttl, kept, part.id, len(fields), *fields, *map(packed, begin)]
