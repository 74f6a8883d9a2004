"""Schedules as plain values, for who keeps them elsewhere; and back again."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from asynq.schedules.base import BaseSchedule
from asynq.schedules.cron import crontab
from asynq.schedules.interval import schedule
from asynq.schedules.sun import solar
from asynq.schedules.zones import name_of, named


class Crontab(Struct, frozen=True, kw_only=True, tag="crontab", omit_defaults=True):
    """A `crontab`: its fields as texts."""

    minute: str = "*"
    hour: str = "*"
    day_of_week: str = "*"
    day_of_month: str = "*"
    month_of_year: str = "*"
    tz: str = ""


class Interval(Struct, frozen=True, kw_only=True, tag="interval", omit_defaults=True):
    """A `schedule`."""

    seconds: float
    relative: bool = False
    tz: str = ""


class Solar(Struct, frozen=True, kw_only=True, tag="solar"):
    """A `solar`."""

    event: str
    lat: float
    lon: float


class Other(Struct, frozen=True, kw_only=True, tag="other"):
    """Somebody's own, which only their code can make again."""

    text: str


Written = Crontab | Interval | Solar | Other


def write(value: BaseSchedule, text: str) -> Written:
    """A schedule as a plain value.

    Args:
        value: It.
        text: What stands for one of somebody's own.
    """
    tz = "" if value.tz is None else name_of(value.tz)
    if type(value) is crontab:
        return Crontab(**value.written, tz=tz)
    if type(value) is schedule:
        return Interval(seconds=value.seconds, relative=value.relative, tz=tz)
    if type(value) is solar:
        return Solar(event=value.event, lat=value.lat, lon=value.lon)
    return Other(text=text)


def read(written: Written) -> BaseSchedule | None:
    """The schedule that was written; None: it is somebody's own.

    Raises:
        TypeError, ValueError: it is none.
        ImproperlyConfigured: it needs a library that is not installed.
    """
    match written:
        case Crontab():
            fields: dict[str, Any] = {
                name: getattr(written, name)
                for name in ("minute", "hour", "day_of_week", "day_of_month", "month_of_year")
            }
            return crontab(**fields, tz=_zone(written.tz, "crontab"))
        case Interval():
            zone = _zone(written.tz, "schedule")
            return schedule(written.seconds, written.relative, tz=zone)
        case Solar():
            return solar(written.event, written.lat, written.lon)
        case _:
            return None


def _zone(name: str, owner: str) -> Any:
    return named(name, owner) if name else None
