"""Celery's settings that are not ours: what becomes of each when somebody brings it along.

Four tables: old upper-case names, settings whose machinery comes with a later release, settings
that say in another way where to connect or what to sign with, and settings that have no meaning
here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from asynq.conf.declared import DECLARED

_NO_POOL = "there is no prefork pool: set worker_concurrency, worker_threads, or a task's pool="
_NO_AMQP = "it is AMQP's; queues are named directly, by task_default_queue and task_routes"
_ONE_CONNECTION = "all commands of an event loop share one connection"
_RECONNECTS = (
    "a lost connection is always taken up again; publish_timeout says how long a caller waits"
)
_LEASES = "leases decide whose a task is; set worker_lease"
_ADAPTER = "set socket_connect_timeout in result_backend_transport_options"
_OTHER_BACKEND = "it belongs to a result backend that asynq does not have"

_LATER: Final[dict[str, str]] = {
    "remote control of beat": """
        beat_enable_remote_control beat_remote_control_max_tick_age""",
    "other": """
        task_inherit_parent_priority task_annotations task_compression result_compression
        result_failure_expires
        task_publish_retry task_publish_retry_policy task_acks_on_failure task_acks_on_timeout
        task_retry_on_worker_lost worker_direct worker_log_datefmt worker_task_log_datefmt
        broker_read_url broker_write_url""",
}

_INSTEAD: Final[dict[str, str]] = {
    "write it in broker_url, as redis://user:password@host:port/db": """
        broker_host broker_port broker_user broker_password broker_vhost broker_transport""",
    "write broker_url with rediss://, and TLS options as its parameters": "broker_use_ssl",
    "write it in result_backend, as redis://user:password@host:port/db": """
        redis_host redis_port redis_db redis_username redis_password cache_backend database_url""",
    "write result_backend with rediss://, and TLS options as its parameters": """
        redis_backend_use_ssl""",
    "set message_keys: messages are signed with keys that both sides share": """
        security_certificate security_cert_store security_key security_key_password
        security_digest""",
}

_MEANINGLESS: Final[dict[str, str]] = {
    _NO_POOL: """
        worker_pool worker_pool_putlocks worker_pool_restarts worker_pool_start_method
        worker_proc_alive_timeout worker_lost_wait worker_autoscaler worker_agent worker_consumer
        worker_timer worker_timer_precision""",
    _NO_AMQP: """
        task_default_exchange task_default_exchange_type task_default_routing_key
        task_default_delivery_mode task_default_queue_type task_create_missing_queue_type
        task_create_missing_queue_exchange_type task_queue_max_priority task_protocol
        worker_detect_quorum_queues result_exchange result_exchange_type result_persistent
        broker_login_method broker_heartbeat broker_heartbeat_checkrate broker_failover_strategy
        broker_channel_error_retry broker_native_delayed_delivery_queue_type""",
    _ONE_CONNECTION: "broker_pool_limit broker_pool_acquire_timeout redis_max_connections",
    _RECONNECTS: """
        broker_connection_retry broker_connection_retry_on_startup broker_connection_max_retries
        broker_connection_timeout result_backend_always_retry result_backend_max_retries
        result_backend_base_sleep_between_retries_ms result_backend_max_sleep_between_retries_ms
        redis_socket_timeout redis_socket_keepalive redis_retry_on_timeout""",
    _LEASES: """
        worker_cancel_long_running_tasks_on_connection_loss worker_deduplicate_successful_tasks""",
    _ADAPTER: "redis_socket_connect_timeout",
    "set worker_prefetch_multiplier = 1": "worker_disable_prefetch",
    "tasks with an eta wait on the server, not in the worker": """
        worker_eta_task_limit worker_enable_prefetch_count_reduction""",
    "events are in one stream, which all monitors read: set event_max_bytes and event_expires": """
        event_queue_expires event_queue_ttl event_queue_prefix event_queue_exclusive
        event_queue_durable event_serializer event_exchange""",
    "set worker_shutdown_grace": "worker_soft_shutdown_timeout worker_enable_soft_shutdown_on_idle",
    "the server remembers what is revoked": "worker_state_db",
    "what is said to workers is kept on the server for an hour, and heeded for 5 minutes": """
        control_queue_ttl control_queue_expires control_queue_exclusive control_queue_durable
        control_exchange""",
    "what tasks print goes where the worker's output goes": """
        worker_redirect_stdouts worker_redirect_stdouts_level""",
    "remote tracebacks always come with the error": "task_remote_tracebacks",
    "arguments are not logged": "task_repr_maxlevels",
    "results are not cached in the caller": "result_cache_max",
    "the last member of a chord begins its body: nobody looks whether it can begin": """
        result_chord_join_timeout result_chord_retry_interval""",
    "a workflow is kept as long as anything happens in it": "result_chord_expires",
    "a chord's errback is called once, whoever of its header fails": """
        task_allow_error_cb_on_chord_header""",
    "the state of periodic tasks is on the server, and any number of beats may run": """
        beat_scheduler beat_schedule_filename beat_sync_every""",
    _OTHER_BACKEND: """
        cache_backend_options couchbase_backend_settings arangodb_backend_settings
        mongodb_backend_settings elasticsearch_retry_on_timeout elasticsearch_max_retries
        elasticsearch_timeout elasticsearch_save_meta_as_text""",
}

_OTHER_BACKENDS: Final = (
    "cassandra_", "s3_", "azureblockblob_", "gcs_", "couchbase_", "arangodb_",
    "mongodb_", "cosmosdbsql_", "elasticsearch_", "database_", "cache_",
)  # fmt: skip

_HARMLESS: Final[dict[str, tuple[object, ...]]] = {
    "task_acks_on_failure": (True, None),
    "task_acks_on_timeout": (True, None),
    "task_publish_retry": (True, None),
    "broker_connection_retry": (True, None),
    "broker_connection_retry_on_startup": (True, None),
    "worker_redirect_stdouts": (False, None),
    "task_remote_tracebacks": (True, None),
}
"""Values that ask for nothing but what asynq does anyway. For the others: what means "off"."""


def _words(table: dict[str, str]) -> dict[str, str]:
    return {name: key for key, names in table.items() for name in names.split()}


LATER: Final = _words(_LATER)
"""Settings that a later release will know, each with the part of asynq it belongs to."""
INSTEAD: Final = _words(_INSTEAD)
"""Settings that say where to connect or what to sign with, each with how to say it here."""
MEANINGLESS: Final = _words(_MEANINGLESS)
"""Settings that change nothing here, each with what to use instead."""


def meaningless(name: str) -> str | None:
    """Why a setting of Celery has no meaning here, and what to use instead; None: it is not one."""
    reason = MEANINGLESS.get(name)
    if reason is None and name.startswith(_OTHER_BACKENDS):
        return _OTHER_BACKEND
    return reason


def is_everyday_word(name: str) -> bool:
    """Could it as well be somebody's own, like `database_url` in a class for a whole project?"""
    return name not in DECLARED and name.startswith((*_OTHER_BACKENDS, "redis_"))


def asks_for_nothing(name: str, value: object) -> bool:
    """Does the value switch off what is not here, or ask for what is always so?"""
    if name in _HARMLESS:
        return value in _HARMLESS[name]
    return not value


_OLD_PREFIXES: Final = {
    "task_": "CELERY_",
    "worker_": "CELERYD_",
    "beat_": "CELERYBEAT_",
    "broker_": "BROKER_",
    "control_": "CONTROL_",
}

_OLD_EXCEPTIONS: Final[dict[str, str]] = {
    "CELERYD_STATE_DB": "worker_state_db",
    "CELERYD_TASK_SOFT_TIME_LIMIT": "task_soft_time_limit",
    "CELERYD_TASK_TIME_LIMIT": "task_time_limit",
    "CELERYD_WORKER_LOST_WAIT": "worker_lost_wait",
    "CELERY_DISABLE_RATE_LIMITS": "worker_disable_rate_limits",
    "CELERY_EAGER_PROPAGATES_EXCEPTIONS": "task_eager_propagates",
    "CELERY_ENABLE_REMOTE_CONTROL": "worker_enable_remote_control",
    "CELERY_MAX_CACHED_RESULTS": "result_cache_max",
    "CELERY_MESSAGE_COMPRESSION": "task_compression",
    "CELERY_REDIRECT_STDOUTS": "worker_redirect_stdouts",
    "CELERY_REDIRECT_STDOUTS_LEVEL": "worker_redirect_stdouts_level",
    "CELERY_RESULT_DBURI": "database_url",
    "CELERY_RESULT_DB_SHORT_LIVED_SESSIONS": "database_short_lived_sessions",
    "CELERY_RESULT_DB_TABLENAMES": "database_table_names",
    "CELERY_RESULT_ENGINE_OPTIONS": "database_engine_options",
    "CELERY_SEND_EVENTS": "worker_send_task_events",
    "CELERY_SEND_TASK_SENT_EVENT": "task_send_sent_event",
    "CELERY_TASK_PROTOCOL": "task_protocol",
    "CELERY_TASK_PUBLISH_RETRY": "task_publish_retry",
    "CELERY_TASK_PUBLISH_RETRY_POLICY": "task_publish_retry_policy",
    "CELERY_TASK_RESULT_EXPIRES": "result_expires",
    "CELERY_TASK_SERIALIZER": "task_serializer",
    "CELERY_WORKER_DIRECT": "worker_direct",
}

_NEW_ONLY: Final = {
    "embedded_grace", "encryption_keys", "event_expires", "event_max_bytes",
    "message_accept_unsealed", "message_keys",
    "message_max_age", "message_max_bytes", "namespace", "publish_timeout", "result_max_bytes",
    "worker_lease", "worker_shutdown_grace", "worker_threads",
    "worker_unknown_task_ttl",
}  # fmt: skip
"""Settings that Celery never had, so there is no old name of them."""


def _old_names(names: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        for prefix, old in _OLD_PREFIXES.items():
            if name.startswith(prefix):
                found[old + name.removeprefix(prefix).upper()] = name
                break
        else:
            found["CELERY_" + name.upper()] = name
    return found


OLD: Final[dict[str, str]] = {
    **_old_names([n for n in (*DECLARED, *LATER, *INSTEAD, *MEANINGLESS) if n not in _NEW_ONLY]),
    "ENABLE_UTC": "enable_utc",
    "RESULT_ACCEPT_CONTENT": "result_accept_content",
    **_OLD_EXCEPTIONS,
}
"""Celery's old upper-case names to the names of today."""
