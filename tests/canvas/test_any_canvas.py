"""Whatever canvas one builds, workers do with it what it means: see `tests.canvas.meaning`.

100 canvases in each place where they can run, the same ones each time. With `CANVAS_EXAMPLES=2000`,
which is what `make canvas` sets, it is so many others in each place: that is for the night.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from asynq import AsyncResult, Asynq, Worker, signature, states
from asynq._memory.space import open_space
from asynq.canvas import Canvas, notes
from asynq.wire.flow import Outline
from asynq.wire.flow import Shape as Drawn
from asynq.wire.ids import step_id
from tests.canvas.building import Build, Ledger
from tests.canvas.meaning import Bad, End, Meaning
from tests.canvas.shapes import Shape, shapes
from tests.servers import PrivateServer
from tests.waiting import until

NIGHTLY = int(os.environ.get("CANVAS_EXAMPLES", "0"))
EXAMPLES = settings(
    max_examples=NIGHTLY or 100,
    deadline=None,
    database=None,
    derandomize=not NIGHTLY,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


Joins = Callable[[str], dict[int, tuple[int, int, int]]]
"""Of a workflow: join to its size, how many values it has counted, and how many it has."""


class Stage:
    """An app, its tasks and perhaps a worker, on an event loop of its own, for many canvases."""

    def __init__(self, namespace: str, url: str, **conf: Any) -> None:
        self.app = Asynq(namespace, broker=url, **conf)
        self.ledger = Ledger()
        self.build = Build(self.app, self.ledger)
        self.joins: Joins | None = None
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()

    def run(self, work: Awaitable[Any]) -> Any:
        async def here() -> Any:
            return await work

        return self._runner.run(here())

    async def open(self, *, worker: bool) -> None:
        await self._stack.enter_async_context(self.app)
        if worker:
            await self._stack.enter_async_context(Worker(self.app, concurrency=8))

    def close(self) -> None:
        self.run(self._stack.aclose())
        self._runner.close()


@contextmanager
def stage(namespace: str, url: str, *, worker: bool = True, **conf: Any) -> Iterator[Stage]:
    made = Stage(namespace, url, **conf)
    try:
        made.run(made.open(worker=worker))
        yield made
    finally:
        made.close()


Called = tuple[Shape, tuple[int, ...], dict[str, int]]


async def play(stage: Stage, called: Called) -> None:
    """By workers, and look at all that it leaves behind."""
    shape, args, kwargs = called
    stage.ledger.begin()
    meaning = Meaning()
    end = meaning.end(shape, args, kwargs)
    broker = stage.app.connections.broker()
    known = {each.id for each in await broker.workflows().known(limit=100)}
    result = await stage.build.canvas(shape).apply_async(args, kwargs)
    values = await result.get(timeout=10, propagate=False)

    async def empty() -> bool:
        return await broker.depth("default") == 0

    await until(empty, within=10)
    compare(stage.ledger, meaning, end, values)
    assert await result.state == state_of(end)
    handles = await look_at_handles(result)
    for each in await broker.workflows().known(limit=100):
        if each.id not in known:
            ids = await look_at_workflow(stage, each.id)
            assert each.id != result.workflow_id or ids <= handles


async def look_at_handles(result: AsyncResult[Any]) -> set[str]:
    """Parents and children lead to all there is, and each can be waited for."""
    seen: dict[str, AsyncResult[Any]] = {}
    waiting = [result]
    while waiting:
        handle = waiting.pop()
        if handle.id not in seen:
            seen[handle.id] = handle
            waiting += handle.children
            if handle.parent is not None:
                waiting.append(handle.parent)
    for handle in seen.values():
        await handle.get(timeout=10, propagate=False)
        assert await handle.ready()
    return {*seen}


async def play_here(
    stage: Stage, called: Called, *, eager: bool = False, as_json: bool = False
) -> None:
    """Without a worker; which task had which id is not compared."""
    shape, args, kwargs = called
    stage.ledger.begin()
    meaning = Meaning()
    end = meaning.end(shape, args, kwargs)
    canvas = stage.build.canvas(shape)
    if as_json:
        again: Canvas[Any] = signature(json.loads(json.dumps(canvas.to_dict())))
        assert again == canvas
        canvas = again
    call = canvas.apply_async if eager else canvas.apply
    result = await call(args, kwargs)
    values = await result.get(propagate=False)
    compare(stage.ledger, meaning, end, values, ids=False)
    assert await result.state == state_of(end)


def state_of(end: End) -> str:
    """What the handle on it says: a group has failed with any of its members."""
    if end.members is not None:
        bad = any(state_of(member) == states.FAILURE for member in end.members)
    else:
        bad = bool(end.faults)
    return states.FAILURE if bad else states.SUCCESS


def compare(ledger: Ledger, meaning: Meaning, end: End, values: Any, *, ids: bool = True) -> None:
    """What has happened, with what it means."""
    assert_same(ledger, end, values, ids)
    assert ledger.runs == meaning.runs
    assert {n: len(t) for n, t in ledger.told.items()} == {
        n: len(t) for n, t in meaning.told.items()
    }
    for name, times in ledger.told.items():
        for (kind, text, id), faults in zip(times, meaning.told[name], strict=True):
            if ids and id:
                assert ledger.named(id) in {fault.id for fault in faults}, name
            if kind:
                assert text_of(f"{kind}: {ledger.named(text)}", ids) in one_of(faults, ids), name


def one_of(faults: Any, ids: bool) -> set[str]:
    return {text_of(str(fault), ids) for fault in faults}


def text_of(text: str, ids: bool) -> str:
    """The text of an error; without a worker it may name another member of the group."""
    return text if ids else re.sub(r"Dependency \S+ raised", "Dependency # raised", text)


def assert_same(ledger: Ledger, end: End, value: Any, ids: bool) -> None:
    if end.members is not None:
        assert isinstance(value, list)
        assert len(value) == len(end.members)
        for member, each in zip(end.members, value, strict=True):
            assert_same(ledger, member, each, ids)
    elif end.faults:
        assert isinstance(value, BaseException), value
        assert text_of(str(ledger.fault(value)), ids) in one_of(end.faults, ids)
    else:
        assert plain(value) == plain(end.value)


def plain(value: Any) -> Any:
    """A value, with errors as what they are shown as."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    return "!" if isinstance(value, BaseException | Bad) else value


async def look_at_workflow(stage: Stage, id: str) -> set[str]:
    """It is over, and all of it that shall end has ended; gives the ids of its steps."""
    app = stage.app
    workflows = app.connections.broker().workflows()
    known = await workflows.look(id)
    assert known is not None
    assert known.over in states.READY_STATES
    outline: Outline = await notes.outline(workflows, id, app.results.seal())
    look_at_joins(stage, id, outline, known.over)
    ids = {step_id(outline.ids, id, number): number for number in steps(outline.tree)}
    for id, number in ids.items():
        assert await app.AsyncResult(id).ready(), f"{number} of {outline.tree}"
    return {*ids}


def look_at_joins(stage: Stage, id: str, outline: Outline, over: str) -> None:
    """No value is counted twice; those of what has succeeded are complete."""
    assert stage.joins is not None
    joins = stage.joins(id)
    for size, count, values in joins.values():
        assert count == values <= size
    if over == states.SUCCESS:
        for part in (outline.tree, *outline.tree.parts * (outline.tree.kind == "chain")):
            if part.kind == "group":
                size, count, _ = joins[part.number]
                assert count == size


def joins_in_memory(namespace: str) -> Joins:
    def joins(id: str) -> dict[int, tuple[int, int, int]]:
        kept = open_space(f"memory://{namespace}", namespace).workflows._known[id]
        found = {number: kept.values.get(number, {}) for number in kept.joins}
        return {n: (kept.joins[n].size, len(found[n]), len(found[n])) for n in found}

    return joins


def joins_on(server: PrivateServer, namespace: str) -> Joins:
    def joins(id: str) -> dict[int, tuple[int, int, int]]:
        told = server.command("HGETALL", f"aq:{{{namespace}}}:wf:{id}")
        fields = dict(zip(told[::2], told[1::2], strict=True))
        numbers = [int(name[1:]) for name in fields if re.fullmatch(rb"j\d+", name)]
        return {
            number: (
                int(fields[b"j%d" % number].partition(b"|")[0]),
                int(fields.get(b"c%d" % number, 0)),
                sum(name.startswith(b"v%d:" % number) for name in fields),
            )
            for number in numbers
        }

    return joins


def steps(drawn: Drawn) -> Iterator[int]:
    """The numbers of all calls, but those of errbacks."""
    if drawn.kind == "task":
        yield from range(drawn.number, drawn.number + drawn.many)
    for part in (*drawn.parts, *drawn.links):
        yield from steps(part)


def test_any_canvas_in_memory(namespace):
    with stage(namespace, f"memory://{namespace}") as there:
        there.joins = joins_in_memory(namespace)

        @EXAMPLES
        @given(shapes())
        def check(called: Called) -> None:
            there.run(play(there, called))

        check()


def test_any_canvas_on_a_server(namespace, url, server):
    with stage(namespace, url) as there:
        there.joins = joins_on(server, namespace)

        @EXAMPLES
        @given(shapes())
        def check(called: Called) -> None:
            there.run(play(there, called))

        check()


@pytest.mark.parametrize("eager", [False, True], ids=["apply", "always_eager"])
def test_any_canvas_here(namespace, eager):
    with stage(namespace, "memory://", worker=False, task_always_eager=eager) as there:

        @EXAMPLES
        @given(shapes())
        def check(called: Called) -> None:
            there.run(play_here(there, called, eager=eager))

        check()


def test_any_canvas_is_the_same_after_json(namespace):
    with stage(namespace, "memory://", worker=False) as there:

        @EXAMPLES
        @given(shapes())
        def check(called: Called) -> None:
            there.run(play_here(there, called, as_json=True))

        check()
