"""Waiting for what no event can tell, outside this process: the only polling in tests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any


async def until(condition: Callable[[], Any | Awaitable[Any]], *, within: float = 15.0) -> Any:
    """The condition's value, as soon as it is true; fails after `within` seconds."""
    async with asyncio.timeout(within):
        while True:
            value = condition()
            if isawaitable(value):
                value = await value
            if value:
                return value
            await asyncio.sleep(0.01)
