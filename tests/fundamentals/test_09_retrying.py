"""Again, after an error: by hand, or by naming the errors."""

import asyncio

import pytest

from asynq import Ignore, MaxRetriesExceededError, Reject
from asynq.exceptions import TimeoutError


class Flaky:
    """Fails so many times, then works."""

    def __init__(self, failures):
        self.left = failures

    async def ask(self):
        if self.left:
            self.left -= 1
            raise ConnectionError("reset")
        return "an answer"


async def test_a_task_asks_to_be_retried(app, worker):
    service = Flaky(2)

    @app.task(bind=True, max_retries=3)
    async def ask(self) -> str:
        try:
            return await service.ask()
        except ConnectionError as error:
            raise self.retry(exc=error, countdown=0.01)  # noqa: B904 - the error goes along

    result = await ask.delay()
    assert await result.get(timeout=10) == "an answer"
    assert await result.retries == 2


async def test_or_names_the_errors_it_is_retried_for(app, worker):
    service = Flaky(2)

    @app.task(autoretry_for=(ConnectionError,), retry_backoff=0.01)
    async def ask() -> str:
        return await service.ask()

    assert await ask.delay().get(timeout=10) == "an answer"


async def test_every_run_is_remembered(app, worker):
    service = Flaky(1)

    @app.task(autoretry_for=(ConnectionError,), retry_backoff=0.01)
    async def ask() -> str:
        return await service.ask()

    result = await ask.delay()
    await result.get(timeout=10)
    first, second = await result.attempts
    assert (first.state, first.error) == ("RETRY", "ConnectionError: reset")
    assert (second.state, second.error) == ("SUCCESS", None)
    assert first.worker == second.worker == worker.hostname


async def test_when_no_retry_is_left_the_error_is_the_result(app, worker):
    @app.task(autoretry_for=(ConnectionError,), max_retries=1, retry_backoff=0.01)
    async def ask() -> str:
        return await Flaky(10).ask()

    with pytest.raises(ConnectionError, match="reset"):
        await ask.delay().get(timeout=10)


async def test_without_an_error_it_says_that_there_were_too_many(app, worker):
    @app.task(bind=True, max_retries=1)
    async def ask(self) -> None:
        raise self.retry(countdown=0)

    with pytest.raises(MaxRetriesExceededError, match="Can't retry"):
        await ask.delay().get(timeout=10)


async def test_while_it_waits_its_state_is_retry(app, worker):
    @app.task(bind=True)
    async def ask(self) -> None:
        raise self.retry(exc=ConnectionError("reset"), countdown=3600)

    result = await ask.delay()
    async for update in result.updates():
        if update.state == "RETRY":
            break
    assert not await result.ready()
    assert isinstance(await result.result, ConnectionError)
    assert "ConnectionError: reset" in await result.traceback


async def test_runs_at_the_same_time_never_share_a_count(app, worker):
    @app.task(bind=True, max_retries=2)
    async def count(self, last: int) -> int:
        if self.request.retries < last:
            raise self.retry(countdown=0)
        return self.request.retries

    calls = [count.delay(n % 3).get(timeout=20) for n in range(30)]
    assert await asyncio.gather(*calls) == [n % 3 for n in range(30)]


async def test_a_task_can_end_without_a_trace(app, worker):
    @app.task
    async def skip() -> None:
        raise Ignore

    result = await skip.delay()
    with pytest.raises(TimeoutError):
        await result.get(timeout=0.3)
    assert await app.broker.depth("default") == 0


async def test_a_task_can_put_its_message_aside(app, worker):
    @app.task(name="mail.parse")
    async def parse(text: str) -> None:
        raise Reject("not a mail")

    result = await parse.delay("hello")
    with pytest.raises(Reject, match="not a mail"):
        await result.get(timeout=10)
    (letter,) = [letter async for letter in app.dead.letters()]
    assert (letter.id, letter.task) == (result.id, "mail.parse")
    assert letter.reason == "Reject: not a mail"
