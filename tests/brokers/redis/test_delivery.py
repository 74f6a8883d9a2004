from __future__ import annotations

from asynq._redis.keys import Keys
from asynq.brokers.redis.delivery import Held, Lanes, RedisDelivery, entry_order

KEYS = Keys("n")


def test_lanes_are_read_by_urgency_and_queues_take_turns():
    lanes = Lanes(KEYS, ["a", "b"])
    orders = [list(lanes.next()) for _ in range(4)]
    assert orders[0] == orders[2] != orders[1] == orders[3]
    for order in orders:
        assert [lane[-1:] for lane in order] == [b"r"] * 2 + [b"9"] * 2 + [b"6"] * 2 + [
            b"3"
        ] * 2 + [b"0"] * 2
    assert {order[0] for order in orders} == {KEYS.returned("a"), KEYS.returned("b")}


def test_an_entry_is_read():
    (delivery,) = Lanes(KEYS, ["a"]).deliveries(
        KEYS.lane("a", 6), [(b"1-0", [b"i", b"id", b"m", b"body"])]
    )
    assert (delivery.id, delivery.queue, delivery.body) == ("id", "a", b"body")
    assert (delivery.priority, delivery.redeliveries) == (6, 0)


def test_what_was_handed_back_remembers_its_priority_and_its_crashes():
    fields = [b"i", b"id", b"m", b"body", b"d", b"2", b"p", b"9"]
    (delivery,) = Lanes(KEYS, ["a"]).deliveries(KEYS.returned("a"), [(b"1-0", fields)])
    assert (delivery.priority, delivery.redeliveries) == (9, 2)


def test_what_somebody_else_wrote_is_a_delivery_too():
    lane = KEYS.lane("a", 0)
    entries = [
        (b"1-0", [b"x", b"y"]),
        (b"2-0", [b"i", b"\xff\xfe", b"m", b"{}"]),
        (b"3-0", [b"m", b"{}", b"d", b"many"]),
        (b"4-0", [b"i", b"id", b"d", b"9" * 40]),
    ]
    found = Lanes(KEYS, ["a"]).deliveries(lane, entries)
    assert [delivery.id for delivery in found] == ["1-0", "\\xff\\xfe", "3-0", "id"]
    assert all(delivery.redeliveries == 0 for delivery in found)


def test_what_is_held_is_known_by_lane():
    held, other = Held(), Held()
    assert held.consumer != other.consumer
    one = RedisDelivery(id="a", queue="q", body=b"", lane=b"x", entry=b"1-0")
    two = RedisDelivery(id="a", queue="q", body=b"", lane=b"y", entry=b"1-0")
    held.deliveries.update((one, two))
    assert held.by_lane() == {b"x": {b"1-0": one}, b"y": {b"1-0": two}}
    assert held.entries(b"x") == {b"1-0"}


def test_entries_are_ordered_as_numbers():
    entries = [b"100-0", b"9-10", b"9-9"]
    assert sorted(entries, key=entry_order) == [b"9-9", b"9-10", b"100-0"]
