"""Middleware: wraps every call that an app sends and every run of its tasks, and may change both.

::

    class Tenants(Middleware):
        async def publish(self, outgoing, proceed):
            outgoing.headers["tenant"] = tenant.get()
            await proceed()

        async def execute(self, request, proceed):
            with serving((request.headers or {}).get("tenant")):
                return await proceed()

    app = Asynq("proj", middleware=[Tenants()])

The first in the list is the outermost. To only be told what happens, connect to `asynq.signals`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from msgspec import Struct

from asynq.request import Request

T = TypeVar("T")


class Outgoing(Struct, kw_only=True, eq=False):
    """A call on its way to the broker. What is assigned to it, except the first two, is sent."""

    id: str
    task: str
    args: Sequence[Any]
    """As the caller gave them; assign others, rather than changing these."""
    kwargs: Mapping[str, Any]
    headers: dict[str, Any]
    """The caller's own; a task sees them as `self.request.headers`."""
    queue: str
    priority: int


class Middleware:
    """What wraps calls and runs. A subclass overrides one of the two methods, or both."""

    async def publish(self, outgoing: Outgoing, proceed: Callable[[], Awaitable[None]]) -> None:
        """Wrap the sending of one call.

        Args:
            outgoing: The call; change it before proceeding.
            proceed: Sends it. To refuse it, raise: the caller gets the error.
        """
        await proceed()

    async def execute(self, request: Request, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Wrap one run of a task: on the event loop also where the task has a thread; in the child
        process where it has one.

        Args:
            request: The run; `request.args` and `request.kwargs` may be assigned before proceeding.
            proceed: Runs the task: gives what it returns, raises what it raises (`Retry`, `Ignore`
                and `Reject` too).

        Returns:
            What the task shall have returned.
        """
        return await proceed()


def around_runs(middleware: Sequence[Middleware]) -> list[Middleware]:
    """Those that wrap runs. What only wraps calls shall cost a run nothing."""
    plain = Middleware.execute
    return [each for each in middleware if getattr(each.execute, "__func__", None) is not plain]


def checked(middleware: Iterable[Middleware]) -> list[Middleware]:
    """What an app was given.

    Raises:
        TypeError: it is no list of middleware.
    """
    if not isinstance(middleware, Iterable):
        raise TypeError(f"middleware: expected a list of them, got {middleware!r}")
    found = list(middleware)
    for each in found:
        if not isinstance(each, Middleware):
            made = isinstance(each, type) and issubclass(each, Middleware)
            hint = f": write {each.__name__}()" if made else ""
            raise TypeError(
                f"middleware: expected objects of subclasses of Middleware, got {each!r}{hint}"
            )
    return found


def wrapped(
    method: Callable[[Middleware], Callable[[T, Callable[[], Awaitable[Any]]], Awaitable[Any]]],
    middleware: Sequence[Middleware],
    what: T,
    innermost: Callable[[], Awaitable[Any]],
) -> Callable[[], Awaitable[Any]]:
    """Put all the middleware around a step.

    Args:
        method: Which of their methods: ``attrgetter("publish")``.
        middleware: The outermost first.
        what: What the methods are given.
        innermost: The step.
    """
    proceed = innermost
    for each in reversed(middleware):
        proceed = partial(method(each), what, proceed)
    return proceed
