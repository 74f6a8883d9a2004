"""`asynq worker`: a worker as a program of its own."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
from click.exceptions import Exit

from asynq import signals
from asynq._imports import import_object
from asynq._secrets import hide_password
from asynq._version import __version__
from asynq.app import Asynq
from asynq.cli.collecting import collect_rarely
from asynq.cli.daemon import ONLY_BEFORE, filled, go_to_background, print_there, settle
from asynq.cli.errors import Misused
from asynq.cli.later import Command
from asynq.cli.leaving import DefaultExecutor, leave
from asynq.cli.log import set_up_logging
from asynq.cli.loop import loop_factory, run
from asynq.cli.metrics import NOWHERE, Address, exposed
from asynq.cli.options import app_option, common
from asynq.cli.render import pairs, say, speak_by_the_line
from asynq.cli.worker_options import worker_options
from asynq.logs import MAIN_PROCESS
from asynq.multi.stages import Stages
from asynq.worker.events import HEARTBEAT
from asynq.worker.health import LOOPBACK
from asynq.worker.node import DEFAULT_NODE, node_name, numbered
from asynq.worker.processes import PARENT_PIPE, SHUT_DOWN, Processes, watch_parent
from asynq.worker.shutdown import HARD_EXIT_CODE
from asynq.worker.sources import Sources
from asynq.worker.worker import Worker


@click.command(cls=Command, short_help="Run tasks until told to stop.")
@app_option
@worker_options
@click.pass_context
def worker(
    context: click.Context,
    *,
    app: str | None,
    queues: str | None,
    exclude_queues: str | None,
    concurrency: int | None,
    autoscale: str | None,
    processes: int,
    threads: int | None,
    prefetch_multiplier: int | None,
    hostname: str | None,
    loglevel: str,
    logfile: Path | None,
    log_format: str | None,
    grace: float | None,
    health_port: int | None,
    health_host: str | None,
    metrics_port: int | None,
    metrics_host: str | None,
    time_limit: float | None,
    soft_time_limit: float | None,
    task_events: bool,
    heartbeat_interval: float | None,
    beat: bool,
    purge: bool,
    reload: bool,
    detach: bool,
    pidfile: str | None,
    uid: str | None,
    gid: str | None,
    umask: str | None,
    executable: str | None,
    process_index: int,
) -> None:
    """Run tasks until told to stop.

    SIGTERM or Ctrl-C lets running tasks end; a second one cancels them and hands them back; a third
    ends the worker at once. SIGUSR1 writes the stacks of all tasks and threads to the log.
    """
    name = common(context).app if app is None else app
    if detach:
        raise Exit(go_to_background(context, partial(_detached, context, name)))
    speak_by_the_line()  # what tasks print is part of the worker's log
    settle(node_name(hostname), pidfile=pidfile, uid=uid, gid=gid, umask=umask)
    is_parent = processes > 1 or reload
    stages = Stages(keep=is_parent)
    found = common(context).open_with_tasks(app)
    limits = {"task_time_limit": time_limit, "task_soft_time_limit": soft_time_limit}
    found.conf.override(**{name: seconds for name, seconds in limits.items() if seconds})
    _set_up_logging(found, loglevel, logfile, log_format, hostname=hostname, index=process_index)

    bounds = _bounds(autoscale)

    def build() -> Worker:
        return Worker(
            found,
            queues=queues,
            exclude_queues=exclude_queues or (),
            concurrency=concurrency,
            autoscale=bounds,
            threads=threads,
            prefetch_multiplier=prefetch_multiplier,
            hostname=hostname,
            grace=grace,
            health_port=health_port,
            health_host=health_host or LOOPBACK,
            task_events=True if task_events else None,
            heartbeat_interval=heartbeat_interval or HEARTBEAT,
        )

    metrics = Address(metrics_host or LOOPBACK, metrics_port)
    _check_ports(processes, health_port, metrics_port)
    if PARENT_PIPE not in os.environ:
        say(banner(found, build(), processes=processes, metrics=metrics))
    if not is_parent:
        exposing = nullcontext if metrics.port is None else exposed(found, metrics)
        collect_rarely()
        known = threading.enumerate()
        code = run(_serve(found, build, stages, exposing, purge=purge, beat=beat))
        leave(known, code)
        raise Exit(code)
    if purge:
        run(_purge(found, build()))
    stages.loaded()
    nodes = [hostname or DEFAULT_NODE] if processes == 1 else numbered(hostname, processes)
    commands = {
        node: command_of(context, app=name, hostname=node, number=number)
        for number, node in enumerate(nodes)
    }
    sources = Sources(Path.cwd()) if reload else None
    parent = Processes(commands, sources=sources, pass_fds=stages.descriptors)
    raise Exit(run(parent.run()))


def _bounds(autoscale: str | None) -> tuple[int, int] | None:
    if autoscale is None:
        return None
    most, _, fewest = autoscale.partition(",")
    try:
        return int(most), int(fewest or 1)
    except ValueError:
        raise Misused(f"--autoscale: expected MAX,MIN, such as 10,3, got {autoscale!r}") from None


async def _serve(
    app: Asynq,
    build: Callable[[], Worker],
    stages: Stages,
    exposing: Callable[[], AbstractAsyncContextManager[object]],
    *,
    purge: bool,
    beat: bool,
) -> int:
    worker = build()
    is_child = PARENT_PIPE in os.environ

    def ready() -> None:
        say(f"{worker.hostname} ready.")
        stages.ready()

    stages.loaded()
    asyncio.get_running_loop().set_default_executor(DefaultExecutor())
    async with app:
        if purge:
            await _throw_away(app, worker)
        watch_parent(worker.stop)
        async with exposing(), _beat_beside(app, worker) if beat else nullcontext():
            await worker.run(on_ready=ready)
    if worker.worn_out:
        return HARD_EXIT_CODE
    return SHUT_DOWN if worker.shut_down and is_child else 0


@asynccontextmanager
async def _beat_beside(app: Asynq, worker: Worker) -> AsyncIterator[None]:
    """Fire periodic tasks until the worker begins to stop."""
    # Not imported with this module: most workers have no beat.
    make: Callable[..., AbstractAsyncContextManager[Any]] = import_object("asynq.beat.beat:Beat")
    async with make(app, embedded=True) as companion:

        def stop(**_: object) -> None:
            companion.stop()

        signals.worker_shutting_down.connect(stop, sender=worker.hostname)
        try:
            yield
        finally:
            signals.worker_shutting_down.disconnect(stop, sender=worker.hostname)


async def _purge(app: Asynq, worker: Worker) -> None:
    async with app:
        await _throw_away(app, worker)


async def _throw_away(app: Asynq, worker: Worker) -> None:
    count = sum([await app.broker.purge(queue) for queue in worker.queues])
    say(f"Purged {count} {'task' if count == 1 else 'tasks'} from {', '.join(worker.queues)}.")


def _set_up_logging(
    app: Asynq,
    level: str,
    logfile: Path | None,
    log_format: str | None,
    *,
    hostname: str | None,
    index: int,
) -> None:
    node = node_name(hostname)
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
    set_up_logging(app, level, logfile, log_format, process_name=process)


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
    words = _program(app) + _as_understood(context, without=HANDLED_BY_PARENT)
    for name, option in PORTS.items():
        if (port := context.params.get(name)) is not None:
            words += [f"{option}={port + number if port else 0}"]
    if "%" in str(context.params.get("logfile")) and context.params.get("processes") != 1:
        words += [f"--process-index={number + 1}"]
    if context.params.get("beat") and number == 0:  # one will do
        words.append("--beat")
    return [*words, f"--hostname={hostname}"]


def _detached(context: click.Context, app: str | None, added: Sequence[str]) -> list[str]:
    """The command line of the worker that we are asked for, but in the foreground."""
    without = frozenset({"app", *ONLY_BEFORE})
    return [*_program(app), *_as_understood(context, without=without), *added]


def _program(app: str | None) -> list[str]:
    return [sys.executable, "-m", "asynq", *(["-A", app] if app else []), "worker"]


def _as_understood(context: click.Context, *, without: Collection[str]) -> list[str]:
    """The options that were given, each in its longest spelling."""
    words = []
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if parameter.name in without or value is None or value is False:
            continue
        if value != parameter.default:
            option = parameter.opts[-1]
            words.append(option if value is True else f"{option}={value}")
    return words


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
