"""`asynq queues`: how full they are; pause, resume and limit them, and tasks, for all workers."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from difflib import get_close_matches
from typing import Any

import click
import msgspec

from asynq._amounts import roughly
from asynq.app import Asynq
from asynq.cli.errors import Misused
from asynq.cli.groups import app_group
from asynq.cli.inside import in_app
from asynq.cli.options import app_option, common, json_option
from asynq.cli.render import plain, say, say_json, table
from asynq.queues import QueueInfo, Queues

HEADER = (
    "QUEUE", "READY", "DELAYED", "RUNNING", "OLDEST", "PER SECOND", "DEAD", "WORKERS", "STATE"
)  # fmt: skip
CLEAR = "\x1b[H\x1b[2J"
"""Has a terminal begin anew."""

names_argument = click.argument("names", metavar="NAME…", nargs=-1, required=True)
task_option = click.option("--task", is_flag=True, help="The names are those of tasks.")


@app_group("See queues; pause and limit them, and tasks.", invoke_without_command=True)
@click.option(
    "--over",
    type=click.FloatRange(min=0),
    default=1.0,
    metavar="SECONDS",
    help="Watch them so long to know how much ends in a second; 0: look once.",
)
@click.option("-w", "--watch", is_flag=True, help="Show them again and again.")
@json_option
@click.pass_context
def group(context: click.Context, *, over: float, watch: bool, json: bool) -> None:
    """Show all queues: how much waits, since when, how much ends; or change what holds for them."""
    if context.invoked_subcommand is not None:
        return
    if watch and not over:
        raise Misused("--watch needs --over SECONDS above 0")

    async def look(found: Asynq) -> None:
        while True:
            queues, tasks = await found.queues.list(over=over), await found.queues.paused_tasks()
            if json:
                say_json(
                    {"queues": [_told(each) for each in queues], "paused_tasks": sorted(tasks)}
                )
            else:
                say(_picture(queues, sorted(tasks), clear=watch and sys.stdout.isatty()))
            if not watch:
                return

    in_app(context, None, look)


@group.command("pause")
@names_argument
@task_option
@click.option("--unknown", is_flag=True, help="Also tasks that the app here does not have.")
@app_option
@click.pass_context
def pause(
    context: click.Context, *, names: tuple[str, ...], task: bool, unknown: bool, app: str | None
) -> None:
    """Have no worker begin anything of these queues, or of these tasks. What runs goes on."""
    if task and not unknown:
        _check_tasks(common(context).open_with_tasks(app), names)
    _change(context, app, lambda on: on.pause_task(*names) if task else on.pause(*names))
    say(f"Paused {_these(names, task)}.")


@group.command("resume")
@names_argument
@task_option
@app_option
@click.pass_context
def resume(context: click.Context, *, names: tuple[str, ...], task: bool, app: str | None) -> None:
    """Let them begin again."""
    _change(context, app, lambda on: on.resume_task(*names) if task else on.resume(*names))
    say(f"Resumed {_these(names, task)}.")


@group.command("limit")
@click.argument("name", metavar="NAME")
@click.argument("most", metavar="N|none")
@app_option
@click.pass_context
def limit(context: click.Context, *, name: str, most: str, app: str | None) -> None:
    """Have no more than N tasks of a queue run at once, on all workers together."""
    if most != "none" and not (most.isdecimal() and int(most)):
        raise Misused(f"asynq queues limit: expected a number from 1, or none, got {most!r}")
    number = None if most == "none" else int(most)
    _change(context, app, lambda on: on.limit(name, number))
    say(f"Queue {plain(name)}: " + (f"{most} at once." if number else "no limit."))


def _change(
    context: click.Context, app: str | None, work: Callable[[Queues], Awaitable[None]]
) -> None:
    async def change(found: Asynq) -> None:
        await work(found.queues)

    in_app(context, app, change)


def _check_tasks(app: Asynq, names: Sequence[str]) -> None:
    for name in names:
        if name not in app.tasks:
            near = get_close_matches(name, list(app.tasks), 3)
            hint = f"did you mean {' or '.join(near)}?" if near else "see asynq list tasks;"
            raise Misused(f"no task {plain(name)!r} here: {hint} --unknown pauses it all the same")


def _these(names: Sequence[str], task: bool) -> str:
    what = "task" if task else "queue"
    return f"{what}{'s' if len(names) > 1 else ''} {', '.join(map(plain, names))}"


def _picture(queues: Sequence[QueueInfo], tasks: Sequence[str], *, clear: bool) -> str:
    lines = table(map(_row, queues), HEADER) if queues else "No queues."
    if tasks:
        parked = sum(each.parked for each in queues)
        lines += f"\n\nPaused tasks: {', '.join(map(plain, tasks))} ({parked:,} put aside)"
    return CLEAR + lines if clear else lines


def _row(each: QueueInfo) -> tuple[str, ...]:
    limited = [] if each.limit is None else [f"at most {each.limit:,}"]
    return (
        plain(each.name),
        f"{each.ready:,}",
        f"{each.delayed:,}",
        f"{each.running:,}",
        "" if each.oldest is None else roughly(each.age),
        "" if each.rate is None else f"{each.rate:,.1f}",
        f"{each.dead:,}",
        f"{len(each.workers):,}",
        ", ".join([*(["paused"] if each.paused else []), *limited]),
    )


def _told(each: QueueInfo) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(each)
    return told | {"oldest": None if each.oldest is None else each.oldest.isoformat()}
