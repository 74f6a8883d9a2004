"""Periodic tasks: their entries, and a guard on every slot."""

from __future__ import annotations

import asyncio

from asynq._time import monotonic
from asynq.brokers.base import Broker, Join, Step, Workflow
from asynq.brokers.schedules import Declared, Entry, Firing, Schedules
from asynq.testing.contracts.broker_suite import QUEUE, BrokerSuite, ids, parcel

DAILY = Declared("daily", b"at noon")
OWNER = "shop"


class Scheduling(BrokerSuite):
    """`Broker.schedules`."""

    async def test_there_are_no_entries_at_first(self, broker: Broker) -> None:
        look = await broker.schedules().look()
        assert (look.entries, look.version, look.leads) == ([], "", False)
        assert abs(look.now / 1000 - broker.now()) < 1

    async def test_an_entry_is_kept_as_it_was_declared(self, broker: Broker, other: Broker) -> None:
        before = (await broker.schedules().look()).now
        await broker.schedules().declare(OWNER, {"näme: 1": Declared("rüle", b"\x00\xff")})
        entry = await self.entry(other, "näme: 1")
        assert (entry.owner, entry.rule, entry.definition) == (OWNER, "rüle", b"\x00\xff")
        assert (entry.paused, entry.fired, entry.count, entry.id) == (False, None, 0, "")
        assert before <= entry.anchor == entry.last <= (await broker.schedules().look()).now

    async def test_entries_are_told_once_until_something_changes(self, broker: Broker) -> None:
        schedules = broker.schedules()
        await schedules.declare(OWNER, {"a": DAILY})
        first = await schedules.look()
        again = await schedules.look(known=first.version)
        assert (again.entries, again.version) == (None, first.version)
        await schedules.declare(OWNER, {"a": DAILY})
        assert (await schedules.look(known=first.version)).entries is None
        await schedules.pause("a", paused=True)
        changed = await schedules.look(known=first.version)
        assert [entry.name for entry in changed.entries or ()] == ["a"]
        began, _, count = changed.version.partition("-")
        assert first.version.partition("-") == (began, "-", str(int(count) - 1))

    async def test_the_oldest_come_first(self, broker: Broker) -> None:
        schedules = broker.schedules()
        for name in ("c", "a", "b"):
            await schedules.add(name, DAILY)
            await asyncio.sleep(0.002)
        assert [entry.name for entry in (await schedules.look()).entries or ()] == ["c", "a", "b"]

    async def test_what_the_code_has_no_more_is_dropped(self, broker: Broker) -> None:
        schedules = broker.schedules()
        await schedules.declare(OWNER, {"a": DAILY, "b": DAILY})
        await schedules.declare("another", {"c": DAILY})
        await schedules.add("d", DAILY)
        await schedules.declare(OWNER, {"b": DAILY})
        assert await self.names(broker) == ["b", "c", "d"]
        await schedules.declare(OWNER, {})
        assert await self.names(broker) == ["c", "d"]

    async def test_a_name_belongs_to_who_had_it_first(self, broker: Broker) -> None:
        schedules = broker.schedules()
        await schedules.declare("another", {"a": DAILY})
        await schedules.add("b", DAILY)
        theirs = Declared("hourly", b"x")
        taken = await schedules.declare(OWNER, {"a": theirs, "b": theirs, "c": theirs})
        assert list(taken) == ["a", "b"]
        assert (await self.entry(broker, "a")).owner == "another"
        assert (await self.entry(broker, "b")).definition == DAILY.definition
        assert (await self.entry(broker, "c")).owner == OWNER

    async def test_what_became_of_an_entry_outlasts_another_declaration(
        self, broker: Broker
    ) -> None:
        schedules = broker.schedules()
        await schedules.declare(OWNER, {"a": DAILY})
        first = await self.entry(broker, "a")
        await self.pass_by(broker, first.last + 1)
        await self.fire(broker, first, first.last + 1)
        await schedules.pause("a", paused=True)
        await schedules.declare(OWNER, {"a": Declared(DAILY.rule, b"at noon, with salt")})
        entry = await self.entry(broker, "a")
        assert (entry.anchor, entry.last) == (first.anchor, first.last + 1)
        assert (entry.paused, entry.count, entry.definition) == (True, 1, b"at noon, with salt")
        assert entry.revision > first.revision

    async def test_another_rule_begins_anew(self, broker: Broker) -> None:
        schedules = broker.schedules()
        await schedules.declare(OWNER, {"a": DAILY})
        before = await self.entry(broker, "a")
        await self.pass_by(broker, before.last)
        await schedules.declare(OWNER, {"a": Declared("hourly", DAILY.definition)})
        after = await self.entry(broker, "a")
        assert after.anchor == before.anchor < after.last

    async def test_an_entry_may_be_added_once(self, broker: Broker, other: Broker) -> None:
        schedules = broker.schedules()
        assert await schedules.add("a", DAILY)
        assert await other.schedules().add("a", DAILY)  # as if its reply had been lost
        hourly = Declared("hourly", b"x")
        assert not await schedules.add("a", hourly)
        assert (await self.entry(broker, "a")).rule == "daily"
        assert await schedules.add("a", hourly, replace=True)
        assert (await self.entry(broker, "a")).rule == "hourly"

    async def test_what_code_declares_can_not_be_replaced(self, broker: Broker) -> None:
        schedules = broker.schedules()
        await schedules.declare(OWNER, {"a": DAILY})
        assert not await schedules.add("a", DAILY)
        assert not await schedules.add("a", Declared("hourly", b""), replace=True)
        assert (await self.entry(broker, "a")).owner == OWNER

    async def test_a_removed_entry_is_gone(self, broker: Broker) -> None:
        schedules = broker.schedules()
        await schedules.add("a", DAILY)
        entry = await self.entry(broker, "a")
        assert await schedules.remove("a")
        assert not await schedules.remove("a")
        assert await self.names(broker) == []
        assert await self.fire(broker, entry, entry.last + 1) == "gone"
        assert await self.is_empty(broker)

    async def test_what_is_not_there_can_not_be_paused(self, broker: Broker) -> None:
        schedules = broker.schedules()
        assert not await schedules.pause("a", paused=True)
        assert not await schedules.pause("a", paused=False)

    async def test_a_paused_entry_fires_nothing_and_later_makes_up_for_nothing(
        self, broker: Broker
    ) -> None:
        schedules = broker.schedules()
        await schedules.add("a", DAILY)
        before = await self.entry(broker, "a")
        assert await schedules.pause("a", paused=True)
        paused = await self.entry(broker, "a")
        await self.pass_by(broker, before.last + 1)
        assert paused.paused
        for entry in (before, paused):
            assert await self.fire(broker, entry, entry.last + 1) == "gone"
        assert await schedules.pause("a", paused=False)
        resumed = await self.entry(broker, "a")
        assert not resumed.paused
        assert resumed.last > before.last + 1
        assert await self.is_empty(broker)

    async def test_a_slot_is_fired_once(self, broker: Broker, other: Broker) -> None:
        await broker.schedules().add("a", DAILY)
        entry = await self.entry(broker, "a")
        slot = entry.last + 1
        await self.pass_by(broker, slot)
        assert await self.fire(broker, entry, slot, id="first") == "fired"
        assert await self.fire(other, entry, slot, id="second") == "moved"
        assert ids(await self.take(broker, 1)) == ["first"]
        assert await self.is_empty(broker)
        fired = await self.entry(other, "a")
        assert (fired.last, fired.count, fired.id) == (slot, 1, "first")
        assert fired.fired is not None
        assert slot <= fired.fired <= (await other.schedules().look()).now
        assert list(await other.schedules().lasts(["a", "b"])) == [slot, None]

    async def test_of_many_who_fire_at_once_one_does(self, broker: Broker, other: Broker) -> None:
        await broker.schedules().add("a", DAILY)
        entry = await self.entry(broker, "a")
        slot = entry.last + 1
        await self.pass_by(broker, slot)
        told = await asyncio.gather(
            *(
                self.fire((broker, other)[number % 2], entry, slot, id=f"{number}")
                for number in range(20)
            )
        )
        assert sorted(told) == ["fired"] + 19 * ["moved"]
        await self.take_one(broker)
        assert await self.is_empty(broker)

    async def test_a_firing_that_is_sent_again_is_known(self, broker: Broker) -> None:
        await broker.schedules().add("a", DAILY)
        entry = await self.entry(broker, "a")
        await self.pass_by(broker, entry.last + 1)
        assert await self.fire(broker, entry, entry.last + 1, id="x") == "fired"
        assert await self.fire(broker, entry, entry.last + 1, id="x") == "known"
        assert await self.fire(broker, entry, None, id="y") == "fired"
        assert await self.fire(broker, entry, None, id="y") == "known"
        assert ids(await self.take(broker, 2)) == ["x", "y"]
        assert await self.is_empty(broker)

    async def test_a_slot_that_is_to_come_is_too_early(self, broker: Broker) -> None:
        await broker.schedules().add("a", DAILY)
        entry = await self.entry(broker, "a")
        firing = _firing(entry, (await broker.schedules().look()).now + 60_000, "x")
        fired = await broker.schedules().fire(firing)
        assert (fired.verdict, fired.last) == ("early", entry.last)
        assert fired.now >= entry.last
        assert await self.is_empty(broker)

    async def test_a_slot_that_is_no_later_than_the_last_is_done_with(self, broker: Broker) -> None:
        await broker.schedules().add("a", DAILY)
        entry = await self.entry(broker, "a")
        for slot in (entry.last, entry.last - 1000):
            assert await self.fire(broker, entry, slot) == "moved"
        assert await self.is_empty(broker)

    async def test_an_entry_that_was_changed_is_another_one(self, broker: Broker) -> None:
        schedules = broker.schedules()
        await schedules.declare(OWNER, {"a": DAILY})
        entry = await self.entry(broker, "a")
        await self.pass_by(broker, entry.last + 1)
        await schedules.declare(OWNER, {"a": Declared(DAILY.rule, b"other")})
        assert await self.fire(broker, entry, entry.last + 1) == "gone"
        changed = await self.entry(broker, "a")
        assert await self.fire(broker, changed, changed.last + 1) == "fired"

    async def test_out_of_turn_every_entry_that_is_there_may_be_fired(self, broker: Broker) -> None:
        schedules = broker.schedules()
        await schedules.add("a", DAILY)
        entry = await self.entry(broker, "a")
        await schedules.pause("a", paused=True)
        assert await self.fire(broker, entry, None, id="now") == "fired"
        assert ids(await self.take(broker, 1)) == ["now"]
        after = await self.entry(broker, "a")
        assert (after.last, after.count, after.id) == (entry.last, 1, "now")
        await schedules.remove("a")
        assert await self.fire(broker, entry, None, id="late") == "gone"

    async def test_a_firing_may_be_several_messages_in_several_queues(self, broker: Broker) -> None:
        await broker.schedules().add("a", DAILY)
        entry = await self.entry(broker, "a")
        await self.pass_by(broker, entry.last + 1)
        begin = [
            parcel("one"),
            parcel("two", queue="urgent", priority=9),
            parcel("three", delay=0.1),
        ]
        firing = _firing(entry, entry.last + 1, "x", begin=begin)
        assert (await broker.schedules().fire(firing)).verdict == "fired"
        assert {QUEUE, "urgent"} <= set(await broker.queues())
        assert ids(await self.take(broker, 1, "urgent")) == ["two"]
        async with self.kept(broker):
            assert ids(await self.take(broker, 2)) == ["one", "three"]

    async def test_a_firing_may_be_a_workflow(self, broker: Broker) -> None:
        await broker.schedules().add("a", DAILY)
        entry = await self.entry(broker, "a")
        await self.pass_by(broker, entry.last + 1)
        workflow = Workflow(
            id="flow",
            steps={2: Step(parcel=parcel("second"))},
            joins={3: Join(size=1, start=[(2, 2)])},
            notes={"n": b"1"},
            ttl=60,
            kept=60,
        )
        firing = _firing(entry, entry.last + 1, "x", begin=[parcel("first")], workflow=workflow)
        assert (await broker.schedules().fire(firing)).verdict == "fired"
        assert ids(await self.take(broker, 1)) == ["first"]
        assert [each.id for each in await broker.workflows().known()] == ["flow"]
        assert list(await broker.workflows().notes("flow", ["n"])) == [b"1"]

    async def test_a_workflow_that_is_not_fired_is_not_kept(self, broker: Broker) -> None:
        await broker.schedules().add("a", DAILY)
        entry = await self.entry(broker, "a")
        workflow = Workflow(id="flow", notes={"n": b"1"}, ttl=60, kept=60)
        firing = _firing(entry, entry.last, "x", workflow=workflow)
        assert (await broker.schedules().fire(firing)).verdict == "moved"
        assert await broker.workflows().look("flow") is None
        assert list(await broker.workflows().notes("flow", ["n"])) == [None]

    async def test_one_has_the_lease_until_it_runs_out(self, broker: Broker, other: Broker) -> None:
        mine, theirs = broker.schedules(), other.schedules()
        assert (await mine.look(token="mine", lease=0.2)).leads
        assert not (await theirs.look(token="theirs", lease=0.2)).leads
        assert (await mine.look(token="mine", lease=0.2)).leads
        assert not (await mine.look()).leads
        deadline = monotonic() + self.patience
        while not (await theirs.look(token="theirs", lease=60)).leads:
            assert monotonic() < deadline
            await asyncio.sleep(0.01)
        assert not (await mine.look(token="mine", lease=0.2)).leads

    async def test_a_lease_may_be_given_back_by_who_has_it(
        self, broker: Broker, other: Broker
    ) -> None:
        mine, theirs = broker.schedules(), other.schedules()
        assert (await mine.look(token="mine", lease=60)).leads
        await theirs.resign("theirs")
        assert not (await theirs.look(token="theirs", lease=60)).leads
        await mine.resign("mine")
        assert (await theirs.look(token="theirs", lease=60)).leads

    async def entry(self, broker: Broker, name: str) -> Entry:
        """The entry as it is now."""
        look = await broker.schedules().look()
        return next(entry for entry in look.entries or () if entry.name == name)

    async def names(self, broker: Broker) -> list[str]:
        """Of all entries."""
        return [entry.name for entry in (await broker.schedules().look()).entries or ()]

    async def fire(
        self, broker: Broker, entry: Entry, slot: int | None, *, id: str = "fired"
    ) -> str:
        """Fire a slot of it with one message, and tell what became of that."""
        return (await broker.schedules().fire(_firing(entry, slot, id))).verdict

    async def pass_by(self, broker: Broker, slot: int) -> None:
        """Wait until a slot is in the past, by the broker's clock."""
        schedules: Schedules = broker.schedules()
        while (await schedules.look()).now <= slot:
            await asyncio.sleep(0.001)


def _firing(entry: Entry, slot: int | None, id: str, **more: object) -> Firing:
    sent = {"begin": [parcel(id)], **more}
    return Firing(
        name=entry.name,
        revision=entry.revision,
        last=entry.last,
        slot=slot,
        id=id,
        **sent,  # type: ignore[arg-type]
    )
