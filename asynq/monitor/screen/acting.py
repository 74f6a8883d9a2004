"""What the keys do to tasks and queues: each asks first where something would be lost."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from textual.screen import Screen

from asynq.app import Asynq
from asynq.events.seen import Task
from asynq.exceptions import AsynqError
from asynq.monitor import detail
from asynq.monitor.screen.asking import Ask, Choice, Type
from asynq.queues import QueueInfo

YES_OR_NO = (Choice("y", "Yes", "yes"), Choice("n", "No", ""))


class Face(Protocol):
    """What is needed of the screen."""

    async def ask(self, window: Screen[str | None]) -> str | None:
        """Show a window, and wait for its answer."""
        ...

    def tell(self, words: str, *, wrong: bool = False) -> None:
        """Say what was done."""
        ...

    def changed(self) -> None:
        """Something was done that is to be seen."""
        ...


def about(id: str, task: Task | None) -> str:
    """A task, in two lines."""
    return f"{task.name or 'task'}  {task.state}\n{id}" if task is not None else id


class Actions:
    """Does it.

    Args:
        app: Whose tasks and queues.
        face: Where it is asked and told.
    """

    def __init__(self, app: Asynq, face: Face) -> None:
        self._app = app
        self._face = face

    async def revoke(self, id: str, task: Task | None) -> None:
        """Have a task not run, or not go on."""
        choices = (
            Choice("y", "Revoke", "revoke"),
            Choice("t", "Terminate it too", "terminate"),
            Choice("n", "No", ""),
        )
        answer = await self._face.ask(Ask("Revoke this task?", about(id, task), choices))
        if answer is None:
            return
        terminate = answer == "terminate"

        async def revoke() -> str:
            await self._app.control.revoke(id, terminate=terminate)
            return "Revoked" + (", and ended where it runs." if terminate else ".")

        await self._do(revoke)

    async def again(self, id: str, task: Task | None) -> None:
        """Have a task run again, or now."""
        if await self._face.ask(Ask("Run it again?", about(id, task), YES_OR_NO)) is not None:
            await self._do(lambda: detail.retry(self._app, id, task))

    async def pause_task(self, name: str, paused: bool) -> None:
        """Pause all tasks of a name, or resume them."""
        if not paused and await self._face.ask(
            Ask("Pause all tasks of this name?", f"{name}\nWorkers put them aside.", YES_OR_NO)
        ) is None:  # fmt: skip
            return

        async def pause() -> str:
            queues = self._app.queues
            await (queues.resume_task(name) if paused else queues.pause_task(name))
            return f"{'Resumed' if paused else 'Paused'} all tasks {name}."

        await self._do(pause)

    async def pause_queue(self, queue: QueueInfo) -> None:
        """Pause a queue, or resume it."""
        name = queue.name
        if not queue.paused and await self._face.ask(
            Ask("Pause this queue?", f"{name}\nNo worker takes anything from it.", YES_OR_NO)
        ) is None:  # fmt: skip
            return

        async def pause() -> str:
            queues = self._app.queues
            await (queues.resume(name) if queue.paused else queues.pause(name))
            return f"{'Resumed' if queue.paused else 'Paused'} queue {name}."

        await self._do(pause)

    async def limit_queue(self, queue: QueueInfo) -> None:
        """Limit how many tasks of a queue run at once."""
        now = "" if queue.limit is None else str(queue.limit)
        words = f"{queue.name}\nHow many may run at once, on all workers? Empty: any number."
        text = await self._face.ask(Type("Limit this queue", words, now))
        if text is None:
            return
        if text and not (text.isdecimal() and int(text)):
            self._face.tell(f"Expected a number from 1, got {text!r}.", wrong=True)
            return

        async def limit() -> str:
            await self._app.queues.limit(queue.name, int(text) if text else None)
            return f"Queue {queue.name}: " + (f"{text} at once." if text else "no limit.")

        await self._do(limit)

    # What remote control does

    async def rate_limit(self, name: str) -> None:
        """Limit how often each worker begins a task of a name."""
        words = f"{name}\nHow often may each worker begin it? 10/s, 100/m, 2/h; 0: without limit."
        text = await self._face.ask(Type("Limit the rate", words))
        if text:
            await self._do(lambda: self._limit_rate(name, text))

    async def enable_events(self) -> None:
        """Have all workers tell events."""
        await self._do(self._enable_events)

    async def _limit_rate(self, name: str, rate: str) -> str:
        await self._app.control.rate_limit(name, rate)
        return f"Told all workers: {rate}."

    async def _enable_events(self) -> str:
        await self._app.control.enable_events()
        return "Told all workers to tell events."

    async def _do(self, work: Callable[[], Coroutine[Any, Any, str]]) -> None:
        try:
            told = await work()
        except (AsynqError, NotImplementedError) as error:
            self._face.tell(str(error) or type(error).__name__, wrong=True)
        else:
            self._face.tell(told)
        self._face.changed()
