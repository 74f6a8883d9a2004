"""Who waits for what, without a server."""

from __future__ import annotations

import asyncio

import pytest

from asynq import _time
from asynq.backends.redis import waiters as module
from asynq.backends.redis.waiters import Ending, Progress, Waiters


@pytest.fixture
def waiters() -> Waiters:
    return Waiters()


async def test_a_final_record_ends_waiting_and_one_on_the_way_does_not(waiters):
    ending = Ending()
    with waiters.watching("a", ending):
        waiters.arrive("a", b"~{}")
        assert not ending.future.done()
        waiters.arrive("a", b'{"r":8}')
        waiters.arrive("a", b'{"r":9}')
        assert await ending.future == b'{"r":8}'
    assert "a" not in waiters
    assert not waiters


async def test_progress_sees_every_state_once_and_knows_the_last(waiters):
    progress = Progress()
    with waiters.watching("a", progress):
        for stored in (b"~1", b"~1", b"~2", b"2"):
            waiters.arrive("a", stored)
        assert [await progress.next() for _ in range(2)] == [(b"1", False), (b"2", False)]


async def test_a_final_state_with_the_bytes_of_the_one_before_still_ends_it(waiters):
    progress = Progress()
    with waiters.watching("a", progress):
        waiters.arrive("a", b"~{}")
        waiters.arrive("a", b"{}")
        assert [await progress.next() for _ in range(2)] == [(b"{}", False), (b"{}", True)]


async def test_an_announced_result_can_be_claimed_later(waiters):
    assert waiters.claim("a") == (False, None)
    assert waiters.announce("a", b"8")
    assert waiters.claim("a") == (True, b"8")
    assert waiters.claim("a") == (True, None)


async def test_a_large_announced_result_must_be_fetched_if_somebody_waits(waiters):
    assert waiters.announce("a", None)
    assert waiters.claim("a") == (True, None)
    with waiters.watching("b", Ending()):
        assert not waiters.announce("b", None)


async def test_a_result_delivered_here_is_known_to_be_there(waiters):
    with waiters.watching("a", Ending()):
        assert waiters.announce("a", b"8")
    assert waiters.claim("a") == (True, None)


async def test_what_nobody_claims_does_not_pile_up(waiters, monkeypatch):
    monkeypatch.setattr(module, "UNCLAIMED", 3)
    for id in "abcde":
        waiters.announce(id, b"8")
    assert [waiters.claim(id)[0] for id in "abcde"] == [False, False, True, True, True]


async def test_who_waits_long_without_having_asked_is_in_doubt(waiters, monkeypatch):
    with waiters.watching("a", Ending()), waiters.watching("b", Ending()):
        assert waiters.doubtful(1.0) == []
        waiters.asked("b")
        later = _time.monotonic() + 1.5
        monkeypatch.setattr(module, "monotonic", lambda: later)
        assert waiters.doubtful(1.0) == ["a"]


async def test_an_error_reaches_those_it_concerns(waiters):
    one, other, progress = Ending(), Ending(), Progress()
    with (
        waiters.watching("a", one),
        waiters.watching("b", other),
        waiters.watching("b", progress),
    ):
        waiters.arrive("b", b"~1")
        waiters.fail(ValueError("no"), ["b", "unknown"])
        assert not one.future.done()
        with pytest.raises(ValueError, match="no"):
            await other.future
        assert await progress.next() == (b"1", False)
        with pytest.raises(ValueError, match="no"):
            await progress.next()


async def test_an_abandoned_waiter_is_left_alone(waiters):
    ending = Ending()
    with waiters.watching("a", ending):
        ending.future.cancel()
        await asyncio.sleep(0)
        waiters.arrive("a", b"8")
        waiters.fail(ValueError())
    assert ending.future.cancelled()
