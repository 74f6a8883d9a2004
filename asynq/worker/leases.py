"""Agent, in a thread of its own: keeps what we hold ours, and watches the event loop.

A delivery is leased: whoever does not renew it is taken for dead, and another worker gets it. The
renewing lives in a thread with its own connection, so a task that blocks the event loop
(`time.sleep`, a C call that lets go of the GIL) does not lose its lease and is not run a second
time somewhere else.
The same thread sees that the loop is blocked, and says which line blocks it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence

from asynq._time import monotonic
from asynq.brokers.base import Delivery, LeaseKeeper
from asynq.exceptions import AsynqError
from asynq.execution.frames import stack_since_task
from asynq.outage import Outage
from asynq.worker.shutdown import HARD_EXIT_CODE

logger = logging.getLogger("asynq.worker")

LOOK_SECONDS = 1.0
"""How often the thread looks at the loop, and the least lag it reports."""


WEDGED_SECONDS = 30.0
"""How much longer than its tasks may take the loop may be blocked."""


class Leases:
    """Renews every third of the lease. Without a keeper it only watches the loop.

    A loop that never goes on would keep its tasks for ever. Where all that runs has a time limit,
    and the last of these is long over, the process is ended: others take the tasks over then.

    Args:
        keeper: Renews them; None: they need no renewal.
        lease: Seconds.
        patience: How many seconds what runs may block the loop; None: without end.
    """

    def __init__(
        self,
        keeper: LeaseKeeper | None,
        *,
        lease: float,
        patience: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._keeper = keeper
        self._patience = patience
        self._lease = lease
        self._margin = min(5.0, lease / 6)
        self._trusted_until = monotonic() + lease
        self._stop = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread = 0
        self._on_lost: Callable[[Sequence[Delivery]], None]
        self._answered = monotonic()
        self._looked = monotonic()
        self._blocked = 0.0
        """Seconds for which the loop has not answered, as far as this thread was there to see."""
        self._reported = False
        self._outage = Outage("renew the leases of running tasks")
        self._thread = threading.Thread(target=self._run, name="asynq-leases", daemon=True)

    def trusted(self) -> bool:
        """Are our leases surely still ours?

        No longer when they could not be renewed for almost a lease, or when the whole process was
        stopped for so long: then nothing more is started until a renewal succeeds.
        """
        return self._keeper is None or monotonic() < self._trusted_until

    def running(self) -> bool:
        """Does somebody keep them? Not before the start, and not after the end."""
        return self._thread.is_alive()

    def start(self, *, on_lost: Callable[[Sequence[Delivery]], None]) -> None:
        """Start the thread, in the event loop that it shall watch.

        `on_lost` is called in that loop with the deliveries that another worker has by now.
        """
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._trusted_until = monotonic() + self._lease
        self._answered = monotonic()
        self._thread.start()

    async def stop(self) -> None:
        """End the thread and its connection."""
        self._stop.set()
        if self._thread.is_alive():
            await asyncio.get_running_loop().run_in_executor(None, self._thread.join, 5.0)

    def _run(self) -> None:
        every = self._lease / 3
        pause = min(LOOK_SECONDS, every)
        due = monotonic() + every
        while not self._stop.wait(pause):
            self._look_at_loop()
            if monotonic() >= due and self._renew():
                due = monotonic() + every
        if self._keeper is not None:
            self._keeper.close()

    def _renew(self) -> bool:
        if self._keeper is None:
            return True
        sent = monotonic()
        try:
            lost = self._keeper.renew()
        except AsynqError as error:
            self._outage.note(error)
            return False
        self._outage.over()
        until = sent + self._lease - self._margin
        if lost:
            self._call_in_loop(self._tell, lost, until)
        else:
            self._trusted_until = until
        return True

    def _tell(self, lost: Sequence[Delivery], trusted_until: float) -> None:
        # Trust comes back after the news: what is lost must not be begun in between.
        self._on_lost(lost)
        self._trusted_until = trusted_until

    def _look_at_loop(self) -> None:
        lag = monotonic() - self._answered - LOOK_SECONDS
        if lag > LOOK_SECONDS and not self._reported:
            self._reported = True
            frame = sys._current_frames().get(self._loop_thread)
            stack = stack_since_task(frame) if frame else "(no stack)"
            logger.warning("The event loop has been blocked for %.1f s, here:\n%s", lag, stack)
        self._end_if_wedged()
        self._call_in_loop(self._answer)

    def _end_if_wedged(self) -> None:
        # Counted look by look: while the whole process stood still, its loop was not blocked.
        now = monotonic()
        self._blocked += min(now - self._looked, 2 * LOOK_SECONDS)
        self._looked = now
        if self._blocked <= WEDGED_SECONDS:
            return
        patience = self._patience()
        if patience is not None and self._blocked > patience + WEDGED_SECONDS:
            logger.critical(
                "The event loop is blocked for longer than any task here may run: ending the "
                "process, so that its tasks run elsewhere"
            )
            os._exit(HARD_EXIT_CODE)

    def _answer(self) -> None:
        self._answered = monotonic()
        self._blocked = 0.0
        self._reported = False

    def _call_in_loop(self, function: Callable[..., None], *args: object) -> None:
        if self._loop is not None and not self._loop.is_closed():
            try:
                self._loop.call_soon_threadsafe(function, *args)
            except RuntimeError:
                self._stop.set()  # the loop has closed under us: nothing is left to keep
