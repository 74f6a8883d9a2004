"""`asynq control`: say something to tasks that are not over."""

from __future__ import annotations

from typing import Annotated

import typer

from asynq.cli.inside import in_app
from asynq.cli.later import ControlCommands
from asynq.cli.options import AppOption, common
from asynq.cli.render import say

group = typer.Typer(
    name="control",
    cls=ControlCommands,
    help="Say something to tasks that are not over.",
    no_args_is_help=True,
)


@group.callback()
def which_app(context: typer.Context, app: AppOption = None) -> None:
    """What may be said between `control` and its command."""
    if app is not None:
        common(context).app = app


@group.command("revoke")
def revoke(
    context: typer.Context,
    ids: Annotated[list[str], typer.Argument(metavar="ID…", help="The tasks' ids.")],
    app: AppOption = None,
    terminate: Annotated[
        bool, typer.Option("--terminate", help="Also end those that are running.")
    ] = False,
) -> None:
    """Have tasks not run, wherever they are. They end REVOKED; what is over stays as it is."""
    in_app(context, app, lambda found: found.control.revoke(ids, terminate=terminate))
    many = "1 task" if len(ids) == 1 else f"{len(ids)} tasks"
    say(f"Revoked {many}.")
