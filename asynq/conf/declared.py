"""Every setting of this release: its name, what may be written, its default, what it is for.

The names are Celery's where Celery has the setting. This is the only place that knows them:
checking, reading, `humanize()` and the documentation's table all come from here.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

from asynq.conf.kinds import (
    BACKEND_URL,
    BROKER_URL,
    BYTES,
    COUNT,
    FLAG,
    KEYS,
    LIFETIME,
    MODULES,
    NAME,
    OPTIONS,
    PERIODIC,
    PRIORITY,
    QUEUE,
    QUEUES,
    RATE,
    ROUTES,
    SAME_AS_BROKER,
    SECONDS,
    SECONDS_ABOVE_ZERO,
    SERIALIZER,
    SERIALIZERS,
    TEXT,
    ZONE,
    Setting,
)

_NO_OPTIONS: Final = MappingProxyType[str, object]({})


class Declared:
    """The settings as typed attributes; `Settings` keeps their values."""

    # Where things are

    broker_url = Setting(
        BROKER_URL, "embedded://", "Where messages go. `ASYNQ_BROKER_URL` wins over it."
    )
    broker_transport_options = Setting(
        OPTIONS, _NO_OPTIONS, "Options handed to the broker's adapter."
    )
    result_backend = Setting(
        BACKEND_URL,
        SAME_AS_BROKER,
        "Where results go; `disabled://` keeps none. `ASYNQ_RESULT_BACKEND` wins over it.",
    )
    result_backend_transport_options = Setting(
        OPTIONS, _NO_OPTIONS, "Options handed to the result backend's adapter."
    )
    namespace = Setting(
        NAME.or_none("the app's name"),
        None,
        "What all keys on the server begin with: apps of one namespace share their queues.",
    )
    embedded_grace = Setting(
        SECONDS.or_none("`ASYNQ_EMBEDDED_GRACE`, else 0"),
        None,
        "How long an embedded server outlives the last process that used it.",
    )

    # What is loaded, and the time

    include = Setting(MODULES, (), "Modules with tasks; workers import them when they start.")
    imports = Setting(MODULES, (), "The same, meant for a configuration module; both are imported.")
    timezone = Setting(
        ZONE.or_none("UTC, or the machine's own where `enable_utc` is off"),
        None,
        "The zone of times that name none, such as a naive `eta`.",
    )
    enable_utc = Setting(
        FLAG, True, "Without a `timezone`, take such times as UTC, not as the machine's own."
    )

    # Messages

    task_serializer = Setting(SERIALIZER, "json", "How arguments are written.")
    accept_content = Setting(
        SERIALIZERS, ("json",), "The only formats that are sent, and read when they arrive."
    )
    message_max_bytes = Setting(
        BYTES,
        1024 * 1024,
        "The largest message; a larger one raises `PayloadTooLarge` in the caller.",
    )
    publish_timeout = Setting(
        SECONDS_ABOVE_ZERO, 10.0, "How long a caller waits for a broker that can't be reached."
    )

    message_keys = Setting(
        KEYS.or_none("not signed"),
        None,
        "Sign messages and results; the first key signs, all verify. `ASYNQ_MESSAGE_KEYS` wins.",
    )
    encryption_keys = Setting(
        KEYS.or_none("not encrypted"),
        None,
        "Encrypt messages and results; the first key encrypts. `ASYNQ_ENCRYPTION_KEYS` wins.",
    )
    message_max_age = Setting(
        SECONDS_ABOVE_ZERO.or_none("any"),
        None,
        "Refuse signed messages that are older, counted from when they were sent or due.",
    )
    message_accept_unsealed = Setting(
        FLAG, False, "Read what is not signed or encrypted all the same: while keys are introduced."
    )

    # Queues and routes

    task_default_queue = Setting(QUEUE, "default", "Where calls go that nothing routes elsewhere.")
    task_queues = Setting(QUEUES, (), "The queues a worker consumes; empty: the default queue.")
    task_routes = Setting(ROUTES, None, "Which task goes to which queue; the first match wins.")
    task_create_missing_queues = Setting(
        FLAG, True, "May calls go to queues that are not in `task_queues`?"
    )
    task_default_priority = Setting(PRIORITY, 0, "The priority of calls; 9 is the most urgent.")

    # Running

    task_default_rate_limit = Setting(
        RATE.or_none("no limit"),
        None,
        'How many runs of a task each worker may begin, where the task does not say: "10/m".',
    )
    task_acks_late = Setting(
        FLAG,
        True,
        "A message ends with its run, so a killed worker loses nothing; off: it ends before.",
    )
    task_acks_on_failure_or_timeout = Setting(
        FLAG, True, "A failed run ends its message; off: it becomes a dead letter."
    )
    task_reject_on_worker_lost = Setting(
        FLAG, False, 'Run a `pool="process"` task again when its process dies.'
    )
    task_time_limit = Setting(
        SECONDS_ABOVE_ZERO.or_none("no limit"), None, "How long a task may run; then it is ended."
    )
    task_soft_time_limit = Setting(
        SECONDS_ABOVE_ZERO.or_none("no limit"),
        None,
        "After how long `SoftTimeLimitExceeded` is raised in a task.",
    )
    task_revoke_expires = Setting(
        SECONDS_ABOVE_ZERO, 86400.0, "How long the server remembers that a task was revoked."
    )
    task_track_started = Setting(
        FLAG, True, "Store STARTED for tasks that run longer than a moment."
    )
    task_always_eager = Setting(FLAG, False, "Run calls on the spot, without broker and worker.")
    task_eager_propagates = Setting(FLAG, False, "Let errors of eager calls out at once.")
    task_store_eager_result = Setting(FLAG, False, "Keep results of eager calls in the backend.")

    # Results

    task_ignore_result = Setting(FLAG, False, "Keep no results, unless the task says otherwise.")
    task_store_errors_even_if_ignored = Setting(
        FLAG, False, "Keep errors of tasks whose results are ignored."
    )
    result_expires = Setting(LIFETIME, 86400.0, "How long results are kept.")
    result_serializer = Setting(SERIALIZER, "json", "How results are written.")
    result_accept_content = Setting(
        SERIALIZERS.or_none("as `accept_content`"), None, "The only formats results are read in."
    )
    result_extended = Setting(
        FLAG, False, "Keep the task's name, arguments, worker, retries and queue with its result."
    )
    result_max_bytes = Setting(
        BYTES, 1024 * 1024, "The largest result; a task that returns a larger one fails."
    )

    # Events

    worker_send_task_events = Setting(
        FLAG, False, "Have workers tell events of tasks and of themselves, for monitors."
    )
    task_send_sent_event = Setting(FLAG, False, "Have whoever sends a call tell `task-sent`.")
    event_max_bytes = Setting(
        BYTES,
        64 * 1024 * 1024,
        "What the history of events may have on the server; the oldest are dropped.",
    )
    event_expires = Setting(
        SECONDS_ABOVE_ZERO, 7 * 86400.0, "How long the history of events goes back at most."
    )

    # The worker

    worker_concurrency = Setting(COUNT, 100, "How many tasks one event loop runs at a time.")
    worker_threads = Setting(
        COUNT,
        # What asyncio web frameworks give blocking code (anyio's limit): a function moved from a
        # request into a task finds as many threads as it had.
        40,
        "How many `def` tasks run at a time, each in a thread.",
    )
    worker_max_tasks_per_child = Setting(
        COUNT.or_none("any"),
        None,
        'After how many `pool="process"` tasks a child process is replaced by a fresh one.',
    )
    worker_max_memory_per_child = Setting(
        COUNT.or_none("any"),
        None,
        "With more than so many KiB after a task (resident) a child process is replaced.",
    )
    worker_prefetch_multiplier = Setting(
        COUNT.or_none("chosen by the worker"),
        None,
        "Messages taken for each slot; 1: only what can start now.",
    )
    worker_lease = Setting(
        SECONDS_ABOVE_ZERO,
        30.0,
        "After this long without a sign of life a worker's tasks run elsewhere.",
    )
    worker_shutdown_grace = Setting(
        SECONDS, 25.0, "How long running tasks may go on after a stop signal."
    )
    worker_unknown_task_ttl = Setting(
        SECONDS,
        3600.0,
        "How long a message with an unknown task is offered to other workers before it is buried.",
    )
    worker_max_stuck = Setting(
        COUNT.or_none("never"),
        None,
        "How many runs that don't end a worker leaves behind before it stops, to be started anew.",
    )
    worker_disable_rate_limits = Setting(
        FLAG, False, "Begin tasks without regard to their `rate_limit`."
    )
    worker_enable_remote_control = Setting(
        FLAG, True, "Answer and obey remote commands. Revoking does not need it."
    )
    worker_hijack_root_logger = Setting(
        FLAG, True, "Replace the root logger's handlers when a worker starts."
    )
    worker_log_format = Setting(
        TEXT, "[%(asctime)s: %(levelname)s/%(processName)s] %(message)s", "The worker's log lines."
    )
    worker_task_log_format = Setting(
        TEXT,
        "[%(asctime)s: %(levelname)s/%(processName)s] %(task_name)s[%(task_id)s]: %(message)s",
        "Log lines written inside a task.",
    )
    worker_log_color = Setting(
        FLAG.or_none("if it is a terminal"), None, "Colour the log lines by their level."
    )

    # Beat

    beat_schedule = Setting(PERIODIC, _NO_OPTIONS, "Periodic tasks, which a beat calls.")
    beat_max_loop_interval = Setting(
        SECONDS_ABOVE_ZERO,
        1.0,
        "How often a beat looks whether its entries were changed, and which other beats there are.",
    )
    beat_cron_starting_deadline = Setting(
        SECONDS.or_none("an hour, or the time between two slots if that is shorter"),
        None,
        "How late a crontab's slot may be fired for which no beat was there.",
    )


DECLARED: Final[dict[str, Setting[Any, Any]]] = {
    name: setting for name, setting in vars(Declared).items() if isinstance(setting, Setting)
}
"""Every setting by its name, in the order of the documentation."""
