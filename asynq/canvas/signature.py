"""A signature: one call as data. `add.s(2)` is `add` with its last argument known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Generic, Self, Unpack, cast

from msgspec import field

from asynq.application import Application, Callee, current_application
from asynq.canvas.launch import launch
from asynq.canvas.nodes import OF_WORKFLOW, Canvas, R, inherited, merged, read_options, split, trees
from asynq.canvas.tree import Leaf, Node
from asynq.options import CallOptions, arguments
from asynq.result.handle import AsyncResult
from asynq.result.submission import Submission
from asynq.wire.ids import new_id


class Signature(Canvas[R], Generic[R], tag="task", dict=True):
    """One call as data.

    Attributes:
        task: the task's name.
        args: its positional arguments, before which a caller's come.
        kwargs: its named arguments, over which a caller's stand.
        options: of the call, as `asynq.options.CallOptions`; a caller's stand over them.
        immutable: a caller's arguments are left out.
    """

    task: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    immutable: bool = False

    @property
    def name(self) -> str:
        """The task's name."""
        return self.task

    @property
    def id(self) -> str | None:
        """The id that the next call will have, where that is settled."""
        return self.options.get("task_id")

    @property
    def type(self) -> Callee:
        """The task; of the app it was made by, or else of the current one.

        Raises:
            ImproperlyConfigured: there is no app yet.
        """
        own = vars(self)
        callee: Callee | None = own.get("_callee")
        if callee is None:
            app: Application = own.get("_app") or current_application()
            callee = app.callee(self.task)
        return callee

    def bind(self, app: Application) -> None:
        """Mean the task of that app."""
        super().bind(app)
        vars(self)["_app"] = app

    def apply_async(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> Submission[R]:
        """Call it elsewhere.

        Args:
            args: Positional arguments, which come before its own.
            kwargs: Named arguments, which stand over its own.
            **options: See `asynq.options.CallOptions`; they stand over its own.

        Raises:
            TypeError: the arguments do not fit the function, or there is no such option.
            As `Task.apply_async`.
        """
        if OF_WORKFLOW & self.options.keys() or OF_WORKFLOW & options.keys():
            given = read_options(options, f"{self!r}.apply_async()")
            return launch(self, args, kwargs, given)
        ready = cast("CallOptions", merged(self.options, options))
        return self.type.apply_async(*self._merged(args, kwargs), **ready)

    def apply(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        *,
        throw: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> Submission[R]:
        """Run it here, as a worker would: see `Task.apply`."""
        if OF_WORKFLOW & self.options.keys() or OF_WORKFLOW & options.keys():
            given = read_options(options, f"{self!r}.apply()")
            return launch(self, args, kwargs, given, here=True, throw=throw)
        ready = cast("CallOptions", merged(self.options, options))
        return self.type.apply(*self._merged(args, kwargs), throw=throw, **ready)

    def set_immutable(self, immutable: bool) -> None:
        """Leave a caller's arguments out, or not."""
        self.immutable = immutable

    def stamp(self, **headers: Any) -> Self:
        """Write headers on it, and on its callbacks and errbacks; see `Canvas.stamp`."""
        self.set(headers={**self.options.get("headers", {}), **headers})
        return super().stamp(**headers)

    def clone(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> Self:
        """A copy with more arguments and options: positional arguments come before its own.

        The copy has no id yet.
        """
        positional, named = self._merged(args, kwargs)
        given = merged(inherited(self.options), read_options(options, f"{self!r}.clone()"))
        return self._like(deepcopy(positional), deepcopy(named), given)

    partial = clone

    def replace(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Self:
        """A copy with other arguments or options; what is None stays as it is."""
        given = self.options if options is None else read_options(options, f"{self!r}.replace()")
        return self._like(
            self.args if args is None else tuple(args),
            dict(self.kwargs if kwargs is None else kwargs),
            dict(given),
        )

    def freeze(self, _id: str | None = None) -> AsyncResult[R]:
        """Settle which id the next call will have; gives the handle on its result already."""
        id = _id or self.id or new_id()
        self.options = self.options | {"task_id": id}
        return self.type.AsyncResult(id)

    def tree(
        self,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Node:
        """One call, with its links."""
        positional, named = self._merged(args, kwargs)
        links, own = split(merged(self.options, options or {}), *OF_WORKFLOW)
        return Leaf(
            self.type,
            positional,
            named,
            own,
            immutable=self.immutable,
            links=trees(links.get("link", ())),
            errbacks=trees(links.get("link_error", ())),
        )

    def __repr__(self) -> str:
        shown = [*map(repr, self.args), *(f"{k}={v!r}" for k, v in self.kwargs.items())]
        return f"{self.task}({', '.join(shown)})"

    def _merged(
        self, args: Sequence[Any] | None, kwargs: Mapping[str, Any] | None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if self.immutable:
            return self.args, self.kwargs
        if not args and not kwargs:
            return self.args, {**self.kwargs}
        positional, named = arguments(args, kwargs)
        return (*positional, *self.args), {**self.kwargs, **named}

    def _like(self, args: tuple[Any, ...], kwargs: dict[str, Any], options: dict[str, Any]) -> Self:
        made = type(self)(self.task, args, kwargs, options, self.immutable)
        vars(made).update(vars(self))
        return made


def of_callee(
    callee: Callee,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    options: Mapping[str, Any],
    *,
    immutable: bool = False,
) -> Signature[Any]:
    """A signature that knows what it calls."""
    checked = read_options(options, f"{callee.name}.signature()") if options else {}
    made = Signature[Any](callee.name, tuple(args), dict(kwargs), checked, immutable)
    vars(made)["_callee"] = callee
    return made
