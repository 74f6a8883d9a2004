"""The entries of periodic tasks on the server: a hash each, and a guard on every slot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from asynq._redis.pipeline import Word
from asynq._time import monotonic
from asynq.brokers.redis.calls import Calls
from asynq.brokers.redis.clock import Clock
from asynq.brokers.redis.delayed import Soon, held_back
from asynq.brokers.redis.scripts import CHANGE, DECLARE, FIRE, LOOK, RESIGN
from asynq.brokers.redis.workflows import launch_words
from asynq.brokers.schedules import Declared, Entry, Fired, Firing, Look, Verdict

FIELDS: Final = 11
"""Of an entry, as LOOK tells it."""
VERDICTS: Final[Sequence[Verdict]] = ("fired", "known", "moved", "early", "gone")


class RedisSchedules:
    """See `asynq.brokers.schedules.Schedules`.

    Args:
        soon: Gives who moves what becomes due soon.
    """

    def __init__(self, calls: Calls, clock: Clock, soon: Callable[[], Soon]) -> None:
        self._calls = calls
        self._keys = calls.keys
        self._clock = clock
        self._soon = soon

    async def look(self, *, known: str = "", token: str = "", lease: float = 0.0) -> Look:
        """See `Schedules.look`."""
        keys = self._keys
        names = (keys.schedule_version, keys.schedules, keys.schedule_lease)
        asked = monotonic()
        told = await self._calls.run(LOOK, names, (known, token, max(1, round(lease * 1000))))
        now, version, leads, *fields = told
        self._clock.heard(now, asked=asked)
        return Look(
            now=now,
            version=version.decode(),
            leads=bool(leads),
            entries=None
            if version and version.decode() == known
            else [_entry(fields[at : at + FIELDS]) for at in range(0, len(fields), FIELDS)],
        )

    async def resign(self, token: str) -> None:
        """See `Schedules.resign`."""
        await self._calls.run(RESIGN, (self._keys.schedule_lease,), (token,))

    async def declare(self, owner: str, entries: Mapping[str, Declared]) -> Sequence[str]:
        """See `Schedules.declare`."""
        words: list[Word] = [owner]
        for name, entry in entries.items():
            words += (name, entry.rule, entry.definition)
        names = (self._keys.schedule_version, self._keys.schedules)
        return [name.decode() for name in await self._calls.run(DECLARE, names, words)]

    async def add(self, name: str, entry: Declared, *, replace: bool = False) -> bool:
        """See `Schedules.add`."""
        words = (entry.rule, entry.definition)
        return await self._change("replace" if replace else "add", name, *words)

    async def remove(self, name: str) -> bool:
        """See `Schedules.remove`. Sent again after a lost reply, it may say it was not there."""
        return await self._change("remove", name)

    async def pause(self, name: str, *, paused: bool) -> bool:
        """See `Schedules.pause`."""
        return await self._change("pause" if paused else "resume", name)

    async def lasts(self, names: Sequence[str]) -> Sequence[int | None]:
        """See `Schedules.lasts`."""
        keys = [self._keys.schedule(name) for name in names]
        found = [self._calls.execute(b"HGET", key, b"l") for key in keys]  # in one round trip
        return [None if last is None else int(last) for last in await asyncio.gather(*found)]

    async def fire(self, firing: Firing) -> Fired:
        """See `Schedules.fire`."""
        keys, part = self._keys, firing.workflow
        workflow = keys.schedules if part is None else keys.workflow(part.id)
        slot: Word = "" if firing.slot is None else firing.slot
        words = [firing.revision, firing.last, slot, firing.id, *launch_words(part, firing.begin)]
        names = (keys.schedule(firing.name), keys.queues, workflow)
        asked = monotonic()
        verdict, last, now = await self._calls.run(FIRE, names, words)
        self._clock.heard(now, asked=asked)
        for queue, delay in held_back(firing.begin):
            self._soon().stored(queue, delay)
        return Fired(verdict=VERDICTS[verdict - 1], last=int(last), now=now)

    async def _change(self, what: str, name: str, *words: Word) -> bool:
        keys = self._keys
        names = (keys.schedule_version, keys.schedules, keys.schedule(name))
        return bool(await self._calls.run(CHANGE, names, (what, name, *words)))


def _entry(told: Sequence[Any]) -> Entry:
    name, owner, rule, definition, revision, paused, anchor, last, fired, count, id = told
    return Entry(
        name=name.decode(),
        owner=owner.decode(),
        rule=rule.decode(),
        definition=definition,
        revision=int(revision),
        paused=bool(paused),
        anchor=int(anchor),
        last=int(last),
        fired=int(fired) if fired else None,
        count=int(count),
        id=id.decode(),
    )
