"""Says to a page that is open that there is something new (server-sent events).

It says no more than that; the page asks for itself again, so there is one way in which a page is
made. A stream lasts for some seconds, and the browser asks for the next by itself: a server that
waits for all answers to end before it stops would else wait for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from asynq._time import monotonic
from asynq.monitor import Cluster
from asynq.web.site import Site

LASTS: Final = 5.0
"""Seconds of one stream."""
EVERY: Final = 1.0
"""Seconds between two looks."""
AGAIN: Final = 300
"""Milliseconds until the browser asks again."""


async def live(site: Site, request: Request) -> Response:
    """A stream."""
    cluster = await site.cluster()
    seen = request.headers.get("last-event-id", "")
    return StreamingResponse(
        _stream(cluster, site.closing, seen),
        media_type="text/event-stream",
        headers={"x-accel-buffering": "no"},  # nginx would keep it to itself
    )


async def _stream(cluster: Cluster, closing: asyncio.Event, seen: str) -> AsyncIterator[str]:
    seen = seen or version(cluster)
    yield f"retry: {AGAIN}\nid: {seen}\n\n"
    until = monotonic() + LASTS
    while not closing.is_set() and monotonic() < until:
        if (now := version(cluster)) != seen:
            seen = now
            yield f"event: news\nid: {now}\ndata: {now}\n\n"
        with suppress(TimeoutError):
            async with asyncio.timeout(EVERY):
                await closing.wait()


def version(cluster: Cluster) -> str:
    """Another one when something was learned."""
    return f"{cluster.changed}-{cluster.state.event_count}-{cluster.problem is not None:d}"
