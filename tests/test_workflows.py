"""`app.workflows`, and what handles know of their workflows; on real servers, and in memory."""

import asyncio

import pytest

from asynq import Asynq, Worker, chain, chord, group
from asynq.brokers.base import Advance, Parcel, Settlement, Step, Workflow
from asynq.exceptions import (
    ChordError,
    OptionTypeError,
    OptionValueError,
    SecurityError,
    TaskRevokedError,
    WorkflowNotFound,
)
from asynq.wire.ids import new_block

KEYS = {"k": "a secret that is long enough"}


def define(app, gate):
    @app.task(name="proj.add")
    async def add(x: int, y: int) -> int:
        return x + y

    @app.task(name="proj.xsum")
    async def xsum(values: list[int]) -> int:
        return sum(values)

    @app.task(name="proj.wait")
    async def wait(value=0):
        gate.begun.set()
        await gate.wait()
        return value

    @app.task(name="proj.fail")
    async def fail(value=0):
        raise LookupError("nothing there")

    @app.task(name="proj.where", bind=True)
    async def where(self):
        return self.request.workflow

    @app.task(name="proj.swap", bind=True)
    async def swap(self):
        self.replace(wait.s() | where.si())

    @app.task(name="proj.twice", bind=True)
    async def twice(self):
        self.replace(swap.s() | where.si())

    @app.task(name="proj.more", bind=True)
    async def more(self):
        self.add_to_chord(wait.s() | where.si())


class Gate(asyncio.Event):
    """Holds `wait` up; `begun` is set when one has begun."""

    def __init__(self):
        super().__init__()
        self.begun = asyncio.Event()


@pytest.fixture
async def gate():
    return Gate()


@pytest.fixture
async def app(url, namespace, gate):
    async with Asynq(namespace, broker=url, set_as_current=False) as app:
        define(app, gate)
        yield app


@pytest.fixture
async def in_memory(namespace, gate):
    async with Asynq(namespace, broker="memory://", set_as_current=False) as app:
        define(app, gate)
        yield app


@pytest.fixture(params=["server", "memory"])
def either(request, app, in_memory):
    """The app, on each kind of server and in memory."""
    return app if request.param == "server" else in_memory


@pytest.fixture
def s(app):
    """A signature of a task, by its last name."""
    return lambda name, *args: app.tasks[f"proj.{name}"].s(*args)


def small(app):
    add, xsum = app.tasks["proj.add"], app.tasks["proj.xsum"]
    return chord((add.s(i, i) for i in range(10)), xsum.s())


async def keep(app, *, began=True):
    """Have the broker keep a workflow of one step that never begins."""
    id = new_block(2)
    step = Step(parcel=Parcel(id=id, queue="q", body=b"x"))
    workflows = app.broker.workflows()
    part = Workflow(id=id, steps={1: step}, ttl=100, kept=100)
    await (workflows.launch(part, ()) if began else workflows.keep(part))
    return id


# Listing


async def test_the_youngest_are_listed_first(either):
    assert list(await either.workflows.list()) == []
    sent = [await small(either)() for _ in range(3)]
    listed = await either.workflows.list()
    assert [each.id for each in listed] == [result.workflow_id for result in reversed(sent)]
    assert {each.picture for each in listed} == {"group(add × 10) | xsum"}
    assert {(each.tasks, each.over) for each in listed} == {(11, "")}
    assert listed[0].began.tzinfo is not None
    assert 0 <= listed[0].idle < 30


async def test_so_many_are_listed_as_are_wanted(either):
    ids = [await keep(either) for _ in range(5)]
    assert [each.id for each in await either.workflows.list(limit=2)] == ids[:-3:-1]


async def test_more_are_listed_than_are_looked_at_at_once(app, monkeypatch):
    monkeypatch.setattr("asynq.brokers.redis.workflows.PAGE", 2)
    monkeypatch.setattr("asynq.workflows.AT_ONCE", 2)
    ids = [await keep(app) for _ in range(5)]
    listed = [each.id for each in await app.workflows.list(limit=4)]
    assert sorted(listed) == sorted(set(listed))
    assert set(listed) <= set(ids)
    assert len(listed) == 4


async def test_those_that_are_gone_do_not_count(app, server, namespace, monkeypatch):
    monkeypatch.setattr("asynq.brokers.redis.workflows.PAGE", 2)
    old, *gone = [await keep(app) for _ in range(5)]
    for id in gone:
        server.command("DEL", f"aq:{{{namespace}}}:wf:{id}")
    assert [each.id for each in await app.workflows.list(limit=1)] == [old]


async def test_what_is_over_is_listed_as_such(either):
    result = await small(either)()
    async with Worker(either):
        await result.get(timeout=20)
    assert [each.over for each in await either.workflows.list()] == ["SUCCESS"]


async def test_those_in_which_nothing_happens_are_stale(either):
    over, stands = [await keep(either) for _ in range(2)]
    await either.broker.publish([Parcel(id="a", queue="q", body=b"x")])
    (delivery,) = await either.broker.receive(["q"], limit=1, wait=5)
    ends = Advance(workflow=over, over="SUCCESS")
    await either.broker.settle([Settlement(delivery=delivery, advance=(ends,))])
    assert [each.id for each in await either.workflows.list(stale=0)] == [stands]
    assert list(await either.workflows.list(stale=3600)) == []
    assert list(await either.workflows.list(stale=1e300)) == []


async def test_what_can_not_be_listed_is_said(app):
    with pytest.raises(OptionValueError, match="limit: expected 1 or more, got 0"):
        await app.workflows.list(limit=0)
    for nonsense in (-1, float("nan")):
        with pytest.raises(OptionValueError, match="stale: expected seconds"):
            await app.workflows.list(stale=nonsense)


@pytest.mark.parametrize("said", [{"limit": "x"}, {"limit": None}, {"limit": 1.5}, {"stale": "x"}])
async def test_what_is_no_number_is_said(app, said):
    with pytest.raises(OptionTypeError, match=r"workflows\.list: \w+: expected .*, got "):
        await app.workflows.list(**said)


@pytest.mark.parametrize("ask", ["show", "cancel"])
async def test_an_id_is_text(either, s, ask):
    plain = await s("add", 1, 2)()
    says = rf"workflows\.{ask}: expected a workflow's id as text, got "
    with pytest.raises(TypeError, match=says + r"None; .*result\.graph\(\)"):
        await getattr(either.workflows, ask)(plain.workflow_id)
    with pytest.raises(TypeError, match=says + "5$"):
        await getattr(either.workflows, ask)(5)


async def test_what_can_not_be_read_is_listed_all_the_same(app):
    id = await keep(app)
    (each,) = await app.workflows.list()
    assert (each.id, each.tasks, each.picture) == (id, None, "(unreadable)")


async def test_the_outlines_of_others_are_not_trusted(url, namespace, app):
    result = await small(app)()
    async with Asynq(namespace, broker=url, set_as_current=False, message_keys=KEYS) as own:
        (each,) = await own.workflows.list()
        assert each.picture == "(unreadable)"
        with pytest.raises(SecurityError):
            await own.workflows.show(result.workflow_id)


# Showing


async def test_a_workflow_is_shown_with_the_states_of_all_tasks(either):
    result = await small(either)()
    before = await either.workflows.show(result.workflow_id)
    assert (before.counts(), before.over) == ({"PENDING": 11}, "")
    async with Worker(either):
        await result.get(timeout=20)
    after = await result.graph()
    assert (after.counts(), after.over) == ({"SUCCESS": 11}, "SUCCESS")
    assert after.workflow == result.workflow_id
    assert [id for id, _ in after.tasks][-1] == result.id
    assert str(after).splitlines() == [
        "chord", "├─ group", "│  └─ proj.add × 10  10 SUCCESS",
        f"└─ proj.xsum  SUCCESS  {result.id}",
    ]  # fmt: skip


async def test_states_are_asked_for_in_pages(app, monkeypatch):
    monkeypatch.setattr("asynq.result.reading.PAGE", 4)
    result = await small(app)()
    async with Worker(app):
        await result.get(timeout=20)
    assert (await result.graph()).counts() == {"SUCCESS": 11}


async def test_ids_that_were_chosen_are_shown(app, s):
    result = await chain(s("add", 1, 2), s("add", 3).set(task_id="mine"))()
    assert dict((await result.graph()).tasks)["mine"] == "PENDING"


async def test_errbacks_are_shown_with_their_states(app, s):
    result = await chain(s("fail"), s("wait")).on_error(s("where").set(immutable=True))()
    assert "on error: proj.where  PENDING" in str(await result.graph())


async def test_a_record_that_can_not_be_read_does_not_hide_the_others(app, server, namespace):
    result = await small(app)()
    async with Worker(app):
        await result.get(timeout=20)
    server.command("SET", f"aq:{{{namespace}}}:res:{result.id}", "nonsense")
    assert (await result.graph()).counts() == {"SUCCESS": 10, "(unreadable)": 1}


async def test_a_plain_task_is_its_own_graph(app):
    result = await app.tasks["proj.add"].delay(1, 2)
    assert str(await result.graph()) == f"task  PENDING  {result.id}"
    app.conf.result_extended = True
    async with Worker(app):
        await result.get(timeout=20)
    graph = await app.AsyncResult(result.id).graph()
    assert str(graph) == f"proj.add  SUCCESS  {result.id}"
    assert graph.workflow is None


async def test_a_plain_group_is_its_own_graph(app, s):
    result = await group(s("add", i, i) for i in range(5))()
    assert str(await result.graph()).splitlines() == ["group", "└─ task × 5  5 PENDING"]
    async with Worker(app):
        await result.get(timeout=20)
    graph = await app.GroupResult("g", [result[0], result]).graph()
    assert graph.counts() == {"SUCCESS": 6}
    assert graph.to_dict()["tree"]["parts"][0]["tasks"] == [
        {"id": result[0].id, "state": "SUCCESS"}
    ]


async def test_what_ran_here_is_its_own_graph(app, s):
    result = await s("add", 1, 2).apply()
    assert (await result.graph()).counts() == {"SUCCESS": 1}


async def test_of_a_workflow_that_is_not_kept_any_more_the_end_is_shown(app, s, server):
    result = await (s("add", 1, 2) | s("add", 3))()
    server.command("FLUSHALL")
    assert str(await result.graph()) == f"task  PENDING  {result.id}"


@pytest.mark.parametrize("ask", ["show", "cancel"])
async def test_an_id_of_no_workflow_says_what_to_do(either, ask):
    result = await small(either)()
    with pytest.raises(WorkflowNotFound, match=r"not a task's: result\.workflow_id of the handle"):
        await getattr(either.workflows, ask)(result.id)
    with pytest.raises(KeyError, match=r"no workflow x\\u001b\[31m is kept"):
        await getattr(either.workflows, ask)("x\x1b[31m")


async def test_a_workflow_that_has_not_begun_is_none(app):
    id = await keep(app, began=False)
    with pytest.raises(WorkflowNotFound):
        await app.workflows.show(id)


async def test_who_waits_in_vain_is_told_that_its_turn_may_not_have_come(app, s):
    result = await (s("add", 1, 2) | s("add", 3) | s("add", 4))()
    for handle in (result, result.parent):
        with pytest.raises(TimeoutError, match="its turn in the workflow has not come, or no"):
            await handle.get(timeout=0.01)
    with pytest.raises(TimeoutError, match="nothing is known to have started it"):
        await result.parent.parent.get(timeout=0.01)


async def test_a_task_knows_its_workflow(app, s):
    async with Worker(app):
        result = await (s("add", 1, 2) | app.tasks["proj.where"].si())()
        assert await result.get(timeout=20) == result.workflow_id
        alone = await app.tasks["proj.where"].delay()
        assert await alone.get(timeout=20) is None
    assert alone.workflow_id is None


# Ending


async def test_what_is_left_of_a_workflow_ends(either, gate):
    add, wait = either.tasks["proj.add"], either.tasks["proj.wait"]
    result = await (add.s(1, 2) | wait.s() | add.s(1))()
    async with Worker(either):
        await asyncio.wait_for(gate.begun.wait(), 20)
        assert await either.workflows.cancel(result.workflow_id) == 2
        with pytest.raises(TaskRevokedError):
            await result.get(timeout=20)
        assert [each.over for each in await either.workflows.list()] == ["REVOKED"]
        assert await result.parent.state == "REVOKED"
        assert await result.parent.parent.state == "SUCCESS"
        assert await either.workflows.cancel(result.workflow_id) == 0


@pytest.mark.parametrize("by", ["swap", "twice", "more"])
async def test_what_has_begun_in_a_workflow_ends_with_it(either, gate, by):
    add, xsum, inner = (either.tasks[f"proj.{name}"] for name in ("add", "xsum", by))
    made = chord([inner.s()], xsum.s()) if by == "more" else inner.s() | add.s(1)
    result = await made()
    async with Worker(either):
        await asyncio.wait_for(gate.begun.wait(), 20)
        left = {"swap": 3, "twice": 4, "more": 3}[by]
        assert await either.workflows.cancel(result.workflow_id) == left
        with pytest.raises((TaskRevokedError, ChordError)):
            await result.get(timeout=20)
        for each in await either.workflows.list():
            states = {state for _, state in (await either.workflows.show(each.id)).tasks}
            assert states <= {"REVOKED", "SUCCESS" if by == "more" else "REVOKED", "FAILURE"}
        assert await either.workflows.cancel(result.workflow_id) == 0


async def test_the_time_of_a_workflow_is_that_of_what_has_begun_in_it(either, gate):
    swap, add = either.tasks["proj.swap"], either.tasks["proj.add"]
    result = await (swap.s() | add.s(1)).apply_async(workflow_timeout=0.5)
    async with Worker(either):
        with pytest.raises(TaskRevokedError):
            await result.get(timeout=20)
        inner = next(
            each for each in await either.workflows.list() if each.id != result.workflow_id
        )
        shown = await either.workflows.show(inner.id)
    assert [state for _, state in shown.tasks] == ["REVOKED", "REVOKED"]


async def test_all_tasks_of_a_large_one_are_revoked_in_pages(app, monkeypatch):
    monkeypatch.setattr("asynq.workflows.PAGE", 4)
    result = await small(app)()
    assert await app.workflows.cancel(result.workflow_id) == 11
    ids = [id for id, _ in (await result.graph()).tasks]
    assert dict(await app.broker.revoked(ids)) == dict.fromkeys(ids, True)


async def test_it_ends_where_results_are_switched_off(url, namespace, gate):
    app = Asynq(namespace, broker=url, backend="disabled://", set_as_current=False)
    async with app:
        define(app, gate)
        result = await (app.tasks["proj.add"].s(1, 2) | app.tasks["proj.add"].s(3))()
        assert await app.workflows.cancel(result.workflow_id) == 2


async def test_a_result_ends_its_workflow(app, s):
    result = await (s("add", 1, 2) | s("add", 3))()
    await result.cancel()
    async with Worker(app):
        with pytest.raises(TaskRevokedError):
            await result.get(timeout=20)
    assert await result.parent.state == "REVOKED"


async def test_the_result_of_a_task_or_a_group_ends_that(app, s, gate):
    alone = await app.tasks["proj.wait"].delay()
    several = await group(s("wait"), s("wait"))()
    async with Worker(app):
        await asyncio.wait_for(gate.begun.wait(), 20)
        await alone.cancel()
        await several.cancel()
        for result in (alone, *several):
            with pytest.raises(TaskRevokedError):
                await result.get(timeout=20)


async def test_what_ran_here_is_over(app, s):
    result = await s("add", 1, 2).apply()
    await result.cancel()
    assert await result.state == "SUCCESS"


async def test_errbacks_are_told_that_it_was_cancelled(app, s, gate):
    errback = s("where").set(task_id="told", immutable=True)
    result = await (s("wait") | s("add", 1)).on_error(errback)()
    async with Worker(app):
        await asyncio.wait_for(gate.begun.wait(), 20)
        await result.cancel()
        assert await app.AsyncResult("told").get(timeout=20) == result.workflow_id


@pytest.mark.parametrize("first", ["add", "fail"])
async def test_what_is_left_of_a_workflow_ends_with_its_time(app, s, gate, first):
    waits = s("wait").set(task_id="waits")
    canvas = chord([s(first, 1, *([2] if first == "add" else [])), waits], s("xsum"))
    await canvas.apply_async(workflow_timeout=0.5)
    async with Worker(app):
        with pytest.raises(TaskRevokedError):
            await app.AsyncResult("waits").get(timeout=20)
