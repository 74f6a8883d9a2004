"""The settings that there are."""

import pytest

from asynq.conf import Settings
from asynq.conf.checking import read
from asynq.conf.declared import DECLARED, Declared


@pytest.mark.parametrize("name", DECLARED)
def test_a_default_is_a_value_that_could_be_written(name):
    setting = DECLARED[name]
    if name == "result_backend":
        return  # "" until it is known where the broker is
    assert read(name, setting.default) == setting.default


@pytest.mark.parametrize("name", DECLARED)
def test_a_setting_says_in_one_line_what_it_is_for(name):
    doc = DECLARED[name].doc
    assert doc[0].isupper() or doc[0] == "`"
    assert doc.endswith((".", "?"))
    assert "\n" not in doc
    assert 20 < len(doc) < 100


def test_a_setting_is_itself_on_the_class_and_its_value_on_the_settings():
    assert Declared.worker_concurrency is DECLARED["worker_concurrency"]
    assert Settings().worker_concurrency == 100


def test_the_defaults_that_differ_from_celerys_are_those_of_the_design():
    conf = Settings(environ={})
    assert conf.broker_url == "embedded://"
    assert conf.result_backend == "embedded://"
    assert conf.task_default_queue == "default"
    assert conf.task_acks_late is True
    assert conf.task_track_started is True
    assert conf.worker_concurrency == 100
    assert conf.worker_prefetch_multiplier is None
    assert conf.worker_lease == 30
    assert conf.worker_shutdown_grace == 25
    assert conf.result_expires == 86_400
