"""Which peers there are: what to install, how to start a worker, what acknowledges a task."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from asynq.brokers.redis.scripts import SETTLE
from benchmarks.reliability.setting import SLOTS


@dataclass(frozen=True)
class Peer:
    """One task queue.

    Args:
        name: also the name of the module here that sets it up.
        distributions: whose versions to print.
        install: what pip installs; nothing where it runs in this environment.
        worker: what follows `python -m` to start a worker, `{lease}` being seconds.
        acknowledges: words of the request, and of no other, by which a worker says that a task is
            done.
        slower: how many leases at least pass before it takes tasks back from a dead worker.
    """

    name: str
    distributions: tuple[str, ...]
    install: tuple[str, ...]
    worker: tuple[str, ...]
    acknowledges: bytes
    slower: float = 1.0

    @property
    def home(self) -> str:
        """The environment it runs in: without what only makes it faster."""
        return f"reliability-{self.name}"

    @property
    def configuration(self) -> str:
        """How it is set up, and which page advises so."""
        source = (Path(__file__).parent / f"{self.name}.py").read_text()
        return ast.get_docstring(ast.parse(source)) or ""


def _here(name: str, attribute: str = "") -> str:
    return f"benchmarks.reliability.{name}{attribute}"


PEERS = {
    peer.name: peer
    for peer in (
        Peer(
            "asynq",
            ("asynq-tasks", "hiredis"),
            (),
            ("asynq", "-A", _here("asynq"), "worker", "-c", str(SLOTS), "-l", "INFO"),
            SETTLE.digest,
        ),
        Peer(
            "celery",
            ("celery", "kombu", "redis"),
            ("celery[redis]",),
            ("celery", "-A", _here("celery"), "worker", "-P", "prefork", "-c", str(SLOTS)),
            b"HDEL",
        ),
        Peer(
            "arq",
            ("arq", "redis"),
            ("arq",),
            ("arq", _here("arq", ".WorkerSettings")),
            b"ZREM",
            slower=3.0,
        ),
        Peer(
            "taskiq",
            ("taskiq", "taskiq-redis", "redis"),
            ("taskiq-redis",),
            (
                *("taskiq", "worker", _here("taskiq", ":broker"), "--workers", "1"),
                *("--max-async-tasks", str(SLOTS), "--ack-type", "when_saved"),
            ),
            b"XACK",
        ),
        Peer(
            "saq",
            ("saq", "redis"),
            # It imports typing_extensions and does not declare it.
            ("saq[redis,hiredis]", "typing_extensions"),
            ("saq", _here("saq", ".settings")),
            b"LREM",
        ),
        Peer(
            "streaq",
            ("streaq", "coredis"),
            ("streaq",),
            ("streaq", "run", _here("streaq", ":worker")),
            b"XACK",
        ),
        Peer(
            "docket",
            ("pydocket", "redis"),
            ("pydocket",),
            (
                *("docket", "worker", "--docket", "reliability", "--url", "{url}"),
                *("--tasks", _here("docket", ":tasks"), "--concurrency", str(SLOTS)),
                *("--redelivery-timeout", "{lease}s", "--reconnection-delay", "1s"),
            ),
            b"completed",
        ),
        Peer(
            "dramatiq",
            ("dramatiq", "redis"),
            ("dramatiq[redis]",),
            ("dramatiq", _here("dramatiq"), "--processes", "1", "--threads", str(SLOTS)),
            b"\r\nack\r\n",
        ),
    )
}
