"""What a worker is: its numbers, its settings, its versions."""

from __future__ import annotations

import asyncio
import os
import platform
import resource
from typing import Any, Final
from urllib.parse import urlsplit

from asynq._secrets import hide_password
from asynq._time import monotonic
from asynq._version import __version__
from asynq.control.commands import inspect_command
from asynq.worker.commands.panel import Panel

_NOT_HERE: Final = (
    "not here: `inspect stats` tells the process's memory (rusage.maxrss, KiB), and a profiler "
    "tells what is in it: `memray attach PID`, `py-spy dump --pid PID`"
)


@inspect_command(default_timeout=5.0)
def stats(state: Panel) -> dict[str, Any]:
    """How much it has done, and with what."""
    conf, consumer = state.app.conf, state.crew.consumer
    threads, processes = state.pools.sizes
    return {
        "total": state.total,
        "pid": os.getpid(),
        "clock": _clock(state),
        "uptime": round(monotonic() - state.state.began),
        "pool": {
            "implementation": type(asyncio.get_running_loop()).__module__.partition(".")[0],
            "max-concurrency": consumer.slots,
            "free-slots": max(0, consumer.free),
            "autoscale": state.autoscaler.bounds,
            "threads": {"max": threads, "abandoned": state.pools.abandoned},
            "max-processes": processes,
            "processes": state.pools.pids,
            "max-tasks-per-child": conf.worker_max_tasks_per_child or "N/A",
            "timeouts": [conf.task_soft_time_limit or 0, conf.task_time_limit or 0],
        },
        "broker": _broker(conf.broker_url),
        "prefetch_count": consumer.slots + consumer.reserve,
        "active": len(state.state.active),
        "reserved": len(list(state.held())),
        "stuck": state.crew.processor.stuck(),
        "asynq": __version__,
        "rusage": _rusage(),
    }


@inspect_command
def clock(state: Panel) -> dict[str, int]:
    """The server's time as it knows it, in milliseconds since 1970."""
    return {"clock": _clock(state)}


@inspect_command(
    alias="dump_conf", args=[("with_defaults", lambda word: word != "")],
    signature="[include_defaults]",
)  # fmt: skip
def conf(state: Panel, with_defaults: bool = False) -> dict[str, Any]:
    """Its settings, without their secrets."""
    return state.app.conf.table(with_defaults=with_defaults)


@inspect_command
def report(state: Panel) -> dict[str, str]:
    """Versions and settings as text, for a bug report."""
    settings = state.app.conf.table()
    lines = [
        f"software -> asynq:{__version__} py:{platform.python_version()}",
        f"platform -> {platform.platform()}",
        f"transport -> {hide_password(state.app.conf.broker_url)}",
        "",
        *(f"{name}: {settings[name]!r}" for name in sorted(settings)),
    ]
    return {"ok": "\n".join(lines)}


@inspect_command(visible=False)
def hello(state: Panel, **_: Any) -> dict[str, Any]:
    """What workers of Celery tell each other when they start."""
    return {"clock": _clock(state)}


@inspect_command(visible=False, variadic="words")
def memsample(state: Panel, **_: Any) -> dict[str, str]:
    """Not here."""
    return {"error": f"memsample is {_NOT_HERE}"}


@inspect_command(visible=False, variadic="words")
def memdump(state: Panel, **_: Any) -> dict[str, str]:
    """Not here."""
    return {"error": f"memdump is {_NOT_HERE}"}


@inspect_command(visible=False, variadic="words")
def objgraph(state: Panel, **_: Any) -> dict[str, str]:
    """Not here."""
    return {"error": f"objgraph is {_NOT_HERE}"}


def _clock(state: Panel) -> int:
    return round(state.crew.broker.now() * 1000)


def _broker(url: str) -> dict[str, Any]:
    parts = urlsplit(hide_password(url))
    try:
        port = parts.port
    except ValueError:
        port = None
    return {
        "transport": parts.scheme,
        "hostname": parts.hostname or "",
        "port": port,
        "userid": parts.username or None,
        "virtual_host": parts.path.lstrip("/"),
        "url": hide_password(url),
    }


def _rusage() -> dict[str, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        name.removeprefix("ru_"): getattr(used, name)
        for name in dir(used)
        if name.startswith("ru_")
    }
