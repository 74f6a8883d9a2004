"""One task called many times within one call: `map`, `starmap`, and `chunks`, a group of these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, Generic, Protocol, SupportsIndex

from asynq.application import Application
from asynq.canvas.group import Group
from asynq.canvas.nodes import R
from asynq.canvas.signature import Signature
from asynq.wire.arguments import Parameters

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
    parameters: Parameters
    typing: bool

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
        TypeError: its code is not here, there is nothing to go through, or the function does not
            take one argument.
    """
    called = _task(task, "xmap")
    items = [*_each(it, f"{called.name}.map()")]
    if items and called.typing:
        called.parameters.check(items[:1], {})
    return _repeated(MAP, called, items)


def xstarmap(task: Repeatable | Signature[R], it: Iterable[Sequence[Any]]) -> Signature[list[R]]:
    """The same with several arguments each, as `task.starmap(it)`.

    Raises:
        TypeError: as `xmap`; the arguments of a call do not fit the function.
    """
    called = _task(task, "xstarmap")
    return _repeated(STARMAP, called, [*_fitting(called, it, f"{called.name}.starmap()")])


def chunks(task: Repeatable | Signature[R], it: Iterable[Sequence[Any]], n: int) -> Chunks[list[R]]:
    """A group of starmaps, each of so many items; its value is a list of lists.

    Args:
        task: The task, or a signature of it, whose arguments do not count.
        it: The arguments of each call.
        n: How many calls in one.

    Raises:
        TypeError: as `xstarmap`; `n` is no whole number.
        ValueError: `n` is not above zero.
    """
    called = _task(task, "chunks")
    owner = f"{called.name}.chunks()"
    if not isinstance(n, SupportsIndex):
        raise TypeError(f"{owner}: n: {_CALLS}, got {n!r}")
    if int(n) < 1:
        raise ValueError(f"{owner}: n: {_CALLS}, got {n!r}")
    rest = _fitting(called, it, owner)
    parts: Iterator[list[Any]] = iter(lambda: list(islice(rest, n)), [])
    return Chunks([_repeated(STARMAP, called, part) for part in parts])


_CALLS: Final = "expected how many calls in one, a whole number from 1"


def _each(it: object, owner: str) -> Iterator[Any]:
    if not isinstance(it, Iterable):
        raise TypeError(f"{owner}: expected an iterable, got {it!r}")
    return iter(it)


def _fitting(task: Repeatable, it: object, owner: str) -> Iterator[Any]:
    """The arguments of each call; raises where they can't be those of one."""
    check = task.parameters.check if task.typing else None
    for args in _each(it, owner):
        if isinstance(args, str | bytes) or not isinstance(args, Iterable):
            raise TypeError(
                f"{owner}: expected a list or a tuple of arguments for each call, got {args!r}; "
                f"for one, write ({args!r},), or use map()"
            )
        positional = args if isinstance(args, list | tuple) else [*args]
        if check is not None:
            check(positional, {})
        yield positional


def _repeated(name: str, task: Repeatable, it: list[Any]) -> Signature[Any]:
    name = name if task.is_coroutine else name + IN_THREAD
    made = Signature[Any](name, (), {"task": task.name, "it": it}, {}, True)
    made.bind(task.app)
    return made


def _task(task: Any, owner: str) -> Repeatable:
    called: Any = task.type if isinstance(task, Signature) else task
    if not hasattr(called, "is_coroutine"):
        raise TypeError(f"{owner}(): expected a task whose code is here, got {task!r}")
    found: Repeatable = called
    return found
