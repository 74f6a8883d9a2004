"""What is measured: each workload is a function of a scene that gives figures, in one table.

A new one is a function and a line in `WORKLOADS`. Its figures are numbers by name, of which the
columns show some; whatever else it gives is kept in the JSON.
"""

from __future__ import annotations

from functools import partial

from benchmarks.growth import QUEUES, RUNNING, WAITING, queues, running, waiting
from benchmarks.idle import idle, importing, start_up
from benchmarks.jobs import SLOTS, THREADS, clients, commands, drain, enqueue, latency, naps
from benchmarks.workload import Column, Workload

RATE = Column("rate", "per second", more_is_better=True)
SERVER = (
    Column("server_cpu", "server CPU µs", 1),
    Column("bytes_in", "bytes in"),
    Column("bytes_out", "bytes out"),
)
CALL = (RATE, Column("cpu", "caller's CPU µs", 1), *SERVER)
RUN = (RATE, Column("cpu", "worker CPU µs", 1), *SERVER)
TIMES = tuple(Column(f"p{part}", f"p{part} ms", 2) for part in (50, 95, 99))
TRIP = (
    Column("cpu", "caller's CPU µs", 1),
    Column("worker_cpu", "worker CPU µs", 1),
    Column("server_cpu", "server CPU µs", 1),
)
MEMORY = (
    Column("queued", "bytes a queued task"),
    Column("stored", "bytes a task leaves"),
    Column("result", "bytes of a result's key"),
)

WORKLOADS: dict[str, Workload] = {
    "enqueue-one": Workload("Enqueue, one by one", partial(enqueue, many=False), CALL),
    "enqueue-many": Workload("Enqueue, concurrently", partial(enqueue, many=True), CALL),
    "drain-1": Workload("Drain no-op tasks, one process", drain, (*RUN, *MEMORY)),
    "drain-2": Workload("Drain no-op tasks, two processes", partial(drain, processes=2), RUN),
    "naps-500": Workload("Drain sleeps of 50 ms, 500 slots", partial(naps, slots=SLOTS), RUN),
    "naps-5000": Workload(
        "Drain sleeps of 50 ms, 5,000 slots",
        partial(naps, slots=5_000),
        (RATE, *SERVER),
        quick=False,
    ),
    "threads": Workload(
        f"Drain plain functions in threads, {THREADS} slots",
        partial(drain, task="work", slots=THREADS),
        RUN,
    ),
    "latency": Workload("Round trip, idle worker", latency, (*TIMES, *TRIP), needs_results=True),
    "clients-50": Workload(
        "50 clients in a loop",
        partial(clients, clients=50),
        (RATE, *TIMES, *TRIP),
        needs_results=True,
    ),
    "clients-1000": Workload(
        "1,000 clients in a loop",
        partial(clients, clients=1_000),
        (RATE, *TIMES, *TRIP),
        quick=False,
        needs_results=True,
    ),
    "commands": Workload(
        "Redis commands a task, under load",
        commands,
        (
            Column("sent", "sent by clients", 3),
            Column("calling", "of which by the caller", 3),
            Column("running", "of which by the worker", 3),
            Column("executed", "executed, also in scripts", 2),
        ),
    ),
    "idle": Workload(
        "An idle worker",
        idle,
        (
            Column("rss", "RSS MB", 1),
            Column("pss", "PSS MB", 1),
            Column("cpu", "% of a core", 2),
            Column("sent", "commands a second", 2),
            Column("executed", "executed a second", 2),
        ),
        quick=False,
    ),
    "start-up": Workload(
        "From a worker's start to the end of its first task",
        start_up,
        (Column("seconds", "seconds", 2), Column("least", "at best", 2)),
    ),
    "import": Workload(
        "What a program imports to send tasks",
        importing,
        (
            Column("wall", "ms", 0),
            Column("cpu", "CPU ms", 0),
            Column("modules", "modules in all"),
        ),
    ),
    "waiting": Workload(
        f"A task's CPU with {WAITING[0]:,} to {WAITING[-1]:,} waiting",
        waiting,
        (
            Column("both-growth", "times as much", 2),
            Column("both-least", "µs at the fewest", 1),
            Column("both-most", "µs at the most", 1),
            Column("calling-growth", "a call, times as much", 2),
            Column("queued", "bytes a queued task"),
        ),
        quick=False,
        only=("asynq",),
    ),
    "running": Workload(
        f"A task's CPU with {RUNNING[0]:,} to {RUNNING[-1]:,} running",
        running,
        (
            Column("both-growth", "times as much", 2),
            Column("both-least", "µs at the fewest", 1),
            Column("both-most", "µs at the most", 1),
            Column("bytes", "bytes a running task"),
            Column("rss", "RSS MB at the most"),
        ),
        quick=False,
        only=("asynq",),
    ),
    "queues": Workload(
        f"A task's CPU with {QUEUES[0]:,} to {QUEUES[-1]:,} queues",
        queues,
        (
            Column("both-growth", "times as much", 2),
            Column("both-least", "µs at the fewest", 1),
            Column("both-most", "µs at the most", 1),
        ),
        quick=False,
        only=("asynq",),
    ),
}
