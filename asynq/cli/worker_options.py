"""The options of `asynq worker`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

QueuesOption = Annotated[
    str | None,
    typer.Option("-Q", "--queues", metavar="NAME,…", help="Serve these queues only."),
]

ConcurrencyOption = Annotated[
    int | None,
    typer.Option(
        "-c", "--concurrency", metavar="N", min=1, help="Tasks at once, on one event loop."
    ),
]

ProcessesOption = Annotated[
    int,
    typer.Option(
        "--processes", metavar="N", min=1, help="Event loops, each in a process of its own."
    ),
]

ThreadsOption = Annotated[
    int | None,
    typer.Option("--threads", metavar="N", min=1, help="`def` tasks at once, in threads."),
]

PrefetchMultiplierOption = Annotated[
    int | None,
    typer.Option(
        "--prefetch-multiplier",
        metavar="N",
        min=1,
        help="Tasks fetched for each slot; 1: only what can start now.",
    ),
]

HostnameOption = Annotated[
    str | None,
    typer.Option(
        "-n",
        "--hostname",
        metavar="NODE",
        help="Node name: %h is the host, %n its short name, %d its domain, %p the process.",
    ),
]

LoglevelOption = Annotated[
    str,
    typer.Option(
        "-l", "--loglevel", metavar="LEVEL", help="DEBUG, INFO, WARNING, ERROR or CRITICAL."
    ),
]

LogfileOption = Annotated[
    Path | None,
    typer.Option("-f", "--logfile", metavar="PATH", help="Log there, not to standard error."),
]

LogFormatOption = Annotated[
    str | None,
    typer.Option("--log-format", metavar="FORMAT", help="A format of `logging`, or json."),
]

GraceOption = Annotated[
    float | None,
    typer.Option(
        "--grace", metavar="SECONDS", min=0, help="Time for running tasks to end when it stops."
    ),
]

TimeLimitOption = Annotated[
    float | None,
    typer.Option(
        "--time-limit",
        metavar="SECONDS",
        min=0.001,
        help="End tasks that run longer and say nothing else.",
    ),
]

SoftTimeLimitOption = Annotated[
    float | None,
    typer.Option(
        "--soft-time-limit",
        metavar="SECONDS",
        min=0.001,
        help="Raise SoftTimeLimitExceeded in tasks that run longer and say nothing else.",
    ),
]

HealthPortOption = Annotated[
    int | None,
    typer.Option(
        "--health-port",
        metavar="PORT",
        min=0,
        max=65535,
        help="Answer /healthz and /readyz there; with --processes each takes the next port.",
    ),
]

HealthHostOption = Annotated[
    str | None,
    typer.Option("--health-host", metavar="ADDRESS", help="The address for it: 127.0.0.1."),
]

PurgeOption = Annotated[
    bool, typer.Option("--purge", help="Throw away all waiting tasks of its queues first.")
]

ReloadOption = Annotated[
    bool,
    typer.Option("--reload", help="Start again when Python files here change: to develop."),
]
