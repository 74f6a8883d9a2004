"""`signature(…)`: from a name, a task, or what JSON made of a canvas."""

import json

import pytest

from asynq import Asynq, Signature, Worker, chain, chord, group, signature


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


def test_all_canvas_is_json_and_comes_back(add):
    linked = add.s(1).on_error(add.s(0) | add.s(1)).set(link=[add.s(5), group(add.s(6))])
    inner = chord([linked, add.s(1, 1) | add.s(2)], add.s(3), errors="collect", least=1)
    made = chain(add.s(1, 1), inner, countdown=3).on_error(chord([add.s(1, 1)], add.s()))
    assert signature(json.loads(json.dumps(made.to_dict()))) == made
    assert signature(json.loads(json.dumps(inner.to_dict()))) == inner


async def test_what_came_back_is_called_like_the_first(app, add, worker):
    @app.task
    async def xsum(values: list[int]) -> int:
        return sum(values)

    made = chain(add.s(1, 1), group(add.s(1), add.s(2)), xsum.s(), add.s(1))
    again = signature(json.loads(json.dumps(made.to_dict())))
    assert await again().get(timeout=10) == 8


@pytest.mark.parametrize(
    "wrong", [{}, {"task": 3}, {"subtask_type": "chain"}, {"subtask_type": "none"}, 3, None]
)
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
