"""Reading what is pending in lanes, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final, TypeAlias

from asynq._redis.errors import Refused, kind_of
from asynq._redis.keys import GROUP
from asynq._redis.pipeline import Pipeline, Word
from asynq.brokers.redis.scripts import PENDING

PAGE: Final = 500
LANES: Final = 50
"""Lanes whose first page one call reads, where they hold less than a page together."""

Page: TypeAlias = Sequence[tuple[bytes, bytes, int, int]]
"""Entry, owner, milliseconds idle, deliveries."""


async def pages(
    pipeline: Pipeline, lanes: Sequence[bytes], *, owner: bytes | None = None
) -> AsyncIterator[tuple[bytes, Page]]:
    """Each lane and a page of it, and so on to the end of the last.

    Args:
        owner: Whose entries; None: everybody's.

    Raises:
        OperationalError, Refused: the server can't be reached, or refuses.
    """
    whose: tuple[Word, ...] = () if owner is None else (owner,)
    done = 0
    while done < len(lanes):
        some = lanes[done : done + LANES]
        firsts: Sequence[Page] = await pipeline.run(PENDING, some, (GROUP, PAGE, *whose))
        done += len(firsts)
        for lane, first in zip(some, firsts, strict=False):
            page = first
            yield lane, page
            while len(page) >= PAGE:
                page = await _after(pipeline, lane, page[-1][0], whose)
                yield lane, page


async def _after(pipeline: Pipeline, lane: bytes, entry: bytes, whose: tuple[Word, ...]) -> Page:
    try:
        page: Page = await pipeline.execute(
            b"XPENDING", lane, GROUP, b"(" + entry, b"+", PAGE, *whose
        )
    except Refused as error:
        if kind_of(error) == "NOGROUP":
            return ()
        raise
    return page
