"""What is asked for in a URL, found."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from asynq._time import monotonic
from asynq.app import Asynq
from asynq.dead import DeadLetter
from asynq.events.seen import Task
from asynq.events.state import State
from asynq.exceptions import OptionValueError
from asynq.web.views.tasks import Wanted

FURTHEST: Final = 1_000_000
"""The largest offset."""
AT_ONCE: Final = 0.02
"""Seconds for which a search lets nothing else run."""
LONGEST: Final = 500
"""Characters that are searched for."""


def wanted(asked: Mapping[str, str]) -> Wanted:
    """Which tasks a URL asks for.

    Raises:
        OptionValueError: its offset is none.
    """
    text = asked.get("text", "").strip()[:LONGEST]
    return Wanted(
        text=text or None,
        state=asked.get("state") or None,
        name=asked.get("name") or None,
        worker=asked.get("worker") or None,
        queue=asked.get("queue") or None,
        offset=offset_in(asked),
    )


def offset_in(asked: Mapping[str, str]) -> int:
    """How many to pass over.

    Raises:
        OptionValueError: that is no number.
    """
    text = asked.get("offset") or "0"
    if not (text.isascii() and text.isdecimal() and len(text) < 8 and int(text) <= FURTHEST):
        raise OptionValueError(f"offset: expected a number up to {FURTHEST:,}, got {text!r}")
    return int(text)


async def find(state: State, wanted: Wanted, limit: int, *, hidden: bool) -> list[Task]:
    """Tasks, the newest first.

    Args:
        state: Where.
        wanted: Which.
        limit: How many at most.
        hidden: Arguments and results are not shown, so they are not searched either: whoever tries
            letter by letter would find them out.
    """
    search = state.search(
        name=wanted.name,
        state=wanted.state,
        worker=wanted.worker,
        queue=wanted.queue,
        text=wanted.text,
        values=not hidden,
    )
    found: list[Task] = []
    passed, rested = 0, monotonic()
    for task in search:
        if task is not None:
            passed += 1
            if passed > wanted.offset:
                found.append(task)
            if len(found) == limit:
                break
        elif monotonic() - rested > AT_ONCE:
            await asyncio.sleep(0)
            rested = monotonic()
    return found


async def letters(app: Asynq, queue: str | None, offset: int, limit: int) -> list[DeadLetter]:
    """Dead letters, the oldest first."""
    found: list[DeadLetter] = []
    passed = 0
    async for letter in app.dead.letters(queue):
        passed += 1
        if passed > offset:
            found.append(letter)
        if len(found) == limit:
            break
    return found
