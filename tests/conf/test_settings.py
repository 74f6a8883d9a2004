"""`app.conf`: layers, access, showing."""

import threading
import warnings
from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import pytest

from asynq.conf import SettingIgnored, Settings
from asynq.conf.declared import DECLARED
from asynq.exceptions import ImproperlyConfigured


def test_the_layers_stand_over_one_another():
    environ: dict[str, str] = {}
    conf = Settings(environ=environ)
    assert conf.broker_url == "embedded://"
    conf.load({"broker_url": "redis://object"})
    assert conf.broker_url == "redis://object"
    conf = Settings(environ=environ)
    conf.update(broker_url="redis://assigned")
    assert conf.broker_url == "redis://assigned"
    conf = Settings({"broker_url": "redis://constructor"}, environ)
    conf.load({"broker_url": "redis://object"})
    assert conf.broker_url == "redis://constructor"
    environ["ASYNQ_BROKER_URL"] = "redis://environment"
    assert Settings({"broker_url": "redis://c"}, environ).broker_url == "redis://environment"


@pytest.mark.parametrize("variable", ["ASYNQ_BROKER_URL", "ASYNQ_RESULT_BACKEND"])
def test_the_environment_is_read_with_the_first_value(monkeypatch, variable):
    conf = Settings()
    monkeypatch.setenv(variable, "redis://environment")
    assert conf[variable.removeprefix("ASYNQ_").lower()] == "redis://environment"


def test_an_empty_variable_is_none():
    assert Settings(environ={"ASYNQ_BROKER_URL": ""}).broker_url == "embedded://"


def test_results_go_to_the_brokers_server_unless_something_else_is_said():
    conf = Settings({"broker_url": "redis://one"}, {})
    assert conf.result_backend == "redis://one"
    conf.result_backend = "disabled://"
    assert conf.result_backend == "disabled://"
    conf.result_backend = None
    assert conf.result_backend == "redis://one"


def test_an_override_stands_over_everything():
    conf = Settings({"broker_url": "redis://constructor"}, {"ASYNQ_BROKER_URL": "redis://env"})
    conf.override(broker_url="redis://command-line")
    assert conf.broker_url == "redis://command-line"
    conf.reset()
    assert conf.table() == {"broker_url": "redis://command-line"}
    with pytest.raises(ImproperlyConfigured, match="worker_concurrency"):
        conf.override(worker_concurrency="many")


def test_an_override_may_end_with_its_block():
    conf = Settings({"task_always_eager": False})
    conf.override(worker_threads=3)
    before = conf.revision
    with conf.overridden(task_always_eager=True):
        assert (conf.task_always_eager, conf.worker_threads) == (True, 3)
    assert (conf.task_always_eager, conf.worker_threads) == (False, 3)
    assert conf.revision == before + 2


def test_an_error_inside_such_a_block_ends_it_too():
    conf = Settings()
    with pytest.raises(ZeroDivisionError), conf.overridden(task_always_eager=True):
        1 / 0  # noqa: B018
    assert conf.task_always_eager is False


# The three orders of update and config_from_object: in Celery they give three answers.


def test_update_then_an_object_keeps_the_update_and_says_so():
    conf = Settings()
    conf.update(timezone="Europe/London")
    with pytest.warns(SettingIgnored, match=r"timezone was assigned.*reset"):
        conf.load({"timezone": "Europe/Paris", "enable_utc": False})
    assert conf.timezone == "Europe/London"
    assert conf.enable_utc is False


def test_reading_then_update_then_an_object_keeps_the_update_too():
    conf = Settings()
    assert conf.timezone is None
    conf.update(timezone="Europe/London")
    with pytest.warns(SettingIgnored, match="timezone was assigned"):
        conf.load({"timezone": "Europe/Paris"})
    assert conf.timezone == "Europe/London"


def test_an_object_then_update_lets_the_update_win():
    conf = Settings()
    conf.load({"timezone": "Europe/Paris"})
    conf.update(timezone="Europe/London")
    assert conf.timezone == "Europe/London"


def test_the_same_said_twice_is_no_conflict():
    conf = Settings({"enable_utc": True})
    conf.update(timezone="Europe/London")
    conf.load({"timezone": "Europe/London"})
    conf.enable_utc = True
    assert conf.timezone == "Europe/London"


def test_reset_lets_an_object_begin_anew():
    conf = Settings({"worker_concurrency": 3})
    conf.update(timezone="Europe/London", task_always_eager=True)
    conf.reset()
    conf.load({"timezone": "Europe/Paris"})
    assert (conf.timezone, conf.task_always_eager) == ("Europe/Paris", False)
    assert conf.worker_concurrency == 3


def test_another_object_replaces_the_first():
    conf = Settings()
    conf.load({"timezone": "Europe/Paris", "enable_utc": False})
    conf.load({"timezone": "Europe/Rome"})
    assert (conf.timezone, conf.enable_utc) == ("Europe/Rome", True)


def test_an_assignment_under_the_constructor_warns_that_it_changes_nothing():
    conf = Settings({"broker_url": "redis://constructor"})
    with pytest.warns(SettingIgnored, match="broker_url was given to the app's constructor"):
        conf.broker_url = "redis://assigned"
    assert conf.broker_url == "redis://constructor"


def test_an_object_is_read_with_the_first_value_and_only_once():
    reads = []

    def read():
        reads.append(1)
        return {"timezone": "Europe/Paris"}

    conf = Settings()
    conf.load(read)
    conf.worker_concurrency = 3
    assert conf.revision > 0
    assert reads == []
    assert conf.timezone == "Europe/Paris"
    assert (conf.worker_concurrency, conf.enable_utc) == (3, True)
    assert reads == [1]


@pytest.mark.parametrize(
    "touch",
    [
        lambda conf: conf.timezone,
        lambda conf: conf["timezone"],
        lambda conf: conf.get("timezone"),
        lambda conf: "timezone" in conf,
        list,
        len,
        lambda conf: conf.humanize(),
        lambda conf: conf.setdefault("timezone", "UTC"),
        lambda conf: conf.zone,
    ],
)
def test_an_object_that_can_not_be_read_fails_every_reading(touch):
    def read():
        raise ModuleNotFoundError("no module named 'celeryconfig'")

    conf = Settings()
    conf.load(read)
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="celeryconfig"):
            touch(conf)


def test_a_wrong_setting_in_an_object_read_later_fails_the_reading():
    conf = Settings()
    conf.load(lambda: {"timezon": "UTC"})
    with pytest.raises(ImproperlyConfigured, match="did you mean 'timezone'"):
        conf.worker_concurrency  # noqa: B018
    conf.load({"timezone": "UTC"})
    assert conf.timezone == "UTC"


def test_an_object_that_reads_the_settings_while_it_is_read_is_an_error():
    conf = Settings()
    conf.load(lambda: {"timezone": conf.timezone})
    with pytest.raises(ImproperlyConfigured, match="still being imported"):
        conf.timezone  # noqa: B018


def test_threads_that_ask_at_once_read_the_object_once():
    reads, found = [], []
    together = threading.Barrier(8)
    conf = Settings()

    def read():
        reads.append(1)
        return {"worker_concurrency": 7}

    def ask():
        together.wait(10)
        found.append(conf.worker_concurrency)

    conf.load(read)
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert (reads, found) == ([1], [7] * 8)


def test_every_way_of_writing_is_seen_by_every_way_of_reading():
    conf = Settings()
    conf.worker_concurrency = 1
    assert conf["worker_concurrency"] == 1
    conf["worker_concurrency"] = 2
    assert conf.get("worker_concurrency") == 2
    conf.update({"worker_concurrency": 3}, worker_threads=4)
    assert (conf.worker_concurrency, conf.worker_threads) == (3, 4)
    conf.update([("worker_concurrency", 5)])
    assert dict(conf)["worker_concurrency"] == 5
    conf.CELERYD_CONCURRENCY = 6
    assert conf["CELERYD_CONCURRENCY"] == conf.CELERYD_CONCURRENCY == 6
    assert conf.worker_concurrency == 6
    assert conf.setdefault("worker_concurrency", 7) == 6
    del conf.worker_concurrency
    assert conf.worker_concurrency == 100
    assert conf.setdefault("worker_concurrency", 7) == 7
    del conf["CELERYD_CONCURRENCY"]
    assert conf.worker_concurrency == 100


def test_settings_are_a_mapping_of_all_declared_names():
    conf = Settings()
    assert list(conf) == list(DECLARED)
    assert len(conf) == len(DECLARED)
    assert "timezone" in conf
    assert "CELERY_TIMEZONE" in conf
    assert "no_such_setting" not in conf
    assert 7 not in conf
    assert set(DECLARED) <= set(dir(conf))


def test_an_update_with_one_wrong_setting_changes_nothing():
    conf = Settings()
    before = conf.revision
    with pytest.raises(ImproperlyConfigured):
        conf.update(worker_concurrency=3, worker_threads="many")
    assert (conf.worker_concurrency, conf.revision) == (100, before)


@pytest.mark.parametrize(
    "change",
    [
        lambda conf: setattr(conf, "worker_concurrency", 3),
        lambda conf: conf.update(worker_concurrency=3),
        lambda conf: conf.load({}),
        lambda conf: conf.load(dict),
        lambda conf: conf.reset(),
    ],
)
def test_the_revision_grows_with_every_change(change):
    conf = Settings()
    before = conf.revision
    change(conf)
    assert conf.revision > before


def test_reading_leaves_the_revision():
    conf = Settings()
    conf.load(dict)
    before = conf.revision
    conf.humanize()
    assert (conf.worker_concurrency, conf.revision) == (100, before)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("worker_concurency", "did you mean 'worker_concurrency'"),
        ("task_inherit_parent_priority", "not in this release yet"),
        ("worker_state_db", "has no meaning here: the server remembers what is revoked"),
        ("worker_direct", "it is not in this release yet"),
        ("task_default_exchange", "has no meaning here: it is AMQP's"),
        ("broker_host", "has no meaning here: write it in broker_url"),
    ],
)
def test_reading_what_is_not_there_is_an_attribute_error_that_says_why(name, text):
    conf = Settings()
    with pytest.raises(AttributeError, match=text):
        getattr(conf, name)
    assert not hasattr(conf, name)
    with pytest.raises(KeyError):
        conf[name]
    assert conf.get(name, "fallback") == "fallback"


def test_assigning_what_is_not_there_is_an_error():
    conf = Settings()
    with pytest.raises(ImproperlyConfigured, match="unknown setting 'foo'"):
        conf.foo = 1
    with pytest.raises(AttributeError, match="worker_threads was not assigned"):
        del conf.worker_threads


def test_settings_of_two_apps_are_apart():
    one, other = Settings(), Settings()
    one.worker_concurrency = 3
    assert other.worker_concurrency == 100


@pytest.mark.parametrize(
    ("settings", "zone"),
    [
        ({}, UTC),
        ({"enable_utc": False}, None),
        ({"timezone": "Europe/London"}, ZoneInfo("Europe/London")),
        ({"timezone": "Europe/London", "enable_utc": False}, ZoneInfo("Europe/London")),
    ],
)
def test_the_zone_of_times_that_name_none(settings, zone):
    assert Settings(settings).zone == zone


def test_what_was_set_is_shown_with_secrets_hidden():
    conf = Settings({"broker_url": "redis://user:hush@host/0"}, {})
    conf.update(
        broker_transport_options={"password": "hush", "health_check_interval": 3},
        task_routes={"proj.refresh_token": "urgent"},
        result_expires=timedelta(hours=1),
    )
    assert conf.humanize().splitlines() == [
        "broker_transport_options: {'password': '********', 'health_check_interval': 3}",
        "broker_url: 'redis://user:********@host/0'",
        "result_expires: 3600.0",
        "task_routes: {'proj.refresh_token': 'urgent'}",
    ]
    assert "hush" not in repr(conf)


def test_defaults_and_secrets_are_shown_on_request():
    conf = Settings({"broker_url": "redis://user:hush@host/0"}, {})
    assert set(conf.table(with_defaults=True)) == set(DECLARED)
    assert conf.table(with_defaults=True)["result_backend"] == "redis://user:********@host/0"
    assert conf.table(censored=False) == {"broker_url": "redis://user:hush@host/0"}
    assert "worker_lease: 30.0" in conf.humanize(with_defaults=True).splitlines()


def test_what_the_environment_says_is_shown():
    assert Settings(environ={"ASYNQ_BROKER_URL": "redis://h"}).table() == {
        "broker_url": "redis://h"
    }


def test_a_warning_that_is_an_error_leaves_the_settings_usable():
    conf = Settings()
    conf.load(lambda: {"worker_pool": "gevent", "worker_concurrency": 3})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(SettingIgnored):
            conf.worker_concurrency  # noqa: B018
        assert conf.worker_concurrency == 3
