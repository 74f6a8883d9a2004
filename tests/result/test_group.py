"""The handle on a group's results."""

import asyncio

import pytest

from asynq import Asynq, GroupResult, Worker, chain, group
from asynq.exceptions import DecodeError, Ignore, TaskRevokedError, TimeoutError


@pytest.fixture
async def app(url, namespace):
    async with Asynq(namespace, broker=url) as app:
        yield app


@pytest.fixture
async def gate():
    return asyncio.Event()


@pytest.fixture
def task(app, gate):
    """Returns what it is given: at once, when the gate is open, or never."""

    @app.task
    async def give(what):
        if what == "later":
            await gate.wait()
        if what == "wrong":
            raise ValueError(what)
        if what == "late":
            raise TimeoutError(what)
        return what

    return give


@pytest.fixture
async def worker(app, task, gate):
    async with Worker(app) as worker:
        yield worker
        gate.set()


def of(task, *values):
    return group(task.s(each) for each in values)


async def test_members_come_out_as_they_end(task, worker, gate):
    result = await of(task, "later", 1)()
    seen = []
    async for member in result.iter(timeout=10):
        seen.append(await member.result)
        gate.set()
    assert seen == [1, "later"]


async def test_the_first_failure_is_raised_while_others_go_on(task, worker):
    result = await of(task, "later", "wrong")()
    with pytest.raises(ValueError, match="wrong"):
        await result.get(timeout=10)
    assert await result.ready() is False


async def test_failures_may_stand_in_the_list(task, worker):
    values = await (await of(task, 1, "wrong")()).get(timeout=10, propagate=False)
    assert values[0] == 1
    assert isinstance(values[1], ValueError)


async def test_iterating_may_raise_failures_too(task, worker):
    result = await of(task, "wrong")()
    with pytest.raises(ValueError, match="wrong"):
        async for _ in result.iter(timeout=10, propagate=True):
            pass
    async for member in result.iter(timeout=10):
        assert await member.failed()


async def test_it_tells_how_far_it_is(task, worker, gate):
    result = await of(task, "later", 1, "wrong")()
    for member in (result[1], result[2]):
        await member.get(timeout=10, propagate=False)
    assert await result.completed_count() == 1
    assert await result.waiting() is True
    assert await result.failed() is True
    assert await result.successful() is False
    assert await result.state == "STARTED"
    gate.set()
    await result.get(timeout=10, propagate=False)
    assert await result.ready() is True
    assert await result.completed_count() == 2
    assert await result.state == "FAILURE"
    assert isinstance(await result.result, ValueError)


async def test_all_that_returned_is_a_success(task, worker):
    result = await of(task, 1, 2)()
    await result
    assert await result.successful() is True
    assert await result.state == "SUCCESS"
    assert await result.result == [1, 2]
    assert await result.date_done is not None


async def test_what_was_never_begun_is_pending(app, task):
    result = await of(task, 1, 2)()
    assert await result.state == "PENDING"
    assert await result.ready() is False


async def test_time_is_for_all_members_together(task, worker):
    result = await of(task, 1, "later", "later")()
    await result[0].get(timeout=10)
    with pytest.raises(TimeoutError, match="1 of 3 results"):
        await result.get(timeout=0.05)
    with pytest.raises(TimeoutError, match="of 3 results"):
        async for _ in result.iter(timeout=0.05):
            pass


async def test_a_forgotten_await_is_an_error(app, task):
    result = await of(task, 1)()
    with pytest.raises(TypeError, match=r"await result\.ready\(\)"):
        bool(result.ready())


async def test_it_is_a_list_of_handles(app, task):
    result = await of(task, 1, 2)()
    first, second = result
    assert (len(result), result[0], result[1]) == (2, first, second)
    result.remove(first)
    assert list(result) == [second]
    with pytest.raises(KeyError):
        result.remove(first)
    result.update([first, second])
    result.add(first)
    assert list(result) == [second, first]
    result.discard(second)
    assert bool(result)
    result.clear()
    assert not result


async def test_it_is_found_again_by_its_id(app, task, worker):
    result = await of(task, 1, 2)()
    await result.save()
    again = await GroupResult.restore(result.id, app=app)
    assert again is not None
    assert (again.id, list(again)) == (result.id, list(result))
    assert again.workflow_id is None
    assert await again.get(timeout=10) == [1, 2]
    await result.delete()
    assert await GroupResult.restore(result.id, app=app) is None


async def test_a_tasks_id_is_no_groups(app, task, worker):
    result = await task.delay(1)
    await result
    with pytest.raises(DecodeError, match="is the id of a task"):
        await GroupResult.restore(result.id, app=app)


async def test_it_is_made_of_handles_too(app, task, worker):
    members = [await task.delay(1), await task.delay(2)]
    assert await app.GroupResult("mine", members).get(timeout=10) == [1, 2]


async def test_revoking_it_revokes_its_members(app, task):
    result = await of(task, 1, 2)()
    await result.revoke()
    async with Worker(app):
        for member in result:
            with pytest.raises(TaskRevokedError):
                await member.get(timeout=10)


async def test_forgetting_it_forgets_its_members(app, task, worker):
    result = await of(task, 1, 2)()
    await result
    await result.save()
    await result.forget()
    assert await result.state == "PENDING"
    assert await GroupResult.restore(result.id, app=app) is None


async def test_updates_tell_of_each_member_that_ends(task, worker, gate):
    result = await of(task, 1, "later")()
    states = []
    async for update in result.updates():
        states.append(update.state)
        gate.set()
    assert states == ["STARTED", "SUCCESS"]


async def test_a_task_may_wait_for_a_group_with_a_single_slot(app):
    @app.task
    async def same(x: int) -> int:
        return x

    @app.task
    async def total() -> int:
        return sum(await group(same.s(i) for i in range(10))().get())

    async with Worker(app, concurrency=1):
        assert await total.delay().get(timeout=10) == 45


async def test_it_shows_a_few_of_its_members(app, task):
    result = await of(task, *range(5))()
    assert repr(result).endswith("… 2 more]>")
    assert str(result) == result.id


def nested(task, *inner):
    """A member that returns 1, and one that ends with a group."""
    return group(task.s(1), chain(task.s(0), group(task.si(each) for each in inner)))


async def test_a_group_among_the_members_is_asked_about_by_its_own(task, worker, gate):
    result = await nested(task, 2, "later")()
    await result[1][0].get(timeout=10)
    await result[0].get(timeout=10)
    assert await result.ready() is False
    assert await result.state == "STARTED"
    assert await result.completed_count() == 1
    gate.set()
    assert await result.get(timeout=10) == [1, [2, "later"]]
    assert await result.ready() is True
    assert await result.successful() is True
    assert await result.completed_count() == 2
    assert await result.state == "SUCCESS"
    assert await result.result == [1, [2, "later"]]


async def test_what_fails_in_a_group_among_the_members_has_failed(task, worker, gate):
    result = await nested(task, "wrong", "later")()
    await result[1][0].get(timeout=10, propagate=False)
    assert await result.failed() is True
    assert await result.ready() is False
    gate.set()
    await result.get(timeout=10, propagate=False)
    assert await result.state == "FAILURE"
    assert await result.completed_count() == 1


async def test_revoking_it_revokes_groups_among_its_members(app, task):
    result = await nested(task, 2, 3)()
    await result.revoke()
    async with Worker(app):
        for member in result[1]:
            with pytest.raises(TaskRevokedError):
                await member.get(timeout=10)


async def test_forgetting_it_forgets_groups_among_its_members(task, worker):
    result = await nested(task, 2, 3)()
    await result.get(timeout=10)
    await result.forget()
    assert [await member.state for member in result[1]] == ["PENDING", "PENDING"]


async def test_groups_among_its_members_are_found_again(app, task, worker):
    result = await nested(task, 2, 3)()
    await result.get(timeout=10)
    await result.save()
    again = await GroupResult.restore(result.id, app=app)
    assert again is not None
    assert isinstance(again[1], GroupResult)
    assert (again[1].id, list(again[1])) == (result[1].id, list(result[1]))
    assert again.workflow_id == result.workflow_id is not None
    assert str(await again.graph()) == str(await result.graph())
    assert await again.ready() is True
    assert await again.get(timeout=10) == [1, [2, 3]]


async def test_nothing_is_known_of_a_group_of_which_nothing_has_run(app, task, worker):
    assert await app.GroupResult("mine", [app.AsyncResult("unheard of")]).exists() is False
    result = await of(task, 1)()
    await result
    assert await result.exists() is True


async def test_what_ran_here_is_no_business_of_the_server(task):
    @task.app.task(ignore_result=False)
    async def ignored():
        raise Ignore

    result = await group(task.s(1), ignored.s()).apply()
    before = [await member.state for member in result]
    assert await result.state == "STARTED"
    await result.revoke()
    await result.forget()
    assert [await member.state for member in result] == before
    assert await result[0].get() == 1


@pytest.mark.parametrize("timeout", [None, 10])
async def test_a_task_that_failed_with_a_timeout_has_failed(task, worker, timeout):
    for result in (await of(task, 1, "late")(), await nested(task, "late", 2)()):
        with pytest.raises(TimeoutError, match=r"^late"):
            await result.get(timeout=timeout)


async def test_those_that_are_over_come_out_in_no_time(task, worker, gate):
    result = await nested(task, 2, "later")()
    await result[0].get(timeout=10)
    members = result.iter(timeout=0)
    assert await anext(members) is result[0]
    with pytest.raises(TimeoutError, match="1 of 2 results"):
        await anext(members)
    gate.set()
    await result.get(timeout=10)
    assert [member async for member in result.iter(timeout=0, propagate=True)] == [*result]


async def test_a_failure_is_raised_in_no_time_too(task, worker):
    result = await of(task, "wrong")()
    await result.get(timeout=10, propagate=False)
    with pytest.raises(ValueError, match="wrong"):
        await anext(result.iter(timeout=0, propagate=True))


async def test_of_an_empty_group_the_end_is_told(app):
    result = await group([])()
    assert [update.state async for update in result.updates()] == ["SUCCESS"]
