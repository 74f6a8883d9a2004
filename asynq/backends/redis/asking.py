"""Asking the server about tasks: many in one call, and again now and then.

Wake-ups are pushed (`asynq.backends.redis.listening`). This is what makes them come for tasks
somebody else sent, and the net under them: a wake-up that was lost costs time, never a result.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Final

from asynq._redis.backoff import Backoff
from asynq._redis.errors import Refused, explain
from asynq._redis.keys import PROVISIONAL, Keys
from asynq._redis.pipeline import Pipeline, Word
from asynq._redis.scripts import Script
from asynq._time import monotonic
from asynq.backends.redis.losing import Losses
from asynq.backends.redis.waiters import Waiters
from asynq.exceptions import ImproperlyConfigured, OperationalError

AWAIT: Final = Script(Path(__file__).with_name("await.lua"))
BATCH: Final = 250
ANSWER_BYTES: Final = 1024 * 1024
"""How large one answer may grow; what is left over is asked for again."""
WAIT: Final = "wait for results"
DOUBT: Final = 1.0
"""Seconds after which we ask about a task whose result should have come by itself."""


class Asker:
    """Asks about tasks in batches, whatever was asked for while the last call was on the wire.

    Args:
        pipeline: The shared connection, made at the first call.
        keys: Of the namespace.
        waiters: Who gets the answers.
        ready: Set while wake-ups are being read. Asked before that, a task could end unheard.
        losses: Is told of tasks that have no final record.
        interval: About how many seconds between two times that everything is asked for again.
    """

    def __init__(
        self,
        pipeline: Callable[[], Pipeline],
        keys: Keys,
        waiters: Waiters,
        ready: asyncio.Event,
        losses: Losses,
        *,
        interval: float,
    ) -> None:
        self._pipeline = pipeline
        self._keys = keys
        self._waiters = waiters
        self._ready = ready
        self._losses = losses
        self._interval = interval
        self._remembered = int(max(60.0, 4 * interval) * 1000)
        self._questions: dict[str, None] = {}
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._next_round = 0.0

    def ask(self, id: str) -> None:
        """Ask about a task, with the next call."""
        self._questions[id] = None
        if self._task is None:
            loop = asyncio.get_running_loop()
            self._task = loop.create_task(self._run(), name="asynq-results-ask")

    def ask_all(self) -> None:
        """Ask about everything that is waited for."""
        self._plan_round()
        for id in self._waiters.all():
            self.ask(id)

    def ask_all_soon(self, seconds: float) -> None:
        """`ask_all`, in so many seconds at the latest."""
        self._next_round = min(self._next_round, monotonic() + seconds)

    def look_after(self) -> None:
        """See to it that whoever waits now is not forgotten."""
        if self._timer is None:
            self._plan_round()
            self._wind_up()

    async def aclose(self) -> None:
        """Ask no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        backoff = Backoff()
        try:
            while self._questions:
                await self._ready.wait()
                batch = self._next_batch()
                if not batch:
                    continue
                try:
                    await self._put(batch)
                except OperationalError:
                    # The server is away; who waits goes on waiting.
                    self._questions.update(dict.fromkeys(batch))
                    await asyncio.sleep(backoff.next())
                else:
                    backoff.reset()
        finally:
            self._task = None

    def _next_batch(self) -> list[str]:
        batch = list(islice(self._questions, BATCH))
        for id in batch:
            del self._questions[id]
        return [id for id in batch if id in self._waiters]

    async def _put(self, batch: list[str]) -> None:
        pipeline = self._pipeline()
        keys = [self._keys.waiting, *map(self._keys.result, batch)]
        arguments: list[Word] = [self._remembered, ANSWER_BYTES, *batch]
        try:
            found = await pipeline.run(AWAIT, keys, arguments)
        except (Refused, ImproperlyConfigured) as error:
            self._waiters.fail(explain(error, pipeline.server.url, doing=WAIT), batch)
            return
        for id, stored in zip(batch, found, strict=False):
            self._waiters.asked(id)
            if stored is not None:
                self._waiters.arrive(id, stored)
            if stored is None or stored.startswith(PROVISIONAL):
                self._losses.missing(id)
        self._questions.update(dict.fromkeys(batch[len(found) :]))

    def _plan_round(self) -> None:
        self._next_round = monotonic() + self._interval * random.uniform(0.5, 1.5)

    def _wind_up(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(min(DOUBT, self._interval), self._tick)

    def _tick(self) -> None:
        self._timer = None
        if not self._waiters:
            return
        if monotonic() >= self._next_round:
            self.ask_all()
        else:
            for id in self._waiters.doubtful(DOUBT):
                self.ask(id)
        self._wind_up()
