"""A task's options as attributes: its own value, its class's, or what the settings say."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol, cast

from asynq.application import Application, current_application
from asynq.task.recipe import Made


class Optional(Protocol):
    """What has options."""

    @property
    def app(self) -> Application:
        """Whose settings hold where there is no option."""
        ...


class Option:
    """An option's value where a task does not have one of its own: what the settings say.

    Not a data descriptor: an attribute of a subclass or of the object stands over it.
    """

    def __init__(self, setting: str) -> None:
        self._setting = setting

    def __get__(self, task: Optional | None, owner: type[Optional]) -> Any:
        return None if task is None else task.app.conf[self._setting]


_NOTHING: Final = MappingProxyType[str, Any]({})


class Attributes(Made):
    """The options of `asynq.options.TaskOptions`; unset ones read as the settings say."""

    # To a type checker they are plain values, which a subclass may set.
    queue: str | None = None
    routing_key: str | None = None
    priority: int | None = None
    serializer: str | None = cast("str | None", Option("task_serializer"))
    ignore_result: bool = cast("bool", Option("task_ignore_result"))
    store_errors_even_if_ignored: bool = cast("bool", Option("task_store_errors_even_if_ignored"))
    result_expires: float | None = cast("float | None", Option("result_expires"))
    track_started: bool = cast("bool", Option("task_track_started"))
    throws: tuple[type[BaseException], ...] = ()
    typing: bool = True
    pool: str = ""
    expires: float | None = None
    acks_late: bool = cast("bool", Option("task_acks_late"))
    acks_on_failure_or_timeout: bool = cast("bool", Option("task_acks_on_failure_or_timeout"))
    reject_on_worker_lost: bool = cast("bool", Option("task_reject_on_worker_lost"))
    time_limit: float | None = cast("float | None", Option("task_time_limit"))
    soft_time_limit: float | None = cast("float | None", Option("task_soft_time_limit"))
    rate_limit: str | float | None = cast("str | float | None", Option("task_default_rate_limit"))
    max_retries: int | None = 3
    retry_for: float | None = None
    default_retry_delay: float = 180.0
    autoretry_for: tuple[type[BaseException], ...] = ()
    dont_autoretry_for: tuple[type[BaseException], ...] = ()
    retry_kwargs: Mapping[str, Any] = _NOTHING
    retry_backoff: float = 0.0
    retry_backoff_max: float = 600.0
    retry_jitter: bool = True

    _app: Application | None = None

    @property
    def app(self) -> Application:
        """The app it belongs to; a shared task that is not an app's own: the current app.

        Raises:
            ImproperlyConfigured: there is no app yet.
        """
        return self._app or current_application()
