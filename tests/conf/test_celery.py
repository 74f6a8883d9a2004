"""Settings that people bring along from Celery."""

import warnings

import pytest

from asynq.conf import SettingIgnored, Settings
from asynq.conf.celery import INSTEAD, LATER, MEANINGLESS, OLD, asks_for_nothing
from asynq.conf.checking import is_known
from asynq.conf.declared import DECLARED
from asynq.exceptions import ImproperlyConfigured


def test_a_setting_stands_in_one_table_only():
    tables = (set(DECLARED), set(LATER), set(INSTEAD), set(MEANINGLESS))
    for number, table in enumerate(tables):
        for other in tables[number + 1 :]:
            assert table & other == set()


@pytest.mark.parametrize("name", LATER)
def test_a_setting_of_a_later_release_is_not_ignored(name):
    value = 7 if asks_for_nothing(name, False) else False
    with pytest.raises(NotImplementedError, match=rf"^{name}: .*not in this release yet"):
        Settings({name: value})


@pytest.mark.parametrize("name", INSTEAD)
def test_a_setting_that_says_where_to_connect_or_what_to_sign_with_is_never_ignored(name):
    with pytest.raises(ImproperlyConfigured, match=f"{name} would be ignored: (write|set)"):
        Settings({name: "host"})


@pytest.mark.parametrize("name", MEANINGLESS)
def test_a_setting_without_meaning_is_accepted_with_a_warning(name):
    with pytest.warns(SettingIgnored, match=f"without effect in asynq: {name}: ."):
        conf = Settings({name: 7})
    assert conf[name] == 7


@pytest.mark.parametrize("name", ["mongodb_backend_settings", "s3_bucket", "cassandra_servers"])
def test_settings_of_other_result_backends_are_accepted_with_a_warning(name):
    with pytest.warns(SettingIgnored, match="a result backend that asynq does not have"):
        Settings({name: "x"})


def test_the_warning_says_what_to_use_instead():
    with pytest.warns(SettingIgnored, match=r"worker_pool: .*set worker_concurrency"):
        Settings({"worker_pool": "gevent"})


def test_the_warning_comes_once_and_points_at_the_line_that_set_it():
    conf = Settings()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        conf.worker_pool = "gevent"
        conf.update(worker_pool="prefork", broker_pool_limit=3)
        conf.update(worker_pool="solo", broker_pool_limit=4)
    assert [str(warning.message).split(": ")[1] for warning in caught] == [
        "worker_pool",
        "broker_pool_limit",
    ]
    assert {warning.filename for warning in caught} == {__file__}


def test_several_at_once_give_one_warning():
    with pytest.warns(SettingIgnored) as caught:
        Settings({"worker_pool": "gevent", "broker_pool_limit": 3, "task_protocol": 2})
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("beat_schedule", {}),
        ("task_time_limit", None),
        ("worker_send_task_events", False),
        ("task_annotations", None),
        ("task_acks_on_failure_or_timeout", True),
        ("task_reject_on_worker_lost", True),
        ("worker_disable_rate_limits", True),
        ("task_publish_retry", True),
        ("broker_use_ssl", None),
        ("broker_connection_retry_on_startup", True),
        ("worker_redirect_stdouts", False),
        ("task_remote_tracebacks", True),
        ("broker_pool_limit", None),
    ],
)
def test_a_value_that_asks_for_what_is_so_anyway_says_nothing(name, value):
    assert Settings({name: value})[name] == value


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("BROKER_URL", "broker_url"),
        ("BROKER_POOL_LIMIT", "broker_pool_limit"),
        ("CELERYBEAT_SCHEDULE", "beat_schedule"),
        ("CELERYD_CONCURRENCY", "worker_concurrency"),
        ("CELERYD_LOG_FORMAT", "worker_log_format"),
        ("CELERYD_TASK_TIME_LIMIT", "task_time_limit"),
        ("CELERY_ACCEPT_CONTENT", "accept_content"),
        ("CELERY_ACKS_LATE", "task_acks_late"),
        ("CELERY_ALWAYS_EAGER", "task_always_eager"),
        ("CELERY_DEFAULT_QUEUE", "task_default_queue"),
        ("CELERY_EAGER_PROPAGATES_EXCEPTIONS", "task_eager_propagates"),
        ("CELERY_ENABLE_UTC", "enable_utc"),
        ("CELERY_IGNORE_RESULT", "task_ignore_result"),
        ("CELERY_IMPORTS", "imports"),
        ("CELERY_INCLUDE", "include"),
        ("CELERY_QUEUES", "task_queues"),
        ("CELERY_REDIS_HOST", "redis_host"),
        ("CELERY_RESULT_BACKEND", "result_backend"),
        ("CELERY_RESULT_SERIALIZER", "result_serializer"),
        ("CELERY_ROUTES", "task_routes"),
        ("CELERY_SEND_EVENTS", "worker_send_task_events"),
        ("CELERY_TASK_RESULT_EXPIRES", "result_expires"),
        ("CELERY_TASK_SERIALIZER", "task_serializer"),
        ("CELERY_TIMEZONE", "timezone"),
        ("CELERY_TRACK_STARTED", "task_track_started"),
        ("CELERY_MONGODB_BACKEND_SETTINGS", "mongodb_backend_settings"),
        ("ENABLE_UTC", "enable_utc"),
    ],
)
def test_an_old_name_is_understood(old, new):
    assert OLD[old] == new


@pytest.mark.parametrize("name", sorted(set(OLD.values())))
def test_what_an_old_name_means_is_known(name):
    assert is_known(name)


def test_a_setting_that_celery_never_had_has_no_old_name():
    assert "CELERYD_LEASE" not in OLD
    assert "CELERY_NAMESPACE" not in OLD
