"""Settings: one by one, from a class, from a module, by an environment variable."""

import pytest

from asynq import Asynq
from asynq.exceptions import ImproperlyConfigured


@pytest.fixture
def app():
    return Asynq("proj", broker="memory://")


def test_one_by_one_or_several_at_once(app):
    app.conf.timezone = "Europe/London"
    app.conf.update(enable_utc=True, result_expires=3600)
    assert app.conf.timezone == "Europe/London"
    assert app.conf.result_expires == 3600


def test_with_the_constructor():
    assert Asynq("proj", result_expires=60).conf.result_expires == 60


def test_from_a_class(app):
    class Config:
        task_serializer = "json"
        accept_content = ("json",)
        result_expires = 60

    app.config_from_object(Config)
    assert app.conf.result_expires == 60


@pytest.fixture
def asynqconfig(tmp_path, monkeypatch):
    """A module with settings."""
    (tmp_path / "asynqconfig.py").write_text("timezone = 'Europe/London'\n")
    monkeypatch.syspath_prepend(tmp_path)


def test_from_a_module(app, asynqconfig):
    app.config_from_object("asynqconfig")
    assert app.conf.timezone == "Europe/London"


def test_from_the_module_that_a_variable_names(app, asynqconfig, monkeypatch):
    monkeypatch.setenv("PROJ_CONFIG_MODULE", "asynqconfig")
    app.config_from_envvar("PROJ_CONFIG_MODULE")
    assert app.conf.timezone == "Europe/London"


def test_the_constructor_stands_over_all_of_them():
    app = Asynq("proj", result_expires=60)
    app.config_from_object({"result_expires": 3600, "timezone": "Europe/London"})
    assert app.conf.result_expires == 60
    assert app.conf.timezone == "Europe/London"


def test_a_wrong_name_is_an_error_that_knows_the_right_one(app):
    with pytest.raises(ImproperlyConfigured, match="did you mean 'result_expires'"):
        app.conf.result_expire = 60


def test_a_wrong_value_is_an_error(app):
    with pytest.raises(ImproperlyConfigured, match="expected"):
        app.conf.worker_concurrency = "many"
