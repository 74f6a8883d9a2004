"""Time zones by name, and what becomes of a wall-clock time where clocks are changed.

The contract: **a wall-clock time is the first moment at which the clocks show that time, or a later
one.** Where they are put forward, a time that is left out is the moment at which they are; where
they are put back, a time that comes twice is the first of the two.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

SECOND: Final = timedelta(seconds=1)
LOCAL: Final = "localtime"
"""The name of the machine's own zone."""


def zone_of(value: object, owner: str) -> tzinfo:
    """A zone, by its name or as it is.

    Args:
        value: ``"Europe/Berlin"``, a `ZoneInfo`, or `datetime.UTC`.
        owner: Whose it is, for an error.

    Raises:
        TypeError: it is neither.
        ValueError: there is no zone of that name here.
    """
    if value is UTC:
        return ZoneInfo("UTC")
    if isinstance(value, ZoneInfo):
        return value
    if not isinstance(value, str):
        raise TypeError(
            f"{owner}: tz: expected a time zone's name, like 'Europe/Berlin', or a ZoneInfo, got "
            f"{value!r}"
        )
    return named(value, owner)


def named(name: str, owner: str) -> tzinfo:
    """The zone of that name; raises as `zone_of` does."""
    if name == LOCAL:
        return local()
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(
            f"{owner}: tz: no time zone {name!r} is known here; is it spelled right, and is tzdata "
            "installed?"
        ) from None


def name_of(zone: tzinfo) -> str:
    """A zone's name."""
    return getattr(zone, "key", None) or LOCAL


@cache
def local() -> tzinfo:
    """The machine's own zone, with its changes of the clocks; UTC where that can't be found."""
    name = os.environ.get("TZ", "").lstrip(":")
    try:
        if name:
            return ZoneInfo(name)
        with Path("/etc/localtime").open("rb") as file:
            return ZoneInfo.from_file(file, key=LOCAL)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def moment_of(wall: datetime, zone: tzinfo) -> datetime:
    """The moment of a wall-clock time, in UTC.

    Args:
        wall: Naive.
        zone: Whose clocks show it.
    """
    moment = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wall:
        return moment
    # It is left out. Taken by what was true before, it is a moment after the change; taken by what
    # is true afterwards, one before it.
    before, after = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), moment
    changed = after.astimezone(zone).utcoffset()
    while after - before > SECOND:
        middle = before + (after - before) // SECOND // 2 * SECOND
        if middle.astimezone(zone).utcoffset() == changed:
            after = middle
        else:
            before = middle
    return after
