"""When periodic tasks are due: values that a beat asks, with no clock and no connection of theirs.

::

    from asynq import crontab, schedule, solar

    crontab(minute=0, hour=9, day_of_week="mon-fri", tz="Europe/Berlin")
    schedule(timedelta(minutes=5))
    solar("sunset", 52.52, 13.40)

The names are Celery's. A schedule of your own is a subclass of `BaseSchedule` with `next_after`, or
as in Celery with `is_due`.
"""

from __future__ import annotations

from asynq.schedules.base import BaseSchedule as BaseSchedule
from asynq.schedules.base import schedstate as schedstate
from asynq.schedules.cron import crontab as crontab
from asynq.schedules.interval import schedule as schedule
from asynq.schedules.sun import solar as solar

__all__ = ["BaseSchedule", "crontab", "schedstate", "schedule", "solar"]
