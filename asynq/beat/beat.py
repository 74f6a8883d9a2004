"""The beat: look, fire what is due, sleep.

::

    async with Beat(app):
        ...  # periodic tasks are called meanwhile

As a program of its own: `await Beat(app).run()`, which is what `asynq beat` does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Final, Self

from asynq import signals
from asynq.app import Asynq
from asynq.beat.sending import Sender
from asynq.beat.timetable import Row, Timetable
from asynq.brokers.base import Broker
from asynq.brokers.schedules import ADDED, Declared, Entry, Look, Schedules
from asynq.canvas import Canvas
from asynq.exceptions import AsynqError, OperationalError
from asynq.outage import Outage
from asynq.periodic.declarations import canvas_of
from asynq.periodic.definition import declared, read, revived
from asynq.periodic.schedules import owner_of
from asynq.schedules.entries import Periodic
from asynq.wire.ids import short_id

logger = logging.getLogger("asynq.beat")

STANDBY: Final = 0.5
"""Seconds after which a beat without the lease looks whether a slot was fired."""
LEASE: Final = 5.0
"""Seconds that the lease lasts, or a few looks if that is longer."""
LEASE_LOOKS: Final = 3
AT_ONCE: Final = 500
"""Entries that are fired at the same time."""
AFTER_AN_ERROR: Final = 5.0
SHORTEST_SLEEP: Final = 0.002


class Beat:
    """Calls an app's periodic tasks, on the current event loop.

    Args:
        app: Whose.
        max_interval: Seconds between two looks at the server's entries; default:
            `beat_max_loop_interval` (1).
        embedded: It runs inside a worker.
    """

    def __init__(
        self, app: Asynq, *, max_interval: float | None = None, embedded: bool = False
    ) -> None:
        conf = app.conf
        self.app = app
        self.max_interval = conf.beat_max_loop_interval if max_interval is None else max_interval
        self.embedded = embedded
        self.timetable = Timetable(conf.zone, conf.beat_cron_starting_deadline)
        self.reached = asyncio.Event()
        """The server has answered."""
        self._own: dict[str, tuple[Periodic, Canvas[Any], Declared]] = {}
        self._token = short_id()
        self._lease = max(LEASE, LEASE_LOOKS * self.max_interval)
        self._known = ""
        """The version of the entries that was taken up."""
        self._leads = False
        self._looked: float | None = None
        """When it last did, by the event loop's clock."""
        self._stopping = asyncio.Event()
        self._outage = Outage("fire periodic tasks", logger)
        self._main: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start. Does not wait for the broker.

        Raises:
            ImproperlyConfigured: a periodic task that code declares can't be called like that.
            RuntimeError: it has been started before.
        """
        if self._main is not None:
            raise RuntimeError("this beat has been started before: make another")
        self.app.import_modules()
        self._own = self._declared()
        self._main = asyncio.create_task(self._serve(), name="asynq-beat")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        if self._main is not None:
            await self._main

    async def run(self) -> None:
        """Run until `stop` is called.

        Raises:
            ImproperlyConfigured: as starting.
        """
        async with self:
            await self.wait()

    async def wait(self) -> None:
        """Wait until it has ended; raises what it has crashed with."""
        assert self._main is not None, "this beat has not been started"
        await asyncio.wait({self._main})
        await self._main

    def stop(self) -> None:
        """Fire nothing more."""
        self._stopping.set()

    def _declared(self) -> dict[str, tuple[Periodic, Canvas[Any], Declared]]:
        app, own = self.app, {}
        for name, entry in app.periodic.all().items():
            canvas = canvas_of(entry, app)
            own[name] = entry, canvas, declared(entry, canvas, app, app.seal)
        return own

    async def _serve(self) -> None:
        self.app.set_current()
        signal = signals.beat_embedded_init if self.embedded else signals.beat_init
        await signal.send(self)
        logger.info("beat: Starting with %d entries of its own...", len(self._own))
        sender = Sender(self.app.namespace, self._schedules)
        while not self._stopping.is_set():
            try:
                # The app's own connection, over which what is fired is composed as well.
                await self._turn(self.app.broker, sender)
            except OperationalError as error:
                await self._pause(self._outage.pause(error))
            except Exception:  # a beat that has ended is noticed when the tasks are missed
                logger.exception("beat: Something is wrong here; going on")
                await self._pause(asyncio.sleep(AFTER_AN_ERROR))
        try:
            await self.app.broker.schedules().resign(self._token)
        except OperationalError as error:
            logger.warning("beat: The lease could not be given back: %s", error)

    async def _turn(self, broker: Broker, sender: Sender) -> None:
        """Look if it is time to, fire what is due, and sleep."""
        if sender.stale or self._since_look() >= self.max_interval:
            await self._look(broker.schedules())
            sender.stale = False
        due = self.timetable.due(self._now(broker))
        if due and not self._has_lease():
            due = await self._left(due, broker)
        for first in range(0, len(due), AT_ONCE):
            await sender.fire(due[first : first + AT_ONCE])
        self._outage.over()
        await self._sleep(broker)

    async def _look(self, schedules: Schedules) -> None:
        """Take up what has changed."""
        if not self._known:
            await self._declare(schedules)
        look = await schedules.look(known=self._known, token=self._token, lease=self._lease)
        self._looked = asyncio.get_running_loop().time()
        if look.leads != self._leads:
            logger.info("beat: %s", "I fire first now" if look.leads else "Another fires first")
        self._leads = look.leads
        self.reached.set()
        if look.entries is None:
            return
        if self._own and _began(look) != _began_of(self._known) and self._known:
            logger.critical("beat: The server has lost its data; declaring all entries again")
            self._known = ""
            await self._look(schedules)
            return
        self._known = look.version or "-"
        self.timetable.take_up(look.entries, self._own, self._revived)

    async def _declare(self, schedules: Schedules) -> None:
        entries = {name: wanted for name, (_, _, wanted) in self._own.items()}
        for name in await schedules.declare(owner_of(self.app), entries):
            logger.error(
                "Periodic task %r is not taken up: another app, or somebody at run time, has added "
                "one of that name. Call one of them something else",
                name,
            )

    async def _left(self, due: list[Row], broker: Broker) -> list[Row]:
        """Those that who fires first has not fired; none before it had its time."""
        limit = self._now(broker) - round(STANDBY * 1000)
        waited = [row for row in due if (row.waiting_since or 0) <= limit]
        if not waited:
            return []
        lasts = await broker.schedules().lasts([row.entry.name for row in waited])
        for row, last in zip(waited, lasts, strict=True):
            row.done(row.slots[-1] if last is None else last)
        return [row for row in waited if row.slots]

    async def _sleep(self, broker: Broker) -> None:
        seconds = self.max_interval - self._since_look()
        following = self.timetable.next()
        if following is not None:
            wait = following / 1000 - broker.now() + (0.0 if self._has_lease() else STANDBY)
            seconds = min(seconds, wait)
        try:
            async with asyncio.timeout(max(SHORTEST_SLEEP, seconds)):
                await self._stopping.wait()
        except TimeoutError:
            pass

    async def _pause(self, pause: Coroutine[Any, Any, None]) -> None:
        """Fire nothing meanwhile, as nothing can be known; to be told to stop ends it."""
        pausing = asyncio.create_task(pause, name="asynq-beat-pause")
        stopping = asyncio.create_task(self._stopping.wait(), name="asynq-beat-stop")
        await asyncio.wait({pausing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for each in (pausing, stopping):
            each.cancel()
        await asyncio.wait({pausing, stopping})

    def _revived(self, entry: Entry) -> tuple[Periodic, Canvas[Any]] | None:
        assert entry.owner == ADDED
        try:
            definition = read(entry.name, entry.definition, self.app.seal, declared=False)
            return revived(entry.name, definition, self.app)
        except AsynqError as error:
            logger.error("Periodic task %r is left out: %s", entry.name, error)
            return None

    def _schedules(self) -> Schedules:
        return self.app.broker.schedules()

    def _has_lease(self) -> bool:
        return self._leads and self._since_look() < self._lease

    def _since_look(self) -> float:
        if self._looked is None:
            return self.max_interval
        return asyncio.get_running_loop().time() - self._looked

    def _now(self, broker: Broker) -> int:
        return int(broker.now() * 1000)


def _began(look: Look) -> str:
    return _began_of(look.version)


def _began_of(version: str) -> str:
    return version.partition("-")[0]
