"""What all pages of one `Web` know: the app, its cluster, who may do what."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Final

from asynq.app import Asynq
from asynq.monitor import Cluster
from asynq.web.access import Access

logger = logging.getLogger("asynq.web")

PATIENCE: Final = 0.3
"""Seconds that a page waits for the history, before it says that it is being read."""
WRONG_TOKEN: Final = 0.5
"""Seconds that an answer to a wrong token takes."""


class Site:
    """One page's.

    Args:
        app: The app.
        access: Who is let in.
        writable: Things can be done.
        shows_arguments: Arguments and results are shown.
        tasks: Of how many tasks the history is kept.
    """

    def __init__(
        self, app: Asynq, access: Access, *, writable: bool, shows_arguments: bool, tasks: int
    ) -> None:
        self.app = app
        self.access = access
        self.writable = writable
        self.shows_arguments = shows_arguments
        self.name = app.main or "asynq"
        self.closing = asyncio.Event()
        self._tasks = tasks
        self._followed: tuple[Cluster, asyncio.Task[None]] | None = None

    async def cluster(self) -> Cluster:
        """The cluster, followed from now on if it is not yet; what is kept of the past has a moment
        to be read."""
        cluster = self.follow()
        if not cluster.loaded.is_set() and cluster.problem is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await cluster.loaded.wait()
        return cluster

    def follow(self) -> Cluster:
        """Follow the cluster in the running event loop, until `close` or the loop's end."""
        if self._followed is not None:
            cluster, task = self._followed
            if not task.done() and task.get_loop() is asyncio.get_running_loop():
                return cluster
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                logger.error("Following the cluster has failed, and begins anew", exc_info=error)
        self.closing = asyncio.Event()
        cluster = Cluster(self.app, tasks=self._tasks)
        self._followed = cluster, asyncio.create_task(cluster.run(), name="asynq-web")
        return cluster

    async def close(self) -> None:
        """Follow it no more; pages that are live are told to end."""
        self.closing.set()
        if self._followed is None:
            return
        _, task = self._followed
        self._followed = None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def slow_down(self) -> None:
        """Let whoever tries tokens wait."""
        await asyncio.sleep(WRONG_TOKEN)
