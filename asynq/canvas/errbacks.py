"""What an errback is called with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asynq.request import Request
from asynq.wire.arguments import Parameters


def errback_arguments(
    task: object,
    own: int,
    named: Mapping[str, Any],
    request: Request,
    error: Any,
    traceback: str | None,
) -> tuple[Any, ...]:
    """The first arguments of an errback: the request, the error and its traceback where it can
    take three, else the id of the task that has failed. (Celery's rule; it goes wrong there for
    bound tasks and for arguments of the errback's own.)

    Args:
        task: The errback.
        own: How many positional arguments it has of its own.
        named: Its own named arguments.
        request: Of what has failed.
        error: What it raised.
        traceback: From where it ran.
    """
    parameters = getattr(task, "parameters", None)
    three = (request, error, traceback)
    if isinstance(parameters, Parameters):
        try:
            parameters.check((*three, *(None for _ in range(own))), named)
            return three
        except TypeError:
            pass
    return (request.id,)
