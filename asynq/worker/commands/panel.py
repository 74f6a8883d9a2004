"""What a remote command is given: the worker that carries it out.

The `ControlState` of commands that people write, and beyond it the worker's agents, for our own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from asynq._time import from_timestamp, monotonic, time
from asynq.app import Asynq
from asynq.brokers.base import Delivery, Waiting
from asynq.execution.pools import Pools
from asynq.request import Request
from asynq.worker.admission import Refusal
from asynq.worker.autoscale import Autoscaler
from asynq.worker.crew import Crew
from asynq.worker.showing import shown
from asynq.worker.state import Run, WorkerState

SHOWN: Final = 1024
"""Bytes of a task's arguments that are told as they are; of more, only the beginning, as text."""


class Panel:
    """One worker, as its commands see it.

    Args:
        app: Whose tasks it runs.
        state: What it holds.
        crew: Its agents.
        pools: Its threads and processes.
        autoscaler: What may choose its slots.
        stop: Begins its warm shutdown.
    """

    def __init__(
        self,
        app: Asynq,
        state: WorkerState,
        crew: Crew,
        pools: Pools,
        *,
        autoscaler: Autoscaler,
        stop: Callable[[], None],
    ) -> None:
        self.app = app
        self.state = state
        self.crew = crew
        self.pools = pools
        self.autoscaler = autoscaler
        self.stop = stop

    @property
    def hostname(self) -> str:
        """The node's name."""
        return self.state.hostname

    @property
    def queues(self) -> Sequence[str]:
        """The queues it serves."""
        return tuple(self.crew.consumer.queues)

    @property
    def slots(self) -> int:
        """How many tasks it may run at once."""
        return self.crew.consumer.slots

    @property
    def total(self) -> Mapping[str, int]:
        """How many runs of each task it has begun."""
        return dict(self.state.totals)

    def active(self) -> list[dict[str, Any]]:
        """The tasks that run."""
        return [_running(run) for run in list(self.state.active.values())]

    def reserved(self) -> list[dict[str, Any]]:
        """The tasks that were fetched and have not begun."""
        return [self.described(delivery) for delivery in self.held()]

    def held(self) -> Iterable[Delivery]:
        """What was fetched and has not begun: it waits for a slot, or for its rate limit."""
        return (*self.state.reserved, *self.state.throttled)

    def described(self, delivery: Delivery) -> dict[str, Any]:
        """A task that has not begun, by its message."""
        seen = self.crew.admission.admit(delivery)
        if isinstance(seen, Refusal):
            name = seen.message.task if seen.message is not None else ""
            request = Request(id=delivery.id, task=name, queue=delivery.queue)
            return {**_described(request), "why_not": str(seen.error)}
        request = seen.request
        try:
            request.args, request.kwargs = seen.task.parameters.decode(seen.message)
        except Exception as error:  # it will fail of it when it runs
            return {**_described(request), "why_not": f"{type(error).__name__}: {error}"}
        return _described(request)

    def waiting(self, waiting: Waiting) -> dict[str, Any]:
        """A task that waits for its time."""
        delivery = Delivery(
            id=waiting.id,
            queue=waiting.queue,
            body=waiting.body,
            priority=waiting.priority,
            redeliveries=waiting.redeliveries,
        )
        return {
            "eta": from_timestamp(waiting.due).isoformat(),
            "priority": waiting.priority,
            "request": self.described(delivery),
        }


def _running(run: Run) -> dict[str, Any]:
    return {
        **_described(run.request),
        "time_start": time() - (monotonic() - run.started),
        "acknowledged": run.acknowledged,
        "worker_pid": os.getpid(),
    }


def _described(request: Request) -> dict[str, Any]:
    return {
        "id": request.id,
        "name": request.task,
        "args": _plain(request.args),
        "kwargs": _plain(request.kwargs),
        "type": request.task,
        "hostname": request.hostname,
        "time_start": None,
        "acknowledged": False,
        "delivery_info": request.delivery_info,
        "worker_pid": None,
    }


def _plain(value: object) -> object:
    """A value as it is told: as JSON, or as text where it is large or no JSON."""
    try:
        encoded = msgspec.json.encode(value, enc_hook=repr)
    except Exception:
        return shown(value, SHOWN)
    return msgspec.Raw(encoded) if len(encoded) <= SHOWN else shown(value, SHOWN)
