"""`asynq beat`: calls periodic tasks, as a program of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
from click.exceptions import Exit

from asynq._secrets import hide_password
from asynq._version import __version__
from asynq.app import Asynq
from asynq.beat.beat import Beat
from asynq.cli.again import foreground
from asynq.cli.daemon import SERVICE_OPTIONS, filled, go_to_background, settle
from asynq.cli.instead import Command
from asynq.cli.log import set_up_logging
from asynq.cli.loop import run
from asynq.cli.options import app_option, common, with_options
from asynq.cli.render import pairs, say, speak_by_the_line
from asynq.multi.stages import Stages
from asynq.worker.node import node_name
from asynq.worker.shutdown import heeds_hangup

NODE: Final = "beat@%h"
"""What it is called where a worker has its node name."""


@click.command(cls=Command, short_help="Call periodic tasks until told to stop.")
@app_option
@click.option(
    *("-l", "--loglevel"),
    default="WARNING",
    metavar="LEVEL",
    help="DEBUG, INFO, WARNING, ERROR or CRITICAL.",
)
@click.option(
    *("-f", "--logfile"),
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Log there, not to standard error. %n is beat, %h the host, %p both.",
)
@click.option("--log-format", metavar="FORMAT", help="A format of `logging`, or json.")
@click.option(
    "--max-interval",
    type=click.FloatRange(min=0.01),
    metavar="SECONDS",
    help="How often to look whether entries were changed.",
)
@with_options(*SERVICE_OPTIONS)
@click.pass_context
def beat(
    context: click.Context,
    /,
    *,
    app: str | None,
    loglevel: str,
    logfile: Path | None,
    log_format: str | None,
    max_interval: float | None,
    detach: bool,
    **_: Any,
) -> None:
    """Call periodic tasks until told to stop.

    Run as many as you like: each slot is fired once. SIGTERM or Ctrl-C ends it.
    """
    node = node_name(NODE)
    if detach:
        name = common(context).app if app is None else app
        raise Exit(go_to_background(context, node, partial(foreground, context, name)))
    speak_by_the_line()
    settle(context, node)
    stages = Stages()
    found = common(context).open_with_tasks(app)
    if logfile is not None:
        logfile = Path(filled("--logfile", str(logfile), node))
    set_up_logging(found, loglevel, logfile, log_format)
    say(banner(found))
    stages.loaded()
    run(_serve(found, max_interval, stages))


async def _serve(app: Asynq, max_interval: float | None, stages: Stages) -> None:
    async with app:
        own = Beat(app, max_interval=max_interval)
        loop = asyncio.get_running_loop()
        numbers = [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT]
        if heeds_hangup():
            numbers.append(signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, own.stop)
        async with own:
            telling = asyncio.create_task(_tell_when_ready(own, stages), name="asynq-beat-ready")
            try:
                await own.wait()
            finally:
                telling.cancel()
    say("beat has stopped.")


async def _tell_when_ready(own: Beat, stages: Stages) -> None:
    await own.reached.wait()
    say("beat ready.")
    stages.ready()


def banner(app: Asynq) -> str:
    """What a beat says of itself before it begins."""
    entries = app.periodic.all()
    facts = {
        "app": app.main or "(no name)",
        "broker": hide_password(app.conf.broker_url),
        "timezone": app.conf.timezone or ("UTC" if app.conf.enable_utc else "the machine's"),
        "process": f"{os.getpid()}, Python {sys.version.split()[0]}",
    }
    listed = "\n".join(f"  · {name}: {each.schedule}" for name, each in sorted(entries.items()))
    head = f"\nasynq {__version__}  beat\n\n{pairs(facts)}\n"
    return f"{head}\n[periodic tasks]\n{listed or '  (none in the code)'}\n"
