"""What an app's code declares: `beat_schedule`, and what `add_periodic_task` was called with."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from asynq.application import Application
from asynq.canvas import Canvas, Signature, signature
from asynq.canvas.nodes import LINKS, read_options
from asynq.exceptions import AsynqError, ImproperlyConfigured
from asynq.schedules.entries import Periodic, periodic, read_entries

logger = logging.getLogger("asynq.beat")

OWN: Final = frozenset({"tz", "misfire", "grace", "relative"})
"""Fields of an entry that are no options of a call."""


class Declarations:
    """The periodic tasks that an app's code has.

    Args:
        app: Whose tasks they call.
    """

    def __init__(self, app: Application) -> None:
        self._app = app
        self._added: dict[str, Periodic] = {}

    def add(
        self,
        schedule: object,
        sig: object,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        name: str | None = None,
        options: Mapping[str, Any] = {},
    ) -> str:
        """Add one; see `Asynq.add_periodic_task`."""
        if not hasattr(sig, "apply_async"):
            raise TypeError(
                f"add_periodic_task: expected a signature, as task.s(…) makes them, or a task, got "
                f"{sig!r}"
            )
        canvas: Canvas[Any] = signature(sig, args, kwargs, app=self._app)  # type: ignore[arg-type]
        key = name or repr(canvas)
        fields: dict[str, Any] = {each: options[each] for each in OWN & options.keys()}
        checked = read_options(
            {each: value for each, value in options.items() if each not in OWN},
            f"add_periodic_task({key})",
        )
        entry = periodic(key, task=canvas, schedule=schedule, options=checked, **fields)
        if name is None and key in self._added:
            logger.warning(
                "Periodic task %r takes the place of another of the same call: give them names, "
                "add_periodic_task(…, name=…)",
                key,
            )
        self._added[key] = entry
        return key

    def all(self) -> dict[str, Periodic]:
        """All of them, by name.

        Raises:
            ImproperlyConfigured: `beat_schedule` is wrong.
        """
        return {**read_entries(self._app.conf.beat_schedule), **self._added}


def canvas_of(entry: Periodic, app: Application) -> Canvas[Any]:
    """What an entry calls, as a canvas of its own.

    Raises:
        ImproperlyConfigured: its options, or its arguments; says whose.
    """
    options: Any = dict(entry.options)
    try:
        canvas: Canvas[Any] = signature(entry.task, entry.args, entry.kwargs, app=app)
        canvas = canvas.set(**options)
        _check(canvas)
    except (TypeError, ValueError, AsynqError) as error:
        raise ImproperlyConfigured(f"periodic task {entry.name!r}: {error}") from None
    return canvas


def _check(canvas: Canvas[Any]) -> None:
    if canvas.options.get("task_id"):
        raise ValueError("options: no task_id: each firing has an id of its own")
    if isinstance(canvas, Signature):
        # As it will be made when its time comes, so that what is wrong is known when a beat starts.
        own = {n: each for n, each in canvas.options.items() if n not in LINKS}
        canvas.type.prepare(canvas.args, canvas.kwargs, own, takes=0).close()
