"""`asynq schedule`: look at periodic tasks, and change them while beats run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from asynq.app import Asynq
from asynq.cli.errors import Misused
from asynq.cli.groups import app_group
from asynq.cli.inside import in_app
from asynq.cli.options import app_option, json_option
from asynq.cli.render import plain, say, say_json, table
from asynq.cli.tasks import read_json
from asynq.periodic.schedules import ScheduleInfo
from asynq.schedules import BaseSchedule, crontab, schedule, solar
from asynq.schedules.due import POLICIES

name_argument = click.argument("name", metavar="NAME")


@app_group("Look at periodic tasks, and change them.")
def group() -> None:
    """Look at periodic tasks, and change them; beats that run take it up within seconds."""


@group.command("list")
@app_option
@json_option
@click.pass_context
def list_schedules(context: click.Context, *, app: str | None, json: bool) -> None:
    """List them: what beats have declared, and what was added."""

    async def look(found: Asynq) -> Sequence[ScheduleInfo]:
        return await found.schedules.list()

    listed = in_app(context, app, look)
    if json:
        say_json([_told(each) for each in listed])
    elif listed:
        header = ("NAME", "TASK", "SCHEDULE", "ZONE", "NEXT", "NEXT (UTC)", "LAST (UTC)", "RUNS")
        say(table(map(_row, listed), header))
    else:
        say("No periodic tasks. Those of the code are known when a beat has started.")


@group.command("add")
@name_argument
@click.argument("task", metavar="TASK")
@app_option
@click.option("--cron", metavar="FIELDS", help="By the clock: minute, hour, day, month, weekday.")
@click.option("--every", type=float, metavar="SECONDS", help="Every so many seconds.")
@click.option("--solar", metavar="EVENT,LAT,LON", help="By the sun: sunset,52.5,13.4.")
@click.option("-a", "--args", default="[]", metavar="JSON", help="Positional arguments, a list.")
@click.option("-k", "--kwargs", default="{}", metavar="JSON", help="Named arguments, an object.")
@click.option("-Q", "--queue", metavar="NAME", help="Where its calls go.")
@click.option("--priority", type=click.IntRange(0, 9), metavar="N", help="9 is the most urgent.")
@click.option("--expires", type=float, metavar="SECONDS", help="Don't run a call later than that.")
@click.option("--tz", metavar="ZONE", help="The zone of its times: the app's timezone.")
@click.option(
    "--misfire",
    type=click.Choice(POLICIES),
    default="latest",
    help="What becomes of slots for which no beat was there.",
)
@click.option("--grace", type=float, metavar="SECONDS", help="How late a slot may be fired.")
@click.option("--relative", is_flag=True, help="Count an interval from midnight.")
@click.option("--replace", is_flag=True, help="Take the place of one of that name.")
@click.pass_context
def add_schedule(
    context: click.Context,
    /,
    *,
    name: str,
    task: str,
    app: str | None,
    cron: str | None,
    every: float | None,
    solar: str | None,
    args: str,
    kwargs: str,
    tz: str | None,
    misfire: Any,
    grace: float | None,
    relative: bool,
    replace: bool,
    **options: Any,
) -> None:
    """Add one, which stays until it is removed. TASK is the task's name."""
    when = _when(cron, every, solar, relative=relative)
    positional = read_json(args, list[Any], "--args: expected a JSON list")
    named = read_json(kwargs, dict[str, Any], "--kwargs: expected a JSON object")
    given: Any = {option: value for option, value in options.items() if value is not None}

    async def add(found: Asynq) -> None:
        try:
            await found.schedules.add(
                name,
                when,
                task,
                positional,
                named,
                tz=tz,
                misfire=misfire,
                grace=grace,
                replace=replace,
                **given,
            )
        except (TypeError, ValueError) as error:
            raise Misused(str(error)) from None

    in_app(context, app, add, with_tasks=True)
    say(f"Added {plain(name)}: {when}.")


@group.command("pause")
@name_argument
@app_option
@click.pass_context
def pause_schedule(context: click.Context, *, name: str, app: str | None) -> None:
    """Fire one no more until it is resumed, also over restarts."""
    in_app(context, app, lambda found: found.schedules.pause(name))
    say(f"Paused {plain(name)}.")


@group.command("resume")
@name_argument
@app_option
@click.pass_context
def resume_schedule(context: click.Context, *, name: str, app: str | None) -> None:
    """Fire one again, from its next slot on."""
    in_app(context, app, lambda found: found.schedules.resume(name))
    say(f"Resumed {plain(name)}.")


@group.command("run-now")
@name_argument
@app_option
@click.pass_context
def run_schedule(context: click.Context, *, name: str, app: str | None) -> None:
    """Fire one once, out of turn, and print the id of what was called."""

    async def fire(found: Asynq) -> str:
        return (await found.schedules.run_now(name)).id

    say(in_app(context, app, fire, with_tasks=True))


@group.command("remove")
@name_argument
@app_option
@click.pass_context
def remove_schedule(context: click.Context, *, name: str, app: str | None) -> None:
    """Forget one that was added; one of the code is taken out there."""
    in_app(context, app, lambda found: found.schedules.remove(name), with_tasks=True)
    say(f"Removed {plain(name)}.")


def _when(
    cron: str | None, every: float | None, sun: str | None, *, relative: bool
) -> BaseSchedule:
    given = [each for each in (cron, every, sun) if each is not None]
    if len(given) != 1:
        raise Misused("say when: one of --cron, --every and --solar")
    if relative and every is None:
        raise Misused("--relative goes with --every")
    try:
        if cron is not None:
            return crontab.from_string(cron)
        if every is not None:
            return schedule(every, relative)
        return _by_the_sun(str(sun))
    except (TypeError, ValueError) as error:
        raise Misused(str(error)) from None


def _by_the_sun(written: str) -> BaseSchedule:
    event, *place = written.split(",")
    try:
        lat, lon = map(float, place)
    except ValueError:
        raise Misused(
            f"--solar: expected EVENT,LAT,LON, like sunset,52.5,13.4, got {written!r}"
        ) from None
    return solar(event.strip(), lat, lon)


def _row(each: ScheduleInfo) -> tuple[str, ...]:
    following = "paused" if each.paused else _local(each.next)
    return (
        plain(each.name),
        plain(each.task),
        plain(each.schedule),
        plain(each.tz),
        following,
        _utc(each.next),
        _utc(each.last),
        f"{each.count:,}",
    )


def _local(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"


def _utc(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _told(each: ScheduleInfo) -> dict[str, Any]:
    told: dict[str, Any] = {field: getattr(each, field) for field in ScheduleInfo.__struct_fields__}
    for field in ("next", "last"):
        moment: datetime | None = told[field]
        told[field] = None if moment is None else moment.isoformat()
        told[f"{field}_utc"] = None if moment is None else moment.astimezone(UTC).isoformat()
    return told
