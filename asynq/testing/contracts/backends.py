"""The suite every result backend must pass.

Subclass it and give `connect`::

    class TestMine(BackendContract):
        @pytest.fixture
        def connect(self) -> Connect:
            url = empty_server()
            return lambda: MyBackend(url, namespace="n")
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeAlias

import pytest

from asynq.backends.base import ResultBackend
from asynq.brokers.base import StoredRecord
from asynq.exceptions import OperationalError

Connect: TypeAlias = Callable[[], ResultBackend]


class BackendContract:
    """Every sentence of `asynq.backends.base.ResultBackend`, as a test."""

    patience: float = 15.0
    """Seconds after which something that should have happened counts as missing."""

    @pytest.fixture
    def connect(self) -> Connect:
        """Makes one more connection to the same keeper, which is empty when the test begins."""
        raise NotImplementedError("give the suite a fixture `connect`")

    @pytest.fixture
    async def backend(self, connect: Connect) -> AsyncIterator[ResultBackend]:
        """A connection."""
        backend = connect()
        yield backend
        await backend.aclose()

    @pytest.fixture
    async def other(self, connect: Connect) -> AsyncIterator[ResultBackend]:
        """Another one."""
        backend = connect()
        yield backend
        await backend.aclose()

    async def waiting(self, backend: ResultBackend, id: str) -> asyncio.Task[bytes]:
        """A waiter that has got as far as it can."""
        task = asyncio.create_task(backend.wait(id))
        await settle_down(backend)
        return task

    async def test_what_is_not_there_is_none(self, backend: ResultBackend) -> None:
        assert list(await backend.fetch(["a", "b"])) == [None, None]
        assert list(await backend.fetch([])) == []

    async def test_records_come_back_in_the_order_asked_for(
        self, backend: ResultBackend, other: ResultBackend
    ) -> None:
        body = b"\x81" + bytes(range(256)) * 300
        await backend.store([record("a", body), record("b", b"{}")])
        assert list(await other.fetch(["b", "c", "a", "b"])) == [b"{}", None, body, b"{}"]

    async def test_many_records_in_one_go(self, backend: ResultBackend) -> None:
        sent = {f"id{number}": b'{"result":%d}' % number for number in range(1_200)}
        await backend.store([record(id, body) for id, body in sent.items()])
        assert list(await backend.fetch(list(sent))) == list(sent.values())

    async def test_storing_nothing_is_allowed(self, backend: ResultBackend) -> None:
        await backend.store([])

    async def test_a_state_on_the_way_gives_way(self, backend: ResultBackend) -> None:
        await backend.store([record("a", STARTED, final=False)])
        assert list(await backend.fetch(["a"])) == [STARTED]
        await backend.store([record("a", PROGRESS, final=False)])
        assert list(await backend.fetch(["a"])) == [PROGRESS]
        await backend.store([record("a", DONE)])
        assert list(await backend.fetch(["a"])) == [DONE]

    async def test_a_final_state_is_never_replaced_by_one_on_the_way(
        self, backend: ResultBackend
    ) -> None:
        await backend.store([record("a", DONE)])
        await backend.store([record("a", STARTED, final=False)])
        assert list(await backend.fetch(["a"])) == [DONE]
        await backend.store([record("a", b'{"result":9}')])
        assert list(await backend.fetch(["a"])) == [b'{"result":9}']

    async def test_a_record_lives_as_long_as_it_should(self, backend: ResultBackend) -> None:
        await backend.store([record("a", DONE, ttl=0.2), record("b", DONE, ttl=60)])
        await backend.store([record("c", STARTED, final=False, ttl=0.2), record("d", DONE)])
        async with asyncio.timeout(self.patience):
            while [one is None for one in await backend.fetch("abcd")] != [True, False] * 2:
                await asyncio.sleep(0.02)

    async def test_a_forgotten_record_is_gone(self, backend: ResultBackend) -> None:
        await backend.store([record("a", DONE), record("b", DONE)])
        await backend.forget(["a", "never"])
        await backend.forget([])
        assert list(await backend.fetch(["a", "b"])) == [None, DONE]

    async def test_a_result_that_is_there_is_not_waited_for(
        self, backend: ResultBackend, other: ResultBackend
    ) -> None:
        await backend.store([record("a", DONE)])
        async with asyncio.timeout(self.patience):
            assert await other.wait("a") == DONE
            assert await other.wait("a") == DONE

    async def test_a_waiter_is_woken_by_a_result_stored_elsewhere(
        self, backend: ResultBackend, other: ResultBackend
    ) -> None:
        waiting = await self.waiting(backend, "a")
        await other.store([record("b", DONE)])
        await other.store([record("a", STARTED, final=False)])
        assert not waiting.done()
        await other.store([record("a", DONE)])
        async with asyncio.timeout(self.patience):
            assert await waiting == DONE

    async def test_a_large_result_arrives_whole(
        self, backend: ResultBackend, other: ResultBackend
    ) -> None:
        body = b'{"result":"' + b"x" * 300_000 + b'"}'
        waiting = await self.waiting(backend, "a")
        await other.store([record("a", body)])
        async with asyncio.timeout(self.patience):
            assert await waiting == body

    async def test_a_second_waiter_gets_the_same_result(
        self, backend: ResultBackend, other: ResultBackend
    ) -> None:
        waiting = [await self.waiting(one, "a") for one in (backend, backend, other)]
        waiting += [asyncio.create_task(backend.wait("a")) for _ in range(50)]
        await other.store([record("a", DONE)])
        async with asyncio.timeout(self.patience):
            assert set(await asyncio.gather(*waiting)) == {DONE}

    async def test_many_tasks_are_waited_for_at_once(
        self, backend: ResultBackend, other: ResultBackend
    ) -> None:
        sent = {f"id{number}": b'{"result":%d}' % number for number in range(1_200)}
        early = list(sent)[:400]
        await other.store([record(id, sent[id]) for id in early])
        waiting = {id: asyncio.create_task(backend.wait(id)) for id in sent}
        await settle_down(backend)
        await other.store([record(id, sent[id]) for id in list(sent)[400:]])
        async with asyncio.timeout(self.patience):
            assert [await waiting[id] for id in sent] == list(sent.values())

    async def test_who_gives_up_does_not_disturb_the_others(
        self, backend: ResultBackend, other: ResultBackend
    ) -> None:
        waiting = [await self.waiting(backend, "a") for _ in range(3)]
        waiting[1].cancel()
        await asyncio.wait([waiting[1]])
        await other.store([record("a", DONE)])
        async with asyncio.timeout(self.patience):
            assert await waiting[0] == await waiting[2] == DONE

    async def test_who_has_waited_as_long_as_he_would_is_told_so(
        self, backend: ResultBackend, other: ResultBackend
    ) -> None:
        waiting = await self.waiting(backend, "a")
        with pytest.raises(TimeoutError):
            await backend.wait("a", timeout=0.05)
        await other.store([record("a", DONE)])
        async with asyncio.timeout(self.patience):
            assert await waiting == DONE
            assert await backend.wait("a", timeout=self.patience) == DONE

    async def test_an_announced_result_arrives_before_and_after_it_is_waited_for(
        self, backend: ResultBackend, other: ResultBackend
    ) -> None:
        addresses = [backend.reply_address(waiting=True) for _ in range(3)]
        before = record("a", DONE, reply_to=addresses[0])
        after = record("b", DONE, reply_to=addresses[1])
        await other.store([before])
        waiting = asyncio.create_task(backend.wait("b", announced=True))
        async with asyncio.timeout(self.patience):
            assert await backend.wait("a", announced=True) == DONE
            await other.store([after])
            assert await waiting == DONE
            await other.store([record("c", DONE, reply_to=addresses[2])])
            assert await backend.wait("c", announced=True) == DONE
            assert await backend.wait("c", announced=True) == DONE

    async def test_updates_begin_with_the_current_state_and_end_with_the_final_one(
        self, backend: ResultBackend, other: ResultBackend
    ) -> None:
        await other.store([record("a", STARTED, final=False)])
        seen: list[bytes] = []
        async with asyncio.timeout(self.patience):
            async for body in backend.updates("a"):
                seen.append(body)
                if body == STARTED:
                    await other.store([record("a", PROGRESS, final=False)])
                elif body == PROGRESS:
                    await other.store([record("a", DONE)])
        assert seen == [STARTED, PROGRESS, DONE]

    async def test_updates_of_what_is_over_are_its_final_state(
        self, backend: ResultBackend
    ) -> None:
        await backend.store([record("a", DONE)])
        async with asyncio.timeout(self.patience):
            assert [body async for body in backend.updates("a")] == [DONE]

    async def test_fast_updates_never_lose_the_final_one(
        self, backend: ResultBackend, other: ResultBackend
    ) -> None:
        async def watch() -> list[bytes]:
            return [body async for body in backend.updates("a")]

        watching = asyncio.create_task(watch())
        await settle_down(backend)
        for number in range(50):
            await other.store([record("a", b'{"meta":%d}' % number, final=False)])
        await other.store([record("a", DONE)])
        async with asyncio.timeout(self.patience):
            seen = await watching
        assert seen[-1] == DONE
        assert seen.count(DONE) == 1

    async def test_closing_wakes_who_waits(self, connect: Connect) -> None:
        backend = connect()
        waiting = [await self.waiting(backend, "a"), await self.waiting(backend, "b")]
        await backend.aclose()
        for one in waiting:
            with pytest.raises(OperationalError):
                await one

    async def test_closing_twice_does_nothing(self, connect: Connect) -> None:
        used, unused = connect(), connect()
        await used.store([record("a", DONE)])
        for backend in (used, used, unused, unused):
            await backend.aclose()


STARTED = b'{"status":"STARTED"}'
PROGRESS = b'{"status":"PROGRESS","result":1}'
DONE = b'{"result":8}'


def record(
    id: str,
    body: bytes,
    *,
    final: bool = True,
    ttl: float | None = None,
    reply_to: str | None = None,
) -> StoredRecord:
    """A record to store."""
    return StoredRecord(id=id, body=body, final=final, ttl=ttl, reply_to=reply_to)


async def settle_down(backend: ResultBackend) -> None:
    """Let what this connection has begun reach the server: two round trips later, it has."""
    for _ in range(2):
        await asyncio.sleep(0)
        await backend.fetch(["nothing"])
