"""`asynq server`: look at the embedded server, start it to stay, stop it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from asynq._redis import embedded
from asynq.cli.render import complain, pairs, say, say_json

group = typer.Typer(
    name="server",
    help="The embedded server: the one that runs when no broker is named.",
    no_args_is_help=True,
)

DEFAULT_NAME = "default"

NameOption = Annotated[
    str, typer.Option("--name", "-n", metavar="NAME", help="The name of the app it belongs to.")
]
DirectoryOption = Annotated[
    Path | None,
    typer.Option(
        "--directory",
        "-d",
        metavar="PATH",
        help="Where it keeps its data, in place of the directory of the app.",
        show_default=False,
    ),
]


@group.command("status")
def show_status(
    name: NameOption = DEFAULT_NAME,
    directory: DirectoryOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Tell whether it runs, who uses it and how much it holds. Exits with 1 when it does not."""
    found = embedded.status(locate(name, directory))
    if as_json:
        say_json({**dataclasses.asdict(found), "directory": str(found.directory)})
    else:
        say(describe(found))
    if not found.running:
        raise typer.Exit(1)


@group.command("start")
def start_to_stay(name: NameOption = DEFAULT_NAME, directory: DirectoryOption = None) -> None:
    """Start it and let it stay, used or not, until it is stopped.

    There is no need to: whatever uses it first starts it, and the last one out stops it.
    """
    place = locate(name, directory)
    started = embedded.start(place)
    found = embedded.status(place)
    say(f"{'Started' if started else 'It was running'}. It stays until `asynq server stop`.")
    say(describe(found))


@group.command("stop")
def stop_now(
    name: NameOption = DEFAULT_NAME,
    directory: DirectoryOption = None,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Even while it is used. Its users start it again.")
    ] = False,
) -> None:
    """Stop it. What it holds stays on disk, and is there again at the next start."""
    place = locate(name, directory)
    using = embedded.status(place).users
    if using and not force:
        complain(
            f"used by {_processes(using)}, which would start it again. "
            "Stop them and the server stops too, or say --force."
        )
        raise typer.Exit(1)
    stopped = embedded.stop(place)
    say("Stopped." if stopped else "It was not running.")


@group.command("path")
def show_path(
    name: NameOption = DEFAULT_NAME,
    directory: DirectoryOption = None,
    socket: Annotated[
        bool, typer.Option("--socket", help="The socket instead: redis-cli -s $(… --socket).")
    ] = False,
) -> None:
    """Print the directory of its data, whether it runs or not."""
    place = locate(name, directory)
    say(embedded.socket_path(place) if socket else str(place))


def locate(name: str, directory: Path | None) -> Path:
    """The directory meant: the one named, else that of the app of that name."""
    return directory.absolute() if directory is not None else embedded.state_directory(name)


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
    facts["holds"] = f"{keys} · {_size(found.memory)} in memory · {_size(found.file_size)} on disk"
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


def _size(number: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if number < 1_000:
            return f"{number:.3g} {unit}"
        number /= 1_000
    return f"{number:,.1f} GB"
