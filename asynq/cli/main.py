"""`asynq -A proj …`: the command line, put together from its commands."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from asynq.cli import control, dead, doctor, errors, ping, server, shell, tasks, worker
from asynq.cli.later import Command, Commands
from asynq.cli.options import AppOption, BackendOption, BrokerOption, Common, WorkdirOption
from asynq.cli.render import say
from asynq.cli.versions import own_version
from asynq.exceptions import AsynqError

cli = typer.Typer(
    name="asynq",
    cls=Commands,
    help="An asyncio-native task queue: run workers, call tasks, see results.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        say(f"asynq {own_version()}")
        raise typer.Exit


@cli.callback()
def common_options(
    context: typer.Context,
    app: AppOption = None,
    broker: BrokerOption = None,
    result_backend: BackendOption = None,
    workdir: WorkdirOption = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Say the version and end."
        ),
    ] = False,
) -> None:
    """What may be said before any command."""
    context.obj = Common(app, broker, result_backend, workdir)


cli.command("worker", cls=Command, short_help="Run tasks until told to stop.")(worker.worker)
cli.command("call", cls=Command, short_help="Send a task.")(tasks.call)
cli.command("result", short_help="Print a task's result.")(tasks.result)
cli.command("purge", cls=Command, short_help="Throw away waiting tasks.")(tasks.purge)
cli.command("list", short_help="List queues or tasks.")(tasks.list_)
cli.command("report", short_help="Versions and settings, for a bug report.")(tasks.report)
cli.command("doctor", short_help="Look whether the server is fit for its work.")(doctor.doctor)
cli.command("ping", short_help="Ask whether workers live.")(ping.ping)
cli.command("shell", short_help="A Python prompt with the app in it.")(shell.shell)
cli.add_typer(control.group, name="control", short_help="Revoke tasks.")
cli.add_typer(dead.group, name="dead", short_help="Look after dead letters.")
cli.add_typer(server.group, name="server", short_help="Look after the embedded server.")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit; an error is one line and an exit code.

    Args:
        arguments: What follows the program's name; None: what this process was started with.
    """
    try:
        cli(arguments)
    except (AsynqError, NotImplementedError) as error:
        sys.exit(errors.report(error))
    sys.exit(0)
