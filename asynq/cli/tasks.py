"""`asynq call, result, purge, list, report`: an app from the terminal."""

from __future__ import annotations

import difflib
import platform
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec
import typer

from asynq import states
from asynq.app import Asynq
from asynq.cli.attempts import attempts_table, attempts_told
from asynq.cli.errors import Misused, described, one_line
from asynq.cli.inside import in_app
from asynq.cli.options import AppOption, JsonOption, common
from asynq.cli.render import complain, pairs, say, say_json, table
from asynq.cli.versions import own_version, version_of
from asynq.result import AsyncResult, Submission

T = TypeVar("T")

TimeoutOption = Annotated[
    float | None,
    typer.Option("-t", "--timeout", metavar="SECONDS", help="Wait no longer than this.", min=0),
]


def call(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="TASK", help="The task's name.")],
    app: AppOption = None,
    args: Annotated[
        str, typer.Option("-a", "--args", metavar="JSON", help="Its positional arguments, a list.")
    ] = "[]",
    kwargs: Annotated[
        str, typer.Option("-k", "--kwargs", metavar="JSON", help="Its named arguments, an object.")
    ] = "{}",
    countdown: Annotated[
        float | None,
        typer.Option("--countdown", metavar="SECONDS", help="Run it so much later."),
    ] = None,
    eta: Annotated[
        str | None,
        typer.Option(
            "--eta", metavar="TIME", help="Run it not before; ISO 8601: 2030-01-31T08:00."
        ),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(
            "--expires", metavar="SECONDS|TIME", help="Run it only if it begins before then."
        ),
    ] = None,
    queue: Annotated[
        str | None, typer.Option("-Q", "--queue", metavar="NAME", help="Send it there.")
    ] = None,
    priority: Annotated[
        int | None,
        typer.Option("--priority", metavar="0-9", help="9 is the most urgent.", min=0, max=9),
    ] = None,
    serializer: Annotated[
        str | None, typer.Option("--serializer", metavar="NAME", help="Write it in this format.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("-w", "--wait", help="Wait for the result and print it.")
    ] = False,
    timeout: TimeoutOption = None,
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
    positional = _json(args, list[Any], "--args: expected a JSON list")
    keyword = _json(kwargs, dict[str, Any], "--kwargs: expected a JSON object")

    async def send(found: Asynq) -> tuple[str, Any]:
        submission = _submission(found, name, positional, keyword, options)
        if wait:
            return submission.id, await submission.get(timeout=timeout, propagate=False)
        await submission
        return submission.id, None

    id, value = in_app(context, app, send, with_tasks=True)
    if isinstance(value, BaseException):
        complain(f"{name}[{id}] failed: {described(value)}")
        raise typer.Exit(1)
    say(_shown(value) if wait else id)


def result(
    context: typer.Context,
    id: Annotated[str, typer.Argument(metavar="ID", help="The task's id.")],
    app: AppOption = None,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Print the traceback of its error instead.")
    ] = False,
    wait: Annotated[bool, typer.Option("-w", "--wait", help="Wait until it is there.")] = False,
    timeout: TimeoutOption = None,
    attempts: Annotated[
        bool, typer.Option("--attempts", help="Print a table of its runs instead.")
    ] = False,
    json: JsonOption = False,
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
        raise typer.Exit(1)


def purge(
    context: typer.Context,
    app: AppOption = None,
    queues: Annotated[
        str | None, typer.Option("-Q", "--queues", metavar="NAME,…", help="These queues only.")
    ] = None,
    force: Annotated[bool, typer.Option("-f", "--force", help="Do not ask.")] = False,
) -> None:
    """Throw away all tasks that wait, in all queues. There is no way back.

    What runs is left alone.
    """

    async def names(found: Asynq) -> Sequence[str]:
        if queues is None:
            return await found.broker.queues()
        return [name for name in map(str.strip, queues.split(",")) if name]

    async def empty(found: Asynq) -> int:
        return sum([await found.broker.purge(queue) for queue in chosen])

    chosen = in_app(context, app, names)
    if not chosen:
        say("There is no queue.")
        return
    if not force and not typer.confirm(f"Throw away all tasks waiting in {', '.join(chosen)}?"):
        say("Nothing was thrown away.")
        raise typer.Exit(1)
    count = in_app(context, app, empty)
    say(f"Purged {count} {'task' if count == 1 else 'tasks'} from {', '.join(chosen)}.")


def list_(
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="queues|tasks", help="What to list.")],
    app: AppOption = None,
    json: JsonOption = False,
) -> None:
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


def report(context: typer.Context, app: AppOption = None, json: JsonOption = False) -> None:
    """Print what a bug report should say: versions, and the settings without their secrets."""
    found = common(context).open(app)
    software = {
        "asynq": own_version(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        **{name: version_of(name) for name in ("redis", "hiredis", "msgspec", "anyio", "uvloop")},
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


def _json(text: str, kind: type[T], expected: str) -> T:
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
