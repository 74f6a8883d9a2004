"""One rule of `task_routes`: a table from names to answers, or a function that gives one."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from asynq._imports import import_object
from asynq.exceptions import ImproperlyConfigured
from asynq.routes.queues import Queue

Target = str | Mapping[str, object]
"""Where a rule sends a call: a queue's name, or options: ``{"queue": "feeds", "priority": 9}``."""
RouteFunction = Callable[..., Target | None]
"""``(name, args, kwargs, options, task=None, **kw)``; None: the next rule decides."""
_OPTIONS: Final = ("queue", "routing_key", "priority", "serializer")
_AMQP_OPTIONS: Final = ("exchange", "exchange_type", "delivery_mode", "mandatory", "immediate")
_LATER_OPTIONS: Final = (
    "compression", "expires", "ignore_result", "link", "link_error", "retry", "retry_policy",
    "soft_time_limit", "time_limit",
)  # fmt: skip


class Answer(Struct, frozen=True):
    """What a rule said, checked: a route that may lack its queue."""

    queue: str | None = None
    routing_key: str | None = None
    priority: int | None = None
    serializer: str | None = None


class Table:
    """Names to answers. An exact name beats a pattern; patterns are tried as they are written."""

    def __init__(self, pairs: Iterable[tuple[object, object]]) -> None:
        self._exact: dict[str, Answer] = {}
        self._patterns: list[tuple[re.Pattern[str], Answer]] = []
        for name, target in pairs:
            answer = _answer(target, f"task_routes[{_shown(name)}]")
            if isinstance(name, re.Pattern):
                self._patterns.append((name, answer))
            elif not isinstance(name, str):
                raise ImproperlyConfigured(
                    f"task_routes: expected a task's name, a pattern or a compiled regular "
                    f"expression, got {name!r}"
                )
            elif any(sign in name for sign in "*?["):
                self._patterns.append((re.compile(fnmatch.translate(name)), answer))
            else:
                self._exact[name] = answer

    def find(self, name: str) -> Answer | None:
        """What it says of a task of that name; None: nothing."""
        exact = self._exact.get(name)
        if exact is not None:
            return exact
        for pattern, answer in self._patterns:
            if pattern.match(name):
                return answer
        return None


class Function:
    """A function that decides, imported when first asked if it was given by name."""

    def __init__(self, function: Callable[..., object] | str) -> None:
        self._given = function
        self._function: Callable[..., object] | None = (
            None if isinstance(function, str) else function
        )

    def find(
        self,
        name: str,
        args: Sequence[object],
        kwargs: Mapping[str, object],
        options: Mapping[str, object],
        task: object,
    ) -> Answer | None:
        """What the function says of a call; None: nothing. What it raises, this raises.

        Raises:
            ImproperlyConfigured: it can't be imported, is no function, or has returned no route.
        """
        function = self._function or self._import()
        target = function(name, args, kwargs, options, task=task)
        return None if target is None else _answer(target, f"the route function for {name}")

    def _import(self) -> Callable[..., object]:
        path = str(self._given)
        if ":" not in path:
            path = ":".join(path.rsplit(".", 1))
        try:
            found: object = import_object(path)
        except ImportError as error:
            raise ImproperlyConfigured(f"task_routes: {self._given!r}: {error}") from error
        if not callable(found):
            raise ImproperlyConfigured(f"task_routes: {self._given!r} is not a function")
        self._function = found
        return found


def check_routes(routes: object) -> None:
    """See that this could be `task_routes`, without importing what it names.

    Raises:
        ImproperlyConfigured: it could not; the text says which part of it.
    """
    rules_of(routes)


def rules_of(routes: object) -> tuple[Table | Function, ...]:
    """The rules of a `task_routes` value, in their order."""
    if routes is None:
        return ()
    if isinstance(routes, list | tuple) and not _is_pairs(routes):
        return tuple(_rule(rule) for rule in routes)
    return (_rule(routes),)


def _rule(rule: object) -> Table | Function:
    if isinstance(rule, Mapping):
        return Table(rule.items())
    if isinstance(rule, list | tuple) and _is_pairs(rule):
        return Table(rule)
    if isinstance(rule, str) and re.fullmatch(r"[\w.]+[.:]\w[\w.]*", rule):
        return Function(rule)
    if callable(rule):
        return Function(rule)
    raise ImproperlyConfigured(
        "task_routes: expected a dict from task names to queues or options, a function "
        f"(name, args, kwargs, options, task=None, **kw) or its 'module:name', got {rule!r}"
    )


def _is_pairs(rule: Sequence[object]) -> bool:
    return bool(rule) and all(
        isinstance(pair, list | tuple)
        and len(pair) == 2
        and isinstance(pair[0], str | re.Pattern)
        and isinstance(pair[1], str | Mapping)
        for pair in rule
    )


def _answer(target: object, where: str) -> Answer:
    if isinstance(target, str):
        return Answer(queue=Queue(target).name)
    if not isinstance(target, Mapping):
        _close(target)
        raise ImproperlyConfigured(
            f"{where}: expected a queue's name, a dict of {', '.join(_OPTIONS)}, or None, "
            f"got {target!r}"
        )
    for option in target:
        _check_option(option, where)
    queue, key = target.get("queue"), target.get("routing_key")
    if queue is not None:
        queue = queue.name if isinstance(queue, Queue) else Queue(queue).name
    priority, serializer = target.get("priority"), target.get("serializer")
    if priority is not None and (type(priority) is not int or not 0 <= priority <= 9):
        raise ImproperlyConfigured(f"{where}: priority: expected 0 to 9, got {priority!r}")
    for option, value in (("routing_key", key), ("serializer", serializer)):
        if value is not None and (not isinstance(value, str) or not value):
            raise ImproperlyConfigured(f"{where}: {option}: expected a text, got {value!r}")
    return Answer(queue, key, priority, serializer)


def _check_option(option: object, where: str) -> None:
    if option in _OPTIONS:
        return
    if option in _LATER_OPTIONS:
        raise NotImplementedError(f"{where}: {option!r} is not in this release yet")
    if option in _AMQP_OPTIONS:
        hint = "queues are named directly here: keep the queue and drop it"
    else:
        hint = f"expected {', '.join(_OPTIONS)}"
    raise ImproperlyConfigured(f"{where}: a route has no {option!r}: {hint}")


def _close(target: object) -> None:
    """An `async def` route function gave a coroutine; don't let it warn on top of the error."""
    close = getattr(target, "close", None)
    if callable(close):
        close()


def _shown(name: object) -> str:
    return repr(name.pattern if isinstance(name, re.Pattern) else name)
