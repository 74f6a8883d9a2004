"""`asynq server`: look at the embedded server, start it to stay, stop it."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import click
from click.exceptions import Exit

from asynq._amounts import size
from asynq._redis import embedded
from asynq._redis.address import parse
from asynq._secrets import hide_password
from asynq.cli.groups import app_group
from asynq.cli.locate import app_name
from asynq.cli.options import app_option, common, json_option
from asynq.cli.render import complain, pairs, say, say_json
from asynq.exceptions import ImproperlyConfigured

DEFAULT_NAME = "default"
"""Whose server is meant where no app is named: that of apps without a name."""

name_option = click.option(
    "--name", "-n", metavar="NAME", help="The name of the app it belongs to."
)
directory_option = click.option(
    "--directory",
    "-d",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Where it keeps its data.",
)


@app_group("Look after the embedded server.")
def group() -> None:
    """Look after the embedded server: the one that runs when no broker is named.

    Which one is told by -A, by --name or by --directory.
    """


@group.command("status")
@app_option
@name_option
@directory_option
@json_option
@click.pass_context
def show_status(
    context: click.Context,
    *,
    app: str | None,
    name: str | None,
    directory: Path | None,
    json: bool,
) -> None:
    """Tell whether it runs, who uses it and how much it holds. Exits with 1 when it does not."""
    found = embedded.status(locate(context, app, name, directory))
    if json:
        say_json({**dataclasses.asdict(found), "directory": str(found.directory)})
    else:
        say(describe(found))
    if not found.running:
        raise Exit(1)


@group.command("start")
@app_option
@name_option
@directory_option
@click.pass_context
def start_to_stay(
    context: click.Context,
    *,
    app: str | None,
    name: str | None,
    directory: Path | None,
) -> None:
    """Start it and let it stay, used or not, until it is stopped.

    There is no need to: whatever uses it first starts it, and the last one out stops it.
    """
    place = locate(context, app, name, directory)
    started = embedded.start(place)
    found = embedded.status(place)
    say(f"{'Started' if started else 'It was running'}. It stays until `asynq server stop`.")
    say(describe(found))


@group.command("stop")
@app_option
@name_option
@directory_option
@click.option(
    "--force", "-f", is_flag=True, help="Even while it is used. Its users start it again."
)
@click.pass_context
def stop_now(
    context: click.Context,
    *,
    app: str | None,
    name: str | None,
    directory: Path | None,
    force: bool,
) -> None:
    """Stop it. What it holds stays on disk, and is there again at the next start."""
    place = locate(context, app, name, directory)
    using = embedded.status(place).users
    if using and not force:
        complain(
            f"used by {_processes(using)}, which would start it again. "
            "Stop them and the server stops too, or say --force."
        )
        raise Exit(1)
    stopped = embedded.stop(place)
    say("Stopped." if stopped else "It was not running.")


@group.command("path")
@app_option
@name_option
@directory_option
@click.option("--socket", is_flag=True, help="The socket instead: redis-cli -s $(… --socket).")
@click.pass_context
def show_path(
    context: click.Context,
    *,
    app: str | None,
    name: str | None,
    directory: Path | None,
    socket: bool,
) -> None:
    """Print the directory of its data, whether it runs or not."""
    place = locate(context, app, name, directory)
    say(embedded.socket_path(place) if socket else str(place))


def locate(
    context: click.Context, app: str | None, name: str | None, directory: Path | None
) -> Path:
    """The directory meant: the one named, else that of the app of that name, else that of the app.

    Raises:
        ImproperlyConfigured: the app's broker is another server.
    """
    if directory is not None:
        return directory.absolute()
    if name is not None:
        return embedded.state_directory(name)
    url, owner = os.environ.get("ASYNQ_BROKER_URL") or "embedded://", DEFAULT_NAME
    if app_name(app or common(context).app):
        found = common(context).open(app)
        url, owner = found.conf.broker_url, found.namespace
    if not url.startswith("embedded:"):
        raise ImproperlyConfigured(
            f"the broker is {hide_password(url)}, which is no embedded server; to look at one all "
            "the same, say --name or --directory"
        )
    address = parse(url)
    return Path(address.path or embedded.state_directory(address.name or owner))


def describe(found: embedded.Status) -> str:
    """A server's status in a few lines for people."""
    if not found.running:
        return "○ not running\n" + pairs({"directory": found.directory})
    stays = " (stays until `asynq server stop`)" if found.kept else ""
    facts: dict[str, object] = {
        "directory": found.directory,
        "socket": found.socket,
        "used by": _processes(found.users) + stays,
    }
    if not found.answering:
        return "● running, and loading its data\n" + pairs(facts)
    keys = f"{found.keys:,} key{'' if found.keys == 1 else 's'}"
    facts["holds"] = f"{keys} · {size(found.memory)} in memory · {size(found.file_size)} on disk"
    headline = f"● running   {found.server} · process {found.process_id} · {_up(found.uptime)}"
    return f"{headline}\n{pairs(facts)}"


def _processes(using: tuple[int, ...]) -> str:
    if not using:
        return "nobody"
    names = ", ".join(map(str, using))
    return f"process {names}" if len(using) == 1 else f"{len(using)} processes: {names}"


def _up(seconds: int) -> str:
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"up {seconds // length} {unit}"
    return f"up {seconds} s"
