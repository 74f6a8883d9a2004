"""What a crontab means, by looking at every minute: slow, and too simple to be wrong."""

from datetime import UTC, datetime, timedelta

MINUTE = timedelta(minutes=1)
NAIVE_BEGIN = timedelta(days=2)


def slots(cron, begin, end, zone):
    """All its slots from `begin` up to before `end`, aware and in UTC."""
    shown = [
        (at, at.astimezone(zone).replace(tzinfo=None)) for at in minutes(begin - NAIVE_BEGIN, end)
    ]
    if len(cron.hour) == 24:
        found = [at for at, wall in shown if fits(cron, wall)]
    else:
        found = first_shown(cron, shown)
    return [at for at in found if begin <= at]


def first_shown(cron, shown):
    """For each time of every day that fits, the first minute whose clocks show that or more."""
    wall, found = shown[0][1].replace(hour=0, minute=0), []
    latest = datetime.min
    for at, now in shown:
        if now <= latest:
            continue
        latest = now
        due = False
        while wall <= now:
            due = due or fits(cron, wall)
            wall += MINUTE
        if due:
            found.append(at)
    return found


def fits(cron, wall):
    return (
        wall.minute in cron.minute
        and wall.hour in cron.hour
        and wall.day in cron.day_of_month
        and wall.month in cron.month_of_year
        and wall.isoweekday() % 7 in cron.day_of_week
    )


def minutes(begin, end):
    at = begin.astimezone(UTC)
    while at < end:
        yield at
        at += MINUTE


def walk(schedule, begin, end, zone):
    """The slots as the schedule itself tells them, one after the other."""
    found, at = [], begin - timedelta(microseconds=1)
    while True:
        at = schedule.next_after(at.astimezone(zone), begin)
        if at is None or at >= end:
            return found
        found.append(at)
