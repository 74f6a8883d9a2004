"""Workflows: kept until their turn comes, and moved on by the settlements of their steps."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from asynq._time import monotonic, time
from asynq.backends.base import ResultBackend
from asynq.brokers.base import (
    Advance,
    Broker,
    Delivery,
    Join,
    Parcel,
    Requeue,
    Settlement,
    Step,
    StoredRecord,
    Workflow,
)
from asynq.testing.contracts.broker_suite import EARLY, QUEUE, BrokerSuite, ids, parcel
from asynq.wire.flow import referred, split_input

FLOW = "a-workflow"
MOVING = "moving"
"""The queue of the messages whose settlements move workflows on."""


class Moving(BrokerSuite):
    """`Broker.workflows`, and what a settlement does in one."""

    async def test_a_launch_sends_what_it_begins_with_and_keeps_the_rest(
        self, broker: Broker, other: Broker
    ) -> None:
        steps = {2: step("second"), 3: step("third", queue="another")}
        await broker.workflows().launch(workflow(steps), [parcel("first")])
        assert ids(await self.take(other, 1)) == ["first"]
        assert await self.is_empty(other, QUEUE, "another")

    async def test_a_workflow_that_begins_with_nothing_may_be_launched(
        self, broker: Broker
    ) -> None:
        await broker.workflows().launch(workflow({1: step("first")}), [])
        await self.move(broker, Advance(workflow=FLOW, start=[(1, 1)]))
        assert ids(await self.take(broker, 1)) == ["first"]

    async def test_a_second_launch_does_nothing(self, broker: Broker, other: Broker) -> None:
        first = workflow({2: step("second")}, notes={"n": b"1"})
        await broker.workflows().launch(first, [parcel("first")])
        again = workflow({2: step("else")}, notes={"n": b"2"})
        await other.workflows().launch(again, [parcel("first")])
        await other.workflows().keep(again)
        await self.move(broker, Advance(workflow=FLOW, start=[(2, 2)]))
        assert ids(await self.take(broker, 2)) == ["first", "second"]
        assert await self.is_empty(broker)
        assert list(await broker.workflows().notes(FLOW, ["n"])) == [b"1"]

    async def test_what_is_kept_in_parts_begins_when_it_is_launched(self, broker: Broker) -> None:
        workflows = broker.workflows()
        for _ in range(2):  # a part may come twice
            await workflows.keep(workflow({2: step("second")}, notes={"one": b"1"}))
        await workflows.keep(workflow({3: step("third")}, {4: Join(size=1, start=[(3, 3)])}))
        assert await self.is_empty(broker)
        await workflows.launch(workflow(notes={"two": b"2"}), [parcel("first")])
        await self.move(broker, Advance(workflow=FLOW, start=[(2, 2)], join=(4, 0)))
        assert ids(await self.take(broker, 3)) == ["first", "second", "third"]
        assert list(await workflows.notes(FLOW, ["one", "two"])) == [b"1", b"2"]

    async def test_a_step_begins_once(self, broker: Broker) -> None:
        await self.launch(broker, {2: step("second"), 3: step("third")})
        await self.move(broker, Advance(workflow=FLOW, start=[(2, 2)]))
        await self.move(broker, Advance(workflow=FLOW, start=[(2, 3)]))
        assert ids(await self.take(broker, 2)) == ["second", "third"]
        assert await self.is_empty(broker)

    async def test_steps_that_are_not_there_are_passed_over(self, broker: Broker) -> None:
        await self.launch(broker, {2: step("second"), 700: step("last")})
        await self.move(broker, Advance(workflow=FLOW, start=[(1, 650), (690, 900)]))
        assert ids(await self.take(broker, 2)) == ["second", "last"]

    async def test_many_begin_in_the_order_of_their_numbers(self, broker: Broker) -> None:
        names = [f"{number:03}" for number in range(450)]
        for first in range(0, 450, 50):
            numbers = range(first, first + 50)
            part = workflow({number + 1: step(names[number]) for number in numbers})
            await broker.workflows().keep(part)
        await broker.workflows().launch(workflow(), [])
        await self.move(broker, Advance(workflow=FLOW, start=[(1, 450)]))
        assert ids(await self.take(broker, 450)) == names

    async def test_an_input_is_appended_only_where_it_is_wanted(self, broker: Broker) -> None:
        await self.launch(broker, {2: step("wants", wants_input=True), 3: step("does not")})
        value = bytes(range(256)) * 300
        await self.move(broker, Advance(workflow=FLOW, input=value, start=[(2, 3)]))
        wants, does_not = await self.take(broker, 2)
        assert split_input(wants.body) == (parcel("wants").body, value)
        assert does_not.body == parcel("does not").body

    async def test_without_an_input_nothing_is_appended(self, broker: Broker) -> None:
        await self.launch(broker, {2: step("wants", wants_input=True)})
        await self.move(broker, Advance(workflow=FLOW, start=[(2, 2)]))
        assert (await self.take_one(broker)).body == parcel("wants").body

    async def test_a_step_has_its_own_queue_and_priority(self, broker: Broker) -> None:
        urgent = step("Dringend | é", queue="ein|zwei", priority=9)
        await self.launch(broker, {2: step("plain", queue="ein|zwei"), 3: urgent})
        await self.move(broker, Advance(workflow=FLOW, start=[(2, 3)]))
        begun = ids(await self.take(broker, 2, "ein|zwei"))
        assert sorted(begun) == ["Dringend | é", "plain"]
        if len(broker.capabilities.priorities) > 1:
            assert begun[0] == "Dringend | é"
        assert "ein|zwei" in await broker.queues()

    async def test_a_step_that_was_begun_is_a_message_like_any_other(self, broker: Broker) -> None:
        await self.launch(broker, {2: step("second", wants_input=True)})
        await self.move(broker, Advance(workflow=FLOW, input=b"8", start=[(2, 2)]))
        first = await self.take_one(broker)
        assert await self.end(broker, first, Requeue())
        again = await self.take_one(broker)
        assert (again.id, again.body) == (first.id, first.body)
        assert await self.end(broker, again)

    async def test_a_steps_delay_counts_from_when_it_begins(self, broker: Broker) -> None:
        await self.launch(broker, {2: step("late", delay=0.3, wants_input=True)})
        async with self.kept(broker):
            begun = monotonic()
            await self.move(broker, Advance(workflow=FLOW, input=b"8", start=[(2, 2)]))
            late = await self.take_one(broker)
            assert monotonic() - begun >= 0.3 - EARLY
        assert split_input(late.body) == (parcel("late").body, b"8")

    async def test_a_step_that_was_due_before_begins_at_once(self, broker: Broker) -> None:
        steps = {2: step("past", due=time() - 60), 3: step("future", due=time() + 3600)}
        await self.launch(broker, steps)
        await self.move(broker, Advance(workflow=FLOW, start=[(2, 3)]))
        assert ids(await self.take(broker, 1)) == ["past"]
        assert await broker.depth(QUEUE) == 2  # future, and past, which is held

    async def test_the_last_value_of_a_join_begins_what_follows(self, broker: Broker) -> None:
        await self.launch(
            broker, {9: step("body", wants_input=True)}, {1: Join(size=3, start=[(9, 9)])}
        )
        for place in (2, 0):
            await self.fill(broker, 1, place, b"value of %d" % place)
            assert await self.is_empty(broker)
        await self.fill(broker, 1, 1, b"value of 1")
        body = await self.take_one(broker)
        assert (body.id, body.body) == ("body", parcel("body").body)
        values = await broker.workflows().values(FLOW, 1, range(4))
        assert list(values) == [b"value of 0", b"value of 1", b"value of 2", None]
        assert list(await broker.workflows().values(FLOW, 1, [1])) == [b"value of 1"]
        assert list(await broker.workflows().values(FLOW, 2, range(1))) == [None]

    async def test_a_place_is_filled_once(self, broker: Broker) -> None:
        await self.launch(broker, {9: step("body")}, {1: Join(size=2, start=[(9, 9)])})
        await self.fill(broker, 1, 0, b"first")
        await self.fill(broker, 1, 0, b"second")
        assert await self.is_empty(broker)
        assert list(await broker.workflows().values(FLOW, 1, range(2))) == [b"first", None]
        await self.fill(broker, 1, 1, b"")
        assert ids(await self.take(broker, 1)) == ["body"]
        await self.fill(broker, 1, 1, b"again")
        assert await self.is_empty(broker)

    async def test_values_that_come_at_once_begin_what_follows_once(
        self, broker: Broker, other: Broker
    ) -> None:
        await self.launch(broker, {99: step("body")}, {1: Join(size=40, start=[(99, 99)])})
        await broker.publish([parcel(f"m{place}", queue=MOVING) for place in range(40)])
        deliveries = await self.take(broker, 40, MOVING)
        advances = [Advance(workflow=FLOW, input=b"1", join=(1, place)) for place in range(40)]
        await asyncio.gather(
            *(
                broker.settle([Settlement(delivery=delivery, advance=(advance,))])
                for delivery, advance in zip(deliveries, advances, strict=True)
            )
        )
        assert ids(await self.take(other, 1)) == ["body"]
        assert await self.is_empty(other)

    async def test_a_join_may_be_a_value_of_another(self, broker: Broker) -> None:
        joins = {1: Join(size=2, start=[(9, 9)]), 2: Join(size=1, join=(1, 1))}
        await self.launch(broker, {9: step("body")}, joins)
        await self.fill(broker, 2, 0, b"inner")
        assert await self.is_empty(broker)
        await self.fill(broker, 1, 0, b"outer")
        assert ids(await self.take(broker, 1)) == ["body"]
        outer, inner = await broker.workflows().values(FLOW, 1, range(2))
        assert outer == b"outer"
        assert inner is not None
        assert referred(inner) == 2

    async def test_a_join_may_end_the_workflow(self, broker: Broker) -> None:
        joins = {1: Join(size=1, over=True), 2: Join(size=1, join=(1, 0))}
        await self.launch(broker, {}, joins)
        await self.fill(broker, 2, 0, b"")
        known = await broker.workflows().look(FLOW)
        assert known is not None
        assert known.over == "SUCCESS"

    async def test_what_is_done_once_is_published_once(self, broker: Broker) -> None:
        await self.launch(broker)
        for _ in range(2):
            await self.move(broker, Advance(workflow=FLOW, once=("mark", parcel("once"))))
        await self.move(broker, Advance(workflow=FLOW, once=("silent", None)))
        await self.move(broker, Advance(workflow=FLOW, once=("silent", parcel("too late"))))
        await self.move(broker, Advance(workflow=FLOW, once=("other", parcel("twice"))))
        assert ids(await self.take(broker, 2)) == ["once", "twice"]
        assert await self.is_empty(broker)

    async def test_marks_are_found_by_how_they_begin(self, broker: Broker) -> None:
        assert await broker.workflows().marks(FLOW, "a:") == []
        await self.launch(broker)
        for mark in ("a:1", "b:2", "a:3", "a:1"):
            await self.move(broker, Advance(workflow=FLOW, once=(mark, None)))
        assert sorted(await broker.workflows().marks(FLOW, "a:")) == ["a:1", "a:3"]

    async def test_one_settlement_moves_several_on(self, broker: Broker) -> None:
        await self.launch(broker, {2: step("here")})
        await self.launch(broker, {2: step("there")}, id="another")
        here = Advance(workflow=FLOW, start=[(2, 2)])
        there = Advance(workflow="another", start=[(2, 2)], over="SUCCESS")
        await self.move(broker, here, there, publish=(parcel("published"),))
        assert sorted(ids(await self.take(broker, 3))) == ["here", "published", "there"]

    async def test_what_goes_back_may_move_one_on_too(self, broker: Broker) -> None:
        await self.launch(broker, {2: step("second"), 3: step("third")})
        await broker.publish([parcel("m", queue=MOVING)])
        for number in (2, 3):
            delivery = await self.take_one(broker, MOVING)
            advance = Advance(workflow=FLOW, start=[(number, number)])
            again = Settlement(delivery=delivery, verdict=Requeue(), advance=(advance,))
            assert list(await broker.settle([again])) == [True]
        assert ids(await self.take(broker, 2)) == ["second", "third"]

    async def test_nothing_happens_in_a_workflow_that_is_not_there(self, broker: Broker) -> None:
        workflows = broker.workflows()
        await self.move(
            broker,
            Advance(
                workflow="gone",
                input=b"8",
                start=[(1, 5)],
                join=(1, 0),
                once=("mark", parcel("once")),
                over="FAILURE",
            ),
        )
        assert await self.is_empty(broker)
        assert list(await workflows.notes("gone", ["n"])) == [None]
        assert list(await workflows.values("gone", 1, range(2))) == [None, None]
        assert await workflows.look("gone") is None
        await self.launch(broker, {1: step("first")}, id="gone")
        await self.move(broker, Advance(workflow="gone", once=("mark", parcel("once"))))
        assert ids(await self.take(broker, 1)) == ["once"]

    async def test_a_settlement_that_was_no_longer_ours_moves_nothing(
        self, broker: Broker, backend: ResultBackend | None
    ) -> None:
        joins = {1: Join(size=1, start=[(3, 3)])}
        await self.launch(broker, {2: step("second"), 3: step("third")}, joins)
        late, still_ours = await self.moved(broker, 2)
        assert await self.end(broker, late)
        everything = Advance(
            workflow=FLOW, start=[(2, 2)], join=(1, 0), once=("m", parcel("once")), over="SUCCESS"
        )
        record = StoredRecord(id="else", body=b"{}")
        answers = await broker.settle(
            [
                Settlement(
                    delivery=late,
                    advance=(everything, everything),
                    others=() if self._unite(broker, backend) is None else (record,),
                ),
                Settlement(delivery=still_ours, publish=(parcel("published"),)),
            ]
        )
        assert list(answers) == [False, True]
        assert ids(await self.take(broker, 1)) == ["published"]
        assert await self.is_empty(broker)
        assert list(await broker.workflows().values(FLOW, 1, range(1))) == [None]
        known = await broker.workflows().look(FLOW)
        assert known is not None
        assert known.over == ""
        if backend is not None:
            assert list(await backend.fetch(["else"])) == [None]

    async def test_records_of_other_tasks_are_written_with_the_ending(
        self, broker: Broker, backend: ResultBackend | None
    ) -> None:
        united = self._unite(broker, backend)
        if united is None:
            pytest.skip("this broker writes no records")
        await self.launch(broker, {2: step("second")})
        waiting = asyncio.create_task(united.wait("b"))
        records = tuple(StoredRecord(id=id, body=id.encode(), ttl=60) for id in "abc")
        (delivery,) = await self.moved(broker, 1)
        ending = Settlement(
            delivery=delivery,
            record=records[0],
            advance=(Advance(workflow=FLOW, start=[(2, 2)]),),
            others=records[1:],
        )
        assert list(await broker.settle([ending])) == [True]
        async with asyncio.timeout(self.patience):
            assert await waiting == b"b"
        assert list(await united.fetch(["a", "b", "c"])) == [b"a", b"b", b"c"]
        assert ids(await self.take(broker, 1)) == ["second"]

    async def test_notes_are_read_by_their_names(self, broker: Broker, other: Broker) -> None:
        many = {f"note {number}": bytes([number % 256]) * 3 for number in range(90)}
        await self.launch(broker, notes=many)
        found = await other.workflows().notes(FLOW, ["none", *many, "outline"])
        assert list(found) == [None, *many.values(), None]
        assert list(await other.workflows().notes(FLOW, [])) == []

    async def test_the_workflows_that_are_kept_are_known(
        self, broker: Broker, other: Broker
    ) -> None:
        workflows = other.workflows()
        assert list(await workflows.known()) == []
        before = time()
        await broker.workflows().keep(workflow(id="in-parts"))
        for id in ("one", "two", "three"):
            await self.pass_millisecond()
            await self.launch(broker, {2: step("second")}, id=id)
        assert [each.id for each in await workflows.known()] == ["three", "two", "one"]
        assert [each.id for each in await workflows.known(limit=2)] == ["three", "two"]
        known = await workflows.look("one")
        assert known is not None
        assert before - EARLY <= known.began <= time() + EARLY
        assert known.over == ""
        assert await workflows.look("in-parts") is None

    async def test_one_that_was_kept_first_is_as_old_as_its_launch(self, broker: Broker) -> None:
        workflows = broker.workflows()
        await workflows.keep(workflow(id="kept-first"))
        await self.launch(broker, id="launched-first")
        await self.pass_millisecond()
        await self.launch(broker, id="kept-first")
        assert [each.id for each in await workflows.known()] == ["kept-first", "launched-first"]

    async def test_those_that_are_forgotten_hide_no_older_one(self, broker: Broker) -> None:
        await self.launch(broker, id="old")
        for number in range(5):
            await self.launch(broker, id=f"young-{number}", kept=0.05)
            await self.move(broker, Advance(workflow=f"young-{number}", over="SUCCESS"))
        await self.until_forgotten(broker, "young-4")
        assert [each.id for each in await broker.workflows().known(limit=2)] == ["old"]

    async def test_one_that_is_over_is_known_for_a_while(self, broker: Broker) -> None:
        await self.launch(broker, {2: step("second")}, kept=60.0)
        await self.move(broker, Advance(workflow=FLOW, over="FAILURE"))
        known = await broker.workflows().look(FLOW)
        assert known is not None
        assert known.over == "FAILURE"
        assert 0 <= known.idle < self.patience
        # What is left of it, a callback or an errback, still has its turn.
        await self.move(broker, Advance(workflow=FLOW, start=[(2, 2)]))
        assert ids(await self.take(broker, 1)) == ["second"]

    async def test_idle_counts_from_what_happened_last(self, broker: Broker) -> None:
        await self.launch(broker)
        workflows = broker.workflows()
        await self.until_idle(broker, 0.2)
        await self.move(broker, Advance(workflow=FLOW, once=("mark", None)))
        known = await workflows.look(FLOW)
        assert known is not None
        assert known.idle < 0.2

    async def test_one_in_which_nothing_happens_is_forgotten(self, broker: Broker) -> None:
        await self.launch(broker, {2: step("second")}, notes={"n": b"1"}, ttl=0.3)
        await self.until_forgotten(broker)
        assert list(await broker.workflows().known()) == []
        assert list(await broker.workflows().notes(FLOW, ["n"])) == [None]
        await self.move(broker, Advance(workflow=FLOW, start=[(2, 2)]))
        assert await self.is_empty(broker)

    async def test_one_in_which_something_happens_is_kept(self, broker: Broker) -> None:
        await self.launch(broker, ttl=1.0)
        begun = monotonic()
        while monotonic() - begun < 1.5:
            await self.until_idle(broker, 0.2)
            await self.move(broker, Advance(workflow=FLOW, once=("mark", None)))
        assert await broker.workflows().look(FLOW) is not None

    async def test_a_part_that_is_kept_keeps_those_before_it(self, broker: Broker) -> None:
        begun = monotonic()
        number = 0
        while monotonic() - begun < 0.8:
            number += 1
            await broker.workflows().keep(workflow(notes={f"n{number}": b"1"}, ttl=0.5))
            await asyncio.sleep(0.02)
        assert list(await broker.workflows().notes(FLOW, ["n1"])) == [b"1"]

    async def test_one_that_is_over_is_forgotten_after_its_own_time(self, broker: Broker) -> None:
        await self.launch(broker, ttl=3600.0, kept=0.2)
        await self.move(broker, Advance(workflow=FLOW, over="SUCCESS"))
        await self.until_forgotten(broker)

    # Small verbs

    async def launch(
        self,
        broker: Broker,
        steps: Mapping[int, Step] | None = None,
        joins: Mapping[int, Join] | None = None,
        **more: object,
    ) -> None:
        """Launch a workflow that begins with nothing."""
        await broker.workflows().launch(workflow(steps, joins, **more), [])  # type: ignore[arg-type]

    async def moved(self, broker: Broker, count: int) -> list[Delivery]:
        """Deliveries whose settlements may move workflows on."""
        await broker.publish([parcel(f"m{number}", queue=MOVING) for number in range(count)])
        return await self.take(broker, count, MOVING)

    async def move(self, broker: Broker, *advance: Advance, publish: Sequence[Parcel] = ()) -> None:
        """Settle a delivery that moves workflows on."""
        (delivery,) = await self.moved(broker, 1)
        ending = Settlement(delivery=delivery, advance=advance, publish=tuple(publish))
        assert list(await broker.settle([ending])) == [True]

    async def fill(self, broker: Broker, join: int, place: int, value: bytes) -> None:
        """Fill a place of a join."""
        await self.move(broker, Advance(workflow=FLOW, input=value, join=(join, place)))

    async def until_idle(self, broker: Broker, seconds: float) -> None:
        """Wait until nothing has happened in the workflow for so long."""
        async with asyncio.timeout(self.patience):
            while True:
                known = await broker.workflows().look(FLOW)
                assert known is not None
                if known.idle >= seconds:
                    return
                await asyncio.sleep(0.01)

    async def until_forgotten(self, broker: Broker, id: str = FLOW) -> None:
        """Wait until the workflow is not kept any more."""
        async with asyncio.timeout(self.patience):
            while await broker.workflows().look(id) is not None:
                await asyncio.sleep(0.01)

    async def pass_millisecond(self) -> None:
        """Wait until the clock, in milliseconds, has gone on."""
        begun = monotonic()
        while monotonic() - begun < 0.002:
            await asyncio.sleep(0.001)

    def _unite(self, broker: Broker, backend: ResultBackend | None) -> ResultBackend | None:
        if backend is not None:
            assert broker.unite(backend.location)
        return backend


def step(
    id: str,
    *,
    wants_input: bool = False,
    queue: str = QUEUE,
    priority: int = 0,
    delay: float = 0.0,
    due: float | None = None,
) -> Step:
    """A step whose message says its id."""
    message = parcel(id, queue=queue, priority=priority, delay=delay, due=due)
    return Step(parcel=message, wants_input=wants_input)


def workflow(
    steps: Mapping[int, Step] | None = None,
    joins: Mapping[int, Join] | None = None,
    *,
    id: str = FLOW,
    notes: Mapping[str, bytes] | None = None,
    ttl: float = 60.0,
    kept: float = 60.0,
) -> Workflow:
    """A workflow, or some of one."""
    return Workflow(
        id=id, steps=steps or {}, joins=joins or {}, notes=notes or {}, ttl=ttl, kept=kept
    )
