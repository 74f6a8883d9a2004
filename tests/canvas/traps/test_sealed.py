"""The same canvas where messages are signed, encrypted or written otherwise, and where results
live elsewhere or nowhere."""

import pytest

from asynq import Asynq, ChordError, Worker, chord, group
from tests.canvas.traps.conftest import Tasks
from tests.waiting import until

SECRET = "a secret of these tests that is long enough"
WAYS = {
    "signed": {"message_keys": {"k": SECRET}},
    "encrypted": {"encryption_keys": {"k": SECRET}},
    "both": {"message_keys": {"k": SECRET}, "encryption_keys": {"e": SECRET[::-1]}},
    "msgpack": {"task_serializer": "msgpack", "result_serializer": "msgpack"},
    "pickle": {"task_serializer": "pickle", "result_serializer": "pickle"},
    "mixed": {"task_serializer": "json", "result_serializer": "msgpack"},
    "encrypted msgpack": {
        "task_serializer": "msgpack",
        "result_serializer": "msgpack",
        "encryption_keys": {"k": SECRET},
    },
}


@pytest.fixture(params=WAYS)
def way(request):
    return WAYS[request.param]


@pytest.fixture
async def app(place, namespace, way):
    accepted = ["json", "msgpack", "pickle"]
    async with Asynq(namespace, broker=place, accept_content=accepted, **way) as app:
        yield app


async def all_of_it(app, t):
    """A chain, a chord, links, errbacks, replacing and a large group."""

    @app.task(name="proj.replaced", bind=True)
    async def replaced(self, x):
        self.replace(t.add.s(x, 1) | t.add.s(1))

    large = group(t.add.s(n) for n in range(60)) | t.xsum.s()
    steps = (
        t.add.s(1, 1)
        | replaced.s()
        | group(t.add.s(1), t.add.s(2) | group(t.add.s(1), t.add.s(2)))
        | t.noop.s("own", k=1)
    )
    await steps.apply_async(link=t.note.s("chain"))
    await (t.add.s(1, 1) | large).apply_async(link=t.note.s("large"))
    await (t.add.s(1, 1) | t.fail.s("why") | t.add.s(1)).apply_async(link_error=t.on_three.s())
    await chord([t.fail.s("h"), t.add.s(1, 1)], t.noop.s()).apply_async(link_error=t.on_three.s())
    await chord(
        [t.fail.s("h"), t.later.s(succeed_at=1), chord([t.fail.s()], t.noop.s())],
        t.told_of.s(),
        errors="collect",
    ).apply_async(link=t.note.s("collected"))

    async def nothing_waits():
        return not any([await app.broker.depth(queue) for queue in await app.broker.queues()])

    await until(nothing_waits)
    values = {each[-1]: each[0] for each in t.told if isinstance(each[-1], str) and len(each) == 2}
    assert values["chain"] == [[[5, [7, 8]], "own"], {"k": 1}]
    assert values["large"] == sum(range(60)) + 120
    assert values["collected"][:2] == ["ValueError('h')", "1"]
    assert "ChordError" in values["collected"][2]
    failed = {type(error): (request, error) for request, error, *_ in by_length(t.told, 3)}
    request, error = failed[ValueError]
    assert (request.task, request.args[-1], error.args) == ("proj.fail", "why", (2, "why"))
    assert "ValueError('h')" in str(failed[ChordError][1])
    assert len(t.told) == 5


def by_length(told, length):
    return [each for each in told if len(each) == length]


async def test_all_of_it_works(app, t, worker):
    await all_of_it(app, t)


async def test_its_results_can_be_read(app, t, worker):
    made = t.add.s(1, 1) | group(t.add.s(1), t.fail.s("h")) | t.noop.s()
    result = await made.delay()
    with pytest.raises(ChordError, match="h"):
        await result.get(timeout=10)
    assert [await each.state for each in result.parent] == ["SUCCESS", "FAILURE"]
    assert await chord([t.add.s(1, 1), t.add.s(2, 2)], t.xsum.s())().get(timeout=10) == 6


@pytest.fixture(params=["another-database", "memory", "disabled"])
def elsewhere(request, url):
    return {
        "another-database": f"{url}?db=3",
        "memory": "memory://",
        "disabled": "disabled://",
    }[request.param]


@pytest.mark.parametrize("keys", [{}, {"k": SECRET}], ids=["plain", "signed"])
async def test_all_of_it_works_where_results_live_elsewhere(url, elsewhere, namespace, keys):
    settings = {"message_keys": keys} if keys else {}
    async with Asynq(namespace, broker=url, backend=elsewhere, **settings) as app:
        t = Tasks(app)
        async with Worker(app, concurrency=8):
            await all_of_it(app, t)


async def test_results_elsewhere_are_read_there(url, elsewhere, namespace):
    if elsewhere.startswith("disabled"):
        pytest.skip("there are no results")
    async with Asynq(namespace, broker=url, backend=elsewhere) as app:
        t = Tasks(app)
        async with Worker(app, concurrency=8):
            result = await (chord([t.add.s(1, 1), t.fail.s()], t.noop.s()) | t.noop.s()).delay()
            with pytest.raises(ChordError):
                await result.get(timeout=10)
            assert [await each.state for each in result.parent.parent] == ["SUCCESS", "FAILURE"]
            made = t.add.s(1, 1) | group(t.add.s(1), t.add.s(2)) | t.xsum.s()
            assert await made.delay().get(timeout=10) == 7


async def test_a_step_that_was_tampered_with_does_not_run(url, server, namespace):
    settings = {"message_keys": {"k": SECRET}}
    async with Asynq(namespace, broker=url, **settings) as app:
        t = Tasks(app)
        result = await (t.add.s(1, 1) | t.note.s()).delay()
        (flow,) = server.command("KEYS", "*:wf:*")
        forged = server.command("HGET", flow, "n3").replace(b"proj.note", b"proj.noop")
        server.command("HSET", flow, "n3", forged)
        async with Worker(app):
            assert await result.parent.get(timeout=10) == 2
            (dead,) = await until(lambda: app.broker.buried("default"))
    assert dead.id == result.id
    assert t.told == []
