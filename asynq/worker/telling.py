"""The signals of a worker: what it does with calls, told to whoever has connected."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from asynq import signals
from asynq.brokers.base import Requeue
from asynq.exceptions import NotRegistered
from asynq.execution.outcome import Failed, Outcome, Rejected, Revoked
from asynq.execution.pools import Pools
from asynq.execution.run import conclude
from asynq.request import Request
from asynq.worker.admission import Refusal
from asynq.worker.state import Run


class Telling:
    """Sends the signals that are not a run's own (those are sent where it runs).

    Args:
        hostname: The worker's node name, the sender of most.
        pools: Where hooks that may block are called.
    """

    def __init__(self, hostname: str, pools: Pools) -> None:
        self._hostname = hostname
        self._pools = pools
        self._open: set[asyncio.Task[None]] = set()

    async def received(self, run: Run) -> None:
        """A call has come, and will run."""
        await signals.task_received.send(self._hostname, request=run.request)

    def refused(self, refusal: Refusal) -> None:
        """A call will not run, here or at all."""
        if refusal.revoked:
            if signals.task_revoked.receivers:
                self._later(_revoked(refusal))
        elif isinstance(refusal.error, NotRegistered):
            if signals.task_unknown.receivers:
                self._later(self._unknown(refusal))
        elif signals.task_rejected.receivers and not isinstance(refusal.verdict, Requeue):
            self._later(self._rejected(refusal.delivery.body, refusal.error))

    async def cut_off(self, run: Run) -> None:
        """A run was ended from outside: tell its hooks too, which have heard of nothing yet."""
        match run.cut_off:
            case Failed() as failed:
                await conclude(run.task, run.request, failed, self._pools)
            case Revoked() if signals.task_revoked.receivers:
                await signals.task_revoked.send(
                    run.task, request=run.request, terminated=True, signum=None, expired=False
                )

    def ended(self, run: Run, outcome: Outcome) -> None:
        """A run has ended; one that has rejected its message is told of beside."""
        if isinstance(outcome, Rejected) and signals.task_rejected.receivers:
            self._later(self._rejected(run.delivery.body, outcome.error))

    def given_up(self, run: Run) -> None:
        """As `cut_off`, of a run that goes on."""
        self._later(self.cut_off(run))

    async def _unknown(self, refusal: Refusal) -> None:
        name = "" if refusal.message is None else refusal.message.task
        await signals.task_unknown.send(
            self._hostname,
            name=name,
            id=refusal.delivery.id,
            message=refusal.delivery.body,
            exc=refusal.error,
        )

    async def _rejected(self, message: bytes, error: BaseException) -> None:
        await signals.task_rejected.send(self._hostname, message=message, exc=error)

    def _later(self, telling: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(telling)
        self._open.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(self._open.discard)


async def _revoked(refusal: Refusal) -> None:
    message = refusal.message
    name = "" if message is None else message.task
    request = Request(id=refusal.delivery.id, task=name, queue=refusal.delivery.queue)
    await signals.task_revoked.send(
        name if refusal.task is None else refusal.task,
        request=request,
        terminated=False,
        signum=None,
        expired=str(refusal.error) == "expired",
    )
