"""The cluster, as its events tell it: its workers, and its tasks.

A `State` takes events in any order, one by one (`event`) or a batch at a time (`batch`), and
answers what a monitor asks: which tasks are there, by name, by state, by worker; what has become
of one; which workers live; how much is done a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from asynq import states
from asynq._time import time
from asynq.events.event import ENDS, SUCCEEDED, Batch, Event, Life, events_of, runtime_of
from asynq.events.index import Index
from asynq.events.rates import Rates
from asynq.events.seen import RECEIVED, STATE_OF, Task, Worker, number
from asynq.exceptions import OptionValueError

Callback = Callable[["State", Event], object]

_END_STATES = tuple(STATE_OF[end] for end in ENDS)
_END_FIELDS = tuple(end.removeprefix("task-") for end in ENDS)


class State:
    """What is known of the cluster.

    Args:
        callback: Called with this and each event, after it was taken in.
        max_workers_in_memory: Of more, those that were heard of first are forgotten.
        max_tasks_in_memory: The same for tasks.

    Attributes:
        workers: By their node names.
        event_count: How many events were taken in.
        task_count: How many tasks were ever heard of.
        rates: What was done, second by second, for the last hour.
        now: The clock by which workers live (Unix time, seconds): this machine's; where
            `app.events` has filled it, the server's, as it is known here.
    """

    def __init__(
        self,
        callback: Callback | None = None,
        max_workers_in_memory: int = 5000,
        max_tasks_in_memory: int = 10000,
    ) -> None:
        for what, most in (("workers", max_workers_in_memory), ("tasks", max_tasks_in_memory)):
            if most < 1:
                raise OptionValueError(f"State: max_{what}_in_memory: expected 1 or more: {most!r}")
        self.callback = callback
        self.max_workers_in_memory = max_workers_in_memory
        self.max_tasks_in_memory = max_tasks_in_memory
        self.workers: dict[str, Worker] = {}
        self.event_count = self.task_count = 0
        self.rates = Rates()
        self.now: Callable[[], float] = time
        self._index = Index(max_tasks_in_memory)

    # What comes in

    def event(self, event: Mapping[str, Any]) -> None:
        """Take an event in; one that tells nothing of tasks or workers is only counted."""
        self.event_count += 1
        kind, _, subject = str(event.get("type", "")).partition("-")
        if kind == "worker":
            self._worker(str(event.get("hostname", ""))).heard(event)
        elif kind == "task" and (uuid := event.get("uuid")):
            self._task_event(str(uuid), subject, event)
        if self.callback is not None:
            self.callback(self, dict(event))

    def batch(self, batch: Batch) -> None:
        """Take in all events of a batch, faster than one by one."""
        if self.callback is not None:
            for event in events_of(batch, None, time()):
                self.event(event)
            return
        start = round(batch.base * 1_000_000)
        for name, queue, lives in batch.tasks:
            for life in lives:
                self._life(life, name, queue, batch.hostname, start)
        for other in batch.others:
            stamp = number(other.get("timestamp"))
            clock = start if stamp is None else round(stamp * 1_000_000)
            known = {"pid": batch.pid, "clock": clock, "timestamp": clock / 1_000_000}
            self.event({"hostname": batch.hostname, **other, **known})
        worker = self.workers.get(batch.hostname)
        if worker is not None and worker.heartbeats:
            worker.heartbeats[-1] = max(worker.heartbeats[-1], batch.base)
            worker.lost = max(worker.lost, batch.lost)

    def clear(self, ready: bool = True) -> None:
        """Forget workers and tasks; with `ready`, tasks that are not over stay."""
        self.workers.clear()
        self.clear_tasks(ready)
        self.event_count = self.task_count = 0
        self.rates = Rates()

    def clear_tasks(self, ready: bool = True) -> None:
        """Forget tasks; with `ready`, only those that are over."""
        for task in [each for each in self.tasks.values() if each.ready or not ready]:
            self._index.drop(task)

    # What is asked

    @property
    def tasks(self) -> Mapping[str, Task]:
        """By their ids, those first that were heard of first."""
        return self._index.tasks

    def tasks_by_time(
        self, limit: int | None = None, reverse: bool = True
    ) -> Iterator[tuple[str, Task]]:
        """Ids and tasks, the newest first; with `reverse=False` the oldest."""
        tasks = self._index.tasks.values()
        for task in islice(reversed(tasks) if reverse else iter(tasks), limit):
            yield task.uuid, task

    tasks_by_timestamp = tasks_by_time

    def tasks_by_type(
        self, name: str, limit: int | None = None, reverse: bool = True
    ) -> Iterator[tuple[str, Task]]:
        """Ids and tasks of that name, ordered as in `tasks_by_time`."""
        return _pairs(self._index.by_name.get(name, {}), limit, reverse)

    def tasks_by_worker(
        self, hostname: str, limit: int | None = None, reverse: bool = True
    ) -> Iterator[tuple[str, Task]]:
        """Ids and tasks that are, or were, with that worker."""
        return _pairs(self._index.by_worker.get(hostname, {}), limit, reverse)

    def find(
        self,
        *,
        name: str | None = None,
        state: str | None = None,
        worker: str | None = None,
        queue: str | None = None,
        text: str | None = None,
        limit: int | None = 100,
        offset: int = 0,
        values: bool = True,
    ) -> list[Task]:
        """The tasks of which all is true that is asked for, the newest first.

        Args:
            name: Of the task.
            state: A state.
            worker: A node name.
            queue: A queue.
            text: Something in its id, name, arguments, result, error or worker; small and capital
                letters are the same.
            limit: How many at most; None: all.
            offset: How many to pass over first.
            values: Search for the text in arguments and results too: who must not see them must
                not find them out by searching either.
        """
        search = self.search(
            name=name, state=state, worker=worker, queue=queue, text=text, values=values
        )
        found = (task for task in search if task is not None)
        return list(islice(found, offset, None if limit is None else offset + limit))

    def search(
        self,
        *,
        name: str | None = None,
        state: str | None = None,
        worker: str | None = None,
        queue: str | None = None,
        text: str | None = None,
        values: bool = True,
    ) -> Iterator[Task | None]:
        """As `find`, bit by bit: None stands where one may let others run, events be taken in, and
        then go on. Most of 100,000 tasks are passed over in less than a second, which is longer
        than an event loop should stand still."""
        return self._index.search(
            name=name, state=state, worker=worker, queue=queue, text=text, values=values
        )

    def count_by_state(self) -> dict[str, int]:
        """How many tasks are in each state."""
        return {state: len(group) for state, group in sorted(self._index.by_state.items())}

    def count_by_name(self) -> dict[str, int]:
        """How many tasks there are of each name."""
        return {name: len(group) for name, group in sorted(self._index.by_name.items())}

    def task_types(self) -> list[str]:
        """The names of all tasks that were heard of, sorted."""
        return sorted(filter(None, self._index.by_name))

    def alive_workers(self) -> list[Worker]:
        """The workers that live, as far as is known."""
        return [worker for worker in self.workers.values() if worker.alive]

    def __repr__(self) -> str:
        return f"<State: events={self.event_count} tasks={self.task_count}>"

    # How it is done

    def _worker(self, hostname: str) -> Worker:
        worker = self.workers.get(hostname)
        if worker is None:
            worker = self.workers[hostname] = Worker(hostname=hostname, now=self._clock)
            if len(self.workers) > self.max_workers_in_memory:
                del self.workers[next(iter(self.workers))]
        return worker

    def _clock(self) -> float:
        return self.now()

    def _task(self, uuid: str, name: str, queue: str | None) -> Task:
        task = self._index.tasks.get(uuid)
        if task is None:
            self.task_count += 1
            return self._index.make(uuid, name=name, state=states.PENDING, queue=queue, worker=None)
        self._index.set_name(task, name, queue)
        self._index.changed(task)
        return task

    def _tell(self, task: Task, state: str, clock: int, retries: int, hostname: str | None) -> bool:
        """It was in that state then; is that later than what is known?"""
        if not task.is_news(state, clock, retries):
            return False
        task.clock, task.timestamp, task.retries = clock, clock / 1_000_000, retries
        self._index.set_state(task, state)
        if hostname is not None:
            self._index.set_worker(task, hostname)
        return True

    def _life(self, life: Life, name: str, queue: str, hostname: str, start: int) -> None:
        """What a batch tells of a task; as its events one by one, in a third of the time."""
        state, clock = _reached(life, start)
        worker = None if state == states.PENDING else hostname
        task = self._index.tasks.get(life.id)
        is_news = task is None
        if task is None:
            self.task_count += 1
            task = self._index.make(life.id, name=name, state=state, queue=queue, worker=worker)
            task.clock, task.timestamp, task.retries = clock, clock / 1_000_000, life.retries
        else:
            self._index.set_name(task, name, queue)
            self._index.changed(task)
            is_news = self._tell(task, state, clock, life.retries, worker)
        if life.received is not None or life.sent is not None:
            self._called(task, life, queue, hostname, start)
        if life.started is not None:
            self.event_count += 1
            task.started = (start + life.started + 1) / 1_000_000
        if life.ended is not None:
            self._ended(task, life, clock, is_news)

    def _called(self, task: Task, life: Life, queue: str, hostname: str, start: int) -> None:
        task.args_, task.kwargs_ = life.args or b"[]", life.kwargs or b"{}"
        task.root_id, task.parent_id = life.root_id or life.id, life.parent_id
        if life.more is not None:
            task.eta, task.expires = life.more.get("eta"), life.more.get("expires")
        if life.sent is not None:
            self.event_count += 1
            task.sent, task.client = (start + life.sent) / 1_000_000, hostname
            task.exchange, task.routing_key = "", queue
        if life.received is not None:
            self.event_count += 1
            task.received = (start + life.received) / 1_000_000
            if (second := self.rates.second(task.received)) is not None:
                second.received += 1

    def _ended(self, task: Task, life: Life, clock: int, is_news: bool) -> None:
        self.event_count += 1
        field, at, runtime = _END_FIELDS[life.kind], clock / 1_000_000, runtime_of(life)
        setattr(task, field, at)
        self._count(field, at, runtime)
        if not is_news:
            return
        if life.kind == SUCCEEDED:
            task.result = "None" if life.text is None else life.text
            task.exception = task.traceback = None
            task.runtime = runtime
        elif life.text is not None:
            task.exception, task.traceback = life.text, life.traceback

    def _count(self, field: str, at: float, runtime: float | None) -> None:
        second = self.rates.second(at)
        if second is None:
            return
        if field == "succeeded":
            second.ran(runtime or 0.0)
        elif hasattr(second, field):
            setattr(second, field, getattr(second, field) + 1)

    def _task_event(self, uuid: str, subject: str, event: Mapping[str, Any]) -> None:
        """An event by itself: of asynq's, or of somebody's own (``task-checked`` is CHECKED)."""
        task = self._task(uuid, str(event.get("name") or ""), _text(event.get("queue")))
        timestamp = number(event.get("timestamp")) or time()
        clock = int(number(event.get("clock")) or timestamp * 1_000_000)
        state = STATE_OF.get(f"task-{subject}", subject.upper())
        hostname = _text(event.get("hostname"))
        tries = number(event.get("retries"))
        retries = task.retries if tries is None else int(tries)
        if subject in task.__struct_fields__:
            setattr(task, subject, timestamp)
        if subject == "sent":
            task.client = hostname
            hostname = None
        if subject in ("received", *_END_FIELDS):
            self._count(subject, timestamp, number(event.get("runtime")))
        is_news = self._tell(task, state, clock, retries, hostname)
        if is_news and state == states.SUCCESS:
            task.exception = task.traceback = None
        # What it was called with stays true, whatever has become of it since.
        for name in _FIELDS if is_news else _CALL_FIELDS:
            value = event.get(name)
            if value is not None:
                known = number(value) if name == "runtime" else str(value)
                setattr(task, _SLOTS.get(name, name), known)


_CALL_FIELDS = (
    "args", "kwargs", "eta", "expires", "root_id", "parent_id", "exchange", "routing_key"
)  # fmt: skip
_FIELDS = (*_CALL_FIELDS, "result", "exception", "traceback", "runtime")
_SLOTS = {"args": "args_", "kwargs": "kwargs_"}


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _reached(life: Life, start: int) -> tuple[str, int]:
    """The last that a life tells: the state, and when that was, on the clock of events."""
    if life.ended is not None:
        return _END_STATES[life.kind], start + life.ended + 2
    if life.started is not None:
        return states.STARTED, start + life.started + 1
    if life.received is not None:
        return RECEIVED, start + life.received
    return states.PENDING, start + (life.sent or 0)


def _pairs(
    group: Mapping[str, Task], limit: int | None, reverse: bool
) -> Iterator[tuple[str, Task]]:
    tasks = sorted(group.values(), key=lambda task: task.number, reverse=reverse)
    for task in islice(tasks, limit):
        yield task.uuid, task
