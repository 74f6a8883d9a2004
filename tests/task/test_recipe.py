import copy
import pickle

import pytest

from asynq import Asynq, Task
from asynq.exceptions import ImproperlyConfigured
from tests.task import importable


@pytest.mark.parametrize("name", ["cube", "renamed", "report", "share"])
def test_a_task_is_pickled_by_reference(name):
    task = getattr(importable, name)
    data = pickle.dumps(task)
    assert pickle.loads(data) is task
    assert len(data) < 150
    assert copy.deepcopy(task) is task


def test_what_a_process_task_calls_can_be_pickled():
    assert pickle.loads(pickle.dumps(importable.cube.target))(3) == 27


def test_an_apps_own_object_of_a_shared_task_becomes_the_shared_one():
    own = importable.app.tasks["importable.share"]
    assert own is not importable.share
    assert pickle.loads(pickle.dumps(own)) is importable.share


def test_a_task_inside_a_function_cannot_be_pickled_and_says_why():
    app = Asynq("proj", set_as_current=False)

    @app.task
    def local():
        pass

    with pytest.raises(pickle.PicklingError, match=r"top level of a module .*test_recipe\.py:\d+"):
        pickle.dumps(local)


def test_what_is_not_registered_has_no_recipe():
    with pytest.raises(ImproperlyConfigured, match="register_task"):
        _ = Task().recipe
