"""A chain: calls one after the other, each with what the one before it returned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic, Self, Unpack

from msgspec import field

from asynq.application import Application
from asynq.canvas.launch import launch
from asynq.canvas.nodes import Canvas, R, inherited, merged, read_options, split, trees
from asynq.canvas.tree import Node, one_after_the_other
from asynq.options import CallOptions
from asynq.result.handle import AsyncResult
from asynq.result.submission import Submission

WHOLE = ("link_error", "workflow_timeout")
"""Options of a chain as a whole, rather than of its first call."""
OF_LAST = ("task_id", "link")
"""Options of its last call."""


class Chain(Canvas[R], Generic[R], tag="chain", dict=True):
    """Calls one after the other. Its value is that of the last.

    Attributes:
        tasks: its parts: signatures, groups, chords.
        options: as `asynq.options.CallOptions`: `task_id` is of the last call, `link_error` and
            `workflow_timeout` of the whole, all others of the first call.
    """

    tasks: list[Canvas[Any]] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)

    def apply_async(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> Submission[R]:
        """Start it.

        Args:
            args: Positional arguments of the first call, before its own.
            kwargs: Named arguments of the first call, over its own.
            **options: See `options`; they stand over its own.

        Raises:
            ValueError: it is empty.
            TypeError: the arguments do not fit a function, or there is no such option.
            As `Task.apply_async`, when awaited.
        """
        given = read_options(options, "chain().apply_async()")
        return launch(self, args, kwargs, given)

    def apply(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        *,
        throw: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> Submission[R]:
        """Run it here, as workers would: see `Task.apply`."""
        given = read_options(options, "chain().apply()")
        return launch(self, args, kwargs, given, here=True, throw=throw)

    def link(self, callback: Any) -> Any:
        """Have `callback` called with the value of the last call; gives `callback`."""
        *before, last = self._filled()
        self.tasks = [*before, last.copied()]
        self.tasks[-1].link(callback)
        return callback

    def set_immutable(self, immutable: bool) -> None:
        """Leave arguments of a caller out of the first call, or not."""
        first, *others = self._filled()
        self.tasks = [first.copied(), *others]
        self.tasks[0].set_immutable(immutable)

    def bind(self, app: Application) -> None:
        """Mean the tasks of that app."""
        super().bind(app)
        for part in self.tasks:
            part.bind(app)

    def clone(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> Self:
        """A copy with more arguments for the first call, and more options."""
        given = merged(inherited(self.options), read_options(options, "chain().clone()"))
        if not self.tasks:
            return type(self)([], given)
        first, *others = self.tasks
        return type(self)([first.clone(args, kwargs), *(part.clone() for part in others)], given)

    def freeze(self, _id: str | None = None) -> AsyncResult[R]:
        """Settle which ids its calls will have; gives the handle on the last one's result."""
        self.tasks = [part.copied() for part in self._filled()]
        *before, last = self.tasks
        result: AsyncResult[Any] = last.freeze(_id or self.options.get("task_id"))
        outer, above = result, None
        for part in before:
            above, parent = part.freeze(), above
            above.parent = above.parent or parent
        while outer.parent is not None:
            outer = outer.parent
        outer.parent = above
        return result

    def tree(
        self,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Node:
        """Its parts, one after the other."""
        whole, own = split(merged(self.options, options or {}), *WHOLE)
        last, first = split(own, *OF_LAST)
        *before, end = self._filled()
        if not before:
            parts = [end.tree(args, kwargs, first | last)]
        else:
            parts = [
                before[0].tree(args, kwargs, first),
                *(part.tree() for part in before[1:]),
                end.tree((), None, last),
            ]
        return one_after_the_other(parts, trees(whole.get("link_error", ())))

    def some(self) -> Iterator[Canvas[Any]]:
        """Its parts."""
        return iter(self.tasks)

    def ending(self) -> Canvas[Any] | None:
        """Its last part."""
        return self.tasks[-1] if self.tasks else None

    def __len__(self) -> int:
        return len(self.tasks)

    def __iter__(self) -> Iterator[Canvas[Any]]:
        return iter(self.tasks)

    def __getitem__(self, index: int) -> Canvas[Any]:
        return self.tasks[index]

    def __repr__(self) -> str:
        return " | ".join(_short(part, self.tasks[0]) for part in self.tasks) or "chain()"

    def _filled(self) -> list[Canvas[Any]]:
        if not self.tasks:
            raise ValueError("this chain is empty: there is nothing to call")
        return self.tasks


def _short(part: Canvas[Any], first: Canvas[Any]) -> str:
    """As in Celery, the module of the first task is said once."""
    shown, home = repr(part), repr(first).partition("(")[0].rpartition(".")[0]
    return shown if part is first or not home else shown.removeprefix(f"{home}.")
