from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from asynq._redis.client import Server
from asynq._redis.errors import Refused
from asynq._redis.pipeline import Pipeline, shared
from asynq.brokers.redis import pending
from asynq.brokers.redis.pending import pages
from tests.brokers.redis.conftest import Connect, Looker, parcel, parcels, take


@pytest.fixture
async def pipe(url: str) -> AsyncIterator[Pipeline]:
    pipeline = shared(Server(url))
    yield pipeline
    await pipeline.aclose()


async def entries(pipe: Pipeline, lanes: list[bytes], owner: bytes | None = None) -> list[bytes]:
    return [entry[0] async for _, page in pages(pipe, lanes, owner=owner) for entry in page]


@pytest.mark.parametrize("lanes_at_once", [1, 2, 50])
async def test_all_that_is_pending_is_found_lane_by_lane_and_page_by_page(
    connect: Connect,
    look: Looker,
    pipe: Pipeline,
    monkeypatch: pytest.MonkeyPatch,
    lanes_at_once: int,
):
    monkeypatch.setattr(pending, "PAGE", 4)
    monkeypatch.setattr(pending, "LANES", lanes_at_once)
    broker = connect()
    await broker.publish([*parcels(9), *(parcel(n, priority=9) for n in range(8))])
    taken = await take(broker, 17)
    lanes = look.keys.lanes("q")
    seen = [lane async for lane, _ in pages(pipe, lanes)]
    assert seen == sorted(seen, key=lanes.index)
    assert set(seen) == set(lanes)
    assert sorted(await entries(pipe, list(lanes))) == sorted(one.entry for one in taken)


async def test_one_owners_are_told_from_anothers(connect: Connect, look: Looker, pipe: Pipeline):
    first, second = connect(), connect()
    await first.publish(parcels(5))
    mine = await take(first, 3)
    await take(second, 2)
    lanes = list(look.keys.lanes("q"))
    ours = await entries(pipe, lanes, first._held.consumer)
    assert sorted(ours) == sorted(one.entry for one in mine)
    assert len(await entries(pipe, lanes)) == 5


async def test_where_no_stream_or_group_is_nothing_is_pending(look: Looker, pipe: Pipeline):
    lanes = list(look.keys.lanes("q"))
    look.command("XADD", lanes[1], "*", "a", "b")
    assert await entries(pipe, lanes) == []


async def test_a_stream_that_is_deleted_between_two_pages_ends(
    connect: Connect, look: Looker, pipe: Pipeline, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pending, "PAGE", 4)
    broker = connect()
    await broker.publish(parcels(9))
    await take(broker, 9)
    lane = look.keys.lane("q", 0)
    sizes = []
    async for _, page in pages(pipe, [lane]):
        sizes.append(len(page))
        look.command("DEL", lane)
    assert sizes == [4, 0]


async def test_what_is_no_stream_is_said(look: Looker, pipe: Pipeline):
    lane = look.keys.lane("q", 0)
    look.command("SET", lane, "in the way")
    with pytest.raises(Refused, match="WRONGTYPE"):
        await entries(pipe, [lane])
