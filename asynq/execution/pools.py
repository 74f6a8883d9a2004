"""The threads and processes that one worker runs tasks in."""

from __future__ import annotations

import asyncio
from typing import Final

from asynq.execution.processes import NO_WEAR, ProcessPool, Wear
from asynq.execution.threads import ThreadPool


class Pools:
    """A worker's threads and processes; made when first needed.

    Args:
        threads, processes: How many of each there may be.
        wear: After what a process is replaced.
    """

    def __init__(self, *, threads: int, processes: int, wear: Wear = NO_WEAR) -> None:
        self.sizes: Final = (threads, processes)
        """How many threads, and how many processes there may be."""
        self._places = {
            "thread": asyncio.Semaphore(threads),
            "process": asyncio.Semaphore(processes),
        }
        self._wear = wear
        self._threads: ThreadPool | None = None
        self._processes: ProcessPool | None = None

    @property
    def threads(self) -> ThreadPool:
        """For blocking functions."""
        if self._threads is None:
            self._threads = ThreadPool(self.sizes[0])
        return self._threads

    @property
    def processes(self) -> ProcessPool:
        """For work that must be killable, or that needs a processor of its own."""
        if self._processes is None:
            self._processes = ProcessPool(self.sizes[1], self._wear)
        return self._processes

    def place(self, pool: str) -> asyncio.Semaphore | None:
        """To be held while a task runs in that pool, so that it begins there at once; None: there
        is room for all."""
        return self._places.get(pool)

    @property
    def pids(self) -> list[int]:
        """The process ids of the children there are."""
        return [] if self._processes is None else self._processes.pids

    def renew_processes(self) -> tuple[int, int]:
        """See `ProcessPool.renew`."""
        return (0, 0) if self._processes is None else self._processes.renew()

    @property
    def abandoned(self) -> int:
        """Threads that go on with a call nobody waits for any more."""
        return 0 if self._threads is None else self._threads.abandoned

    def close(self) -> None:
        """Let the threads go."""
        if self._threads is not None:
            self._threads.close()

    async def aclose(self) -> None:
        """Let the threads go, and end the processes."""
        self.close()
        if self._processes is not None:
            await self._processes.aclose()
