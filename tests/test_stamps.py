"""Revoking by headers, on real servers: whoever called, and whoever works."""

import asyncio

import pytest

from asynq import Asynq, TaskRevokedError, Worker, chain, group
from asynq.exceptions import OptionTypeError, OptionValueError
from asynq.wire.rules import Rules
from tests.waiting import until

ACME = {"customer": "acme"}


@pytest.fixture
async def app(url, namespace):
    async with Asynq(namespace, broker=url, worker_lease=3.0, set_as_current=False) as app:
        yield app


@pytest.fixture
def greet(app):
    @app.task(name="greet")
    async def greet(name):
        return f"hello {name}"

    return greet


class Gate:
    """A task that runs until it is let go, and says who runs."""

    def __init__(self, app):
        self.running = set()
        self.open = asyncio.Event()

        @app.task(name="wait")
        async def wait(name):
            self.running.add(name)
            try:
                await self.open.wait()
            finally:
                self.running.discard(name)
            return name

        self.wait = wait


@pytest.fixture
def gate(app):
    return Gate(app)


async def taken(app, count):
    """Have workers taken so many tasks?"""
    return [queue.running for queue in await app.queues.list()] == [count]


async def rules(app):
    return Rules.read(await app.broker.rules()).stamps


async def test_what_waits_in_a_queue_ends_revoked_on_a_worker_that_comes_later(app, greet):
    stamped = [
        await greet.apply_async((name,), headers={"customer": name}) for name in ("acme", "b")
    ]
    plain = await greet.delay("c")
    await app.control.revoke_by_stamped_headers(ACME)
    async with Worker(app):
        with pytest.raises(TaskRevokedError, match="revoked"):
            await stamped[0].get(timeout=10)
        assert await stamped[1].get(timeout=10) == "hello b"
        assert await plain.get(timeout=10) == "hello c"


async def test_what_a_worker_holds_ends_at_once_and_what_runs_goes_on(app, gate):
    async with Worker(app, concurrency=1):
        runs = await gate.wait.apply_async(("runs",), headers=ACME)
        await until(lambda: gate.running)
        waits = await gate.wait.apply_async(("waits",), headers=ACME)
        await until(lambda: taken(app, 2))
        await app.control.revoke_by_stamped_headers({"customer": ["other", "acme"]})
        with pytest.raises(TaskRevokedError):
            await waits.get(timeout=10)
        gate.open.set()
        assert await runs.get(timeout=10) == "runs"


async def test_what_runs_ends_too_where_that_is_asked_for(app, gate):
    async with Worker(app):
        stamped = await gate.wait.apply_async(("stamped",), headers={"customer": 7})
        plain = await gate.wait.delay("plain")
        await until(lambda: len(gate.running) == 2)
        await app.control.terminate_by_stamped_headers({"customer": 7})
        with pytest.raises(TaskRevokedError, match="terminated"):
            await stamped.get(timeout=10)
        assert gate.running == {"plain"}
        gate.open.set()
        assert await plain.get(timeout=10) == "plain"


async def test_what_waits_for_its_time_ends_when_it_comes(app, greet):
    result = await greet.apply_async(("acme",), headers=ACME, countdown=3600)
    await app.control.revoke_by_stamped_headers(ACME)
    await result.reschedule(countdown=0)
    async with Worker(app):
        with pytest.raises(TaskRevokedError):
            await result.get(timeout=10)


async def test_every_part_of_a_workflow_is_stamped(app, greet):
    flow = chain(greet.s("a"), group(greet.si("b"), greet.si("c")), greet.si("d")).stamp(**ACME)
    result = await flow.delay()
    await app.control.revoke_by_stamped_headers(ACME)
    async with Worker(app):
        with pytest.raises(TaskRevokedError):
            await result.parent.parent.get(timeout=10)


async def test_it_is_forgotten_when_its_time_is_over(app, greet):
    await app.control.revoke_by_stamped_headers(ACME, ttl=0.001)
    (over,) = await rules(app)
    await until(lambda: app.broker.now() > over.until)
    result = await greet.apply_async(("acme",), headers=ACME)
    async with Worker(app):
        assert await result.get(timeout=10) == "hello acme"
    await app.control.revoke_by_stamped_headers({"customer": "other"})
    (kept,) = await rules(app)
    assert kept.headers == {"customer": ("other",)}


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({}, OptionValueError),
        ({"customer": []}, OptionValueError),
        ("customer=acme", OptionTypeError),
        ({1: "acme"}, OptionTypeError),
    ],
    ids=str,
)
async def test_headers_must_be_some(app, headers, error):
    with pytest.raises(error, match="revoke_by_stamped_headers: headers: expected"):
        await app.control.revoke_by_stamped_headers(headers)
    assert not await rules(app)


async def test_what_can_not_be_asked_for_says_why(app):
    with pytest.raises(OptionValueError, match="signal='KILL': there is none to choose"):
        await app.control.terminate_by_stamped_headers(ACME, signal="KILL")
    with pytest.raises(OptionValueError, match="ttl: expected seconds above 0, got 0"):
        await app.control.revoke_by_stamped_headers(ACME, ttl=0)
