"""A task that is known by its name alone: its code lives elsewhere."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, NoReturn, Unpack

from asynq.canvas import of_callee
from asynq.conf import Settings
from asynq.exceptions import NotRegistered
from asynq.kept import Kept
from asynq.options import PLAIN, CallOptions, arguments, read_call_options
from asynq.producer import Producer
from asynq.result.handle import AsyncResult
from asynq.result.submission import Submission
from asynq.routes import check_name
from asynq.sending import Asked, Plan
from asynq.wire.arguments import encode_call

KEPT: Final = 1000
"""How many names the way of is remembered."""


class Named:
    """Calls to one task that is not known here. Their arguments are not checked.

    Args:
        name: The task's.
        producer: Who sends.
        conf: The app's settings.

    Raises:
        ImproperlyConfigured: no task can have that name.
    """

    def __init__(self, name: str, producer: Producer, conf: Settings) -> None:
        self.name = check_name(name, "task name")
        self.producer = producer
        self._conf = conf
        self._plan: Plan | None = None
        self._encode = partial(encode_call, task=self.name)

    def apply_async(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> Submission[Any]:
        """Call it elsewhere; arguments and errors are those of `app.send_task`."""
        call = read_call_options(options, f"send_task({self.name!r})") if options else PLAIN
        if call.link or call.link_error or call.workflow_timeout:
            return of_callee(self, *arguments(args, kwargs), options).apply_async()
        plan = self._current_plan()
        if plan.eager:
            warnings.warn(
                f"task_always_eager does not run send_task({self.name!r}): it goes to the broker",
                RuntimeWarning,
                stacklevel=3,
            )
        args, kwargs = arguments(args, kwargs)
        return self.producer.call(plan, args, kwargs, encoder=self._encode, options=call)

    def prepare(
        self,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        options: Mapping[str, Any],
        *,
        takes: int | None,
    ) -> Kept:
        """See `asynq.application.Callee`; its arguments are not checked."""
        call = read_call_options(options, f"send_task({self.name!r})")
        return self.producer.call(
            self._current_plan(), args, kwargs, encoder=self._encode, options=call, kind=Kept
        )

    def apply(self, *args: Any, **options: Any) -> NoReturn:
        """Refuse: without its code it can't run here."""
        raise NotRegistered(f"{self.name} can't run here: no module that was imported defines it")

    def AsyncResult(self, task_id: str) -> AsyncResult[Any]:  # noqa: N802 - Celery's name
        """The handle on the result of a call."""
        return AsyncResult(task_id, self.producer.results)

    def _current_plan(self) -> Plan:
        plan = self._plan
        if plan is None or plan.revision != self._conf.revision:
            plan = self._plan = self.producer.plan(self.name, Asked())
        return plan


class Names:
    """The tasks of other services, by their names.

    Args:
        producer: Who sends.
        conf: The app's settings.
    """

    def __init__(self, producer: Producer, conf: Settings) -> None:
        self._producer = producer
        self._conf = conf
        self._known: dict[str, Named] = {}

    def __getitem__(self, name: str) -> Named:
        named = self._known.get(name)
        if named is None:
            named = Named(name, self._producer, self._conf)
            if len(self._known) >= KEPT:  # names made up on the fly must not pile up
                self._known.clear()
            self._known[name] = named
        return named
