import asyncio
import threading

import pytest

from asynq import Asynq
from asynq.conf import Settings
from asynq.connections import Connections


class Adapter:
    def __init__(self, closed):
        self.closed = closed

    async def aclose(self):
        self.closed.append(self)


@pytest.fixture
def closed():
    return []


@pytest.fixture
def conf():
    return Settings({}, environ={})


@pytest.fixture
def connections(conf, closed):
    return Connections(conf, lambda: Adapter(closed), lambda: Adapter(closed))


async def test_a_loop_has_one_of_each(connections):
    assert connections.broker() is connections.broker()
    assert connections.backend() is connections.backend()
    assert connections.broker() is not connections.backend()


def test_every_loop_has_its_own(connections):
    async def look():
        return connections.broker()

    assert asyncio.run(look()) is not asyncio.run(look())


def test_what_belonged_to_a_closed_loop_is_forgotten(connections):
    async def look():
        connections.broker()

    for _ in range(5):
        asyncio.run(look())
    assert len(connections._pairs) == 1


def test_loops_at_the_same_time_do_not_disturb_each_other(connections):
    both = threading.Barrier(2)
    found = []

    async def look():
        found.append(connections.broker())
        await asyncio.get_running_loop().run_in_executor(None, both.wait)
        found.append(connections.broker())

    threads = [threading.Thread(target=asyncio.run, args=(look(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 2


async def test_closing_closes_what_is_open_and_it_opens_again(connections, closed):
    broker, backend = connections.broker(), connections.backend()
    await connections.aclose()
    await connections.aclose()
    assert closed == [broker, backend]
    assert connections.broker() is not broker


async def test_the_backend_is_closed_even_if_the_broker_fails_to(connections, closed):
    async def fail():
        raise OSError("gone")

    connections.broker().aclose = fail
    backend = connections.backend()
    with pytest.raises(OSError, match="gone"):
        await connections.aclose()
    assert closed == [backend]


# Settings that change


async def test_another_broker_is_opened_and_the_one_before_closed(conf, connections, closed):
    conf.result_backend = "redis://results"
    broker, backend = connections.broker(), connections.backend()
    conf.broker_url = "redis://other"
    another = connections.broker()
    assert another is not broker
    assert another is connections.broker()
    assert connections.backend() is backend
    await connections.aclose()
    assert closed == [broker, another, backend]


async def test_the_one_before_is_closed_even_if_nobody_waits_for_it(conf, connections, closed):
    broker = connections.broker()
    conf.broker_url = "redis://other"
    connections.broker()
    async with asyncio.timeout(10):
        while not closed:
            await asyncio.sleep(0)
    assert closed == [broker]


async def test_results_follow_the_broker_where_they_live_beside_it(conf, connections):
    backend = connections.backend()
    conf.broker_url = "redis://other"
    assert connections.backend() is not backend


async def test_another_namespace_is_another_place(conf, connections):
    broker, backend = connections.broker(), connections.backend()
    conf.namespace = "other"
    assert connections.broker() is not broker
    assert connections.backend() is not backend
    await connections.aclose()


async def test_a_change_of_anything_else_leaves_connections_alone(conf, connections):
    broker, backend = connections.broker(), connections.backend()
    conf.task_default_queue = "other"
    conf.broker_url = "embedded://"
    assert connections.broker() is broker
    assert connections.backend() is backend


async def test_one_that_fails_to_close_disturbs_nobody(conf, connections):
    async def fail():
        raise OSError("gone")

    connections.broker().aclose = fail
    conf.broker_url = "redis://other"
    connections.broker()
    await connections.aclose()


async def test_settings_go_into_effect_in_an_app_that_is_connected(namespace):
    async with Asynq(namespace, broker="memory://first") as app:
        await app.send_task("x")
        app.conf.override(broker_url="memory://second")
        assert await app.broker.queues() == []
        await app.send_task("x")
        assert await app.broker.depth("default") == 1


def test_without_a_loop_the_error_says_what_to_do(connections):
    with pytest.raises(RuntimeError, match=r"asynq\.run"):
        connections.broker()
