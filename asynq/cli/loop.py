"""The one place that chooses an event loop: uvloop where it is installed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

try:
    import uvloop
except ImportError:  # Windows, or taken out on purpose
    _factory: Callable[[], asyncio.AbstractEventLoop] | None = None
else:
    _factory = uvloop.new_event_loop

T = TypeVar("T")


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes our loops; None: asyncio's own."""
    return _factory


def run(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` on that loop."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(main)
