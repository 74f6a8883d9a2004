"""`signature(…)`: from a name, a task, or what JSON made of a canvas."""

import pytest

from asynq import Asynq, Signature, Worker, group, signature


async def test_a_name_is_enough(add, worker):
    assert await signature("proj.add", args=(2, 2)).delay().get(timeout=10) == 4
    assert await signature("proj.add", (2,), options={"priority": 3}).delay(2).get(timeout=10) == 4


async def test_a_name_may_be_unknown_here(app):
    call = signature("elsewhere.task", (1,)).delay()
    assert (await call).id == call.id


async def test_a_name_means_a_task_of_the_app_that_is_named(add, worker, app, namespace):
    Asynq(f"{namespace}-other", broker="memory://")  # current from now on
    assert await signature("proj.add", (2, 2), app=app).delay().get(timeout=10) == 4
    assert await app.signature("proj.add", (2, 2)).delay().get(timeout=10) == 4


def test_a_task_will_do(add):
    assert signature(add, (1,), immutable=True) == add.si(1)


def test_a_signature_is_copied(add):
    first = add.s(2)
    second = signature(first, (1,), priority=3)
    assert second == Signature("proj.add", (1, 2), {}, {"priority": 3})
    assert first == add.s(2)


def test_celerys_dictionaries_are_read_too(add):
    celerys = {
        "task": "proj.add",
        "args": [2],
        "kwargs": {},
        "options": {},
        "subtask_type": None,
        "immutable": False,
    }
    assert signature(celerys) == add.s(2)


def test_a_group_is_read_as_one(add):
    members = group(add.s(i) for i in range(3))
    assert signature(members.to_dict()) == members


@pytest.mark.parametrize("wrong", [{}, {"task": 3}, {"subtask_type": "chain"}, 3, None])
def test_what_is_none_is_refused(wrong):
    with pytest.raises(TypeError, match="signature"):
        signature(wrong)


async def test_a_name_can_not_be_run_here(app):
    with pytest.raises(LookupError, match=r"elsewhere\.task can't run here"):
        signature("elsewhere.task").apply()


async def test_a_named_task_is_called_where_its_code_is(url, namespace):
    caller = Asynq(namespace, broker=url)
    runner = Asynq(namespace, broker=url)

    @runner.task(name="there.double")
    async def double(x: int) -> int:
        return 2 * x

    async with caller, runner, Worker(runner):
        assert await caller.signature("there.double").delay(4).get(timeout=10) == 8
