"""Signatures: whose arguments and options stand, what callbacks and errbacks get, and how often."""

import pytest

from asynq import MaxRetriesExceededError, Request, chain, group


async def test_a_callers_arguments_come_first_and_its_names_stand_over(t, worker):
    assert await t.noop.s(2, k=1).delay(8, k=9).get(timeout=10) == [[8, 2], {"k": 9}]


async def test_an_immutable_one_ignores_arguments_and_names_and_merges_options(t, worker, app):
    @app.task(bind=True)
    async def shown(self, *args, **kwargs):
        return [list(args), kwargs, self.request.priority]

    call = shown.si(1).apply_async((8,), {"k": 9}, priority=9)
    assert await call.get(timeout=10) == [[1], {}, 9]


async def test_an_immutable_callback_gets_nothing(t, worker, quiet):
    t_add = t.add.s(1, 1)
    t_add.link(t.note.si("own"))
    t_add.link(t.note.s("own"))
    await t_add.delay().get(timeout=10)
    await quiet()
    assert sorted(t.told, key=str) == [("own",), (2, "own")]


async def test_each_of_several_links_is_a_child(t, worker, quiet):
    result = await t.add.apply_async((1, 1), link=[t.mul.s(10), t.noop.s()])
    assert [child.parent for child in result.children] == [result, result]
    assert [await child.get(timeout=10) for child in result.children] == [20, [[2], {}]]


async def test_links_that_are_alike_are_one(t, worker, quiet):
    call = t.add.s(1, 1)
    for _ in range(2):
        call.link(t.note.s())
        call.link_error(t.on_id.s())
    await call.apply_async(link=t.note.s())
    await quiet()
    assert t.told == [(2,)]


async def test_a_link_may_have_links_and_be_a_chain_a_group_or_a_chord(t, worker, quiet):
    deep = t.add.s(1)
    deep.link(t.note.s("deep"))
    links = [
        deep,
        t.add.s(1) | t.note.s("chain"),
        group(t.note.s("group"), t.note.s("too")),
        group(t.add.s(1), t.add.s(2)) | t.note.s("chord"),
    ]
    assert await t.add.apply_async((1, 1), link=links).get(timeout=10) == 2
    await quiet()
    assert sorted(t.told, key=str) == [
        (2, "group"),
        (2, "too"),
        (3, "chain"),
        (3, "deep"),
        ([3, 4], "chord"),
    ]


async def test_links_are_not_called_where_the_task_fails(t, worker, quiet):
    result = await t.fail.apply_async(link=t.note.s("never"))
    await quiet()
    assert t.told == []
    (child,) = result.children
    assert await child.state == "FAILURE"


async def test_an_errback_that_takes_one_gets_the_id(t, worker, quiet):
    result = await t.fail.apply_async(link_error=t.on_id.s())
    await quiet()
    assert t.told == [result.id]


async def test_an_errback_that_takes_three_gets_request_error_and_traceback(t, worker, quiet):
    result = await t.fail.apply_async(("why",), link_error=t.on_three.s())
    await quiet()
    ((request, error, traceback),) = t.told
    assert isinstance(request, Request)
    assert (request.id, request.task, request.args) == (result.id, "proj.fail", ["why"])
    assert isinstance(error, ValueError)
    assert error.args == ("why",)
    assert "raise ValueError" in traceback


async def test_the_request_has_what_the_task_was_called_with_all_of_it(t, worker, quiet):
    await (t.add.s(1, 1) | t.fail.s("why").on_error(t.on_three.s())).delay()
    await quiet()
    request, *_ = t.told[-1]
    assert request.args == [2, "why"]


async def test_an_errback_that_takes_anything_gets_three(t, worker, quiet):
    await t.fail.apply_async(link_error=t.note.s("own"))
    await quiet()
    ((_, error, _, own),) = t.told
    assert (str(error), own) == ("h", "own")


async def test_bound_errbacks_are_no_different(t, worker, quiet, app):
    @app.task(bind=True)
    async def one(self, id):
        t.told.append(id)

    @app.task(bind=True)
    async def three(self, request, error, traceback):
        t.told.append(request.id)

    result = await t.fail.apply_async(link_error=[one.s(), three.s()])
    await quiet()
    assert t.told == [result.id, result.id]


async def test_an_errback_of_one_argument_may_have_more_of_its_own(t, worker, quiet, app):
    @app.task
    async def told(id, where, *, how):
        t.told.append((id, where, how))

    result = await t.fail.apply_async(link_error=told.s("here", how="so"))
    await quiet()
    assert t.told == [(result.id, "here", "so")]


async def test_an_immutable_errback_gets_nothing(t, worker, quiet):
    await t.fail.apply_async(link_error=t.note.si("own"))
    await quiet()
    assert t.told == [("own",)]


async def test_an_errback_may_be_a_def(t, worker, quiet, app):
    @app.task
    def told(request, error, traceback):
        t.told.append(str(error))

    await t.fail.apply_async(link_error=told.s())
    await quiet()
    assert t.told == ["h"]


async def test_what_follows_an_errback_gets_its_value(t, worker, quiet, app):
    @app.task
    async def short(id):
        return "short"

    await t.fail.apply_async(link_error=short.s() | t.note.s("after"))
    await quiet()
    assert t.told == [("short", "after")]


async def test_an_errback_of_an_errback_is_called_where_that_fails(t, worker, quiet):
    broken = t.fail.si("in the errback")
    broken.link_error(t.on_three.s())
    await t.fail.apply_async(link_error=broken)
    await quiet()
    ((_, error, _),) = t.told
    assert str(error) == "in the errback"


async def test_errbacks_wait_for_the_last_retry(t, worker, quiet):
    result = await t.later.apply_async(link_error=t.on_three.s(), link=t.note.s())
    with pytest.raises(ValueError, match="not yet"):
        await result.get(timeout=10)
    await quiet()
    ((request, error, _),) = t.told
    assert (request.retries, str(error)) == (2, "not yet")


async def test_neither_errback_nor_early_callback_where_a_retry_succeeds(t, worker, quiet):
    call = t.later.apply_async((), {"succeed_at": 2}, link_error=t.on_id.s(), link=t.note.s())
    assert await call.get(timeout=10) == 2
    await quiet()
    assert t.told == [(2,)]


async def test_errbacks_are_called_where_retries_run_out_without_an_error(t, worker, quiet, app):
    @app.task(bind=True, max_retries=1, default_retry_delay=0)
    async def again(self):
        raise self.retry()

    await again.apply_async(link_error=t.on_three.s())
    await quiet()
    ((_, error, _),) = t.told
    assert isinstance(error, MaxRetriesExceededError)


async def test_a_retry_keeps_what_a_step_was_given(t, worker, app):
    @app.task(bind=True, max_retries=1, default_retry_delay=0)
    async def again(self, x, y):
        if not self.request.retries:
            raise self.retry()
        return [x, y, self.request.args]

    assert await (t.add.s(1, 1) | again.s(5)).delay().get(timeout=10) == [2, 5, [2, 5]]


async def test_a_retry_may_change_what_a_step_was_given(t, worker, app):
    @app.task(bind=True, max_retries=1, default_retry_delay=0)
    async def again(self, x, y=0):
        if not self.request.retries:
            raise self.retry(args=(x + 100, y))
        return x + y

    call = chain(t.add.s(1, 1), again.s(5), t.add.s(1)).delay()
    assert await call.get(timeout=10) == 108


async def test_unknown_tasks_call_errbacks_when_they_are_buried(t, worker, quiet, app):
    result = await app.signature("proj.unknown").apply_async(link_error=t.on_id.s())
    await quiet()
    assert t.told == [result.id]


async def test_a_task_that_raises_ignore_calls_neither(t, worker, quiet):
    await t.ignore.apply_async(link=t.note.s(), link_error=t.on_id.s())
    await quiet()
    assert t.told == []


async def test_revoked_tasks_call_errbacks(t, worker, quiet, app):
    call = t.add.s(1, 1).set(countdown=0.2)
    result = await call.apply_async(link=t.note.s(), link_error=t.on_id.s())
    await result.revoke()
    await quiet()
    assert t.told == [result.id]
