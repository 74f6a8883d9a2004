"""One task called many times within one call: `map`, `starmap`, and `chunks`, a group of these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, Generic, Protocol

from asynq.application import Application
from asynq.canvas.group import Group
from asynq.canvas.nodes import R
from asynq.canvas.signature import Signature

MAP: Final = "asynq.map"
STARMAP: Final = "asynq.starmap"
IN_THREAD: Final = "_in_thread"
"""What their names end with where the task is a `def`: they run where it would."""


class Chunks(Group[R], Generic[R], tag="group", dict=True):
    """A group of starmaps. Its value is a list of lists."""

    def group(self) -> Group[R]:
        """The group that it is."""
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Group) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]


class Repeatable(Protocol):
    """A task that can be called many times within one call."""

    name: str
    is_coroutine: bool

    @property
    def app(self) -> Application:
        """Whose it is."""
        ...


def xmap(task: Repeatable | Signature[R], it: Iterable[Any]) -> Signature[list[R]]:
    """One call that calls a task with each of these; gives the list. The same as `task.map(it)`.

    Args:
        task: The task, or a signature of it, whose arguments do not count.
        it: What it is called with.

    Raises:
        TypeError: its code is not here.
    """
    return _repeated(MAP, _task(task, "xmap"), it)


def xstarmap(task: Repeatable | Signature[R], it: Iterable[Sequence[Any]]) -> Signature[list[R]]:
    """The same with several arguments each, as `task.starmap(it)`; raises as `xmap` does."""
    return _repeated(STARMAP, _task(task, "xstarmap"), it)


def chunks(task: Repeatable | Signature[R], it: Iterable[Sequence[Any]], n: int) -> Chunks[list[R]]:
    """A group of starmaps, each of so many items; its value is a list of lists.

    Args:
        task: The task, or a signature of it, whose arguments do not count.
        it: The arguments of each call.
        n: How many calls in one.

    Raises:
        TypeError: the task's code is not here.
        ValueError: `n` is not above zero.
    """
    if n < 1:
        raise ValueError(f"chunks(): expected a size of at least 1, got {n}")
    rest, called = iter(it), _task(task, "chunks")
    parts: Iterator[list[Any]] = iter(lambda: list(islice(rest, n)), [])
    return Chunks([_repeated(STARMAP, called, part) for part in parts])


def _repeated(name: str, task: Repeatable, it: Iterable[Any]) -> Signature[Any]:
    name = name if task.is_coroutine else name + IN_THREAD
    made = Signature[Any](name, (), {"task": task.name, "it": list(it)}, {}, True)
    made.bind(task.app)
    return made


def _task(task: Any, owner: str) -> Repeatable:
    called: Any = task.type if isinstance(task, Signature) else task
    if not hasattr(called, "is_coroutine"):
        raise TypeError(f"{owner}(): expected a task whose code is here, got {task!r}")
    found: Repeatable = called
    return found
