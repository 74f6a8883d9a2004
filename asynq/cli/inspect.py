"""`asynq inspect`, `asynq status`: what workers do, and which there are.

Exit codes: 0 somebody has answered; 1 an answer is an error; 69 nobody has answered.
"""

from __future__ import annotations

import click

from asynq.cli.asking import CommandWithList, ask, asked, asking_options, nodes, show
from asynq.cli.instead import Command
from asynq.worker import commands

_ = commands  # which are known from here on


@click.command(cls=CommandWithList, short_help="Ask workers what they do.", no_args_is_help=True)
@click.argument("words", metavar="COMMAND [ARGUMENT]…", nargs=-1, required=True)
@asking_options
@click.pass_context
def inspect(
    context: click.Context,
    *,
    words: tuple[str, ...],
    app: str | None,
    destination: str | None,
    timeout: float | None,
    json: bool,
) -> None:
    """Ask workers what they do and what they are. Changes nothing.

    Comes back when all workers that live have answered; --timeout is for those that don't.
    """
    ask(context, "inspect", words, app=app, destination=destination, timeout=timeout, json=json)


@click.command(cls=Command, short_help="List the workers that answer.")
@asking_options
@click.pass_context
def status(
    context: click.Context,
    *,
    app: str | None,
    destination: str | None,
    timeout: float | None,
    json: bool,
) -> None:
    """List the workers that answer; and, on standard error, those that don't, and that are down."""
    whom = nodes(destination)
    answers = asked(context, app, lambda found: found.control.inspect(whom, timeout or 1.0).ping())
    show(answers, json=json)
