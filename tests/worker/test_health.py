"""A worker says truly how it is: to who embeds it, over HTTP, and to nobody who is not asked."""

import asyncio
import json
import threading
from types import SimpleNamespace

import pytest

from asynq import Asynq, Worker
from asynq.exceptions import ImproperlyConfigured, OperationalError
from asynq.worker.health import Health, serve
from asynq.worker.heartbeat import Heartbeat
from asynq.worker.leases import Leases
from asynq.worker.state import WorkerState
from tests.waiting import until


class Server:
    """A broker that may be away."""

    def __init__(self):
        self.away = False
        self.silent = False
        self.asked = 0

    async def announce(self, *args, **named):
        self.asked += 1
        if self.silent:
            await asyncio.Event().wait()
        if self.away:
            raise OperationalError("gone")


class Agents:
    """The agents that a worker's health depends on."""

    def __init__(self):
        self.state = WorkerState("w@here")
        self.stopping = asyncio.Event()
        self.server = Server()
        self.leases = Leases(None, lease=30.0)
        self.heartbeat = Heartbeat(
            self.server, self.state, SimpleNamespace(queues=["q"], slots=1), lease=30.0
        )
        self.health = Health(self.state, self.stopping)


@pytest.fixture
async def agents():
    agents = Agents()
    agents.leases.start(on_lost=lambda lost: None)
    agents.health.begin(agents.leases, agents.heartbeat, lambda: 0)
    agents.state.reached.set()
    yield agents
    await agents.leases.stop()


async def test_a_worker_that_runs_is_alive_and_ready(agents):
    report = await agents.health.look()
    assert (report.alive, report.ready, report.problems) == (True, True, ())
    assert report.hostname == "w@here"


async def test_one_that_has_not_begun_is_alive_and_not_ready():
    report = Agents().health.report()
    assert (report.alive, report.ready) == (True, False)


async def test_runs_that_go_on_though_they_were_given_up_are_counted(namespace):
    go_on = threading.Event()
    app = Asynq(namespace, broker="memory://")

    @app.task(time_limit=0.05)
    def stubborn():
        go_on.wait(10)

    async with app, Worker(app, threads=1, grace=0) as worker:
        assert worker.health.report().stuck == 0
        await stubborn.delay()
        await until(lambda: worker.health.report().stuck == 1)
        assert (await worker.health.look()).ready
        go_on.set()
        await until(lambda: worker.health.report().stuck == 0)


async def test_a_broker_that_is_away_makes_it_unready_and_not_ill(agents, monkeypatch):
    agents.server.away = True
    monkeypatch.setattr(agents.leases, "trusted", lambda: False)
    report = await agents.health.look()
    assert (report.alive, report.ready) == (True, False)
    assert report.problems == ("the broker does not answer",)
    agents.server.away = False
    monkeypatch.undo()
    assert (await agents.health.look()).ready


async def test_a_broker_that_says_nothing_keeps_nobody_waiting(agents):
    agents.server.silent = True
    async with asyncio.timeout(5.0):
        assert not (await agents.health.look()).ready


async def test_leases_that_run_out_while_the_broker_answers_are_an_illness(agents, monkeypatch):
    monkeypatch.setattr(agents.leases, "trusted", lambda: False)
    report = await agents.health.look()
    assert (report.alive, report.ready) == (False, False)


async def test_a_dead_thread_is_an_illness(agents):
    await agents.leases.stop()
    assert not (await agents.health.look()).alive


async def test_one_that_stops_is_alive_and_not_ready_and_one_that_has_ended_is_neither(agents):
    agents.stopping.set()
    report = await agents.health.look()
    assert (report.alive, report.ready, report.problems) == (True, False, ("it is stopping",))
    agents.health.end()
    report = await agents.health.look()
    assert (report.alive, report.ready) == (False, False)


async def test_the_broker_is_asked_only_when_it_was_not_heard_of_for_a_moment(agents):
    for _ in range(10):
        await agents.health.look()
    assert agents.server.asked == 1


# Over HTTP


@pytest.fixture
async def served(agents, directory):
    path = str(directory / "s")

    class Somewhere:
        def make(self):
            return path

        def remove(self):
            pass

    serving = asyncio.create_task(
        serve(agents.health, host="127.0.0.1", port=None, socket=Somewhere())
    )
    await until((directory / "s").exists)
    yield path
    serving.cancel()
    await asyncio.wait({serving})


async def ask(path, words):
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(words)
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


async def get(path, where, method="GET"):
    return await ask(path, f"{method} {where} HTTP/1.1\r\nHost: x\r\n\r\n".encode())


async def test_the_status_says_it_and_the_body_says_why(agents, served):
    status, body = await get(served, "/readyz")
    assert (status, json.loads(body)["ready"]) == (200, True)
    agents.stopping.set()
    status, body = await get(served, "/readyz")
    assert (status, json.loads(body)["problems"]) == (503, ["it is stopping"])
    assert (await get(served, "/healthz?verbose"))[0] == 200
    assert await get(served, "/healthz", "HEAD") == (200, b"")


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 404),
        (b"GET /metrics HTTP/1.1\r\n\r\n", 404),
        (b"POST /healthz HTTP/1.1\r\n\r\n", 405),
        (b"\r\n\r\n", 404),
        (b"\xff\xfe\x00 nonsense\r\n\r\n", 404),
    ],
)
async def test_nothing_else_is_answered(served, words, status):
    assert (await ask(served, words))[0] == status
    assert (await get(served, "/healthz"))[0] == 200


async def test_who_sends_too_much_is_dropped_and_nobody_else_suffers(served):
    reader, writer = await asyncio.open_unix_connection(served)
    writer.write(b"x" * 100_000)
    assert await reader.read() == b""
    writer.close()
    assert (await get(served, "/healthz"))[0] == 200


# In a worker


async def connected(port):
    try:
        return await asyncio.open_connection("127.0.0.1", port)
    except OSError:  # it begins to listen a moment after it has begun
        return None


async def test_a_worker_answers_at_its_port_and_tells_its_own_program(namespace):
    async with Asynq(namespace, broker="memory://") as app:
        async with asyncio.timeout(10):
            listener = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
            port = listener.sockets[0].getsockname()[1]
            with pytest.raises(ImproperlyConfigured, match=f"health_port 127.0.0.1:{port}"):
                async with Worker(app, health_port=port) as worker:
                    await worker.wait()
            listener.close()
            async with Worker(app, health_port=port) as worker:
                await worker.state.reached.wait()
                assert worker.health.report().ready
                reader, writer = await until(lambda: connected(port))
                writer.write(b"GET /readyz HTTP/1.1\r\n\r\n")
                assert b"200 OK" in await reader.read()
                writer.close()
            assert not worker.health.report().alive


async def test_a_worker_that_nobody_may_ask_opens_nothing(namespace):
    async with Asynq(namespace, broker="memory://") as app, Worker(app) as worker:
        await worker.state.reached.wait()
        assert "asynq-health" not in {task.get_name() for task in asyncio.all_tasks()}
