"""The options of `asynq worker`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click
from msgspec import Struct

from asynq.cli.daemon import SERVICE_OPTIONS

AT_LEAST_ONE: Final = click.IntRange(min=1)

OPTIONS: Final = (
    click.option("-Q", "--queues", metavar="NAME,…", help="Serve these queues only."),
    click.option("-X", "--exclude-queues", metavar="NAME,…", help="Leave these of them out."),
    click.option(
        *("-c", "--concurrency"),
        type=AT_LEAST_ONE,
        metavar="N",
        help="Tasks at once, on one event loop.",
    ),
    click.option(
        "--autoscale",
        metavar="MAX,MIN",
        help="Have as many tasks at once as there is work for, within these bounds.",
    ),
    click.option(
        "--processes",
        type=AT_LEAST_ONE,
        default=1,
        metavar="N",
        help="Event loops, each in a process of its own.",
    ),
    click.option(
        "--threads", type=AT_LEAST_ONE, metavar="N", help="`def` tasks at once, in threads."
    ),
    click.option(
        "--prefetch-multiplier",
        type=AT_LEAST_ONE,
        metavar="N",
        help="Tasks fetched for each slot; 1: only what can start now.",
    ),
    click.option(
        *("-n", "--hostname"),
        metavar="NODE",
        help="Node name: %h is the host, %n its short name, %d its domain, %p the process.",
    ),
    click.option(
        *("-l", "--loglevel"),
        default="WARNING",
        metavar="LEVEL",
        help="DEBUG, INFO, WARNING, ERROR or CRITICAL.",
    ),
    click.option(
        *("-f", "--logfile"),
        type=click.Path(path_type=Path),
        metavar="PATH",
        help="Log there, not to standard error. %n is the node's name, %h its host, %d the domain, "
        "%p name and host, %i the process's number, %I the same with a dash, none for the main.",
    ),
    click.option("--log-format", metavar="FORMAT", help="A format of `logging`, or json."),
    click.option(
        "--grace",
        type=click.FloatRange(min=0),
        metavar="SECONDS",
        help="Time for running tasks to end when it stops.",
    ),
    click.option(
        "--health-port",
        type=click.IntRange(0, 65535),
        metavar="PORT",
        help="Answer /healthz and /readyz there; with --processes each takes the next port.",
    ),
    click.option("--health-host", metavar="ADDRESS", help="The address for it: 127.0.0.1."),
    click.option(
        "--metrics-port",
        type=click.IntRange(0, 65535),
        metavar="PORT",
        help="Show metrics for Prometheus there; with --processes each takes the next port.",
    ),
    click.option("--metrics-host", metavar="ADDRESS", help="The address for it: 127.0.0.1."),
    click.option(
        "--time-limit",
        type=click.FloatRange(min=0.001),
        metavar="SECONDS",
        help="End tasks that run longer and say nothing else.",
    ),
    click.option(
        "--soft-time-limit",
        type=click.FloatRange(min=0.001),
        metavar="SECONDS",
        help="Raise SoftTimeLimitExceeded in tasks that run longer and say nothing else.",
    ),
    click.option(
        "--max-tasks-per-child",
        type=AT_LEAST_ONE,
        metavar="N",
        help='Replace a child process after so many tasks (pool="process").',
    ),
    click.option(
        "--max-memory-per-child",
        type=AT_LEAST_ONE,
        metavar="KIB",
        help="Replace a child process that has more memory than that after a task.",
    ),
    click.option(
        *("-E", "--task-events"), is_flag=True, help="Tell events, for monitors: asynq events."
    ),
    click.option(
        "--heartbeat-interval",
        type=click.FloatRange(min=0.001),
        metavar="SECONDS",
        help="Time between two events that say that it lives: 2.",
    ),
    click.option("-B", "--beat", is_flag=True, help="Call periodic tasks too, as `asynq beat`."),
    click.option("--purge", is_flag=True, help="Throw away all waiting tasks of its queues first."),
    click.option(
        "--reload", is_flag=True, help="Start again when Python files here change: to develop."
    ),
    *SERVICE_OPTIONS,
    click.option("--process-index", type=click.IntRange(min=0), default=0, hidden=True),
)


class Given(Struct, frozen=True, kw_only=True):
    """What was said; the names are those of the options."""

    queues: str | None
    exclude_queues: str | None
    concurrency: int | None
    autoscale: str | None
    processes: int
    threads: int | None
    prefetch_multiplier: int | None
    hostname: str | None
    loglevel: str
    logfile: Path | None
    log_format: str | None
    grace: float | None
    health_port: int | None
    health_host: str | None
    metrics_port: int | None
    metrics_host: str | None
    time_limit: float | None
    soft_time_limit: float | None
    max_tasks_per_child: int | None
    max_memory_per_child: int | None
    task_events: bool
    heartbeat_interval: float | None
    beat: bool
    purge: bool
    reload: bool
    detach: bool
    pidfile: str | None
    uid: str | None
    gid: str | None
    umask: str | None
    executable: str | None
    process_index: int
