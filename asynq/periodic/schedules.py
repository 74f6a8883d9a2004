"""`app.schedules`: periodic tasks, looked at and changed while beats run.

Beats take up a change within a second or two::

    await app.schedules.add("report", crontab(hour=9, minute=0), "shop.report", tz="Europe/Paris")
    await app.schedules.pause("report")
    for each in await app.schedules.list():
        print(each.name, each.next)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Literal, Unpack

from msgspec import Struct

from asynq._printable import printable
from asynq._time import from_timestamp
from asynq.application import Application, Callee
from asynq.brokers.schedules import ADDED, Entry, Firing, Schedules
from asynq.canvas import Canvas
from asynq.exceptions import (
    DecodeError,
    ImproperlyConfigured,
    OptionValueError,
    ScheduleNotFound,
)
from asynq.options import CallOptions
from asynq.periodic.declarations import Declarations, canvas_of
from asynq.periodic.definition import Definition, added, read, revived
from asynq.periodic.firing import compose
from asynq.result.handle import AsyncResult
from asynq.schedules.base import BaseSchedule
from asynq.schedules.due import Misfire
from asynq.schedules.entries import periodic
from asynq.schedules.zones import named
from asynq.wire.ids import new_id

UNREADABLE = "(can't be read)"


class ScheduleInfo(Struct, frozen=True, kw_only=True):
    """A periodic task in a list."""

    name: str
    task: str
    """The task's name; for a chain, a group or a chord, that in words."""
    schedule: str
    """In words: ``0 9 * * mon-fri``, ``every 30 s``."""
    tz: str
    """The name of its zone."""
    origin: Literal["code", "added"]
    """Does code declare it, or was it added at run time?"""
    paused: bool
    next: datetime | None
    """When it is due next, in its zone; None: it is paused, is never due again, or only its own
    code can tell."""
    last: datetime | None
    """When something was last sent for it, in its zone; None: never."""
    count: int
    """How often something was."""
    last_id: str | None
    """The id of the task that was called last, or of what the workflow ends with."""
    misfire: Misfire
    args: str
    """As JSON, cut where they are long; empty: they are not told, or it is no single task."""
    kwargs: str


Infos = list[ScheduleInfo]
"""In `AppSchedules`, `list` is the method."""


class AppSchedules:
    """The periodic tasks of an app. Found at `app.schedules`.

    Args:
        app: It.
        declarations: What its code declares.
    """

    def __init__(self, app: Application, declarations: Declarations) -> None:
        self._app = app
        self._declarations = declarations

    async def list(self) -> Sequence[ScheduleInfo]:
        """All that the server knows of, by name: what beats have declared, and what was added.

        Raises:
            OperationalError: the broker can't be reached.
        """
        look = await self._kept().look()
        found = [self._info(entry, look.now) for entry in look.entries or ()]
        return sorted(found, key=lambda info: info.name)

    async def add(
        self,
        name: str,
        schedule: float | timedelta | BaseSchedule,
        task: str | Callee | Canvas[Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        tz: str | None = None,
        misfire: Misfire = "latest",
        grace: float | timedelta | None = None,
        relative: bool = False,
        replace: bool = False,
        **options: Unpack[CallOptions],
    ) -> None:
        """Add one that no code declares. It stays until it is removed.

        Args:
            name: Its own.
            schedule: Seconds, a timedelta, `crontab`, `schedule` or `solar`.
            task: A task, its name, or any signature.
            args: Positional arguments.
            kwargs: Named arguments.
            tz: The name of its zone; None: the app's `timezone`.
            misfire: What becomes of slots for which no beat was there: ``skip``, ``latest``,
                ``all``.
            grace: Seconds by which a slot may be late; None: as `misfire` has it.
            relative: Count an interval from midnight.
            replace: Take the place of one that was added by that name.
            **options: See `asynq.options.CallOptions`.

        Raises:
            TypeError, ValueError: something of it is wrong; says what.
            ImproperlyConfigured: an option or an argument; or the schedule is of a class of one's
                own.
            OptionValueError: there is one of that name.
            OperationalError: the broker can't be reached.
        """
        entry = periodic(
            name,
            task=task,
            schedule=schedule,
            args=args,
            kwargs=kwargs,
            options=dict(options),
            relative=relative,
            tz=tz,
            misfire=misfire,
            grace=grace,
        )
        wanted = added(entry, canvas_of(entry, self._app), self._app, self._app.results.seal())
        if not await self._kept().add(name, wanted, replace=replace):
            known = await self._find(name)
            raise OptionValueError(
                f"schedules.add: there is a periodic task {printable(name)!r} already, "
                + (
                    "say replace=True to take its place"
                    if known.owner == ADDED
                    else "and it is declared by code: change it there"
                )
            )

    async def pause(self, name: str) -> None:
        """Fire it no more, until it is resumed; over restarts, and also if code declares it.

        Raises:
            ScheduleNotFound: there is none of that name.
            OperationalError: the broker can't be reached.
        """
        if not await self._kept().pause(name, paused=True):
            raise _not_found(name)

    async def resume(self, name: str) -> None:
        """Fire it again, from its next slot on; raises as `pause` does."""
        if not await self._kept().pause(name, paused=False):
            raise _not_found(name)

    async def run_now(self, name: str) -> AsyncResult[Any]:
        """Fire it once, out of turn: its slots stay what they are. It may be paused.

        Returns:
            The handle on the result.

        Raises:
            ScheduleNotFound: there is none of that name.
            ImproperlyConfigured: code declares it that this process does not have.
            DecodeError: it can't be read; `SecurityError`: nor trusted.
            OperationalError: the broker can't be reached.
        """
        entry = await self._find(name)
        composed = await compose(self._canvas(entry), new_id())
        firing = Firing(
            name=name,
            revision=entry.revision,
            last=entry.last,
            slot=None,
            id=composed.id,
            begin=composed.begin,
            workflow=composed.workflow,
        )
        fired = await self._kept().fire(firing)
        if fired.verdict not in ("fired", "known"):
            raise _not_found(name)
        return composed.handle

    async def remove(self, name: str) -> None:
        """Forget one that was added.

        Raises:
            OptionValueError: code declares it, and would do so again.
            ScheduleNotFound: there is none of that name.
            OperationalError: the broker can't be reached.
        """
        entry = await self._find(name)
        if entry.owner != ADDED and (
            entry.owner != owner_of(self._app) or name in self._declarations.all()
        ):
            raise OptionValueError(
                f"schedules.remove: {printable(name)!r} is declared by code "
                f"({printable(entry.owner)}): take it out there, or pause it"
            )
        if not await self._kept().remove(name):
            raise _not_found(name)

    def _kept(self) -> Schedules:
        return self._app.producer.connections.broker().schedules()

    async def _find(self, name: str) -> Entry:
        entries = (await self._kept().look()).entries or ()
        for entry in entries:
            if entry.name == name:
                return entry
        raise _not_found(name)

    def _canvas(self, entry: Entry) -> Canvas[Any]:
        if entry.owner == ADDED:
            definition = read(
                entry.name, entry.definition, self._app.results.seal(), declared=False
            )
            return revived(entry.name, definition, self._app)[1]
        mine = self._declarations.all().get(entry.name)
        if mine is None:
            raise ImproperlyConfigured(
                f"{printable(entry.name)!r} is declared by the code of {printable(entry.owner)}, "
                "which was not imported here: run it from that app"
            )
        return canvas_of(mine, self._app)

    def _info(self, entry: Entry, now: int) -> ScheduleInfo:
        declared = entry.owner != ADDED
        definition: Definition | None = None
        with suppress(DecodeError):
            definition = read(
                entry.name, entry.definition, self._app.results.seal(), declared=declared
            )
        zone = named("UTC", "")
        if definition is not None:
            with suppress(ValueError):
                zone = named(definition.tz, entry.name)

        def moment(milliseconds: int) -> datetime:
            return from_timestamp(milliseconds / 1000).astimezone(zone)

        following: datetime | None = None
        if definition is not None and not entry.paused:
            with suppress(DecodeError, ImproperlyConfigured):
                schedule = definition.schedule_here()
                since = moment(max(now, entry.last))
                if schedule is not None:
                    following = schedule.next_after(since, moment(entry.anchor))
        return ScheduleInfo(
            name=entry.name,
            task=UNREADABLE if definition is None else definition.task,
            schedule=UNREADABLE if definition is None else definition.text,
            tz="UTC" if definition is None else definition.tz,
            origin="code" if declared else "added",
            paused=entry.paused,
            next=None if following is None else following.astimezone(zone),
            last=None if entry.fired is None else moment(entry.fired),
            count=entry.count,
            last_id=entry.id or None,
            misfire="latest" if definition is None else definition.misfire,
            args="" if definition is None else definition.args,
            kwargs="" if definition is None else definition.kwargs,
        )


def owner_of(app: Application) -> str:
    """Whose an app's declared entries are: apps may share a namespace."""
    return app.main or "default"


def _not_found(name: str) -> ScheduleNotFound:
    return ScheduleNotFound(
        f"no periodic task {printable(name, 100)!r} is known: app.schedules.list() has those that "
        "are, which those that code declares are as soon as a beat has started"
    )
