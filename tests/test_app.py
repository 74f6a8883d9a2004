import asyncio
import sys
import threading

import pytest

from asynq import Asynq, Task, Worker
from asynq.exceptions import ImproperlyConfigured


@pytest.fixture
async def app(namespace):
    app = Asynq("proj", broker="memory://", namespace=namespace)
    yield app
    await app.aclose()


class Own(Task):
    pass


# Making one


def test_making_an_app_reads_and_imports_nothing(monkeypatch):
    def refuse(*args, **options):
        raise AssertionError("too early")

    monkeypatch.setattr("asynq.app.brokers.connect", refuse)
    monkeypatch.setattr("asynq.app.read", refuse)
    monkeypatch.setattr("asynq.app.import_named", refuse)
    app = Asynq("proj", broker="redis://nowhere", include=["no.such"], config_source="no_such_conf")

    @app.task
    def add(x, y):
        return x + y

    assert add(1, 2) == 3
    assert repr(app) == "<Asynq: proj>"


def test_settings_can_be_given_to_the_constructor():
    app = Asynq(
        "proj",
        broker="redis://a/0",
        backend="redis://a/1",
        include=["proj.tasks"],
        namespace="ns",
        task_track_started=False,
    )
    assert app.conf.broker_url == "redis://a/0"
    assert app.conf.result_backend == "redis://a/1"
    assert list(app.conf.include) == ["proj.tasks"]
    assert app.conf.task_track_started is False
    assert app.namespace == "ns"


def test_without_settings_an_app_has_a_server_of_its_own_name():
    app = Asynq("proj")
    assert app.conf.broker_url == "embedded://"
    assert app.namespace == "proj"
    assert Asynq().namespace == "default"


def test_a_wrong_setting_or_name_fails_at_once():
    with pytest.raises(ImproperlyConfigured, match="task_track_startd"):
        Asynq("proj", task_track_startd=True)
    with pytest.raises(ImproperlyConfigured, match="app name 'my app'"):
        Asynq("my app")


def test_the_environment_wins(monkeypatch):
    monkeypatch.setenv("ASYNQ_BROKER_URL", "memory://env")
    assert Asynq("proj", broker="memory://given").conf.broker_url == "memory://env"


# Configuration


def test_configuration_comes_from_an_object():
    class Config:
        task_default_queue = "q"

    app = Asynq("proj")
    app.config_from_object(Config)
    assert app.conf.task_default_queue == "q"
    app.config_from_object({"CELERY_TASK_DEFAULT_QUEUE": "r"}, namespace="CELERY")
    assert app.conf.task_default_queue == "r"


def test_a_named_module_is_imported_with_the_first_setting_read(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "proj_conf_a.py").write_text("task_default_queue = 'q'")
    app = Asynq("proj", config_source="proj_conf_a")
    assert "proj_conf_a" not in sys.modules
    assert app.conf.task_default_queue == "q"


def test_force_reads_it_now():
    with pytest.raises(ImportError, match="no_such_conf"):
        Asynq("proj").config_from_object("no_such_conf", force=True)


def test_with_a_config_source_the_namespace_is_its_prefix():
    app = Asynq("proj", config_source={"CELERY_TASK_DEFAULT_QUEUE": "q"}, namespace="CELERY")
    assert app.conf.task_default_queue == "q"
    assert app.namespace == "proj"


def test_configuration_comes_from_a_variable(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "proj_conf_b.py").write_text("task_default_queue = 'q'")
    app = Asynq("proj")
    with pytest.raises(ImproperlyConfigured, match="PROJ_CONF"):
        app.config_from_envvar("PROJ_CONF")
    assert app.config_from_envvar("PROJ_CONF", silent=True) is False
    monkeypatch.setenv("PROJ_CONF", "proj_conf_b")
    assert app.config_from_envvar("PROJ_CONF") is True
    assert app.conf.task_default_queue == "q"


# Tasks


def test_the_class_of_tasks_can_be_chosen():
    app = Asynq("proj")
    assert app.Task is Task
    app.Task = Own
    assert isinstance(app.task(lambda: 1, name="a"), Own)
    assert isinstance(app.task(lambda: 1, name="b", base=Task), Task)
    with pytest.raises(TypeError, match="expected a subclass"):
        app.Task = int


@pytest.mark.parametrize("path", [f"{__name__}:Own", f"{__name__}.Own", Own])
def test_the_class_of_tasks_can_be_given_by_name(path):
    assert Asynq("proj", task_cls=path).Task is Own


def test_what_is_no_task_cannot_be_registered():
    with pytest.raises(TypeError, match="expected an object of a Task class"):
        Asynq("proj").register_task(lambda: 1)


def test_a_worker_finds_the_modules_with_tasks(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("tasks_a", "tasks_b"):
        (tmp_path / f"proj_{name}.py").write_text("")
    (tmp_path / "proj_package").mkdir()
    (tmp_path / "proj_package" / "tasks.py").write_text("")
    app = Asynq("proj", include=["proj_tasks_a"], imports=["proj_tasks_b"])
    app.autodiscover_tasks(["proj_package"])
    app.import_modules()
    assert {"proj_tasks_a", "proj_tasks_b", "proj_package.tasks"} <= set(sys.modules)


def test_finding_djangos_apps_is_not_in_this_release():
    with pytest.raises(NotImplementedError, match="INSTALLED_APPS"):
        Asynq("proj").autodiscover_tasks()


# Calling


async def test_a_task_is_called_by_its_name(app):
    @app.task(name="proj.add")
    def add(x, y):
        return x + y

    async with Worker(app):
        assert await app.send_task("proj.add", (1, 2)).get(5) == 3
        assert await app.send_task("proj.add", [1], {"y": 2}, queue="default").get(5) == 3


async def test_nobody_checks_what_is_sent_by_name(app):
    await app.send_task("no.such.task", ("whatever",), {"x": 1})
    assert await app.broker.depth("default") == 1


async def test_names_that_are_made_up_do_not_pile_up(app):
    for number in range(1200):
        app.send_task(f"proj.n{number}").close()
    assert len(app._names._known) <= 1000


async def test_a_result_is_found_by_its_id(app):
    @app.task
    async def add(x, y):
        return x + y

    async with Worker(app):
        result = await add.delay(1, 2)
        assert await app.AsyncResult(result.id).get(5) == 3


async def test_switched_off_results_say_so(namespace):
    app = Asynq("proj", broker="memory://", backend="disabled://", namespace=namespace)
    result = await app.send_task("proj.add")
    with pytest.raises(NotImplementedError, match="No result backend is configured"):
        await result.state
    with pytest.raises(NotImplementedError, match="No result backend is configured"):
        await result
    await app.aclose()


# Connections


async def test_an_app_has_one_connection_for_each_loop(app):
    assert app.broker is app.broker
    assert app.backend is app.backend
    assert app.connect_broker() is not app.broker


def test_an_app_is_used_from_loop_to_loop(namespace):
    app = Asynq("proj", broker="memory://", namespace=namespace)

    async def use():
        await app.send_task("proj.add")
        return await app.broker.depth("default")

    assert [asyncio.run(use()) for _ in range(3)] == [1, 2, 3]
    depths = []
    threads = [threading.Thread(target=lambda: depths.append(asyncio.run(use()))) for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(depths) == 5


async def test_leaving_the_app_closes_its_connections(namespace):
    async with Asynq("proj", broker="memory://", namespace=namespace) as app:
        broker = app.broker
    assert app.broker is not broker
    await app.aclose()


def test_without_a_loop_there_is_no_connection():
    with pytest.raises(RuntimeError, match=r"asynq\.run"):
        _ = Asynq("proj").broker


async def test_the_backend_is_the_brokers_server_unless_it_is_named(namespace):
    app = Asynq("proj", broker=f"memory://{namespace}")
    assert app.backend.location.server == app.broker.location.server
    await app.aclose()


async def test_a_worker_serves_the_declared_queues():
    assert list(Asynq("proj").queue_names()) == ["default"]
    assert list(Asynq("proj", task_queues=["a", "b"]).queue_names()) == ["a", "b"]
