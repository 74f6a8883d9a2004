"""What makes a worker or a beat a service: its pidfile, its user, its place in the background."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import click
from click.exceptions import Exit

from asynq.cli.errors import Misused
from asynq.cli.locate import required_name
from asynq.cli.options import common
from asynq.cli.render import complain, say
from asynq.logs import point_output_to
from asynq.multi.background import CANT_CREATE, Failed, Launch, Up, try_to_launch
from asynq.multi.owner import NoSuchOwner, Owner
from asynq.multi.pidfile import AlreadyRunning, hold
from asynq.multi.places import LOGFILE, PIDFILE, as_pattern, default_place
from asynq.worker.node import file_name

NO_PLACE_FOR_OTHERS: Final = (
    "with --uid say --pidfile and --logfile, in directories of that user's: the ones that are used "
    "where none is named are in our own home"
)

SERVICE_OPTIONS: Final = (
    click.option("-D", "--detach", is_flag=True, help="Run in the background; return when ready."),
    click.option(
        "--pidfile",
        metavar="PATH",
        help="Keep the process id there, and be the only one who does. % as in --logfile.",
    ),
    click.option("--uid", metavar="USER", help="Become that user, a name or a number."),
    click.option("--gid", metavar="GROUP", help="Become that group: the user's own."),
    click.option("--umask", metavar="OCTAL", help="Of the files that are made, as in 027."),
    click.option(
        "--executable",
        type=click.Path(exists=True, dir_okay=False),
        metavar="PATH",
        help="With --detach: the Python that runs it.",
    ),
)
"""Options of the command line."""

ONLY_BEFORE: Final = frozenset({"detach", "executable"})
"""Which of them the process in the background is not told."""


def settle(context: click.Context, node: str) -> None:
    """Make this process the service's, before it imports anything of the app.

    Args:
        context: That of its command, which has `SERVICE_OPTIONS`.
        node: Its name.

    Raises:
        Misused: something of it can't be.
        Exit: the pidfile is another's.
    """
    told = context.params
    if (owner := owner_of(told["uid"], told["gid"])) is not None:
        owner.become()
    if told["umask"] is not None:
        os.umask(octal(told["umask"]))
    if told["pidfile"] is None:
        return
    path = Path(filled("--pidfile", told["pidfile"], node))
    try:
        hold(path)
    except AlreadyRunning as error:
        complain(str(error))
        raise Exit(CANT_CREATE) from None
    except OSError as error:
        raise Misused(f"--pidfile {path}: {error.strerror}") from None


def filled(option: str, pattern: str, node: str, index: int = 0) -> str:
    """`file_name`, and a mark that there is not is a mistake on the command line."""
    try:
        return file_name(pattern, node, index=index)
    except ValueError as error:
        raise Misused(f"{option} {pattern}: {error}") from None


def owner_of(uid: str | None, gid: str | None) -> Owner | None:
    """`Owner.named`, whose errors are mistakes on the command line."""
    try:
        return Owner.named(uid, gid)
    except NoSuchOwner as error:
        raise Misused(str(error)) from None


def print_there(logfile: Path, main: Path) -> None:
    """Have what one of several processes prints go to its own log, where it went to the main one.

    Raises:
        OSError: its log can't be written.
    """
    if logfile == main or not main.exists():
        return
    with logfile.open("a") as stream:
        point_output_to(stream, instead_of=main.stat())


def go_to_background(
    context: click.Context, node: str, command: Callable[[Sequence[str]], list[str]]
) -> int:
    """Start the service that is to be detached, and say what has become of it.

    Args:
        context: That of its command, which has `SERVICE_OPTIONS`.
        node: Its name.
        command: Its command line in the foreground, given what is added to it.

    Returns:
        The exit code.
    """
    told = context.params
    owner = owner_of(told["uid"], told["gid"])
    named = [name for name in ("pidfile", "logfile") if told[name] is not None]
    files = _default_files(context) if len(named) < 2 else {}
    files |= {name: str(told[name]) for name in named}
    pidfile, logfile = (
        Path(filled(f"--{name}", files[name], node)).absolute() for name in ("pidfile", "logfile")
    )
    added = [f"--{name}={pattern}" for name, pattern in files.items() if name not in named]
    up = try_to_launch(
        Launch(
            name=node,
            command=[told["executable"] or sys.executable, *command(added)[1:]],
            pidfile=pidfile,
            logfile=logfile,
            processes=told.get("processes", 1),
            owner=owner,
            umask=None if told["umask"] is None else octal(told["umask"]),
        )
    )
    if isinstance(up, Failed):
        complain(f"{node}: {up.why}")
        return up.code
    say(f"{node} {described(up)}. Its log is {logfile}")
    return 0


def _default_files(context: click.Context) -> dict[str, str]:
    if context.params["uid"] is not None:
        raise Misused(NO_PLACE_FOR_OTHERS)
    app = required_name(context.params["app"] or common(context).app)
    place = as_pattern(default_place(app, make=True))
    return {"pidfile": f"{place}/{PIDFILE}", "logfile": f"{place}/{LOGFILE}"}


def described(up: Up) -> str:
    """What is to be known of what was started."""
    if up.ready:
        return f"is ready: process {up.pid}"
    return f"runs, but is not ready yet: process {up.pid}"


def octal(text: str) -> int:
    """A `--umask` as a number.

    Raises:
        Misused: it is none.
    """
    try:
        mask = int(text, 8)
    except ValueError:
        mask = -1
    if not 0 <= mask <= 0o777:
        raise Misused(f"--umask {text}: expected up to three octal digits, as in 027")
    return mask
