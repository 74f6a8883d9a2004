import pytest

from asynq import Asynq, Worker, current_app, current_task, get_current_app


@pytest.fixture
async def app(namespace):
    app = Asynq("proj", broker="memory://", namespace=namespace)
    yield app
    await app.aclose()


async def test_the_current_app_is_looked_up_each_time(app):
    assert current_app == app
    assert get_current_app() is app
    current_app.conf.task_default_queue = "other"
    assert app.conf.task_default_queue == "other"
    other = Asynq("other")
    assert current_app.main == "other"
    assert hash(current_app) == hash(other)
    assert repr(current_app) == repr(other)


async def test_outside_of_tasks_there_is_no_current_task(app):
    assert not current_task
    assert repr(current_task) == "<current_task>"
    with pytest.raises(AttributeError, match=r"current_task\.name: no task runs here"):
        _ = current_task.name


async def test_inside_a_task_it_is_the_current_one(app):
    @app.task
    async def look():
        assert current_task
        return current_task.name, current_task.request.id

    assert await look.apply(task_id="me").get() == (look.name, "me")
    async with Worker(app):
        assert await look.apply_async(task_id="me2").get(5) == (look.name, "me2")
    assert look.name.endswith(".look")
