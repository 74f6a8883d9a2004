"""An entry as a broker keeps it: what it is, for who lists it, and for who fires it.

One that code declares is fired by the beats that have that code, whose entry is the same to the
last argument: what is written here only tells of it. So an older beat, in a rolling deployment,
leaves alone what newer code has changed.

One that was added at run time is fired from what is written here, by any beat. Whoever can write it
can call any task; so where messages are signed or encrypted, it is as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from itertools import islice
from typing import Any, Final

import msgspec
from msgspec import Struct

from asynq._printable import printable
from asynq.application import Application
from asynq.canvas import Canvas, Signature, signature
from asynq.exceptions import DecodeError, ImproperlyConfigured
from asynq.schedules import written
from asynq.schedules.base import BaseSchedule
from asynq.schedules.due import Misfire
from asynq.schedules.entries import Periodic
from asynq.schedules.zones import local, name_of, named
from asynq.wire.firing import Declared
from asynq.wire.sealing import Seal
from asynq.wire.serialization import dumps, loads

SHOWN: Final = 300
"""Characters of arguments that are shown."""
PARTS: Final = 5
"""Parts of a chain or a group that are named."""
_ADDRESS: Final = re.compile(r" at 0x[0-9a-f]+")
"""Of an object in somebody's memory: another in every process."""


class Definition(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an entry is."""

    task: str
    """The task's name; for a chain, a group or a chord, that in words."""
    schedule: written.Written
    tz: str
    """The name of its zone."""
    text: str
    """Its schedule in words."""
    misfire: Misfire = "latest"
    grace: float | None = None
    args: str = ""
    """As JSON, to be looked at."""
    kwargs: str = ""
    mark: str = ""
    """Of an entry that code declares: differs when anything of it differs."""
    canvas: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    """Of one that was added at run time: what it calls."""

    @property
    def rule(self) -> str:
        """When it is due, as a text that differs when that does."""
        return msgspec.json.encode([self.schedule, self.tz]).decode()

    def schedule_here(self) -> BaseSchedule | None:
        """Its schedule; None: it is of a class that only its own code has.

        Raises:
            DecodeError: it can't be read.
            ImproperlyConfigured: it needs a library that is not installed.
        """
        try:
            return written.read(self.schedule)
        except (TypeError, ValueError) as error:
            raise DecodeError(str(error)) from None


def declared(entry: Periodic, canvas: Canvas[Any], app: Application, seal: Seal | None) -> Declared:
    """An entry that code declares."""
    hide = seal is not None and seal.encrypts
    definition = _define(entry, canvas, app, hide=hide)
    told: object = definition if hide else (definition, canvas)
    mark = sha256(_text(told)).hexdigest()[:32]
    marked = msgspec.structs.replace(definition, mark=mark)
    return Declared(definition.rule, msgspec.json.encode(marked))


def added(entry: Periodic, canvas: Canvas[Any], app: Application, seal: Seal | None) -> Declared:
    """An entry that is added at run time.

    Raises:
        ImproperlyConfigured: its schedule is of a class of somebody's own.
        EncodeError: an argument can't be written.
    """
    definition = _define(entry, canvas, app, hide=False)
    if isinstance(definition.schedule, written.Other):
        raise ImproperlyConfigured(
            f"{entry.name!r}: schedule: {entry.schedule!r} is of a class of your own, which beats "
            "can't be told at run time: declare it in beat_schedule"
        )
    raw = msgspec.Raw(dumps(canvas.to_dict(), what="periodic task"))
    body = msgspec.json.encode(msgspec.structs.replace(definition, canvas=raw))
    if seal is not None:
        body = seal.seal(body, queue="", id=_place(entry.name))
    return Declared(definition.rule, body)


def read(name: str, body: bytes, seal: Seal | None, *, declared: bool) -> Definition:
    """What a broker has kept.

    Args:
        name: The entry's.
        body: It.
        seal: What opens it, where messages are sealed.
        declared: Code declares it, so nothing of it is ever called.

    Raises:
        DecodeError: it can't be read; `SecurityError`: nor trusted.
    """
    if seal is not None and not declared:
        body = seal.open(body, queue="", id=_place(name), any_age=True)
    try:
        return msgspec.json.decode(body, type=Definition)
    except msgspec.DecodeError as error:
        raise DecodeError(f"periodic task {printable(name, 100)}: {error}") from None


def revived(name: str, definition: Definition, app: Application) -> tuple[Periodic, Canvas[Any]]:
    """An entry that was added at run time, and what it calls.

    Raises:
        DecodeError: it can't be made of what was written.
        ImproperlyConfigured: it needs a library that is not installed.
    """
    schedule = definition.schedule_here()
    if isinstance(definition.canvas, msgspec.UnsetType) or schedule is None:
        raise DecodeError(f"periodic task {printable(name, 100)}: it does not say what it calls")
    plain: Mapping[str, Any] = loads(bytes(definition.canvas))
    try:
        canvas: Canvas[Any] = signature(plain, app=app)
        zone = named(definition.tz, name)
    except (TypeError, ValueError) as error:
        raise DecodeError(f"periodic task {printable(name, 100)}: {error}") from None
    entry = Periodic(
        name=name,
        schedule=schedule,
        task=canvas,
        zone=zone,
        misfire=definition.misfire,
        grace=definition.grace,
    )
    return entry, canvas


def _define(entry: Periodic, canvas: Canvas[Any], app: Application, *, hide: bool) -> Definition:
    zone = entry.schedule.tz or entry.zone or app.conf.zone or local()
    args = kwargs = ""
    if isinstance(canvas, Signature) and not hide:
        args, kwargs = _shown(canvas.args), _shown(canvas.kwargs)
    return Definition(
        task=printable(_called(canvas), SHOWN),
        schedule=written.write(entry.schedule, _named(entry.schedule)),
        tz="UTC" if str(zone) == "UTC" else name_of(zone),
        text=_words(entry.schedule),
        misfire=entry.misfire,
        grace=entry.grace,
        args=args,
        kwargs=kwargs,
    )


def _text(value: object) -> bytes:
    """Equal where the value is, in every process."""
    try:
        return msgspec.json.encode(value, enc_hook=_named, order="deterministic")
    except (TypeError, ValueError, msgspec.EncodeError):  # keys that JSON does not have
        return _named(value).encode()


def _shown(value: object) -> str:
    return printable(_text(value).decode(), SHOWN)


def _named(value: object) -> str:
    return _ADDRESS.sub("", repr(value))


def _called(canvas: Canvas[Any]) -> str:
    """A task's name; of several ``chain(add, mul, …)``, without their arguments."""
    if isinstance(canvas, Signature):
        return canvas.task
    names = [_called(each) for each in islice(canvas.some(), PARTS + 1)]
    more = ["…"] if len(names) > PARTS else []
    return f"{type(canvas).__name__.lower()}({', '.join([*names[:PARTS], *more])})"


def _words(schedule: BaseSchedule) -> str:
    if type(schedule).__str__ is object.__str__:
        return printable(_named(schedule), SHOWN)
    return printable(str(schedule), SHOWN)


def _place(name: str) -> str:
    """What a seal binds it to: it can't pass for a message, nor for another entry."""
    return f"periodic:{name}"
