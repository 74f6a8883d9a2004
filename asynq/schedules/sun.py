"""`solar`: by the sun, at a place. Where it stands is told by the library `astral`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Final

from asynq._imports import import_object
from asynq.exceptions import ImproperlyConfigured
from asynq.schedules.base import DAY, BaseSchedule, in_utc

EVENTS: Final = {
    "dawn_astronomical": ("dawn", 18),
    "dawn_nautical": ("dawn", 12),
    "dawn_civil": ("dawn", 6),
    "sunrise": ("sunrise", None),
    "solar_noon": ("noon", None),
    "sunset": ("sunset", None),
    "dusk_civil": ("dusk", 6),
    "dusk_nautical": ("dusk", 12),
    "dusk_astronomical": ("dusk", 18),
}
"""Celery's names; what the library calls each, and how far under the horizon the sun is then."""

DAYS: Final = 400
"""There is a sunrise in every year, everywhere."""


class solar(BaseSchedule):  # noqa: N801 - Celery's name
    """Due at an event of the sun, on every day that has one: above the polar circles not all do.

    Args:
        event: ``sunrise``, ``sunset``, ``solar_noon``; ``dawn_`` or ``dusk_`` followed by
            ``civil``, ``nautical`` or ``astronomical``.
        lat: Degrees of latitude, above 0 in the north.
        lon: Degrees of longitude, above 0 in the east.

    Raises:
        TypeError, ValueError: there is no such event or place.
        ImproperlyConfigured: `astral` is not installed.
    """

    apart = timedelta(minutes=1)

    def __init__(self, event: str, lat: float, lon: float, **more: Any) -> None:
        if more:
            raise TypeError(f"solar: no argument {', '.join(more)}")
        if event not in EVENTS:
            known = ", ".join(EVENTS)
            raise ValueError(f"solar: event: expected one of {known}, got {event!r}")
        self.event = event
        self.lat = _degrees("lat", lat, 90)
        self.lon = _degrees("lon", lon, 180)
        self._event_on = _found(event, self.lat, self.lon)

    def next_after(self, moment: datetime, anchor: datetime) -> datetime | None:
        """See `BaseSchedule.next_after`."""
        moment = in_utc(moment)
        for number in range(-1, DAYS):
            found = self._on(moment.date() + number * DAY)
            if found is not None and found > moment:
                return found
        return None

    def _on(self, day: date) -> datetime | None:
        """The event of a day, to the second; None: that day has none."""
        try:
            found = self._event_on(date=day, tzinfo=UTC)
        except ValueError:  # the sun never gets there
            return None
        return found.replace(microsecond=0)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, solar):
            return NotImplemented
        return (self.event, self.lat, self.lon) == (other.event, other.lat, other.lon)

    def __hash__(self) -> int:
        return hash((self.event, self.lat, self.lon))

    def __str__(self) -> str:
        return f"{self.event} at {self.lat:g}, {self.lon:g}"

    def __repr__(self) -> str:
        return f"<solar: {self}>"


def _degrees(what: str, value: object, most: int) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"solar: {what}: expected degrees, got {value!r}")
    if not -most <= value <= most:
        raise ValueError(f"solar: {what}: expected -{most} to {most} degrees, got {value!r}")
    return float(value)


def _found(event: str, lat: float, lon: float) -> Callable[..., datetime]:
    """What tells when the event is on a day."""
    name, depression = EVENTS[event]
    try:
        observer = import_object("astral:Observer")(lat, lon)
        function: Callable[..., datetime] = import_object(f"astral.sun:{name}")
    except ImportError:
        raise ImproperlyConfigured(
            "solar schedules need the library astral: pip install 'asynq-tasks[solar]'"
        ) from None
    known = {} if depression is None else {"depression": depression}
    return partial(function, observer, **known)
