"""Meters: the processor's time, a trace of every function, and the server's own counts."""

from __future__ import annotations

import cProfile
import gc
import time
from dataclasses import dataclass, field
from typing import Any

import redis

SHORTEST_MICROSECONDS = 5
"""Calls of the server's log are kept from here on: a script's own commands are shorter."""


@dataclass
class Cpu:
    """Seconds of processor time: of the loop's thread, and of the whole process."""

    thread: float = 0.0
    process: float = 0.0
    collecting: float = 0.0
    """Of the thread's, those in Python's garbage collector."""

    def begin(self) -> None:
        gc.callbacks.append(self._collected)
        self.process = -time.process_time()
        self.thread = -time.thread_time()

    def end(self) -> None:
        self.thread += time.thread_time()
        self.process += time.process_time()
        gc.callbacks.remove(self._collected)

    def _collected(self, phase: str, _: object) -> None:
        self.collecting += time.thread_time() * (-1 if phase == "start" else 1)


@dataclass
class Trace:
    """Every function that is called in the loop's thread, by `cProfile`.

    Its clock is the thread's processor time: by the wall's, a function that writes to a socket has
    on its account what the server does, where both share a core.
    """

    profiler: cProfile.Profile = field(
        default_factory=lambda: cProfile.Profile(time.thread_time_ns, 1e-9)
    )
    cpu: Cpu = field(default_factory=Cpu)

    def begin(self) -> None:
        self.cpu.begin()
        self.profiler.enable()

    def end(self) -> None:
        self.profiler.disable()
        self.cpu.end()


@dataclass(frozen=True)
class Counts:
    """What a server has counted."""

    calls: dict[str, int]
    """Of each command, also of those that scripts execute."""
    microseconds: dict[str, float]
    """In each command; a script's include those of what it executes."""
    bytes_in: int
    bytes_out: int
    cpu: float
    """Seconds of processor time of the whole server."""


class Server:
    """What a server counts, and its log of all but the shortest commands that clients send."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url)
        self._client.config_set("slowlog-max-len", 1_000_000)
        self._before = _EMPTY
        self.counts = _EMPTY
        self.log: list[tuple[str, float]] = []
        """Commands of clients, scripts by their digest, and the microseconds of each."""

    def begin(self) -> None:
        self._client.config_set("slowlog-log-slower-than", SHORTEST_MICROSECONDS)
        self._client.slowlog_reset()
        self._before = self._look()

    def end(self) -> None:
        self.counts = _between(self._before, self._look())
        self._client.config_set("slowlog-log-slower-than", -1)
        for entry in self._client.slowlog_get(-1):
            if entry["client_address"].startswith(b"?"):  # a script's own command
                continue
            name = _name(entry["command"])
            if name not in OWN:
                self.log.append((name, float(entry["duration"])))
        self._client.slowlog_reset()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _look(self) -> Counts:
        info = self._client.info("stats", "cpu", "commandstats")
        stats = {
            name.removeprefix("cmdstat_"): figures
            for name, figures in info.items()
            if name.startswith("cmdstat_")
        }
        return Counts(
            calls={name: figures["calls"] for name, figures in stats.items()},
            microseconds={name: float(figures["usec"]) for name, figures in stats.items()},
            bytes_in=info["total_net_input_bytes"],
            bytes_out=info["total_net_output_bytes"],
            cpu=info["used_cpu_user"] + info["used_cpu_sys"],
        )


OWN = ("info", "config", "slowlog")
"""What the meter itself sends, by the command's first word."""

_EMPTY = Counts({}, {}, 0, 0, 0.0)


def _name(command: bytes) -> str:
    words = command.split(maxsplit=2)
    if words[0].upper() in (b"EVALSHA", b"EVALSHA_RO"):
        return words[1].decode()
    return words[0].decode(errors="replace").lower()


def _between(before: Counts, after: Counts) -> Counts:
    def less(late: dict[str, Any], early: dict[str, Any]) -> dict[str, Any]:
        return {
            name: late[name] - early.get(name, 0)
            for name in late
            if late[name] != early.get(name, 0) and name.partition("|")[0] not in OWN
        }

    return Counts(
        calls=less(after.calls, before.calls),
        microseconds=less(after.microseconds, before.microseconds),
        bytes_in=after.bytes_in - before.bytes_in,
        bytes_out=after.bytes_out - before.bytes_out,
        cpu=after.cpu - before.cpu,
    )
