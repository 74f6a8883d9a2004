"""Names known, styles not mixed."""

import re

import pytest

from asynq.conf.checking import check, typo_of
from asynq.conf.declared import DECLARED
from asynq.exceptions import ImproperlyConfigured


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("task_defalt_queue", "did you mean 'task_default_queue'? (a queue's name; default 'de"),
        ("brokerurl", "did you mean 'broker_url'?"),
        ("Broker_Url", "did you mean 'broker_url'?"),
        ("CELERY_ALWAYS_EAGR", "did you mean 'CELERY_ALWAYS_EAGER'?"),
        ("worker_poool", "did you mean 'worker_pool'?"),
        ("something_else_entirely", "docs/configuration.md lists them all"),
    ],
)
def test_an_unknown_name_says_the_nearest_and_what_it_expects(name, complaint):
    with pytest.raises(ImproperlyConfigured, match=f"unknown setting '{name}'") as caught:
        check({name: 1})
    assert complaint in str(caught.value)


def test_old_names_are_read_as_todays():
    checked = check({"CELERY_ALWAYS_EAGER": True, "CELERYD_CONCURRENCY": 3})
    assert checked.values == {"task_always_eager": True, "worker_concurrency": 3}


def test_old_names_beside_new_ones_are_an_error_that_lists_each_rename():
    mixed = {"CELERY_ALWAYS_EAGER": True, "task_track_started": True, "BROKER_URL": "redis://"}
    with pytest.raises(ImproperlyConfigured) as caught:
        check(mixed)
    assert re.findall(r"\w+ -> \w+", str(caught.value)) == [
        "CELERY_ALWAYS_EAGER -> task_always_eager",
        "BROKER_URL -> broker_url",
    ]


def test_two_old_names_of_one_setting_are_an_error():
    with pytest.raises(ImproperlyConfigured, match="enable_utc is set twice"):
        check({"ENABLE_UTC": True, "CELERY_ENABLE_UTC": False})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("broker_urll", "broker_url"),
        ("borker_url", "broker_url"),
        ("task_route", "task_routes"),
        ("timezon", "timezone"),
        ("broker_url", None),
        ("my_own_thing", None),
        ("urls", None),
    ],
)
def test_a_typo_is_told_from_another_name(name, meant):
    assert typo_of(name) == meant


def test_no_setting_is_the_typo_of_another():
    assert [name for name in DECLARED if typo_of(name)] == []


def test_a_soft_time_limit_comes_before_the_hard_one():
    with pytest.raises(ImproperlyConfigured, match=r"task_soft_time_limit \(9 s\) must be below"):
        check({"task_soft_time_limit": 9, "task_time_limit": 9})
    check({"task_soft_time_limit": 9, "task_time_limit": 10})
