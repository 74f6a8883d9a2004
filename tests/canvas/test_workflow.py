"""Sending a workflow: all of it or nothing, in as many calls as it takes."""

import pytest

from asynq import Asynq, chain, chord, group
from asynq.brokers.base import Join, Step
from asynq.canvas.workflow import PART, PART_BYTES, _parts, timeout_of
from asynq.exceptions import EncodeError, PayloadTooLarge
from asynq.wire.parcels import Parcel


def step(size=2):
    return Step(parcel=Parcel(id="1", queue="q", body=b"x" * size))


def test_a_small_one_is_one_part():
    (part,) = _parts({1: step()}, {2: Join(size=1)}, {"n": b"1"})
    assert (len(part.steps), len(part.joins), len(part.notes)) == (1, 1, 1)
    assert len(_parts({}, {}, {})) == 1


def test_a_part_has_so_many_and_is_so_large_at_most():
    parts = _parts({n: step() for n in range(2 * PART + 1)}, {}, {})
    assert [len(part.steps) for part in parts] == [PART, PART, 1]
    parts = _parts({n: step(PART_BYTES // 2) for n in range(4)}, {}, {"n": b"1"})
    assert [len(part.steps) for part in parts] == [2, 2, 0]
    assert len(_parts({1: step(2 * PART_BYTES), 2: step()}, {}, {})) == 2


@pytest.mark.parametrize(
    "made",
    [
        lambda add: chain(add.s(1, 1), add.s(1, 2, 3)),
        lambda add: chain(add.s(1, 1), add.s()),
        lambda add: chord([add.s(1, 1), add.s(1)], add.s(1)),
        lambda add: add.s(1, 1).set(link=add.s(1, 2, 3)),
    ],
)
async def test_nothing_is_sent_where_one_call_is_wrong(app, add, made):
    with pytest.raises(TypeError, match=r"takes|missing"):
        await made(add).delay()
    assert not list(await app.broker.queues())
    assert not list(await app.broker.workflows().known())


async def test_the_task_whose_argument_can_not_be_sent_is_named(app, add):
    far = app.signature("far.away", (object(),))
    for made, says in (
        (add.s(object(), 1) | add.s(2), r"^proj\.add: args\[0\] "),
        (add.s(1, 1) | add.s(object()), r"^proj\.add: args\[0\] "),
        (add.s(1, 1) | add.s(y=object()), r"^proj\.add: kwargs\['y'\] "),
        (add.s(1, 1) | far, r"^far\.away: args\[0\] "),
        (far, r"^far\.away: args\[0\] "),
    ):
        with pytest.raises(EncodeError, match=says):
            await made()


async def test_nothing_is_sent_where_one_call_is_too_large(namespace):
    async with Asynq(namespace, broker="memory://", message_max_bytes=2000) as app:
        app.task(name="proj.note")(print)
        note = app.tasks["proj.note"]
        with pytest.raises(PayloadTooLarge):
            await chain(note.s(1), note.s("x" * 3000), note.s(2)).delay()
        assert not list(await app.broker.queues())


async def test_a_workflow_is_known_until_it_is_over(app, add, worker):
    call = chain(add.s(1, 1), add.s(1)).delay()
    result = await call
    assert result.workflow_id is not None
    assert await result.get(timeout=10) == 3
    known = await app.broker.workflows().look(result.workflow_id)
    assert known.over == "SUCCESS"


async def test_a_large_one_is_kept_in_parts(app, add, worker):
    made = group(chain(add.s(n, n), add.s(n)) for n in range(3 * PART)) | add.si(1, 1)
    assert await made.delay().get(timeout=30) == 2


async def test_its_calls_are_children_of_the_task_that_made_it(app, add, worker):
    @app.task(bind=True)
    async def seen(self, *_):
        return [self.request.root_id, self.request.parent_id]

    @app.task(bind=True)
    async def makes(self):
        return [self.request.id, await (add.s(1, 1) | seen.s()).delay().get()]

    id, (root, _) = await makes.delay().get(timeout=10)
    assert root == id
    result = await (add.s(1, 1) | seen.s()).delay()
    assert await result.get(timeout=10) == [result.parent.id, result.parent.id]


async def test_frozen_handles_are_those_that_sending_gives(app, add, worker):
    made = chain(add.s(1, 1), group(add.s(1), add.s(2)), add.si(5, 5))
    handle = made.freeze()
    result = await made()
    while handle is not None:
        assert handle == result
        assert [*getattr(handle, "results", [])] == [*getattr(result, "results", [])]
        handle, result = handle.parent, result.parent
    assert result is None


def test_the_shortest_time_of_its_parts_is_that_of_a_workflow(add):
    def timed(seconds):
        return add.s(1).set(workflow_timeout=seconds)

    parts = [timed(7), chord([timed(5), add.s(1)], timed(6)), add.s(2)]
    assert timeout_of(chain(parts)) == 5
    assert timeout_of(chain(parts, workflow_timeout=9)) == 9
    assert timeout_of(add.s(1) | add.s(2)) is None
    two = chain(add.s(1), workflow_timeout=4) | chain(add.s(2), workflow_timeout=3)
    assert timeout_of(two) == 3
