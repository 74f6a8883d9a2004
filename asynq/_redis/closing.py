"""Closing what nobody closed, when the event loop ends.

`asyncio.run` closes the async generators that its loop has seen, before it closes the loop; both
asyncio's loop and uvloop do. So a generator stands for a connection there, and no program has to
close ours to end without a warning.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable


def close_with_loop(close: Callable[[], None]) -> AsyncGenerator[None, None]:
    """Have it called when the running loop ends, or at `aclose()` of what this returns.

    Keep the generator: when it is thrown away, `close` is called then.
    """
    generator = _wait_for_the_end(close)
    # Driven by hand to its first yield, which is when the loop takes note of it.
    with contextlib.suppress(StopIteration):
        generator.__anext__().send(None)
    return generator


async def _wait_for_the_end(close: Callable[[], None]) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        close()
        await asyncio.sleep(0)  # a transport lets go of its socket in the loop's next turn
