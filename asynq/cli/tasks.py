"""`asynq call, result, purge, list, report`: an app from the terminal."""

from __future__ import annotations

import difflib
import platform
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

import click
import msgspec
from click.exceptions import Exit

from asynq import states
from asynq._version import __version__
from asynq.app import Asynq
from asynq.cli.attempts import attempts_table, attempts_told
from asynq.cli.errors import Misused, described, one_line
from asynq.cli.inside import in_app
from asynq.cli.instead import Command
from asynq.cli.options import app_option, common, json_option
from asynq.cli.render import complain, pairs, say, say_json, table
from asynq.cli.versions import version_of
from asynq.result import AsyncResult, Submission
from asynq.worker.queues import left_over, names_in

T = TypeVar("T")

timeout_option = click.option(
    *("-t", "--timeout"),
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Wait no longer than this.",
)


@click.command(cls=Command, short_help="Send a task.")
@click.argument("name", metavar="TASK")
@app_option
@click.option(
    "-a", "--args", default="[]", metavar="JSON", help="Its positional arguments, a list."
)
@click.option(
    "-k", "--kwargs", default="{}", metavar="JSON", help="Its named arguments, an object."
)
@click.option("--countdown", type=float, metavar="SECONDS", help="Run it so much later.")
@click.option("--eta", metavar="TIME", help="Run it not before; ISO 8601: 2030-01-31T08:00.")
@click.option("--expires", metavar="SECONDS|TIME", help="Run it only if it begins before then.")
@click.option("-Q", "--queue", metavar="NAME", help="Send it there.")
@click.option("--priority", type=click.IntRange(0, 9), metavar="0-9", help="9 is the most urgent.")
@click.option("--serializer", metavar="NAME", help="Write it in this format.")
@click.option("-w", "--wait", is_flag=True, help="Wait for the result and print it.")
@timeout_option
@click.pass_context
def call(
    context: click.Context,
    *,
    name: str,
    app: str | None,
    args: str,
    kwargs: str,
    countdown: float | None,
    eta: str | None,
    expires: str | None,
    queue: str | None,
    priority: int | None,
    serializer: str | None,
    wait: bool,
    timeout: float | None,
) -> None:
    """Send a task and print its id, or with --wait its result.

    asynq -A proj call proj.tasks.add --args '[4, 4]' --wait
    """
    given = {
        "countdown": countdown,
        "eta": None if eta is None else _time(eta, "--eta"),
        "expires": None if expires is None else _expiry(expires),
        "queue": queue,
        "priority": priority,
        "serializer": serializer,
    }
    options = {option: value for option, value in given.items() if value is not None}
    positional = read_json(args, list[Any], "--args: expected a JSON list")
    keyword = read_json(kwargs, dict[str, Any], "--kwargs: expected a JSON object")

    async def send(found: Asynq) -> tuple[str, Any]:
        submission = _submission(found, name, positional, keyword, options)
        if wait:
            return submission.id, await submission.get(timeout=timeout, propagate=False)
        await submission
        return submission.id, None

    id, value = in_app(context, app, send, with_tasks=True)
    if isinstance(value, BaseException):
        complain(f"{name}[{id}] failed: {described(value)}")
        raise Exit(1)
    say(_shown(value) if wait else id)


@click.command(short_help="Print a task's result.")
@click.argument("id", metavar="ID")
@app_option
@click.option("--traceback", is_flag=True, help="Print the traceback of its error instead.")
@click.option("-w", "--wait", is_flag=True, help="Wait until it is there.")
@timeout_option
@click.option("--attempts", is_flag=True, help="Print a table of its runs instead.")
@json_option
@click.pass_context
def result(
    context: click.Context,
    *,
    id: str,
    app: str | None,
    traceback: bool,
    wait: bool,
    timeout: float | None,
    attempts: bool,
    json: bool,
) -> None:
    """Print what a task returned, or the state it is in. Exits with 1 where the task failed."""

    async def look(found: Asynq) -> dict[str, Any]:
        handle: AsyncResult[Any] = found.AsyncResult(id)
        if wait:
            await handle.get(timeout=timeout, propagate=False)
        return {
            "id": id,
            "state": await handle.state,
            "result": await handle.result,
            "traceback": await handle.traceback,
            "attempts": await handle.attempts,
        }

    known = in_app(context, app, look)
    value = known["result"]
    if json:
        shown = described(value) if isinstance(value, Exception) else value
        say_json(known | {"result": shown, "attempts": attempts_told(known["attempts"])})
    elif attempts:
        say(attempts_table(known["attempts"]))
    elif traceback:
        say((known["traceback"] or "").rstrip())
    elif known["state"] == states.SUCCESS:
        say(_shown(value))
    elif isinstance(value, BaseException):
        say(f"{known['state']}: {described(value)}")
    else:
        say(known["state"] if value is None else f"{known['state']}: {value!r}")
    if known["state"] in states.PROPAGATE_STATES:
        raise Exit(1)


@click.command(cls=Command, short_help="Throw away waiting tasks.")
@app_option
@click.option("-Q", "--queues", metavar="NAME,…", help="These queues only.")
@click.option("-X", "--exclude-queues", metavar="NAME,…", help="All but these.")
@click.option("-f", "--force", is_flag=True, help="Do not ask.")
@click.pass_context
def purge(
    context: click.Context,
    *,
    app: str | None,
    queues: str | None,
    exclude_queues: str | None,
    force: bool,
) -> None:
    """Throw away all tasks that wait, in all queues. There is no way back.

    What runs is left alone.
    """
    spared = names_in(exclude_queues or ())

    async def names(found: Asynq) -> Sequence[str]:
        if queues is not None:
            return left_over(names_in(queues), spared)
        there = await found.broker.queues()
        if not spared:
            return there
        # One that is declared may be spared before anything was ever in it.
        left = left_over(dict.fromkeys((*there, *found.queue_names())), spared)
        return [name for name in left if name in there]

    async def empty(found: Asynq) -> int:
        return sum([await found.broker.purge(queue) for queue in chosen])

    chosen = in_app(context, app, names)
    if not chosen:
        say("There is no queue.")
        return
    if not force and not click.confirm(f"Throw away all tasks waiting in {', '.join(chosen)}?"):
        say("Nothing was thrown away.")
        raise Exit(1)
    count = in_app(context, app, empty)
    say(f"Purged {count} {'task' if count == 1 else 'tasks'} from {', '.join(chosen)}.")


@click.command("list", short_help="List queues or tasks.")
@click.argument("what", metavar="queues|tasks")
@app_option
@json_option
@click.pass_context
def list_(context: click.Context, *, what: str, app: str | None, json: bool) -> None:
    """List the queues with what waits in them, or the tasks that the app knows."""
    if what == "tasks":
        names = sorted(common(context).open_with_tasks(app).tasks)
        say_json(names) if json else say("\n".join(names) or "No tasks.")
        return
    if what != "queues":
        raise Misused(f"list {what}: expected `list queues` or `list tasks`")

    async def depths(found: Asynq) -> dict[str, int]:
        known = sorted({*await found.broker.queues(), *found.queue_names()})
        return {queue: await found.broker.depth(queue) for queue in known}

    waiting = in_app(context, app, depths)
    if json:
        say_json(waiting)
    else:
        say(table([(name, str(count)) for name, count in waiting.items()], ("QUEUE", "TASKS")))


@click.command(short_help="Versions and settings, for a bug report.")
@app_option
@json_option
@click.pass_context
def report(context: click.Context, *, app: str | None, json: bool) -> None:
    """Print what a bug report should say: versions, and the settings without their secrets."""
    found = common(context).open(app)
    software = {
        "asynq": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        **{name: version_of(name) for name in ("hiredis", "msgspec", "anyio", "uvloop")},
    }
    settings = found.conf.table()
    if json:
        say_json({"software": software, "settings": settings})
        return
    shown = {name: repr(settings[name]) for name in sorted(settings)}
    say(f"software\n{pairs(software)}\n\nsettings\n{pairs(shown) or '  all defaults'}")


def _submission(
    app: Asynq, name: str, args: list[Any], kwargs: dict[str, Any], options: dict[str, Any]
) -> Submission[Any]:
    """The call, as the task makes it; by its name where the app has no such task."""
    task = app.tasks.get(name)
    if task is None:
        short = [known for known in app.tasks if known.endswith(f".{name}")]
        near = short or difflib.get_close_matches(name, list(app.tasks), 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        complain(f"no task {name!r} in this app: sent by its name.{hint}", begin="Warning: ")
        return app.send_task(name, args, kwargs, **options)
    try:
        submission: Submission[Any] = task.apply_async(args, kwargs, **options)
    except TypeError as error:
        raise Misused(one_line(error)) from None
    return submission


def read_json(text: str, kind: type[T], expected: str) -> T:
    """A value from an option's text.

    Raises:
        Misused: it is no JSON of that kind.
    """
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        raise Misused(f"{expected}, not {text!r} ({error})") from None


def _time(text: str, option: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Misused(
            f"{option}: expected a time as ISO 8601 writes it, such as 2030-01-31T08:00, not "
            f"{text!r}"
        ) from None


def _expiry(text: str) -> float | datetime:
    try:
        return float(text)
    except ValueError:
        return _time(text, "--expires")


def _shown(value: object) -> str:
    return value if isinstance(value, str) else repr(value)
