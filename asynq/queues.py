"""`app.queues`: how full they are, and pausing and limiting them, and tasks, for all workers.

What is said here holds until it is taken back, for workers that are started later too::

    for queue in await app.queues.list():
        print(queue.name, queue.ready, queue.oldest)
    await app.queues.pause("images")
    await app.queues.limit("reports", 3)
    await app.queues.pause_task("proj.tasks.send")
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from asynq._time import from_timestamp, monotonic
from asynq.brokers.base import Broker, Counts
from asynq.control.orders import CHANNEL, Order, closed
from asynq.exceptions import OptionValueError, QueueNotFound
from asynq.routes import check_name
from asynq.wire.rules import PAUSED, QUEUE_LIMIT, QUEUE_PAUSED, TASK_PAUSED, Rules
from asynq.wire.sealing import Seal

T = TypeVar("T")

AT_ONCE: Final = 100
"""Queues that are looked at at the same time."""


class QueueInfo(Struct, frozen=True, kw_only=True):
    """A queue, as it was found."""

    name: str
    ready: int
    """Tasks that wait for a worker."""
    delayed: int
    """Tasks that wait for their time."""
    parked: int
    """Tasks that were put aside because they are paused."""
    running: int
    """Tasks that workers have taken and not ended; a few of them may wait there for a slot."""
    dead: int
    """Dead letters."""
    oldest: datetime | None
    """Since when the ready task that has waited longest waits, in UTC; None: none waits."""
    age: float
    """The same as seconds, 0 where none waits."""
    rate: float | None
    """Tasks that ended in it, or went back to it, in a second; None: that was not measured."""
    paused: bool
    limit: int | None
    """How many may run at once, on all workers together; None: any number."""
    workers: tuple[str, ...]
    """Those that serve it."""
    gone: int
    """How many tasks have ended in it, or went back to it, since it was made: two looks give the
    rate."""

    def with_rate(self, rate: float) -> QueueInfo:
        """The same, with another rate."""
        return replace(self, rate=max(0.0, rate))


class _Worker(Struct):
    """Of what a worker says of itself, what is needed here."""

    queues: tuple[str, ...] = ()


Infos = list[QueueInfo]
"""In `Queues`, `list` is the method."""


class Queues:
    """The queues of an app, and what holds for them. Found at `app.queues`.

    Args:
        broker: The broker's connection for the running event loop.
        declared: Gives the names of the declared queues.
        seal: What closes what is said to workers; None: it is not sealed.
    """

    def __init__(
        self,
        broker: Callable[[], Broker],
        declared: Callable[[], Sequence[str]],
        seal: Callable[[], Seal | None],
    ) -> None:
        self._broker = broker
        self._declared = declared
        self._seal = seal

    async def list(self, *, over: float = 0.0) -> Infos:
        """All queues, declared or ever used, by name.

        Args:
            over: Seconds to watch them, for `rate`; 0: look once.

        Raises:
            OptionValueError: `over` is below 0.
            OperationalError: the broker can't be reached.
        """
        if not over >= 0:
            raise OptionValueError(f"queues.list: over: expected seconds, got {over!r}")
        broker = self._broker()
        names = await self._names(broker)
        first: Mapping[str, Counts] = {}
        began = monotonic()
        if over:
            first, began = await _counted(broker, names), monotonic()
            await asyncio.sleep(over)
        counts, seconds = await _counted(broker, names), monotonic() - began
        rules = Rules.read(await broker.rules())
        serving = _serving(await broker.workers())
        dead = dict(zip(names, await _each(broker.buried_count, names), strict=True))
        return [
            _info(name, counts[name], rules, serving, dead[name], broker.now(),
                  (counts[name].gone - first[name].gone) / seconds if first else None)
            for name in names
        ]  # fmt: skip

    async def pause(self, *names: str) -> None:
        """Have no worker take anything from these queues, until `resume`. What runs goes on; what a
        worker had fetched and not begun goes back.

        Raises:
            QueueNotFound: one is neither declared nor was ever used.
            OperationalError: the broker can't be reached.
        """
        await self._rule(QUEUE_PAUSED, await self._known(names), PAUSED)

    async def resume(self, *names: str) -> None:
        """Take it back. A queue that was not paused stays as it is; raises as `pause`."""
        await self._rule(QUEUE_PAUSED, await self._known(names), None)

    async def limit(self, name: str, most: int | None) -> None:
        """Have no more of a queue's tasks run at once, on all workers together.

        What runs when the limit becomes lower goes on. Workers ask for the tasks of such a queue,
        rather than being woken: one that may begin does so within a tenth of a second.

        Args:
            name: The queue's.
            most: So many, at least 1; None: any number.

        Raises:
            OptionValueError: `most` is below 1.
            QueueNotFound, OperationalError: as `pause`.
        """
        if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 1):
            raise OptionValueError(
                f"queues.limit: expected a number from 1, or None for no limit, got {most!r}: "
                "to have none run, pause the queue"
            )
        await self._rule(
            QUEUE_LIMIT, await self._known([name]), None if most is None else str(most)
        )

    async def pause_task(self, *names: str) -> None:
        """Have no task of these names begin, in whatever queue it is, until `resume_task`. What a
        worker meets is put aside meanwhile; what runs goes on.

        Args:
            *names: Of tasks; they need not be known here.

        Raises:
            ImproperlyConfigured: one can't be a task's name.
            OperationalError: the broker can't be reached.
        """
        await self._rule(TASK_PAUSED, [check_name(name, "task name") for name in names], PAUSED)

    async def resume_task(self, *names: str) -> None:
        """Take it back: what was put aside goes back into its queues; raises as `pause_task`."""
        await self._rule(TASK_PAUSED, [check_name(name, "task name") for name in names], None)
        broker = self._broker()
        kept = Rules.read(await broker.rules()).paused_tasks
        await broker.unpark(await self._names(broker), keep=kept)

    async def paused_tasks(self) -> frozenset[str]:
        """The names of the tasks that are paused.

        Raises:
            OperationalError: the broker can't be reached.
        """
        return Rules.read(await self._broker().rules()).paused_tasks

    async def _rule(self, kind: str, names: Iterable[str], text: str | None) -> None:
        broker = self._broker()
        for name in names:
            await broker.set_rule(kind + name, text)
        # Who does not hear it reads the rules again before long.
        order = closed(Order(rules=True), CHANNEL, self._seal())
        await broker.fanout().publish(CHANNEL, order)

    async def _names(self, broker: Broker) -> Sequence[str]:
        return sorted({*self._declared(), *await broker.queues()})

    async def _known(self, names: Iterable[str]) -> Sequence[str]:
        """These queues, all of which must be there: a slip of the pen would pause nothing."""
        wanted = list(dict.fromkeys(names))
        known = await self._names(self._broker())
        for name in wanted:
            if name not in known:
                near = get_close_matches(name, known, 3)
                raise QueueNotFound(
                    f"no queue {name!r}: it is not declared, and nothing was ever sent to it. "
                    + (f"Did you mean {' or '.join(near)}?" if near else f"Known: {known}")
                )
        return wanted


def _info(
    name: str,
    counts: Counts,
    rules: Rules,
    serving: Mapping[str, Sequence[str]],
    dead: int,
    now: float,
    rate: float | None,
) -> QueueInfo:
    since = counts.oldest
    return QueueInfo(
        name=name,
        ready=counts.ready,
        delayed=counts.delayed,
        parked=counts.parked,
        running=counts.held,
        dead=dead,
        oldest=None if since is None else from_timestamp(since),
        age=0.0 if since is None else max(0.0, now - since),
        rate=rate,
        paused=name in rules.paused,
        limit=rules.limits.get(name),
        workers=tuple(serving.get(name, ())),
        gone=counts.gone,
    )


def _serving(workers: Mapping[str, bytes]) -> Mapping[str, Sequence[str]]:
    """Queue to those who serve it."""
    serving: dict[str, list[str]] = {}
    for worker, info in workers.items():
        for queue in msgspec.json.decode(info, type=_Worker).queues:
            serving.setdefault(queue, []).append(worker)
    return serving


async def _each(look: Callable[[str], Coroutine[Any, Any, T]], names: Sequence[str]) -> Sequence[T]:
    """What it gives for each of them."""
    found: list[T] = []
    for first in range(0, len(names), AT_ONCE):
        found += await asyncio.gather(*map(look, names[first : first + AT_ONCE]))
    return found


async def _counted(broker: Broker, names: Sequence[str]) -> Mapping[str, Counts]:
    return dict(zip(names, await _each(broker.count, names), strict=True))
