"""The part of an app that has to do with periodic tasks: declaring them, and changing them.

What does it is loaded when somebody asks: most processes have no periodic tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from asynq._imports import import_object
from asynq.signals import Moment

if TYPE_CHECKING:
    from asynq.canvas import Canvas
    from asynq.conf import Settings
    from asynq.periodic.declarations import Declarations
    from asynq.periodic.schedules import AppSchedules
    from asynq.schedules.base import BaseSchedule
    from asynq.task import AnyTask


class Repeating:
    """A base of `Asynq`.

    Attributes:
        on_after_configure: Its receivers are called when the app's modules are imported, with the
            app as `sender`; the place for `sender.add_periodic_task(…)`.
        on_after_finalize: The same, after those.
    """

    conf: Settings

    def __init__(self) -> None:
        self.on_after_configure = Moment("on_after_configure")
        self.on_after_finalize = Moment("on_after_finalize")
        self._declarations: Declarations | None = None
        self._schedules: AppSchedules | None = None

    def add_periodic_task(
        self,
        schedule: float | timedelta | BaseSchedule,
        sig: Canvas[Any] | AnyTask,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        name: str | None = None,
        **options: Any,
    ) -> str:
        """Have beats call something again and again, as if `beat_schedule` named it.

        Args:
            schedule: Seconds, a timedelta, or a schedule: `crontab`, `solar`.
            sig: What is called: a signature, a chain, a group, a chord; or a task.
            args: Positional arguments, before its own.
            kwargs: Named arguments, over its own.
            name: The entry's name; default: the call in words.
            **options: `tz`, `misfire`, `grace`, `relative`, as in an entry of `beat_schedule`; the
                others are the call's, see `asynq.options.CallOptions`.

        Returns:
            The entry's name. One of that name that was there before is no more.

        Raises:
            TypeError, ValueError: something of it is wrong; says what.
        """
        return self._declared.add(schedule, sig, args, kwargs, name, options)

    @property
    def periodic(self) -> Declarations:
        """The periodic tasks that the code declares."""
        self.settle()
        return self._declared

    @property
    def schedules(self) -> AppSchedules:
        """Periodic tasks, to be looked at and changed while beats run."""
        if self._schedules is None:
            make: Callable[..., AppSchedules] = import_object(
                "asynq.periodic.schedules:AppSchedules"
            )
            self._schedules = make(self, self.periodic)
        return self._schedules

    @property
    def _declared(self) -> Declarations:
        if self._declarations is None:
            make: Callable[..., Declarations] = import_object(
                "asynq.periodic.declarations:Declarations"
            )
            self._declarations = make(self)
        return self._declarations

    def settle(self) -> None:
        """Tell those who wait until the app is complete."""
        self.on_after_configure.reached(self, source=self.conf)
        self.on_after_finalize.reached(self)
