"""Which queue a call goes to: `task_routes` and `task_queues`, made ready to be asked.

A rule is a table from task names (exact, with ``*`` and ``?``, or a compiled regular expression) to
a queue or a dict of options, or a function that decides for each call. The first rule that has an
answer wins; without one the call goes to `task_default_queue`.

Tables know their answer from the task's name alone, so callers ask `Router.static_route` once and
keep it; only where a function comes first is `Router.route` asked for every call.
"""

from __future__ import annotations

from asynq.routes.queues import Queue, check_name, queues_of
from asynq.routes.router import Route, Router
from asynq.routes.rules import RouteFunction, check_routes

__all__ = [
    "Queue",
    "Route",
    "RouteFunction",
    "Router",
    "check_name",
    "check_routes",
    "queues_of",
]
