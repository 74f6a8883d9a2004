"""What the tests of the embedded server have in common."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from asynq._redis import paths, process


def ask(place: Path, *words: str) -> bytes:
    return process.ask(paths.socket_path(place), *words, timeout=5.0)


def until(condition: Callable[[], object], *, within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.002)
