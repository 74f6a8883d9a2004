"""`asynq worker`: a worker as a program of its own."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
from click.exceptions import Exit

from asynq._secrets import hide_password
from asynq._version import __version__
from asynq.app import Asynq
from asynq.cli.again import as_understood, foreground, program
from asynq.cli.collecting import collect_rarely
from asynq.cli.daemon import filled, go_to_background, print_there, settle
from asynq.cli.errors import Misused
from asynq.cli.instead import Command
from asynq.cli.leaving import leave
from asynq.cli.log import set_up_logging
from asynq.cli.loop import loop_factory, run
from asynq.cli.metrics import NOWHERE, Address, exposed
from asynq.cli.options import app_option, common, with_options
from asynq.cli.render import pairs, say, speak_by_the_line
from asynq.cli.serving import purge_queues, serve
from asynq.cli.worker_options import OPTIONS, Given
from asynq.logs import MAIN_PROCESS
from asynq.multi.stages import Stages
from asynq.worker.events import HEARTBEAT
from asynq.worker.health import LOOPBACK
from asynq.worker.node import DEFAULT_NODE, node_name, numbered
from asynq.worker.processes import PARENT_PIPE, Processes
from asynq.worker.sources import Sources
from asynq.worker.worker import Worker


@click.command(cls=Command, short_help="Run tasks until told to stop.")
@app_option
@with_options(*OPTIONS)
@click.pass_context
def worker(context: click.Context, /, *, app: str | None, **options: Any) -> None:
    """Run tasks until told to stop.

    SIGTERM or Ctrl-C lets running tasks end; a second one cancels them and hands them back; a third
    ends the worker at once. SIGUSR1 writes the stacks of all tasks and threads to the log.
    """
    name = common(context).app if app is None else app
    given = Given(**options)
    if given.detach:
        raise Exit(_go_to_background(context, given.hostname, name))
    speak_by_the_line()  # what tasks print is part of the worker's log
    settle(context, node_name(given.hostname))
    is_parent = given.processes > 1 or given.reload
    stages = Stages(keep=is_parent)
    found = common(context).open_with_tasks(app)
    limits = {
        "task_time_limit": given.time_limit,
        "task_soft_time_limit": given.soft_time_limit,
        "worker_max_tasks_per_child": given.max_tasks_per_child,
        "worker_max_memory_per_child": given.max_memory_per_child,
    }
    found.conf.override(**{name: limit for name, limit in limits.items() if limit})
    _set_up_logging(found, given)
    build = partial(_build, found, given, _bounds(given.autoscale))
    metrics = Address(given.metrics_host or LOOPBACK, given.metrics_port)
    _check_ports(given.processes, given.health_port, given.metrics_port)
    if PARENT_PIPE not in os.environ:
        say(banner(found, build(), processes=given.processes, metrics=metrics))
    if is_parent:
        if given.purge:
            run(purge_queues(found, build()))
        stages.loaded()
        commands = _commands(context, name, given)
        sources = Sources(Path.cwd()) if given.reload else None
        parent = Processes(commands, sources=sources, pass_fds=stages.descriptors)
        raise Exit(run(parent.run()))
    exposing = nullcontext if metrics.port is None else exposed(found, metrics)
    collect_rarely()
    known = threading.enumerate()
    code = run(serve(found, build, stages, exposing, purge=given.purge, beat=given.beat))
    leave(known, code)
    raise Exit(code)


def _build(app: Asynq, given: Given, bounds: tuple[int, int] | None) -> Worker:
    return Worker(
        app,
        queues=given.queues,
        exclude_queues=given.exclude_queues or (),
        concurrency=given.concurrency,
        autoscale=bounds,
        threads=given.threads,
        prefetch_multiplier=given.prefetch_multiplier,
        hostname=given.hostname,
        grace=given.grace,
        health_port=given.health_port,
        health_host=given.health_host or LOOPBACK,
        task_events=True if given.task_events else None,
        heartbeat_interval=given.heartbeat_interval or HEARTBEAT,
    )


def _commands(context: click.Context, app: str | None, given: Given) -> dict[str, list[str]]:
    """The command lines of the workers of a parent, by their node names."""
    nodes = [given.hostname or DEFAULT_NODE]
    if given.processes > 1:
        nodes = numbered(given.hostname, given.processes)
    return {
        node: command_of(context, app=app, hostname=node, number=number)
        for number, node in enumerate(nodes)
    }


def _bounds(autoscale: str | None) -> tuple[int, int] | None:
    if autoscale is None:
        return None
    most, _, fewest = autoscale.partition(",")
    try:
        return int(most), int(fewest or 1)
    except ValueError:
        raise Misused(f"--autoscale: expected MAX,MIN, such as 10,3, got {autoscale!r}") from None


def _set_up_logging(app: Asynq, given: Given) -> None:
    node, index, logfile = node_name(given.hostname), given.process_index, given.logfile
    if logfile is not None:
        pattern = str(logfile)
        logfile = Path(filled("--logfile", pattern, node, index))
        if index:
            main = node.replace(f"-{index}@", "@", 1)
            try:
                print_there(logfile, Path(filled("--logfile", pattern, main)))
            except OSError as error:
                raise Misused(f"--logfile {logfile}: {error.strerror}") from None
    process = node.partition("@")[0] if PARENT_PIPE in os.environ else MAIN_PROCESS
    set_up_logging(app, given.loglevel, logfile, given.log_format, process_name=process)


PORTS: Final = {"health_port": "--health-port", "metrics_port": "--metrics-port"}
HANDLED_BY_PARENT: Final = frozenset(
    {"app", "beat", "hostname", "processes", "process_index", "purge", "reload", *PORTS}
    | {"detach", "executable", "gid", "pidfile", "uid", "umask"}
)


def command_of(
    context: click.Context, *, app: str | None, hostname: str, number: int = 0
) -> list[str]:
    """The command line of a worker of ours: as ours was understood, with its own name.

    What was said before the command (`--workdir`, `--broker`) has been done already, and reaches
    the worker by its directory and its environment. Two can't listen at one port, so that of the
    worker of that number is so much higher.
    """
    words = program("worker", app) + as_understood(context, without=HANDLED_BY_PARENT)
    for name, option in PORTS.items():
        if (port := context.params.get(name)) is not None:
            words += [f"{option}={port + number if port else 0}"]
    if "%" in str(context.params.get("logfile")) and context.params.get("processes") != 1:
        words += [f"--process-index={number + 1}"]
    if context.params.get("beat") and number == 0:  # one will do
        words.append("--beat")
    return [*words, f"--hostname={hostname}"]


def _go_to_background(context: click.Context, hostname: str | None, app: str | None) -> int:
    if "%p" in (hostname or ""):
        raise Misused(
            f"--hostname {hostname}: %p is not known before it runs, and a worker in the "
            "background is found by its name"
        )
    return go_to_background(context, node_name(hostname), partial(foreground, context, app))


def _check_ports(processes: int, health: int | None, metrics: int | None) -> None:
    """Each of several workers takes the next port of both."""
    if health and metrics and abs(health - metrics) < processes:
        raise Misused(
            f"--health-port {health} and --metrics-port {metrics}: with {processes} processes each "
            f"takes that many ports in a row, so let them be {processes} apart at least"
        )


def banner(app: Asynq, worker: Worker, *, processes: int = 1, metrics: Address = NOWHERE) -> str:
    """What the worker says of itself before it begins."""
    conf = app.conf
    loop = "asyncio" if loop_factory() is None else "uvloop"
    times = "" if processes == 1 else f"{processes} processes, each "
    facts = {
        "app": app.main or "(no name)",
        "broker": hide_password(conf.broker_url),
        "results": hide_password(conf.result_backend),
        "slots": f"{times}{worker.concurrency} ({loop}, {worker.threads} threads)",
        "queues": ", ".join(worker.queues),
        **({} if metrics.port is None else {"metrics": metrics.shown(processes)}),
        "events": "on" if worker.task_events else "off (-E tells them, for monitors)",
        "process": f"{os.getpid()}, Python {sys.version.split()[0]}",
    }
    names = sorted(name for name in app.tasks if not name.startswith("asynq."))
    tasks = "\n".join(f"  · {name}" for name in names) or "  (none)"
    return f"\nasynq {__version__}  {worker.hostname}\n\n{pairs(facts)}\n\n[tasks]\n{tasks}\n"
