"""One call as data: its arguments and options, and whose stand over whose."""

import copy
import json
import pickle
from datetime import timedelta

import pytest

from asynq import Asynq, Signature, group, signature
from asynq.canvas import Group
from asynq.exceptions import ImproperlyConfigured
from asynq.result import AsyncResult


async def test_a_signature_is_a_call_with_all_its_arguments(add, worker):
    assert await add.s(2, 2).delay().get(timeout=10) == 4
    assert await add.s(2, 2)().get(timeout=10) == 4
    assert await add.signature((2,), {"y": 3}).apply_async().get(timeout=10) == 5


async def test_a_callers_arguments_come_before_its_own(app, worker):
    @app.task
    async def shown(*args, **kwargs):
        return [list(args), kwargs]

    partial = shown.s(2, k=1, other=0)
    assert await partial.delay(8, k=9).get(timeout=10) == [[8, 2], {"k": 9, "other": 0}]


async def test_an_immutable_signature_leaves_a_callers_arguments_out(app, worker):
    @app.task
    async def shown(*args, **kwargs):
        return [list(args), kwargs]

    assert await shown.si(1, k=2).delay(8, k=9).get(timeout=10) == [[1], {"k": 2}]
    assert await shown.s(1).set(immutable=True).delay(8).get(timeout=10) == [[1], {}]


async def test_a_callers_options_stand_over_its_own(app, worker):
    @app.task(bind=True)
    async def where(self):
        return [self.request.priority, self.request.shadow]

    signed = where.signature(priority=3, shadow="mine")
    assert await signed.delay().get(timeout=10) == [3, "mine"]
    assert await signed.apply_async(priority=9).get(timeout=10) == [9, "mine"]


def test_set_changes_it_and_gives_it_back(add):
    signed = add.s(1)
    assert signed.set(countdown=10) is signed
    assert signed.options == {"countdown": 10}
    signed.set_immutable(True)
    assert signed.immutable


async def test_a_stamp_stays_where_other_headers_are_said(app, worker):
    @app.task(bind=True)
    async def headers(self):
        return dict(self.request.headers)

    stamped = headers.si().stamp(job=1)
    expected = {"job": 1, "trace": "x"}
    for made in (stamped, stamped | headers.si(), group(stamped), group(stamped | stamped)):
        result = await made.apply_async(headers={"trace": "x"})
        first = result[0] if isinstance(made, Group) else result
        assert await (first.parent or first).get(timeout=10) == expected
    assert await stamped.clone(headers={"trace": "x"}).delay().get(timeout=10) == expected
    assert await stamped.apply_async(headers={"job": 2}).get(timeout=10) == {"job": 2}


def test_a_stamp_on_a_copy_is_on_that_alone(add):
    signed = add.s(1).on_error(add.si(0, 0))
    copied = signed.clone().stamp(job=1)
    assert signed == add.s(1).on_error(add.si(0, 0))
    assert copied.options["link_error"][0].options == {"headers": {"job": 1}}


async def test_a_result_may_be_kept_for_ever(app, add, worker):
    kept = add.signature((1, 1), result_expires=None)
    assert kept.options == {"result_expires": None}
    assert signature(json.loads(json.dumps(kept.to_dict()))) == kept
    assert await (kept | add.s(1)).delay().get(timeout=10) == 3
    assert await kept.delay().get(timeout=10) == 2


def test_a_link_may_be_what_json_made_of_one(add):
    plain = json.loads(json.dumps(add.s(2).to_dict()))
    signed = add.s(1)
    signed.link(plain)
    signed.link([plain, add.s(3)])
    assert signed.options == {"link": [add.s(2), add.s(3)]}
    assert add.s(1).set(link_error=plain).options == {"link_error": [add.s(2)]}


async def test_what_is_linked_is_called_here_too(app, add):
    told = []

    @app.task
    async def tell(task_id):
        told.append(task_id)

    result = await add.apply((1, 1), link=add.s(2), link_error=tell.s())
    assert [await child.get() for child in result.children] == [4]
    failed = await add.apply((1, "x"), link_error=tell.s(), throw=False)
    assert told == [failed.id]


@pytest.mark.parametrize("args", ["ab", 5])
def test_arguments_are_a_list(add, args):
    for made in (add.s(1), add.s(1) | add.s(2), group(add.s(1)) | add.s(2)):
        with pytest.raises(TypeError, match="args: expected a list or a tuple"):
            made.apply_async(args)
        with pytest.raises(TypeError, match="kwargs: expected a dict"):
            made.clone(kwargs=[args])


def test_a_stamp_is_written_on_it_and_on_what_follows_from_it(add):
    signed = add.s(1).set(headers={"trace": "x", "job": 1})
    signed.link(add.s(2))
    signed.link_error(add.si(3, 4))
    flow = signed | group(add.s(5), add.s(6)) | add.si(7, 8)
    assert flow.stamp(job=2) is flow
    assert flow.to_dict() == signature(flow.to_dict()).stamp(job=2).to_dict()
    stamped = []

    def look(canvas):
        links = [*canvas.options.get("link", ()), *canvas.options.get("link_error", ())]
        for part in (*canvas.some(), *links):
            look(part)
        if isinstance(canvas, Signature):
            stamped.append((canvas.args, canvas.options["headers"]))

    look(flow)
    assert sorted(stamped) == [
        ((1,), {"trace": "x", "job": 2}),
        *(((args), {"job": 2}) for args in [(2,), (3, 4), (5,), (6,), (7, 8)]),
    ]


def test_an_option_that_does_not_exist_is_refused_where_it_is_written(add):
    with pytest.raises(TypeError, match="did you mean 'countdown'"):
        add.s(1).set(contdown=10)
    with pytest.raises(TypeError, match="did you mean 'countdown'"):
        add.signature((1,), contdown=10)


def test_a_value_that_an_option_may_not_have_is_refused_there_too(add):
    with pytest.raises(ImproperlyConfigured, match="priority"):
        add.s(1).set(priority=10)


def test_wrong_arguments_are_refused_before_anything_is_sent(add):
    with pytest.raises(TypeError, match="missing"):
        add.s(2).delay()


def test_a_clone_has_more_arguments_and_the_first_stays_as_it_was(add):
    first = add.s(2, 3).set(queue="slow", task_id="one")
    more = first.clone((1,), {"k": 4}, priority=5)
    assert (more.args, more.kwargs) == ((1, 2, 3), {"k": 4})
    assert more.options == {"queue": "slow", "priority": 5}
    assert (first.args, first.kwargs) == ((2, 3), {})


def test_a_clone_shares_no_argument_with_the_first(add):
    numbers = [1]
    first = add.s(numbers)
    first.clone().args[0].append(2)
    assert numbers == [1]


def test_replacing_leaves_what_is_not_named(add):
    first = add.s(1, 2).set(queue="slow")
    assert first.replace(args=(5,)) == Signature("proj.add", (5,), {}, {"queue": "slow"})
    assert first.replace(options={}).options == {}


async def test_freezing_settles_the_id(add, worker):
    signed = add.s(1, 2)
    handle = signed.freeze()
    assert isinstance(handle, AsyncResult)
    assert signed.freeze() == handle
    assert signed.id == handle.id
    await signed.delay()
    assert await handle.get(timeout=10) == 3
    assert signed.freeze("mine").id == "mine"


async def test_tilde_calls_and_waits(add, worker):
    assert await (~add.s(1, 2)) == 3


async def test_apply_runs_it_here(add):
    assert await add.s(2).apply((8,)).get() == 10


def test_it_is_json(add):
    signed = add.s(2, y=3).set(countdown=timedelta(seconds=10), queue="slow")
    again = signature(json.loads(json.dumps(signed.to_dict())))
    assert again == signed
    assert again.options == {"countdown": 10.0, "queue": "slow"}


async def test_it_travels_as_an_argument(app, add, worker):
    @app.task
    async def call(signed: dict) -> int:
        return await signature(signed).delay(1).get()

    @app.task
    async def typed(signed: Signature) -> int:
        return await signed.delay(1).get()

    assert await call.delay(add.s(2)).get(timeout=10) == 3
    assert await typed.delay(add.s(2)).get(timeout=10) == 3


async def test_copies_and_pickles_call_the_same_task(add, worker):
    for again in (
        copy.copy(add.s(1)),
        copy.deepcopy(add.s(1)),
        pickle.loads(pickle.dumps(add.s(1))),
    ):
        assert await again.delay(1).get(timeout=10) == 2


async def test_it_calls_the_task_of_the_app_that_made_it(add, worker, namespace):
    signed = add.s(1, 2)
    Asynq(f"{namespace}-other", broker="memory://")  # current from now on
    assert await signed.delay().get(timeout=10) == 3


def test_it_shows_as_the_call_it_is(add):
    assert repr(add.s(1, y=2)) == "proj.add(1, y=2)"


def test_only_canvas_can_follow(add):
    with pytest.raises(TypeError, match="unsupported operand"):
        add.s(1, 2) | 3
