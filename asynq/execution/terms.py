"""The terms a task runs on: what running and settling need to know of its options, in one object.

Options may stand on the task, its class, or in the settings. Looking that up for every run costs
more than the run, so a task prepares its terms once, and again when an option or setting changes.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from asynq.execution.hooks import Hooks
from asynq.execution.retries import Policy
from asynq.middleware import Middleware


class Terms(Struct, frozen=True, kw_only=True, eq=False):
    """What a task runs on."""

    revision: int = -1
    """Of the settings they were made from."""
    time_limit: float | None = None
    """Seconds after which a run is ended; None: never."""
    soft_time_limit: float | None = None
    """Seconds after which `SoftTimeLimitExceeded` is raised in it; None: never."""
    rate_limit: float | None = None
    """How many a second one worker may begin; None: any."""
    acks_late: bool = True
    acks_on_failure_or_timeout: bool = True
    reject_on_worker_lost: bool = False
    retries: Policy = Policy()
    hooks: Hooks | None = None
    """None: the task has none, so nothing is to be called."""
    middleware: Sequence[Middleware] = ()
    """The app's own list: what is added to it later counts too."""
    result_serializer: str = "json"
    ignore_result: bool = False
    store_errors_even_if_ignored: bool = False
    result_expires: float | None = None
    """Seconds to keep a result; None: for ever."""
    track_started: bool = True
