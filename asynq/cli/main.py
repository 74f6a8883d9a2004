"""`asynq -A proj …`: the command line, put together from its commands."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

import click

from asynq._version import __version__
from asynq.cli import errors
from asynq.cli.instead import HELP, Commands
from asynq.cli.options import Common, app_option, backend_option, broker_option, workdir_option
from asynq.cli.render import say
from asynq.exceptions import AsynqError

COMMANDS: Final = {
    "worker": "asynq.cli.worker:worker",
    "beat": "asynq.cli.beat:beat",
    "multi": "asynq.cli.multi:multi",
    "call": "asynq.cli.tasks:call",
    "result": "asynq.cli.tasks:result",
    "purge": "asynq.cli.tasks:purge",
    "list": "asynq.cli.tasks:list_",
    "report": "asynq.cli.tasks:report",
    "doctor": "asynq.cli.doctor:doctor",
    "ping": "asynq.cli.ping:ping",
    "shell": "asynq.cli.shell:shell",
    "inspect": "asynq.cli.inspect:inspect",
    "control": "asynq.cli.control:control",
    "status": "asynq.cli.inspect:status",
    "queues": "asynq.cli.queues:group",
    "events": "asynq.cli.events:events",
    "web": "asynq.cli.web:web",
    "dead": "asynq.cli.dead:group",
    "schedule": "asynq.cli.schedule:group",
    "workflow": "asynq.cli.workflow:group",
    "server": "asynq.cli.server:group",
}
"""Where each is: a worker needs not know how to tend dead letters."""

INTERRUPTED: Final = 130
"""As a shell has it: 128 and SIGINT's number."""


def _version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        say(f"asynq {__version__}")
        context.exit()


@click.group(
    cls=Commands,
    places=COMMANDS,
    no_args_is_help=True,
    context_settings={"help_option_names": HELP, "show_default": True},
)
@app_option
@broker_option
@backend_option
@workdir_option
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Say the version and end.",
)
@click.pass_context
def cli(
    context: click.Context,
    *,
    app: str | None,
    broker: str | None,
    result_backend: str | None,
    workdir: Path | None,
) -> None:
    """An asyncio-native task queue: run workers, call tasks, see results."""
    context.obj = Common(app, broker, result_backend, workdir)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit; an error is one line and an exit code.

    Args:
        arguments: What follows the program's name; None: what this process was started with.
    """
    try:
        sys.exit(cli.main(arguments, prog_name="asynq", standalone_mode=False))
    except (AsynqError, NotImplementedError) as error:
        sys.exit(errors.report(error))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort as error:
        sys.exit(INTERRUPTED if isinstance(error.__cause__, KeyboardInterrupt) else 1)
