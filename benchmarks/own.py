"""The systems that run in this environment: asynq, asynq with more to do, and the two floors."""

from __future__ import annotations

from benchmarks.system import System

PLAIN = 40_000
"""No-op tasks of asynq's and of the floors' drains: the same for each of them."""
NAPS = 20_000

_ASYNQ = ("asynq", "-A", "benchmarks.systems.asynq", "worker", "-c", "{slots}")
_PROCESSES = ("--processes", "{processes}")
_VARIANTS = frozenset({"enqueue-one", "enqueue-many", "drain-1", "latency"})


def _asynq(name: str, *more: str, environment: dict[str, str] | None = None) -> System:
    return System(
        name=name,
        distributions=("asynq-tasks", "hiredis", "uvloop"),
        install=(),
        worker=(*_ASYNQ, *_PROCESSES, *more),
        module="asynq",
        environment=environment or {},
        only=_VARIANTS if name != "asynq" else frozenset(),
        drain=PLAIN,
        naps=NAPS,
    )


def _floor(name: str, *client: str) -> System:
    return System(
        name=name,
        distributions=(*client, "hiredis", "uvloop"),
        install=(),
        worker=(f"benchmarks.systems.{name}",),
        drain=PLAIN,
        naps=NAPS,
    )


OWN = {
    system.name: system
    for system in (
        _asynq("asynq"),
        _asynq("asynq-signed", environment={"ASYNQ_MESSAGE_KEYS": "benchmarks:" + "k" * 43}),
        _asynq("asynq-info", "-l", "INFO"),
        _asynq("asynq-events", "-E"),
        _floor("floor_a", "redis"),
        _floor("floor_b"),
    )
}
