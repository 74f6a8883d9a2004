"""What a handle can be asked: one question to the result backend each, awaited.

An attribute gives an `Answer`, which refuses to be compared or to be true or false, so that a
forgotten `await` is an error and never a wrong decision.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from asynq import states
from asynq.result.answer import Answer
from asynq.result.reading import UNKNOWN, Update
from asynq.wire.attempts import Attempt

T = TypeVar("T")


class Questions:
    """The questions, as attributes and methods; the handle knows how to look (`_look`)."""

    __slots__ = ()

    @property
    def state(self) -> Answer[str]:
        """The task's state; PENDING where nothing is known of it."""
        return self._answer("state", lambda update: update.state)

    status = state

    @property
    def result(self) -> Answer[Any]:
        """The return value, the error, or the meta of a state on the way; does not wait."""
        return self._answer("result", lambda update: update.result)

    @property
    def info(self) -> Answer[Any]:
        """The same as `result`."""
        return self._answer("info", lambda update: update.result)

    @property
    def traceback(self) -> Answer[str | None]:
        """The traceback of the task's error as text, from where it ran."""
        return self._answer("traceback", lambda update: update.traceback)

    @property
    def date_done(self) -> Answer[datetime | None]:
        """When the task was over, in UTC."""
        return self._answer("date_done", lambda update: update.date_done)

    @property
    def retries(self) -> Answer[int]:
        """How often it had been retried."""
        return self._answer("retries", lambda update: update.retries)

    @property
    def attempts(self) -> Answer[list[Attempt]]:
        """Its runs that have ended, the first one first: when, where, how long, with what error.

        At most the first and the last 19. What never ran has none; nor has what runs for the first
        time.
        """
        return self._answer("attempts", lambda update: [*update.attempts])

    @property
    def worker(self) -> Answer[str | None]:
        """Who ran it, where that is stored (`result_extended`, and while it runs)."""
        return self._answer("worker", lambda update: update.worker)

    @property
    def name(self) -> Answer[str | None]:
        """The task's name, where that is stored (`result_extended`)."""
        return self._answer("name", lambda update: update.name)

    @property
    def args(self) -> Answer[str | None]:
        """What its positional arguments looked like, where that is stored (`result_extended`)."""
        return self._answer("args", lambda update: update.args)

    @property
    def kwargs(self) -> Answer[str | None]:
        """What its named arguments looked like, where that is stored (`result_extended`)."""
        return self._answer("kwargs", lambda update: update.kwargs)

    @property
    def queue(self) -> Answer[str | None]:
        """The queue it came from, where that is stored (`result_extended`)."""
        return self._answer("queue", lambda update: update.queue)

    def ready(self) -> Answer[bool]:
        """Is the task over?"""
        return self._answer("ready()", lambda update: update.ready)

    def successful(self) -> Answer[bool]:
        """Is it over, and did it return?"""
        return self._answer("successful()", lambda update: update.state == states.SUCCESS)

    def failed(self) -> Answer[bool]:
        """Is it over with an error?"""
        return self._answer("failed()", lambda update: update.state == states.FAILURE)

    def exists(self) -> Answer[bool]:
        """Is anything known of it? A task that waits in its queue is not known yet."""
        return self._answer("exists()", lambda update: update is not UNKNOWN)

    def _answer(self, name: str, pick: Callable[[Update], T]) -> Answer[T]:
        async def ask() -> T:
            return pick(await self._look())

        return Answer(name, ask)

    async def _look(self) -> Update:
        """What is known now."""
        raise NotImplementedError
