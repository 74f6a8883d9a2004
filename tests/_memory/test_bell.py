"""Waking a coroutine from anywhere in the process."""

from __future__ import annotations

import asyncio
import threading

import pytest

from asynq._memory.bell import Bell, Mailbox


@pytest.mark.both_loops
async def test_a_bell_wakes_from_another_thread():
    bell = Bell()
    thread = threading.Thread(target=bell.ring)
    thread.start()
    async with asyncio.timeout(10):
        await bell.wait()
    thread.join()


async def test_a_ring_before_the_waiting_is_not_lost():
    bell = Bell()
    bell.ring()
    async with asyncio.timeout(10):
        await bell.wait()


async def test_waiting_ends_in_time_without_a_ring():
    await Bell().wait(0.01)


def test_a_bell_of_a_loop_that_is_gone_is_rung_in_vain():
    async def make() -> Bell:
        return Bell()

    bell = asyncio.run(make())
    thread = threading.Thread(target=bell.ring)
    thread.start()
    thread.join()
    bell.ring()


async def test_letters_come_in_order_from_all_threads():
    box: Mailbox[int] = Mailbox()
    thread = threading.Thread(target=lambda: [box.post(number) for number in range(100)])
    thread.start()
    async with asyncio.timeout(10):
        assert [await box.take() for _ in range(100)] == list(range(100))
    thread.join()
