from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from asynq._redis.errors import Refused
from asynq.brokers.base import Parcel
from asynq.brokers.redis.gathering import IN_FLIGHT, Gathering
from asynq.exceptions import BrokerFull, OperationalError


class Sender:
    """Takes batches, and answers when told."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.sent: list[asyncio.Future[Any]] = []
        self.trouble: BaseException | None = None

    def __call__(self, parcels: list[Parcel], timeout: float) -> asyncio.Future[Any]:
        ids = [parcel.id for parcel in parcels]
        if "bad" in ids:
            raise TypeError("bad")
        self.batches.append(ids)
        self.sent.append(asyncio.get_running_loop().create_future())
        return self.sent[-1]


@pytest.fixture
def sender() -> Sender:
    return Sender()


@pytest.fixture
async def make(sender: Sender) -> AsyncIterator[Callable[..., Gathering]]:
    made: list[Gathering] = []

    def make(timeout: float = 5.0) -> Gathering:
        made.append(
            Gathering(
                sender,
                most=10,
                timeout=timeout,
                url="redis://h",
                trouble=lambda: sender.trouble,
            )
        )
        return made[-1]

    yield make
    for gathering in made:
        gathering.close()


def parcels(*ids: str, size: int = 10) -> list[Parcel]:
    return [Parcel(id=id, queue="q", body=b"x" * size) for id in ids]


async def turn() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_calls_of_one_turn_go_out_together(sender: Sender, make: Callable[..., Any]):
    gathering = make()
    asked = [gathering.add(parcels(f"{n}a", f"{n}b")) for n in range(3)]
    await turn()
    assert sender.batches == [["0a", "0b", "1a", "1b", "2a", "2b"]]
    sender.sent[0].set_result("fine")
    assert await asyncio.gather(*asked) == [None, None, None]


async def test_a_call_is_never_split(sender: Sender, make: Callable[..., Any]):
    gathering = make()
    for size in (6, 6, 4, 1):
        gathering.add(parcels(*[str(size)] * size))
    await turn()
    assert list(map(len, sender.batches)) == [6, 10, 1]


async def test_large_calls_go_out_alone(sender: Sender, make: Callable[..., Any]):
    gathering = make()
    for name in "ab":
        gathering.add(parcels(name, size=900_000))
    await turn()
    assert sender.batches == [["a"], ["b"]]


async def test_under_load_batches_grow(sender: Sender, make: Callable[..., Any]):
    gathering = make()
    for n in range(IN_FLIGHT + 5):
        gathering.add(parcels(str(n)))
        await turn()
    assert list(map(len, sender.batches)) == [1] * IN_FLIGHT
    sender.sent[0].set_result(1)
    await turn()
    assert len(sender.batches[-1]) == 5


async def test_a_full_batch_goes_before_the_turn_ends(sender: Sender, make: Callable[..., Any]):
    gathering = make()
    for n in range(11):
        gathering.add(parcels(str(n)))
    assert list(map(len, sender.batches)) == [10]
    await turn()
    assert sender.batches[1:] == [["10"]]


async def test_what_waits_keeps_its_order(sender: Sender, make: Callable[..., Any]):
    gathering = make()
    for n in range(IN_FLIGHT):
        gathering.add(parcels(f"first {n}"))
        await turn()
    for n, timeout in enumerate((None, 9.0, None, 1.0, 2.0, None)):
        gathering.add(parcels(str(n)), timeout)
        if n % 2:
            await turn()
    sender.sent[0].set_result(1)
    await turn()
    assert sender.batches[-1] == list("012345")


async def test_who_goes_while_others_wait_takes_nobody_along(
    sender: Sender, make: Callable[..., Any]
):
    gathering = make()
    for n in range(IN_FLIGHT):
        gathering.add(parcels(f"first {n}"))
        await turn()
    asked = [gathering.add(parcels(f"{n}a", f"{n}b")) for n in range(3)]
    await turn()
    asked[1].cancel()
    sender.sent[0].set_result(1)
    await turn()
    assert sender.batches[-1] == ["0a", "0b", "2a", "2b"]
    sender.sent[-1].set_result(1)
    await asyncio.gather(asked[0], asked[2])


async def test_who_has_gone_is_left_out(sender: Sender, make: Callable[..., Any]):
    gathering = make()
    first, second = gathering.add(parcels("first")), gathering.add(parcels("second"))
    first.cancel()
    await turn()
    assert sender.batches == [["second"]]
    sender.sent[0].set_result(1)
    await second


async def test_each_caller_gets_an_error_of_its_own(sender: Sender, make: Callable[..., Any]):
    gathering = make()
    asked = [gathering.add(parcels(name)) for name in "ab"]
    await turn()
    sender.sent[0].set_exception(Refused("OOM command not allowed"))
    first, second = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(first, BrokerFull)
    assert isinstance(second, BrokerFull)
    assert first is not second


async def test_what_cannot_be_sent_harms_only_who_asked(sender: Sender, make: Callable[..., Any]):
    gathering = make()
    asked = [gathering.add(parcels(name)) for name in ("good", "bad", "fine")]
    await turn()
    assert sender.batches == [["good"], ["fine"]]
    for sent in sender.sent:
        sent.set_result(1)
    good, bad, fine = await asyncio.gather(*asked, return_exceptions=True)
    assert (good, fine) == (None, None)
    assert isinstance(bad, TypeError)


async def test_nobody_waits_longer_than_the_time(sender: Sender, make: Callable[..., Any]):
    gathering = make(0.05)
    asked = []
    for n in range(IN_FLIGHT + 2):
        asked.append(gathering.add(parcels(str(n))))
        await turn()
    for one in asked:
        with pytest.raises(OperationalError, match="no answer"):
            await one
    for sent in sender.sent:
        sent.cancel()
    await turn()
    late = gathering.add(parcels("late"))
    await turn()
    assert sender.batches[-1] == ["late"]
    sender.sent[-1].set_result(1)
    await late


async def test_nothing_is_kept_of_what_is_stored_though_its_time_is_long(
    sender: Sender, make: Callable[..., Any]
):
    gathering = make()
    gathering.add(parcels("unanswered"), 3600.0)
    await turn()
    stored = gathering.add(letters := parcels("stored"), 7200.0)
    before = sys.getrefcount(letters[0])
    await turn()
    sender.sent[1].set_result(1)
    await stored
    after = sys.getrefcount(letters[0])
    assert after < before


async def test_who_waited_in_vain_is_told_why(sender: Sender, make: Callable[..., Any]):
    gathering = make(0.1)
    asked = gathering.add(parcels("a"))
    sender.trouble = ConnectionRefusedError(111, "Connection refused")
    with pytest.raises(OperationalError) as raised:
        await asked
    assert (
        str(raised.value)
        == "can't publish: can't reach redis://h: Connection refused (tried for 0.1 s)"
    )
    sender.sent[0].cancel()


async def test_a_connection_that_closes_ends_what_is_asked(
    sender: Sender, make: Callable[..., Any]
):
    gathering = make()
    asked = gathering.add(parcels("a"))
    await turn()
    sender.sent[0].cancel()
    with pytest.raises(OperationalError, match="closed"):
        await asked


async def test_a_caller_may_have_less_time_than_the_others_or_more(
    sender: Sender, make: Callable[..., Any]
):
    gathering = make(timeout=0.2)
    short = gathering.add(parcels("a"), 0.05)
    long = gathering.add(parcels("b"), 30.0)
    usual = gathering.add(parcels("c"))
    with pytest.raises(OperationalError, match=r"can.t publish: .*tried for 0\.1 s"):
        await short
    assert not usual.done()
    with pytest.raises(OperationalError):
        await usual
    assert not long.done()
    long.cancel()
