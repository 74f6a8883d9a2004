"""Periodic tasks as they are declared: the setting `beat_schedule`, read and checked.

Nothing is known of tasks here: who sends them checks their arguments and options.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta, tzinfo
from typing import Any, Final

from msgspec import Struct

from asynq.schedules.base import BaseSchedule
from asynq.schedules.due import POLICIES, Misfire
from asynq.schedules.interval import schedule
from asynq.schedules.zones import zone_of

FIELDS: Final = (
    *("task", "schedule", "args", "kwargs", "options", "relative"),
    *("tz", "misfire", "grace"),
)
LONGEST_NAME: Final = 500


class Periodic(Struct, frozen=True, kw_only=True, eq=False):
    """One entry: what is called, and when."""

    name: str
    schedule: BaseSchedule
    task: Any
    """A task's name; or a signature, as `add_periodic_task` is given one."""
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = {}
    options: Mapping[str, Any] = {}
    """As `apply_async` takes them."""
    zone: tzinfo | None = None
    """None: the app's."""
    misfire: Misfire = "latest"
    grace: float | None = None
    """Seconds by which a slot may be late; None: as `misfire` has it."""


def read_entries(value: object) -> dict[str, Periodic]:
    """What the setting `beat_schedule` says.

    Raises:
        TypeError, ValueError: it is no dict of entries; says which entry, and what was expected.
    """
    if not isinstance(value, Mapping):
        raise TypeError("expected a dict from names to entries")
    return {name: read_entry(name, entry) for name, entry in value.items()}


def read_entry(name: object, entry: object) -> Periodic:
    """One entry of it; raises as `read_entries` does."""
    if not isinstance(name, str) or not name or len(name) > LONGEST_NAME:
        raise TypeError(f"an entry's name: expected a text of 1 to {LONGEST_NAME}, got {name!r}")
    if not isinstance(entry, Mapping):
        raise TypeError(f"{name!r}: expected a dict with 'task' and 'schedule', got {entry!r}")
    unknown = [each for each in entry if each not in FIELDS]
    if unknown:
        raise ValueError(f"{name!r}: no field {unknown[0]!r}; there are {', '.join(FIELDS)}")
    missing = [each for each in ("task", "schedule") if each not in entry]
    if missing:
        raise ValueError(f"{name!r}: {missing[0]!r} is missing; an entry has a task and a schedule")
    return periodic(
        name, **{each if isinstance(each, str) else "": value for each, value in entry.items()}
    )


def periodic(
    name: str,
    *,
    task: object,
    schedule: object,
    args: object = (),
    kwargs: object = None,
    options: object = None,
    relative: object = False,
    tz: object = None,
    misfire: object = "latest",
    grace: object = None,
) -> Periodic:
    """An entry, checked.

    Args:
        name: Its own.
        task: A task's name, a task, or a signature.
        schedule: Seconds, a timedelta, or a schedule.
        args: Positional arguments.
        kwargs: Named arguments.
        options: As `apply_async` takes them.
        relative: Count an interval from midnight.
        tz: Its zone; None: the app's.
        misfire: ``skip``, ``latest`` or ``all``.
        grace: Seconds by which a slot may be late.

    Raises:
        TypeError, ValueError: one of them is wrong; says which.
    """
    if not (isinstance(task, str) and task) and not hasattr(task, "apply_async"):
        raise TypeError(f"{name!r}: task: expected a task's name, got {_shown(task)}")
    if misfire not in POLICIES:
        known = ", ".join(map(repr, POLICIES))
        raise ValueError(f"{name!r}: misfire: expected one of {known}, got {misfire!r}")
    return Periodic(
        name=name,
        schedule=_schedule(name, schedule, relative),
        task=task,
        args=_args(name, args),
        kwargs=_mapping(name, "kwargs", kwargs),
        options=_mapping(name, "options", options),
        zone=None if tz is None else zone_of(tz, repr(name)),
        misfire=misfire,
        grace=_grace(name, grace),
    )


def _schedule(name: str, value: object, relative: object) -> BaseSchedule:
    if isinstance(value, BaseSchedule):
        if relative:
            raise ValueError(
                f"{name!r}: relative: only with a number or a timedelta; say "
                "schedule(…, relative=True)"
            )
        return value
    if isinstance(value, int | float | timedelta) and not isinstance(value, bool):
        try:
            return schedule(value, bool(relative))
        except ValueError as error:
            raise ValueError(f"{name!r}: {error}") from None
    hint = "; say crontab.from_string(…)" if isinstance(value, str) else ""
    raise TypeError(
        f"{name!r}: schedule: expected seconds, a timedelta, a crontab or another schedule, got "
        f"{_shown(value)}{hint}"
    )


def _args(name: str, value: object) -> tuple[Any, ...]:
    if value is None:
        return ()
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Sequence):
        hint = (
            ""
            if isinstance(value, Iterable) and not isinstance(value, str | bytes)
            else (f"; one argument alone is written ({value!r},), with a comma")
        )
        raise TypeError(f"{name!r}: args: expected a list or tuple, got {_shown(value)}{hint}")
    return tuple(value)


def _mapping(name: str, what: str, value: object) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise TypeError(f"{name!r}: {what}: expected a dict, got {_shown(value)}")
    return dict(value)


def _grace(name: str, value: object) -> float | None:
    if value is None:
        return None
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds >= 0:
        raise ValueError(f"{name!r}: grace: expected seconds from 0, got {_shown(value)}")
    return float(seconds)


def _shown(value: object) -> str:
    return f"{value!r} ({type(value).__name__})"
