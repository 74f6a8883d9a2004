from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import uvloop

from asynq._redis.closing import close_with_loop


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_it_is_called_when_the_loop_ends(new_loop: Callable[[], asyncio.AbstractEventLoop]):
    calls: list[str] = []

    async def program() -> object:
        kept = close_with_loop(lambda: calls.append("closed"))
        await asyncio.sleep(0)
        assert calls == []
        return kept

    with asyncio.Runner(loop_factory=new_loop) as runner:
        kept = runner.run(program())
        assert calls == []
    assert calls == ["closed"]
    assert kept is not None


async def test_it_is_called_once_when_closed_before():
    calls: list[str] = []
    kept = close_with_loop(lambda: calls.append("closed"))
    await kept.aclose()
    await kept.aclose()
    assert calls == ["closed"]
