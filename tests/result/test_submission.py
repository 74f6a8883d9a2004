import asyncio
import gc
import warnings

import pytest

from asynq.backends.memory import MemoryBackend
from asynq.result.handle import AsyncResult, EagerResult
from asynq.result.reading import Results, Update
from asynq.result.submission import Submission

pytestmark = pytest.mark.both_loops


class Call(Submission):
    """Counts how often it is sent; waits for `gate` while it is sending."""

    def __init__(self, error=None, gate=None):
        super().__init__("an-id")
        self.sent = []
        self.error = error
        self.gate = gate

    async def _depart(self, waiting):
        self.sent.append(waiting)
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        return EagerResult(self.id, None, Update(state="SUCCESS", result=8))


async def test_awaiting_it_sends_it_and_gives_the_result():
    call = Call()
    assert (await call).id == "an-id"
    assert call.sent == [False]


async def test_get_sends_it_and_gives_the_value():
    call = Call()
    assert await call.get(timeout=5) == 8
    assert call.sent == [True]


async def test_it_is_sent_once_however_often_it_is_awaited():
    call = Call()
    assert await call is await call
    assert await call.send() is await call
    assert await call.get() == 8
    assert call.sent == [False]


async def test_it_is_sent_once_from_many_places_at_the_same_time():
    call = Call(gate=asyncio.Event())
    both = asyncio.gather(call.send(), call.get(), call, asyncio.ensure_future(call))
    await asyncio.sleep(0)
    call.gate.set()
    first, value, third, fourth = await both
    assert first is third is fourth
    assert value == 8
    assert len(call.sent) == 1


async def test_everybody_gets_the_error_of_a_sending_that_failed():
    call = Call(error=OSError("gone"), gate=asyncio.Event())
    both = asyncio.gather(call.send(), call.send(), return_exceptions=True)
    await asyncio.sleep(0)
    call.gate.set()
    assert [str(error) for error in await both] == ["gone", "gone"]
    with pytest.raises(OSError, match="gone"):
        await call
    assert len(call.sent) == 1


async def test_after_a_cancelled_sending_nobody_claims_to_know_whether_it_arrived():
    call = Call(gate=asyncio.Event())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(call, 0.001)
    with pytest.raises(RuntimeError, match="cancelled; whether it arrived is not known"):
        await call


async def test_who_waits_for_a_sending_that_is_cancelled_is_told_too():
    call = Call(gate=asyncio.Event())
    first, second = asyncio.create_task(call.send()), asyncio.create_task(call.send())
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(RuntimeError, match="cancelled"):
        await second


async def test_task_groups_take_its_coroutines():
    async with asyncio.TaskGroup() as group:
        sent, value = group.create_task(Call().send()), group.create_task(Call().get())
    assert sent.result().id == "an-id"
    assert value.result() == 8


async def test_the_timeout_of_get_includes_the_sending():
    call = Call(gate=asyncio.Event())
    call.gate.set()
    assert await call.get(timeout=0.0) == 8


async def test_a_timeout_of_get_is_a_number_or_nothing_is_sent():
    call = Call()
    with pytest.raises(TypeError, match=r"get\(\): timeout: expected seconds, got 'x'"):
        await call.get(timeout="x")
    assert call.sent == []
    call.close()


async def test_a_timeout_of_get_tells_the_time_that_was_asked_for():
    results = Results(lambda: MemoryBackend("memory://late", namespace="late"), lambda: ["json"])

    class Lost(Submission):
        async def _depart(self, waiting):
            return AsyncResult("an-id", results)

    with pytest.raises(TimeoutError, match=r"no result of an-id within 0\.05 s; nothing is known"):
        await Lost("an-id").get(timeout=0.05)


def test_one_that_is_never_awaited_warns():
    with pytest.warns(RuntimeWarning, match="Call: an-id> was never awaited, so nothing was sent"):
        Call()


def test_one_that_is_closed_does_not_warn():
    call = Call()
    call.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del call
        gc.collect()


async def test_one_that_is_closed_is_not_sent():
    call = Call()
    call.close()
    with pytest.raises(RuntimeError, match="closed, not sent"):
        await call
    assert call.sent == []


def test_a_coroutine_of_it_that_never_runs_warns_once():
    coroutine = Call().get()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del coroutine
        gc.collect()
    assert len(caught) == 1
    assert str(caught[0].message) == "coroutine '<Call: an-id>.get()' was never awaited"


@pytest.mark.parametrize("name", ["ready", "status", "state", "result", "forget", "wait"])
def test_what_only_its_result_has_says_to_await_it_first(name):
    call = Call()
    call.close()
    with pytest.raises(
        AttributeError, match=f"Call: an-id> has no '{name}'.* await the call first"
    ):
        getattr(call, name)


def test_what_nothing_has_is_an_attribute_error_like_any_other():
    call = Call()
    call.close()
    for name in ("redy", "_results", "_missing"):
        with pytest.raises(AttributeError, match=f"'Call' object has no attribute '{name}'"):
            getattr(call, name)


async def test_closing_a_sent_one_changes_nothing():
    call = Call()
    result = await call
    call.close()
    assert await call is result
