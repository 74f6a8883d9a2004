"""Where a command's own work runs: in an event loop, with the app open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from asynq.app import Asynq
from asynq.cli.loop import run
from asynq.cli.options import common

T = TypeVar("T")


def in_app(
    context: click.Context,
    name: str | None,
    work: Callable[[Asynq], Awaitable[T]],
    *,
    with_tasks: bool = False,
) -> T:
    """What `work` gives for the app, whose connections are closed afterwards.

    Args:
        context: The command's.
        name: Where the app is, if the command itself was told.
        work: The work.
        with_tasks: Import the app's modules first.
    """
    options = common(context)
    found = options.open_with_tasks(name) if with_tasks else options.open(name)

    async def inside() -> T:
        async with found:
            return await work(found)

    return run(inside())
