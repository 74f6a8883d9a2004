import asyncio
import threading

import pytest

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
def connections(closed):
    return Connections(lambda: Adapter(closed), lambda: Adapter(closed))


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


def test_without_a_loop_the_error_says_what_to_do(connections):
    with pytest.raises(RuntimeError, match=r"asynq\.run"):
        connections.broker()
