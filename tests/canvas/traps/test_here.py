"""The same canvas, by a worker, by `apply()` and with `task_always_eager`: the same comes of it."""

import pytest

from asynq import Asynq, Reject, Worker, chain, chord, group
from tests.canvas.traps.conftest import Tasks

MADE = {
    "chain": lambda t: chain(t.add.s(1, 1), t.add.s(2), t.noop.s("own", k=1)),
    "immutable": lambda t: chain(t.add.s(1, 1), t.noop.si(5), t.noop.s()),
    "group": lambda t: group(t.add.s(1, 1), t.add.s(1, 1) | t.add.s(3)),
    "group of one": lambda t: group(t.add.s(1, 1)) | t.noop.s(),
    "empty group": lambda t: t.add.s(1, 1) | group([]) | t.noop.s(),
    "empty group first": lambda t: group([]) | t.noop.s(),
    "chord": lambda t: chord([t.add.s(1, 1), t.add.s(2, 2)], t.noop.s("i", z=1)),
    "nested": lambda t: chord(
        [chord([t.add.s(1, 1)], t.xsum.s()), t.add.s(1, 1) | group(t.add.s(1), t.add.s(2))],
        t.noop.s(),
    ),
    "groups in a row": lambda t: group(t.add.s(1, 1)) | group(t.xsum.s(), t.noop.s()) | t.noop.s(),
    "links": lambda t: t.add.s(1, 1).set(link=[t.note.s("a"), t.add.s(1) | t.note.s("b")]),
    "links in a chain": lambda t: t.add.s(1, 1).set(link=t.note.s("a")) | t.add.s(1),
    "failure": lambda t: chain(t.add.s(1, 1), t.fail.s(), t.note.s()).on_error(t.note.si("e")),
    "errback on id": lambda t: chain(t.fail.s(), t.note.s()).on_error(t.on_id.s()),
    "errback on three": lambda t: chain(t.fail.s(7), t.note.s(), t.note.s()).on_error(
        t.on_three.s()
    ),
    "inner errback": lambda t: chain(
        chain(t.fail.s(), t.note.s()).on_error(t.note.si("inner")), t.note.s()
    ).on_error(t.note.si("outer")),
    "errback of a step": lambda t: chain(t.fail.s().on_error(t.on_three.s()), t.note.s()),
    "group failure": lambda t: group(t.fail.s(1), t.fail.s(2)).on_error(t.note.si("e")),
    "chord failure": lambda t: chord([t.fail.s(), t.fail.s()], t.note.s()).on_error(t.on_three.s()),
    "errback of a body": lambda t: chord([t.fail.s()], t.note.s().on_error(t.on_three.s())),
    "errback of a body, and": lambda t: (
        chord([t.fail.s()], t.note.s().on_error(t.note.si("body"))).on_error(t.note.si("chord"))
        | t.note.s()
    ),
    "failure in a nested chord": lambda t: chord(
        [chord([t.fail.s()], t.note.s()), t.add.s(1, 1)], t.note.s()
    ).on_error(t.note.si("e")),
    "group after a failure": lambda t: t.fail.s() | group(t.note.s(), t.note.s()),
    "groups in a group after a failure": lambda t: group(
        t.add.s(1, 1), t.fail.s() | group(t.add.s(1), group(t.add.s(2)) | group(t.add.s(3)))
    ).on_error(t.on_three.s()),
    "empty headers in a row": lambda t: chord([], chord([], t.noop.s())),
    "collect": lambda t: chord([t.fail.s(), t.add.s(1, 1)], t.told_of.s(), errors="collect"),
    "ignore errors": lambda t: chord([t.fail.s(), t.add.s(1, 1)], t.xsum.s(), errors="ignore"),
    "least": lambda t: chord(
        [t.fail.s(), t.add.s(1, 1)], t.xsum.s(), errors="ignore", least=2
    ).on_error(t.note.si("e")),
    "reject": lambda t: chain(t.reject.s(), t.note.s()).on_error(t.on_three.s()),
    "reject in a chord": lambda t: chord([t.reject.s()], t.note.s()).on_error(t.note.si("e")),
    "ignore": lambda t: chain(t.ignore.s(), t.note.s()).on_error(t.note.si("e")),
    "ignore in a chord": lambda t: chord([t.ignore.s()], t.note.s()).on_error(t.note.si("e")),
    "retry": lambda t: chain(t.later.s(succeed_at=1), t.add.s(1)).on_error(t.note.si("e")),
    "retries run out": lambda t: chain(t.later.s(), t.add.s(1)).on_error(t.note.si("e")),
    "map": lambda t: t.numbers.map([1, 2]) | t.noop.s(),
    "chunks": lambda t: t.numbers.chunks([(1,), (2,), (3,)], 2) | t.noop.s(),
    "replaced": lambda t: chain(t.replaced.s(2), t.add.s(1)),
    "replaced by what fails": lambda t: chain(t.replaced.s("no number"), t.add.s(1)).on_error(
        t.note.si("e")
    ),
    "does not fit": lambda t: chain(t.noop.s(), t.add.s(1)).on_error(t.note.si("e")),
}


def tasks(app):
    t = Tasks(app)

    @app.task(name="proj.replaced", bind=True)
    async def replaced(self, x):
        self.replace(t.mul.s(x, 2) | t.mul.s(2))

    @app.task(name="proj.reject")
    async def reject():
        raise Reject("no")

    t.replaced, t.reject = replaced, reject
    return t


def shown(each):
    """What an errback was told, without what differs from run to run."""
    if isinstance(each, str):
        return "an id"
    if len(each) == 3 and not isinstance(each[0], int | str | list):
        request, error, traceback = each
        return [request.task, type(error).__name__, traceback is None]
    return list(each)


async def outcome(call):
    result = await call
    value = await result.get(timeout=10, propagate=False)
    return [await result.state, plain(value), result]


def plain(value):
    if isinstance(value, list):
        return [plain(each) for each in value]
    return type(value).__name__ if isinstance(value, Exception) else value


@pytest.mark.parametrize("name", MADE)
async def test_it_gives_the_same(namespace, name):
    async with Asynq(namespace, broker="memory://") as app:
        t = tasks(app)
        async with Worker(app):
            sent = await outcome(MADE[name](t).apply_async())
            while await app.broker.depth("default"):
                await (await t.add.delay(1, 1)).get(timeout=10)
        told = sorted(map(repr, map(shown, t.told)))
        t.told.clear()
        here = await outcome(MADE[name](t).apply())
        assert here[:2] == sent[:2]
        assert sorted(map(repr, map(shown, t.told))) == told
    eager = Asynq(namespace, broker="memory://", task_always_eager=True)
    t = tasks(eager)
    eagerly = await outcome(MADE[name](t).apply_async())
    assert eagerly[:2] == sent[:2]
    assert sorted(map(repr, map(shown, t.told))) == told


async def test_the_id_an_errback_gets_is_of_the_task_that_failed(namespace):
    app = Asynq(namespace, broker="memory://")
    t = tasks(app)
    result = await chain(t.fail.s(), t.note.s(), t.note.s()).on_error(t.on_id.s()).apply()
    assert t.told == [result.parent.parent.id]
