"""`asynq beat`: calls periodic tasks, as a program of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import click

from asynq._secrets import hide_password
from asynq._version import __version__
from asynq.app import Asynq
from asynq.beat.beat import Beat
from asynq.cli.later import Command
from asynq.cli.log import set_up_logging
from asynq.cli.loop import run
from asynq.cli.options import app_option, common
from asynq.cli.render import pairs, say, speak_by_the_line
from asynq.worker.shutdown import heeds_hangup


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
    help="Log there, not to standard error.",
)
@click.option("--log-format", metavar="FORMAT", help="A format of `logging`, or json.")
@click.option(
    "--max-interval",
    type=click.FloatRange(min=0.01),
    metavar="SECONDS",
    help="How often to look whether entries were changed.",
)
@click.pass_context
def beat(
    context: click.Context,
    *,
    app: str | None,
    loglevel: str,
    logfile: Path | None,
    log_format: str | None,
    max_interval: float | None,
) -> None:
    """Call periodic tasks until told to stop.

    Run as many as you like: each slot is fired once. SIGTERM or Ctrl-C ends it.
    """
    speak_by_the_line()
    found = common(context).open_with_tasks(app)
    set_up_logging(found, loglevel, logfile, log_format)
    say(banner(found))
    run(_serve(found, max_interval))


async def _serve(app: Asynq, max_interval: float | None) -> None:
    async with app:
        own = Beat(app, max_interval=max_interval)
        loop = asyncio.get_running_loop()
        numbers = [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT]
        if heeds_hangup():
            numbers.append(signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, own.stop)
        async with own:
            telling = asyncio.create_task(_tell_when_ready(own), name="asynq-beat-ready")
            try:
                await own.wait()
            finally:
                telling.cancel()
    say("beat has stopped.")


async def _tell_when_ready(own: Beat) -> None:
    await own.reached.wait()
    say("beat ready.")


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
