"""Which queue a call goes to: `task_routes` and `task_queues`, made ready to be asked.

A rule is a table from task names (exact, with ``*`` and ``?``, or a compiled regular expression) to
a queue or a dict of options, or a function that decides for each call. The first rule that has an
answer wins; without one the call goes to `task_default_queue`.

Tables know their answer from the task's name alone, so callers ask `Router.static_route` once and
keep it; only where a function comes first is `Router.route` asked for every call.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from asynq._imports import import_object
from asynq.exceptions import ImproperlyConfigured, QueueNotFound

Target = str | Mapping[str, object]
"""Where a rule sends a call: a queue's name, or options: ``{"queue": "feeds", "priority": 9}``."""
RouteFunction = Callable[..., Target | None]
"""``(name, args, kwargs, options, task=None, **kw)``; None: the next rule decides."""
RouteTable = (
    Mapping[str, Target]
    | Mapping[re.Pattern[str], Target]
    | Mapping[str | re.Pattern[str], Target]
    | Sequence[tuple[str | re.Pattern[str], Target]]
)
Rule = RouteTable | RouteFunction | str
"""One rule; a string names a function: ``"proj.routing:by_tenant"``."""
Routes = Rule | Sequence[Rule] | None
"""All that `task_routes` may be."""

_NAME: Final = re.compile(r"[A-Za-z0-9_.:-]{1,200}")
_QUEUE_NAME: Final = re.compile(r"[A-Za-z0-9_.:@/-]{1,200}")
_OPTIONS: Final = ("queue", "routing_key", "priority", "serializer")
_AMQP_OPTIONS: Final = ("exchange", "exchange_type", "delivery_mode", "mandatory", "immediate")
_LATER_OPTIONS: Final = (
    "compression", "expires", "ignore_result", "link", "link_error", "retry", "retry_policy",
    "soft_time_limit", "time_limit",
)  # fmt: skip


def check_name(name: str, what: str = "name") -> str:
    """The name of a task or a namespace, if it may be one.

    Raises:
        ImproperlyConfigured: it has other characters than letters, digits and ``_ . : -`` (it
            stands in keys, logs and terminals), or more than 200 of them.
    """
    if not _NAME.fullmatch(name):
        raise ImproperlyConfigured(
            f"{what} {name[:220]!r}: expected 1 to 200 letters, digits and any of _ . : -"
        )
    return name


class Queue(Struct, frozen=True):
    """A queue in `task_queues`.

    Args:
        name: 1 to 200 letters, digits and any of ``_ . : @ / -``.
        routing_key: Another word that calls may be routed by; None: only the name.

    Raises:
        ImproperlyConfigured: the name can't be a queue's.
    """

    name: str
    routing_key: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _QUEUE_NAME.fullmatch(self.name):
            raise ImproperlyConfigured(
                f"queue name {str(self.name)[:220]!r}: expected 1 to 200 letters, digits "
                "and any of _ . : @ / -"
            )


class Route(Struct, frozen=True):
    """Where a call goes. None: the rule did not say, the task or the settings do."""

    queue: str
    priority: int | None = None
    serializer: str | None = None


class _Answer(Struct, frozen=True):
    """What a rule said, checked: a route that may lack its queue."""

    queue: str | None = None
    routing_key: str | None = None
    priority: int | None = None
    serializer: str | None = None


class _Table:
    """Names to answers. An exact name beats a pattern; patterns are tried as they are written."""

    def __init__(self, pairs: Iterable[tuple[object, object]]) -> None:
        self._exact: dict[str, _Answer] = {}
        self._patterns: list[tuple[re.Pattern[str], _Answer]] = []
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

    def find(self, name: str) -> _Answer | None:
        exact = self._exact.get(name)
        if exact is not None:
            return exact
        for pattern, answer in self._patterns:
            if pattern.match(name):
                return answer
        return None


class _Function:
    """A function that decides, imported when first asked if it was given by name."""

    def __init__(self, function: RouteFunction | str) -> None:
        self._given = function
        self._function: RouteFunction | None = None if isinstance(function, str) else function

    def find(
        self,
        name: str,
        args: Sequence[object],
        kwargs: Mapping[str, object],
        options: Mapping[str, object],
        task: object,
    ) -> _Answer | None:
        function = self._function or self._import()
        target = function(name, args, kwargs, options, task=task)
        return None if target is None else _answer(target, f"the route function for {name}")

    def _import(self) -> RouteFunction:
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


class Router:
    """`task_routes` and `task_queues`, ready.

    Args:
        routes: The rules, in all forms of `task_routes`.
        queues: The declared queues; empty: only the default one.
        default_queue: Where a call goes that no rule has an answer for.
        create_missing: May calls go to queues that are not declared?

    Raises:
        ImproperlyConfigured: a rule is none, or names options that a route has not.
    """

    def __init__(
        self,
        routes: Routes = None,
        queues: Sequence[Queue] = (),
        default_queue: str = "default",
        create_missing: bool = True,
    ) -> None:
        self._rules = _rules(routes)
        self._default = Queue(default_queue).name
        self._create_missing = create_missing
        self.queues: tuple[str, ...] = tuple(queue.name for queue in queues) or (self._default,)
        """The declared queues: what a worker consumes that is not told otherwise."""
        self._names = frozenset(self.queues)
        self._keys = {queue.routing_key: queue.name for queue in queues if queue.routing_key}

    def static_route(self, name: str) -> Route | None:
        """Where every call of that task goes, whatever its arguments; None: ask `route` each time.

        Raises:
            QueueNotFound: it would go to a queue that is not declared, and must be.
        """
        for rule in self._rules:
            if isinstance(rule, _Function):
                return None
            answer = rule.find(name)
            if answer is not None:
                return self._route(answer)
        return self._route(_Answer())

    def route(
        self,
        name: str,
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
        options: Mapping[str, object] | None = None,
        task: object = None,
    ) -> Route:
        """Where this call goes.

        Raises:
            QueueNotFound: to a queue that is not declared, and must be.
            ImproperlyConfigured: a function's answer is neither a queue nor a route's options.
        """
        for rule in self._rules:
            answer = (
                rule.find(name)
                if isinstance(rule, _Table)
                else rule.find(name, args, kwargs or {}, options or {}, task)
            )
            if answer is not None:
                return self._route(answer)
        return self._route(_Answer())

    def queue(self, name: str) -> str:
        """The name of a queue that a caller chose, checked.

        Raises:
            QueueNotFound: it is not declared, and must be.
            ImproperlyConfigured: it can't be a queue's name.
        """
        if name in self._names:
            return name
        if self._create_missing:
            return Queue(name).name
        raise QueueNotFound(
            f"queue {name!r} is not declared; task_queues has {', '.join(self.queues)}. "
            "Add it there, or set task_create_missing_queues = True"
        )

    def queue_for_key(self, routing_key: str) -> str:
        """The queue that a routing key means: the one declared with it, else the one so called."""
        return self._keys.get(routing_key) or self.queue(routing_key)

    def _route(self, answer: _Answer) -> Route:
        if answer.queue is not None:
            name = self.queue(answer.queue)
        elif answer.routing_key is not None:
            name = self.queue_for_key(answer.routing_key)
        else:
            name = self.queue(self._default)
        return Route(name, answer.priority, answer.serializer)


def check_routes(routes: object) -> None:
    """See that this could be `task_routes`, without importing what it names.

    Raises:
        ImproperlyConfigured: it could not; the text says which part of it.
    """
    _rules(routes)


def queues_of(value: object) -> tuple[Queue, ...]:
    """`task_queues` as people write it: names, dicts, `Queue` objects, or a dict of names.

    Objects of other libraries that have a `name` and a `routing_key` are taken too.

    Raises:
        ImproperlyConfigured: something in it is no queue, or two have one name.
    """
    if isinstance(value, Mapping):
        items: list[object] = [
            {**options, "name": name} if isinstance(options, Mapping) else name
            for name, options in value.items()
        ]
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        items = list(value)
    else:
        raise ImproperlyConfigured(f"for one queue alone write [{value!r}]")
    queues = tuple(_queue_of(item) for item in items)
    names = [queue.name for queue in queues]
    for name in names:
        if names.count(name) > 1:
            raise ImproperlyConfigured(f"queue {name!r} is declared twice")
    return queues


def _queue_of(item: object) -> Queue:
    match item:
        case Queue():
            return item
        case str():
            return Queue(item)
        case Mapping():
            name, key = item.get("name"), item.get("routing_key")
        case _:
            name, key = getattr(item, "name", None), getattr(item, "routing_key", None)
    if not isinstance(name, str):
        raise ImproperlyConfigured(f"{item!r} has no name")
    return Queue(name, key if isinstance(key, str) and key else None)


def _rules(routes: object) -> tuple[_Table | _Function, ...]:
    if routes is None:
        return ()
    if isinstance(routes, list | tuple) and not _is_pairs(routes):
        return tuple(_rule(rule) for rule in routes)
    return (_rule(routes),)


def _rule(rule: object) -> _Table | _Function:
    if isinstance(rule, Mapping):
        return _Table(rule.items())
    if isinstance(rule, list | tuple) and _is_pairs(rule):
        return _Table(rule)
    if isinstance(rule, str) and re.fullmatch(r"[\w.]+[.:]\w[\w.]*", rule):
        return _Function(rule)
    if callable(rule):
        return _Function(rule)
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


def _answer(target: object, where: str) -> _Answer:
    if isinstance(target, str):
        return _Answer(queue=Queue(target).name)
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
    return _Answer(queue, key, priority, serializer)


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
