import contextvars

import pytest

from asynq import Asynq, application
from asynq.exceptions import ImproperlyConfigured
from asynq.task import current_application


def test_the_app_that_was_made_last_is_current():
    Asynq("one")
    two = Asynq("two")
    Asynq("three", set_as_current=False)
    assert current_application() is two


def test_an_app_can_be_made_the_current_one():
    one, _two = Asynq("one"), Asynq("two")
    one.set_default()
    assert current_application() is one


def test_a_context_can_have_an_app_of_its_own():
    one, two = Asynq("one"), Asynq("two")

    def inside():
        one.set_current()
        return current_application()

    assert contextvars.copy_context().run(inside) is one
    assert current_application() is two


def test_without_an_app_the_error_names_the_cure(monkeypatch):
    monkeypatch.setattr(application, "_everywhere", [])
    with pytest.raises(ImproperlyConfigured, match=r"make one, app = Asynq\('proj'\)"):
        current_application()
