"""`asynq control`: say something to tasks that are not over."""

from __future__ import annotations

import click

from asynq.cli.inside import in_app
from asynq.cli.later import ControlCommands
from asynq.cli.options import app_option, common
from asynq.cli.render import say


@click.group(cls=ControlCommands, short_help="Revoke tasks.", no_args_is_help=True)
@app_option
@click.pass_context
def group(context: click.Context, *, app: str | None) -> None:
    """Say something to tasks that are not over."""
    if app is not None:
        common(context).app = app


@group.command("revoke")
@click.argument("ids", metavar="ID…", nargs=-1, required=True)
@app_option
@click.option("--terminate", is_flag=True, help="Also end those that are running.")
@click.pass_context
def revoke(
    context: click.Context, *, ids: tuple[str, ...], app: str | None, terminate: bool
) -> None:
    """Have tasks not run, wherever they are. They end REVOKED; what is over stays as it is."""
    in_app(context, app, lambda found: found.control.revoke(ids, terminate=terminate))
    many = "1 task" if len(ids) == 1 else f"{len(ids)} tasks"
    say(f"Revoked {many}.")
