"""`asynq events`: the cluster on a live screen; what is told line by line; or a camera of yours."""

from __future__ import annotations

import asyncio
import inspect
import sys
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

import click
import msgspec

from asynq._imports import import_object
from asynq.app import Asynq
from asynq.cli.errors import Misused, importing
from asynq.cli.inside import in_app
from asynq.cli.instead import Command
from asynq.cli.options import app_option, json_option
from asynq.cli.render import say, speak_by_the_line
from asynq.events.dumper import Dumper
from asynq.events.event import Event
from asynq.events.room import Since
from asynq.events.snapshot import Polaroid

WANTED: Final = ("textual", "asynq-tasks[screen]")
"""The module that the live screen needs, and what to install for it."""


@click.command(cls=Command, short_help="Watch the cluster, live.")
@app_option
@click.option("-d", "--dump", is_flag=True, help="Print every event on a line.")
@click.option(
    "--from",
    "since",
    metavar="WHEN",
    help="Begin there: beginning, seconds ago, or a time in ISO 8601. Default: now.",
)
@click.option(
    "-t", "--type", "types", multiple=True, metavar="TYPE", help="Only these, as task-failed."
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="End after so many.")
@click.option("-c", "--camera", metavar="CLASS", help="Take pictures with this: module:Class.")
@click.option(
    *("-F", "--frequency", "--freq"),
    type=click.FloatRange(min=0.001),
    default=1.0,
    metavar="SECONDS",
    help="Time between two pictures.",
)
@json_option
@click.pass_context
def events(
    context: click.Context,
    *,
    app: str | None,
    dump: bool,
    since: str | None,
    types: tuple[str, ...],
    limit: int | None,
    camera: str | None,
    frequency: float,
    json: bool,
) -> None:
    """Watch the cluster on a live screen; or, with --dump, what is told of it, line by line.

    What is seen is what workers tell: those that run with -E, or were told to enable events.
    """
    speak_by_the_line()
    if camera is not None:
        taken = _camera(camera)
        in_app(context, app, lambda found: _take_pictures(found, taken, frequency))
        return
    if not dump and not json:
        _check_screen(since, types, limit)
        in_app(context, app, screen_room().show)
        return
    begin = _since(since)
    if not json:
        say("-> evdump: starting capture...")
    in_app(context, app, lambda found: _dump(found, types, begin, limit, json=json))


def screen_room() -> Any:
    """The room of the live screen, loaded now.

    Raises:
        Misused: what it needs is not installed.
    """
    module, package = WANTED
    try:
        return import_object("asynq.monitor.screen")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != module:
            raise
        raise Misused(
            f"the live screen needs {module}: pip install '{package}'; or say asynq events --dump"
        ) from None


def _check_screen(since: str | None, types: tuple[str, ...], limit: int | None) -> None:
    for option, given in (("--from", since), ("--type", types), ("--limit", limit)):
        if given:
            raise Misused(f"{option} goes with --dump, or --json")
    # It is read from standard input, and drawn on standard error.
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)):
        raise Misused("the live screen needs a terminal: say asynq events --dump")


async def _dump(
    app: Asynq, types: tuple[str, ...], since: Since, limit: int | None, *, json: bool
) -> None:
    dumper, count = Dumper(), 0
    async with app.events(*types, since=since) as stream:
        async for event in stream:
            say(_json(event) if json else dumper.line(event))
            count += 1
            if limit is not None and count >= limit:
                return


def _json(event: Event) -> str:
    return msgspec.json.encode(event, enc_hook=repr).decode()


async def _take_pictures(app: Asynq, camera: type[Polaroid], frequency: float) -> None:
    with suppress(asyncio.CancelledError):
        await camera(app.events.State(), freq=frequency).run(app.events)


def _camera(name: str) -> type[Polaroid]:
    path = name if ":" in name else ":".join(name.rsplit(".", 1))
    with importing(f"the camera {name}"):
        found: Any = import_object(path)
    if not inspect.isclass(found) or not issubclass(found, Polaroid):
        raise Misused(
            f"--camera {name}: expected a class derived from asynq.events.snapshot.Polaroid, "
            f"got {found!r}"
        )
    return found


def _since(text: str | None) -> Since:
    if text is None or text == "beginning":
        return text  # type: ignore[return-value]  # mypy does not follow the comparison
    with suppress(ValueError):
        return timedelta(seconds=float(text))
    with suppress(ValueError):
        return datetime.fromisoformat(text)
    raise Misused(
        f"--from {text}: expected beginning, a number of seconds ago, or a time like "
        "2026-11-30T12:00"
    )
