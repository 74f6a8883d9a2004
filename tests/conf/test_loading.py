"""Configuration objects: modules, classes, instances, mappings, and their names."""

import sys
from types import SimpleNamespace

import pytest

from asynq.conf import Settings
from asynq.conf.loading import from_envvar, read
from asynq.exceptions import ImproperlyConfigured

MODULE = '''
"""A configuration module as people write them."""
import os
from datetime import timedelta, timezone

broker_url = "redis://module"
result_expires = timedelta(hours=1)
my_own = 7
redis_host = "mine"


def include():
    """Not the setting."""


class Config:
    worker_concurrency = 3

    class Inner:
        worker_threads = 4
'''


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a module of that name, importable for this test only."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def write(name, source):
        path = tmp_path.joinpath(*name.split("."))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".py").write_text(source)
        return name

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def module(write):
    return write("conf_for_a_test", MODULE)


def test_a_module_gives_what_is_named_like_a_setting(module):
    settings = read(module)
    assert set(settings) == {"broker_url", "result_expires"}
    assert Settings(settings).result_expires == 3600
    assert read(sys.modules[module]) == settings


@pytest.mark.parametrize(
    ("attribute", "settings"),
    [("Config", {"worker_concurrency": 3}), ("Config.Inner", {"worker_threads": 4})],
)
def test_an_attribute_of_a_module_may_hold_them(module, attribute, settings):
    assert read(f"{module}:{attribute}") == settings


def test_a_class_and_its_instances_give_the_same():
    class Base:
        worker_threads = 4

    class Config(Base):
        worker_concurrency = 3
        my_own = 7

        def timezone(self):
            """Not the setting."""

        @staticmethod
        def imports():
            """Nor this."""

    expected = {"worker_concurrency": 3, "worker_threads": 4}
    assert read(Config) == read(Config()) == expected


def test_an_instance_gives_its_own_attributes_and_properties():
    class Config:
        def __init__(self):
            self.worker_concurrency = 3

        @property
        def broker_url(self):
            return "redis://property"

        @property
        def my_own(self):
            raise RuntimeError("nobody asked for this one")

    assert read(Config()) == {"worker_concurrency": 3, "broker_url": "redis://property"}
    assert read(SimpleNamespace(timezone="UTC")) == {"timezone": "UTC"}


def test_a_class_may_hold_a_route_function():
    def route(name, args, kwargs, options, task=None):
        return "x"

    assert read(SimpleNamespace(task_routes=route)) == {"task_routes": route}


def test_a_mapping_gives_everything_so_that_a_wrong_name_is_noticed():
    settings = read({"timezone": "UTC", "my_own": 7})
    assert settings == {"timezone": "UTC", "my_own": 7}
    with pytest.raises(ImproperlyConfigured, match="unknown setting 'my_own'"):
        Settings().load(settings)


def test_old_names_are_picked_up():
    assert read(SimpleNamespace(CELERYD_CONCURRENCY=3, BROKER_URL="redis://", MY_OWN=1)) == {
        "CELERYD_CONCURRENCY": 3,
        "BROKER_URL": "redis://",
    }


def test_settings_of_a_later_release_are_picked_up_so_that_they_are_not_ignored(write):
    name = write("beat_for_a_test", "task_compression = 'gzip'")
    conf = Settings()
    conf.load(lambda: read(name))
    with pytest.raises(NotImplementedError, match="task_compression"):
        conf.timezone  # noqa: B018


def test_somebody_elses_settings_are_left_alone():
    class Project:
        redis_host = "localhost"
        database_url = "postgres://"
        s3_bucket = "files"
        worker_concurrency = 3

    assert read(Project) == {"worker_concurrency": 3}


@pytest.mark.parametrize("name", ["task_route", "worker_concurency", "broker_ulr", "timezones"])
def test_a_name_one_or_two_letters_off_is_an_error(name):
    with pytest.raises(ImproperlyConfigured, match=rf"in types.SimpleNamespace: .*'{name}'.*mean"):
        read(SimpleNamespace(**{name: "x"}))


def test_a_method_with_such_a_name_is_none():
    class Config:
        def timezones(self):
            """Somebody's own."""

    assert read(Config) == {}


def test_prefixed_names_without_a_namespace_are_an_error_that_names_it():
    with pytest.raises(ImproperlyConfigured, match="say namespace='CELERY'"):
        read(SimpleNamespace(CELERY_TASK_ALWAYS_EAGER=True))


# namespace='CELERY': as every Django project is configured


@pytest.mark.parametrize("namespace", ["CELERY", "celery", "CELERY_"])
def test_a_namespace_takes_what_begins_with_it(namespace):
    source = {
        "CELERY_BROKER_URL": "redis://django",
        "CELERY_TASK_TRACK_STARTED": False,
        "BROKER_URL": "redis://ignored",
        "timezone": "ignored",
        "TIME_ZONE": "ignored",
        "DATABASES": {},
    }
    expected = {"broker_url": "redis://django", "task_track_started": False}
    assert read(source, namespace=namespace) == expected
    assert read(SimpleNamespace(**source), namespace=namespace) == expected


def test_a_namespace_may_be_any_word():
    assert read({"QUEUE_TIMEZONE": "UTC", "CELERY_TIMEZONE": "X"}, namespace="QUEUE") == {
        "timezone": "UTC"
    }


def test_a_wrong_name_with_the_prefix_is_an_error():
    with pytest.raises(ImproperlyConfigured, match=r"CELERY_TIMEZON: .*mean 'timezone'"):
        read({"CELERY_TIMEZON": "UTC"}, namespace="CELERY")


def test_an_old_name_with_the_prefix_says_todays():
    with pytest.raises(ImproperlyConfigured, match="write CELERY_TASK_ALWAYS_EAGER"):
        read({"CELERY_ALWAYS_EAGER": True}, namespace="CELERY")


# Names of what is not there, and errors inside


def test_a_module_that_is_not_there_is_an_import_error():
    with pytest.raises(ModuleNotFoundError, match="no_such_module_here"):
        read("no_such_module_here")


def test_an_attribute_that_is_not_there_is_an_import_error(module):
    with pytest.raises(ImportError, match="has no attribute 'Nope'"):
        read(f"{module}:Nope")


@pytest.mark.parametrize(
    "name", ["no_such_module_here", "no_such.module", "conf_for_a_test:Nope", "conf_for_a_test:A.b"]
)
def test_silence_takes_what_is_not_there_as_nothing(module, name):
    assert read(name, silent=True) == {}


def test_silence_does_not_hide_a_module_that_is_there(module):
    assert read(f"{module}:Config", silent=True) == {"worker_concurrency": 3}


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import no_such_module_here", ModuleNotFoundError),
        ("from os import no_such_name", ImportError),
        ("1 / 0", ZeroDivisionError),
    ],
)
def test_an_error_inside_the_module_always_comes_out(write, silent, source, error):
    name = write("broken_for_a_test", source)
    with pytest.raises(error):
        read(name, silent=silent)


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("celeryconfig.py", "celeryconfig"),
        ("proj/celeryconfig.py", "proj.celeryconfig"),
        ("./proj/celeryconfig", "proj.celeryconfig"),
    ],
)
def test_the_name_of_a_file_says_how_modules_are_named(path, module):
    with pytest.raises(ImproperlyConfigured, match=f"name of a file.*: '{module}'"):
        read(path)


def test_a_dot_before_an_attribute_says_to_write_a_colon(module):
    with pytest.raises(ModuleNotFoundError) as caught:
        read(f"{module}.Config")
    assert caught.value.__notes__ == [f"for an attribute of {module} write '{module}:Config'"]


def test_a_variable_names_the_module():
    assert from_envvar("CONFIG", environ={"CONFIG": "proj.conf"}) == "proj.conf"


def test_a_variable_is_read_from_the_process(monkeypatch):
    monkeypatch.setenv("A_CONFIG_FOR_A_TEST", "proj.conf")
    assert from_envvar("A_CONFIG_FOR_A_TEST") == "proj.conf"


@pytest.mark.parametrize("environ", [{}, {"CONFIG": ""}])
def test_a_variable_that_is_not_set_shows_how_to_set_it(environ):
    with pytest.raises(ImproperlyConfigured, match=r"export CONFIG=proj.celeryconfig"):
        from_envvar("CONFIG", environ=environ)
    assert from_envvar("CONFIG", silent=True, environ=environ) is None
