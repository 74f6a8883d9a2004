"""One task called many times within one call: `map`, `starmap`, and `chunks`, a group of these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final, Generic

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


def repeated(
    name: str, task: str, items: Iterable[Any], app: Application, *, is_coroutine: bool
) -> Signature[list[Any]]:
    """A call of `asynq.map` or `asynq.starmap`; immutable, as in Celery.

    Args:
        name: Which of them.
        task: The name of the task that they call.
        items: What they call it with.
        app: Whose task it is.
        is_coroutine: It is an `async def`.
    """
    name = name if is_coroutine else name + IN_THREAD
    made = Signature[list[Any]](name, (), {"task": task, "it": list(items)}, {}, True)
    made.bind(app)
    return made


def chunks(
    task: str, items: Iterable[Any], size: int, app: Application, *, is_coroutine: bool
) -> Chunks[list[Any]]:
    """A group of starmaps of so many items each; see `repeated`.

    Raises:
        ValueError: `size` is not above zero.
    """
    if size < 1:
        raise ValueError(f"chunks(): expected a size of at least 1, got {size}")
    rest = iter(items)
    parts: Iterator[list[Any]] = iter(lambda: list(islice(rest, size)), [])
    return Chunks([repeated(STARMAP, task, part, app, is_coroutine=is_coroutine) for part in parts])
