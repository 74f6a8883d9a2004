"""`graph()` and `cancel()` of handles that nothing is behind but results; `tests/test_workflows.py`
has the others."""

import pytest

from asynq import AsyncResult, GroupResult
from asynq.backends.memory import MemoryBackend
from asynq.brokers.base import StoredRecord
from asynq.result.reading import Results


@pytest.fixture
async def backend(namespace):
    backend = MemoryBackend("memory://", namespace=namespace)
    yield backend
    await backend.aclose()


@pytest.fixture
def results(backend):
    return Results(backend=lambda: backend, accept=lambda: ["json"])


async def test_a_task_is_drawn_with_its_name_where_that_is_stored(backend, results):
    await backend.store([StoredRecord(id="a", body=b'{"task":"proj.add","t":0}', ttl=60)])
    assert str(await AsyncResult("a", results).graph()) == "proj.add  SUCCESS  a"
    assert str(await AsyncResult("b", results).graph()) == "task  PENDING  b"


async def test_what_a_handle_knows_is_not_asked_for_again(backend, results):
    await backend.store([StoredRecord(id="a", body=b'{"s":"FAILURE","t":0}', ttl=60)])
    result = AsyncResult("a", results)
    assert await result.state == "FAILURE"
    await backend.forget(["a"])
    assert str(await result.graph()) == "task  FAILURE  a"


async def test_groups_in_a_group_are_drawn_in_it(backend, results):
    await backend.store([StoredRecord(id="a", body=b'{"t":0}', ttl=60)])
    a, b, c = (AsyncResult(id, results) for id in "abc")
    graph = await GroupResult("g", [a, GroupResult("h", [b, c], results)], results).graph()
    assert str(graph).splitlines() == [
        "group", "├─ task  SUCCESS  a", "└─ group", "   └─ task × 2  2 PENDING",
    ]  # fmt: skip
    assert dict(graph.tasks) == {"a": "SUCCESS", "b": "PENDING", "c": "PENDING"}


async def test_what_can_only_be_read_can_not_be_cancelled(results):
    with pytest.raises(RuntimeError, match="was made without an app"):
        await AsyncResult("a", results).cancel()
