"""A private server for one measurement: memory only, gone at the end, even if we are killed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import KINDS, PrivateServer

KIND = "redis" if "redis" in KINDS else "valkey"
"""The machine's own redis-server, where it has one."""


@contextmanager
def private_server() -> Iterator[tuple[str, str]]:
    """One on a Unix socket: its URL, and what it is."""
    with (
        tempfile.TemporaryDirectory(prefix="asynq-bench-") as directory,
        PrivateServer(KIND, Path(directory)) as server,
    ):
        yield server.url, server.label
