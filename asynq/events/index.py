"""The tasks of a `State`, found fast: by name, state, worker, queue, and by what is in them.

Tasks are in the order in which they were first heard of; what is asked for comes newest first.
For texts, what can be searched in 512 neighbours is one long text, made when somebody searches and
dropped when one of them changes: so most of 100,000 tasks are passed over by a search in C.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from asynq.events.seen import Task

NEIGHBOURS: Final = 512
FEW: Final = 5_000
"""Tasks that are sorted sooner than all others are passed over."""

Group = dict[str, Task]


class Index:
    """Tasks by their ids, and in groups.

    Args:
        most: How many are kept; the oldest go for new ones.

    Attributes:
        tasks: All of them, the oldest first.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.tasks: dict[str, Task] = {}
        self._numbers: dict[int, Task] = {}
        self._next = self._oldest = 0
        self.by_state: dict[str, Group] = {}
        self.by_name: dict[str, Group] = {}
        self.by_worker: dict[str, Group] = {}
        self.by_queue: dict[str, Group] = {}
        self._texts: dict[int, str] = {}
        """What can be searched, by number of neighbourhood."""

    def make(
        self, uuid: str, *, name: str, state: str, queue: str | None, worker: str | None
    ) -> Task:
        """A task that was not heard of before."""
        task = Task(
            uuid=uuid, number=self._next, name=name, state=state, queue=queue, worker=worker
        )
        self._next += 1
        self.tasks[uuid] = self._numbers[task.number] = task
        _add(self.by_name, name, task)
        _add(self.by_state, state, task)
        if queue is not None:
            _add(self.by_queue, queue, task)
        if worker is not None:
            _add(self.by_worker, worker, task)
        if len(self.tasks) > self._most:
            self.drop(self._first())
        return task

    def _first(self) -> Task:
        """The oldest. Not by iterating: a dict passes over all that was taken out before it."""
        while self._oldest not in self._numbers:
            self._oldest += 1
        return self._numbers[self._oldest]

    def drop(self, task: Task) -> None:
        """Forget it."""
        del self.tasks[task.uuid], self._numbers[task.number]
        _remove(self.by_name, task.name, task)
        _remove(self.by_state, task.state, task)
        if task.queue is not None:
            _remove(self.by_queue, task.queue, task)
        if task.worker is not None:
            _remove(self.by_worker, task.worker, task)
        self.changed(task)

    def changed(self, task: Task) -> None:
        """Something in it has changed that can be searched."""
        self._texts.pop(task.number // NEIGHBOURS, None)

    def set_state(self, task: Task, state: str) -> None:
        """It is in another state."""
        if task.state != state:
            _remove(self.by_state, task.state, task)
            task.state = state
            _add(self.by_state, state, task)

    def set_worker(self, task: Task, worker: str) -> None:
        """It is with another worker."""
        if task.worker != worker:
            if task.worker is not None:
                _remove(self.by_worker, task.worker, task)
            task.worker = worker
            _add(self.by_worker, worker, task)

    def set_name(self, task: Task, name: str, queue: str | None) -> None:
        """Its name, or its queue, has become known, or is another one."""
        if name and task.name != name:
            _remove(self.by_name, task.name, task)
            task.name = name
            _add(self.by_name, name, task)
        if queue and task.queue != queue:
            if task.queue is not None:
                _remove(self.by_queue, task.queue, task)
            task.queue = queue
            _add(self.by_queue, queue, task)

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
        """Those that are of all that is named, the newest first.

        Where texts are searched, None stands between neighbourhoods, where one may let others run:
        tasks that come and go meanwhile do no harm.
        """
        asked = (
            (name, self.by_name),
            (state, self.by_state),
            (worker, self.by_worker),
            (queue, self.by_queue),
        )
        groups = [index.get(value, {}) for value, index in asked if value is not None]
        groups.sort(key=len)
        needle = text.lower() if text else None
        found: Iterable[Task | None]
        if groups and len(groups[0]) <= FEW:
            found = few = _newest(groups.pop(0))
            if needle is not None:
                holds = _holds(needle, values)
                found = (task for task in few if holds(task))
        elif needle is not None:
            found = self._with_text(needle, values)
        else:
            found = reversed(self.tasks.values())
        for group in groups:
            found = filter(_in(group), found)
        return iter(found)

    def _with_text(self, needle: str, values: bool) -> Iterator[Task | None]:
        numbers = self._numbers
        if not numbers:
            return
        holds = _holds(needle, values)
        oldest = next(iter(numbers)) // NEIGHBOURS
        for hood in range((self._next - 1) // NEIGHBOURS, oldest - 1, -1):
            near = range(hood * NEIGHBOURS, (hood + 1) * NEIGHBOURS)
            text = self._texts.get(hood)
            if text is None:
                known = [text_of(numbers[number]) for number in near if number in numbers]
                text = self._texts[hood] = "\n".join(known)
            if needle in text:
                # A line for each: what changes one, or takes one away, drops the whole text.
                here = [numbers[number] for number in near if number in numbers]
                for task, line in zip(reversed(here), reversed(text.split("\n")), strict=True):
                    if needle in line and (values or holds(task)):
                        yield task
            yield None


def text_of(task: Task) -> str:
    """What can be searched in a task, in small letters."""
    parts = (task.uuid, task.name, task.args, task.kwargs, task.result, task.exception, task.worker)
    return "\t".join(filter(None, parts)).replace("\n", "\t").lower()


def text_without_values(task: Task) -> str:
    """The same without what it was called with, and what it has returned."""
    return "\t".join(filter(None, (task.uuid, task.name, task.exception, task.worker))).lower()


def _holds(needle: str, values: bool) -> Callable[[Task], bool]:
    text = text_of if values else text_without_values
    return lambda task: needle in text(task)


def _in(group: Group) -> Callable[[Task | None], bool]:
    return lambda task: task is None or task.uuid in group


def _newest(group: Group) -> list[Task]:
    return sorted(group.values(), key=lambda task: task.number, reverse=True)


def _add(index: dict[str, Group], key: str, task: Task) -> None:
    group = index.get(key)
    if group is None:
        group = index[key] = {}
    group[task.uuid] = task


def _remove(index: dict[str, Group], key: str, task: Task) -> None:
    group = index.get(key)
    if group is not None:
        group.pop(task.uuid, None)
        if not group:
            del index[key]
