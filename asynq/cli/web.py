"""`asynq web`: the web page as a program of its own; what makes it is loaded when it is wanted."""

from __future__ import annotations

from typing import Any, Final

import click

from asynq._imports import import_object
from asynq.app import Asynq
from asynq.cli.errors import Misused
from asynq.cli.inside import in_app
from asynq.cli.instead import Command
from asynq.cli.options import app_option
from asynq.cli.render import say, speak_by_the_line
from asynq.logs import set_up

PORT: Final = 5555
"""Flower's."""
WANTED: Final = ("starlette", "uvicorn")


@click.command(cls=Command, short_help="Show tasks, queues and workers in a browser.")
@app_option
@click.option("--host", default="127.0.0.1", metavar="ADDRESS", help="Where to listen.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=PORT, metavar="PORT", help="0: any free one."
)
@click.option(
    "--token",
    envvar="ASYNQ_WEB_TOKEN",
    metavar="TEXT",
    help="Ask for this before anything is shown. Also, better: ASYNQ_WEB_TOKEN.",
)
@click.option(
    "--basic",
    envvar="ASYNQ_WEB_BASIC",
    metavar="USER:PASSWORD",
    help="The same with a browser's own dialog. Also, better: ASYNQ_WEB_BASIC.",
)
@click.option("--write", is_flag=True, help="Let people revoke, retry, pause, limit, discard.")
@click.option("--show-arguments", is_flag=True, help="Show arguments and results of tasks.")
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="Answer under this name too. May be said several times.",
)
@click.option(
    "--proxy",
    "proxies",
    multiple=True,
    metavar="ADDRESS",
    help="Believe what a proxy at this address says of who asks.",
)
@click.option(
    "--max-tasks",
    type=click.IntRange(min=1),
    default=100_000,
    metavar="N",
    help="Of how many tasks the history is kept in memory.",
)
@click.pass_context
def web(
    context: click.Context,
    *,
    app: str | None,
    host: str,
    port: int,
    token: str | None,
    basic: str | None,
    write: bool,
    show_arguments: bool,
    hosts: tuple[str, ...],
    proxies: tuple[str, ...],
    max_tasks: int,
) -> None:
    """Show tasks, queues and workers in a browser.

    It listens on this machine alone, and can only be looked at. For other addresses it must ask who
    somebody is: --token or --basic. Tasks are seen where workers tell events (-E).
    """
    speak_by_the_line()
    serving = _room()
    given: dict[str, Any] = {
        "token": token or None,
        "basic": basic or None,
        "writable": write,
        "show_arguments": show_arguments,
        "tasks": max_tasks,
    }
    if not serving.is_loopback(host) and not (token or basic):
        raise Misused(
            f"--host {host}: others can reach that, so say who may see it: --token TEXT "
            "(or ASYNQ_WEB_TOKEN), or --basic USER:PASSWORD (or ASYNQ_WEB_BASIC)"
        )
    set_up("INFO", log_format="[%(asctime)s: %(levelname)s] %(message)s", task_format="%(message)s")

    async def serve(found: Asynq) -> None:
        await serving.serve(
            found, host=host, port=port, hosts=hosts, proxies=proxies, on_ready=say, **given
        )

    in_app(context, app, serve)


def _room() -> Any:
    try:
        return import_object("asynq.web.serving")
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in WANTED:
            raise
        raise Misused(f"asynq web needs {missing}: pip install 'asynq-tasks[web]'") from None
