"""Nothing that a test has started in the background outlives it."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from asynq.multi.pidfile import find


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A directory for pidfiles in ``run``; who holds one at the end is killed."""
    yield tmp_path
    for path in (tmp_path / "run").glob("*.pid"):
        if path.is_file() and (holder := find(path)) is not None:
            with holder, contextlib.suppress(ProcessLookupError):
                os.kill(holder.pid, signal.SIGKILL)
                holder.wait(10)
