"""Which queue a call goes to: the rules and the queues, ready to be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from asynq.exceptions import QueueNotFound
from asynq.routes.queues import Queue
from asynq.routes.rules import Answer, Function, Table, rules_of


class Route(Struct, frozen=True):
    """Where a call goes. None: the rule did not say, the task or the settings do."""

    queue: str
    priority: int | None = None
    serializer: str | None = None


class Router:
    """`task_routes` and `task_queues`, ready.

    Args:
        routes: The rules, in all forms of `task_routes`: a dict from names to queues or options, a
            list of such pairs, a function, a function's ``"module:name"``, a list of these; None.
        queues: The declared queues; empty: only the default one.
        default_queue: Where a call goes that no rule has an answer for.
        create_missing: May calls go to queues that are not declared?

    Raises:
        ImproperlyConfigured: a rule is none, or names options that a route has not.
    """

    def __init__(
        self,
        routes: object = None,
        queues: Sequence[Queue] = (),
        default_queue: str = "default",
        create_missing: bool = True,
    ) -> None:
        self._rules = rules_of(routes)
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
            if isinstance(rule, Function):
                return None
            answer = rule.find(name)
            if answer is not None:
                return self._route(answer)
        return self._route(Answer())

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
                if isinstance(rule, Table)
                else rule.find(name, args, kwargs or {}, options or {}, task)
            )
            if answer is not None:
                return self._route(answer)
        return self._route(Answer())

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

    def _route(self, answer: Answer) -> Route:
        if answer.queue is not None:
            name = self.queue(answer.queue)
        elif answer.routing_key is not None:
            name = self.queue_for_key(answer.routing_key)
        else:
            name = self.queue(self._default)
        return Route(name, answer.priority, answer.serializer)
