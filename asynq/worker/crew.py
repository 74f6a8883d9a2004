"""The agents of one worker, built from the settings and not yet started."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from asynq.backends.base import ResultBackend
from asynq.brokers.base import Broker, Delivery
from asynq.canvas.changes import Changes
from asynq.conf import Settings
from asynq.events.dispatcher import Dispatcher
from asynq.execution.pools import Pools
from asynq.result.reading import Results
from asynq.task import AnyTask
from asynq.wire.rules import Rules
from asynq.wire.sealing import Seal
from asynq.wire.stamps import Stamps
from asynq.worker.admission import Admission
from asynq.worker.consumer import Consumer
from asynq.worker.events import Events
from asynq.worker.heartbeat import Heartbeat
from asynq.worker.inbox import Inbox
from asynq.worker.inputs import Inputs
from asynq.worker.leases import Leases
from asynq.worker.processor import Processor
from asynq.worker.records import Records
from asynq.worker.rules import RuleKeeper
from asynq.worker.settlement import Settlements
from asynq.worker.state import WorkerState
from asynq.worker.watching import Watching


class Ground(NamedTuple):
    """What the agents of one worker stand on."""

    broker: Broker
    backend: ResultBackend
    pools: Pools
    state: WorkerState
    watching: Watching


class Crew(NamedTuple):
    """The agents."""

    broker: Broker
    leases: Leases
    settlements: Settlements
    admission: Admission
    heartbeat: Heartbeat
    consumer: Consumer
    processor: Processor
    inbox: Inbox
    rules: RuleKeeper
    events: Events


def gather(
    ground: Ground,
    conf: Settings,
    tasks: Mapping[str, AnyTask],
    *,
    queues: Sequence[str],
    slots: int,
    reserve: int,
    seal: Seal | None,
    changes: Changes,
    task_events: bool,
    heartbeat_interval: float,
    worn_out: Callable[[], None],
) -> Crew:
    """Build the agents.

    Args:
        ground: What they stand on.
        conf: The app's settings.
        tasks: The app's tasks by name.
        queues: Which queues to serve.
        slots: How many tasks may run at once.
        reserve: How many may wait, fetched, for a slot.
        seal: What opens messages and closes records; None: they are not sealed.
        changes: Says what begins because a run has changed its workflow.
        task_events: Tell events from the beginning.
        heartbeat_interval: Seconds between two events that say that the worker lives.
        worn_out: Called when too many runs don't end (`worker_max_stuck`).
    """
    broker, backend, pools, state, watching = ground
    watching.now = broker.now
    leases = Leases(broker.lease_keeper(), lease=conf.worker_lease, patience=state.patience)
    settlements = Settlements(
        broker,
        backend,
        _records(conf, state, seal),
        trusted=leases.trusted,
        message_max_bytes=conf.message_max_bytes,
    )
    admission = Admission(
        tasks,
        hostname=state.hostname,
        accept=conf.accept_content,
        unknown_task_ttl=conf.worker_unknown_task_ttl,
        now=broker.now,
        seal=seal,
        max_bytes=conf.message_max_bytes,
    )
    consumer = Consumer(broker, queues, state, slots=slots, reserve=reserve, trusted=leases.trusted)
    events = Events(
        _dispatcher(conf, broker, state, seal),
        state,
        interval=heartbeat_interval,
        on=task_events,
    )
    processor = Processor(
        admission,
        settlements,
        state,
        pools,
        inputs=Inputs(broker.workflows(), _results(conf, backend, seal)),
        changes=changes,
        watching=watching,
        events=events,
        consumer=consumer,
        max_stuck=conf.worker_max_stuck,
        too_many_stuck=worn_out,
    )

    def heed(rules: Rules) -> list[Delivery]:
        admission.paused = rules.paused_tasks
        processor.revoke_stamped(Stamps(rules.stamps))
        return consumer.heed(rules)

    rules = RuleKeeper(
        broker,
        queues=lambda: consumer.queues,
        heed=heed,
        hand_back=settlements.hand_back,
        every=conf.worker_lease / 3,
    )
    return Crew(
        broker=broker,
        leases=leases,
        settlements=settlements,
        admission=admission,
        heartbeat=Heartbeat(broker, state, consumer, lease=conf.worker_lease),
        consumer=consumer,
        processor=processor,
        inbox=Inbox(broker, state, processor.revoke, rules.changed, seal),
        rules=rules,
        events=events,
    )


def _results(conf: Settings, backend: ResultBackend, seal: Seal | None) -> Results:
    """What reads the values that steps have left."""
    return Results(lambda: backend, lambda: conf.accept_content, None, lambda: seal)


def _dispatcher(
    conf: Settings, broker: Broker, state: WorkerState, seal: Seal | None
) -> Dispatcher:
    return Dispatcher(
        broker.events(),
        hostname=state.hostname,
        now=broker.now,
        seal=seal,
        max_bytes=conf.event_max_bytes,
        expires=conf.event_expires,
    )


def _records(conf: Settings, state: WorkerState, seal: Seal | None) -> Records:
    return Records(
        hostname=state.hostname,
        serializer=conf.result_serializer,
        max_bytes=conf.result_max_bytes,
        extended=conf.result_extended,
        expires=conf.result_expires,
        seal=seal,
    )
