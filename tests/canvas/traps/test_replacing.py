"""`self.replace`: a canvas in the place of a task that runs, wherever that stands."""

import pytest

from asynq import ChordError, TaskRevokedError, chain, chord, group, signature

FORMS = ["call", "chain", "group", "chord", "nested", "linked"]


@pytest.fixture
def replaced(app, t):
    """A task that is replaced by canvas in each of these forms; what that comes to."""

    @app.task(name="proj.replaced", bind=True)
    async def replaced(self, form, *before, succeed=True):
        last = t.add.s(1) if succeed else t.fail.s()
        forms = {
            "call": lambda: t.add.s(1, 2) if succeed else t.fail.s(3),
            "chain": lambda: t.add.s(1, 1) | last,
            "group": lambda: group(t.add.s(1, 1), chain(t.add.s(1, 1), last)),
            "chord": lambda: chord([t.add.s(0, 1), t.add.s(0, 1)], t.xsum.s() | last),
            "nested": lambda: chain(t.add.s(0, 0), replaced.si("chain", succeed=succeed)),
            "linked": lambda: (t.add.s(1, 2) if succeed else t.fail.s(3)).on_error(t.note.si("l")),
        }
        self.replace(forms[form]())

    return replaced


VALUES = {"call": 3, "chain": 3, "group": [2, 3], "chord": 3, "nested": 3, "linked": 3}


@pytest.mark.parametrize("form", FORMS)
async def test_it_ends_with_the_id_of_the_task(t, worker, replaced, quiet, form):
    result = await replaced.apply_async((form,), link=t.note.s(form), link_error=t.on_id.s())
    assert await result.get(timeout=10) == VALUES[form]
    await quiet()
    assert await result.state == "SUCCESS"
    assert t.told == [(VALUES[form], form)]


@pytest.mark.parametrize("form", FORMS)
async def test_without_anything_else_too(t, worker, replaced, form):
    assert await replaced.delay(form).get(timeout=10) == VALUES[form]


@pytest.mark.parametrize("form", FORMS)
async def test_what_follows_it_in_a_chain_gets_its_value(t, worker, replaced, form):
    made = t.add.s(1, 1) | replaced.si(form) | t.noop.s("own") | t.noop.s()
    assert await made.delay().get(timeout=10) == [[[[VALUES[form], "own"], {}]], {}]


async def test_before_it_in_a_chain_is_an_argument_of_it(t, worker, app):
    @app.task(bind=True)
    async def twice(self, x):
        self.replace(t.mul.s(x, 2))

    assert await (t.add.s(1, 1) | twice.s() | t.add.s(1)).delay().get(timeout=10) == 5


async def test_all_forms_are_members_of_one_chord(t, worker, replaced):
    made = chord([replaced.s(form) for form in FORMS], t.noop.s())
    assert await made().get(timeout=10) == [[[VALUES[form] for form in FORMS]], {}]


async def test_all_forms_are_members_of_one_group(t, worker, replaced):
    made = group(replaced.s(form) for form in FORMS)
    assert await made().get(timeout=10) == [VALUES[form] for form in FORMS]


async def test_a_body_may_be_replaced(t, worker, replaced):
    made = chord([t.add.s(1, 1)], replaced.si("chord")) | t.add.s(1)
    assert await made.delay().get(timeout=10) == 4


@pytest.mark.parametrize("form", FORMS)
async def test_where_it_fails_later_the_task_has_failed(t, worker, replaced, quiet, form):
    call = replaced.apply_async((form,), {"succeed": False}, link_error=t.on_id.s())
    result = await call
    with pytest.raises((ValueError, ChordError)):
        await result.get(timeout=10)
    await quiet()
    told = [each for each in t.told if each != ("l",)]
    assert len(told) == 1
    assert await result.state == "FAILURE"


@pytest.mark.parametrize("form", FORMS)
async def test_where_it_fails_what_follows_can_not_run(t, worker, replaced, quiet, form):
    made = chain(replaced.s(form, succeed=False), t.note.s(), t.note.s("last"))
    result = await made.apply_async(link_error=t.note.si("once"))
    with pytest.raises((ValueError, ChordError)):
        await result.get(timeout=10)
    await quiet()
    assert [each for each in t.told if each != ("l",)] == [("once",)]
    assert await result.parent.state == "FAILURE"


@pytest.mark.parametrize("form", FORMS)
async def test_where_it_fails_the_chord_has_failed(t, worker, replaced, quiet, form):
    made = chord([replaced.s(form, succeed=False), t.add.s(1, 1)], t.note.s())
    result = await made.apply_async(link_error=t.note.si("once"))
    with pytest.raises(ChordError):
        await result.get(timeout=10)
    await quiet()
    assert [each for each in t.told if each != ("l",)] == [("once",)]


@pytest.mark.parametrize("form", FORMS)
async def test_its_error_may_be_collected(t, worker, replaced, form):
    members = [replaced.s(form, succeed=False), replaced.s(form)]
    made = chord(members, t.told_of.s(), errors="collect")
    failed, value = await made().get(timeout=10)
    assert "Error" in failed
    assert value == repr(VALUES[form])


@pytest.mark.parametrize("form", ["call", "chain"])
@pytest.mark.parametrize("adds", [False, True], ids=["replace", "add_to_chord"])
async def test_what_stands_in_has_its_time(t, worker, app, form, adds):
    @app.task(bind=True)
    async def late(self):
        slow = t.add.signature((1, 1), countdown=3600)
        made = (slow if form == "call" else slow | t.add.s(1)).set(workflow_timeout=0.1)
        if not adds:
            raise self.replace(made)
        self.add_to_chord(made)

    made = chord([late.s()], t.noop.s()) if adds else late.s() | t.noop.s()
    with pytest.raises(ChordError if adds else TaskRevokedError):
        await made.delay().get(timeout=10)


async def test_an_empty_group_in_its_place_is_an_empty_list(t, worker, app):
    @app.task(bind=True)
    async def nothing(self):
        self.replace(group([]))

    assert await (nothing.s() | t.noop.s()).delay().get(timeout=10) == [[[]], {}]


async def test_a_def_may_be_replaced(t, worker, app):
    @app.task(bind=True)
    def blocking(self, x):
        raise self.replace(t.add.s(x, 1) | t.add.s(1))

    assert await (blocking.s(1) | t.add.s(1)).delay().get(timeout=10) == 4


async def test_countdown_and_queue_of_what_takes_its_place_are_kept(t, worker, app):
    @app.task(bind=True)
    async def later(self):
        self.replace(t.add.s(1, 1).set(countdown=0.2))

    assert await (later.s() | t.add.s(1)).delay().get(timeout=10) == 3


async def test_a_retry_of_what_took_its_place_is_one_of_it(t, worker, app):
    @app.task(bind=True)
    async def by_retried(self):
        self.replace(t.later.s(succeed_at=2))

    assert await chord([by_retried.s(), by_retried.s()], t.xsum.s())().get(timeout=10) == 4


async def test_hundreds_take_its_place(t, worker, app):
    @app.task(bind=True)
    async def many(self):
        self.replace(group(t.add.s(n, 1) for n in range(300)) | t.xsum.s())

    made = chord([many.s(), many.s()], t.xsum.s())
    assert await made().get(timeout=30) == 2 * (sum(range(300)) + 300)


async def test_what_is_no_canvas_is_refused(t, worker, app):
    @app.task(bind=True)
    async def wrong(self):
        self.replace(5)

    with pytest.raises(TypeError, match="expected a signature"):
        await wrong.delay().get(timeout=10)


async def test_what_can_not_be_called_so_is_the_tasks_failure(t, worker, app, quiet):
    @app.task(bind=True)
    async def wrong(self):
        self.replace(t.add.s(1, 2, 3) | t.add.s(1))

    result = await chord([wrong.s(), t.add.s(1, 1)], t.note.s())()
    with pytest.raises(ChordError, match="takes"):
        await result.get(timeout=10)


async def test_a_canvas_that_came_as_an_argument_takes_its_place(t, worker, app):
    @app.task(bind=True)
    async def run(self, canvas: dict):
        self.replace(signature(canvas))

    made = chord([t.add.s(1, 1), t.add.s(2, 2)], t.xsum.s()) | t.add.s(1)
    assert await run.delay(made).get(timeout=10) == 7
