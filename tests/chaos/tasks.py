"""The app that runs under fire. Each run notes its start and its end in the ledger.

Its settings come by the environment, so that every test has workers of its own.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import time
from pathlib import Path
from typing import Any

from asynq import Asynq, Task, chord
from asynq.worker import quarantine
from tests.chaos.announcing import announce_every_step
from tests.chaos.ledger import Ledger

LEASE = float(os.environ.get("CHAOS_LEASE", "1.5"))
"""Seconds: short, so that a test of what happens after it is quick."""

app = Asynq(
    os.environ.get("CHAOS_NAMESPACE", "chaos"),
    worker_lease=LEASE,
    task_default_queue="chaos",
    worker_hijack_root_logger=True,
    result_expires=float(os.environ.get("CHAOS_KEPT", "86400")),
    task_revoke_expires=float(os.environ.get("CHAOS_KEPT", "86400")),
    worker_max_stuck=int(os.environ.get("CHAOS_MAX_STUCK", "0")) or None,
)
ledger = Ledger(Path(os.environ.get("CHAOS_LEDGER", os.devnull)))
announce_every_step()
quarantine.SUSPECT_AFTER = int(os.environ.get("CHAOS_SUSPECT_AFTER", quarantine.SUSPECT_AFTER))


def begun(task: Task) -> None:
    """Note that a run begins."""
    request = task.request
    ledger.note("S", request.id, request.retries, request.redeliveries, os.getpid())


def ended(task: Task) -> None:
    """Note that its body has ended."""
    ledger.note("E", task.request.id, task.request.retries, os.getpid())


@app.task(bind=True)
async def quick(self: Task, number: int = 0) -> int:
    """Is over at once."""
    begun(self)
    ended(self)
    return number


@app.task
async def count() -> tuple[int, int]:
    """This process, and how many asyncio tasks it has."""
    return os.getpid(), len(asyncio.all_tasks())


@app.task(bind=True)
async def sleeping(self: Task, seconds: float) -> float:
    """Waits, as most tasks do."""
    begun(self)
    await asyncio.sleep(seconds)
    ended(self)
    return seconds


@app.task(bind=True)
def threaded(self: Task, seconds: float) -> float:
    """The same in a thread."""
    begun(self)
    time.sleep(seconds)
    ended(self)
    return seconds


@app.task(bind=True, acks_late=False)
async def early(self: Task, seconds: float) -> float:
    """Never runs twice, and is lost with its worker."""
    begun(self)
    await asyncio.sleep(seconds)
    ended(self)
    return seconds


@app.task(bind=True, pool="process")
def in_child(self: Task, seconds: float) -> float:
    """The same in a child process."""
    begun(self)
    time.sleep(seconds)
    ended(self)
    return seconds


@app.task(bind=True)
async def blocking(self: Task, seconds: float) -> float:
    """Blocks the event loop, as no task should."""
    begun(self)
    time.sleep(seconds)  # noqa: ASYNC251 - the point of it
    ended(self)
    return seconds


@app.task(bind=True)
async def gripping(self: Task, seconds: float) -> float:
    """Blocks every thread of the process: C code that does not let go of the interpreter."""
    begun(self)
    if not self.request.redeliveries:
        ctypes.PyDLL(None).usleep(int(seconds * 1_000_000))
    ended(self)
    return seconds


@app.task(bind=True)
async def retrying(self: Task, failures: int, countdown: float = 0.0) -> int:
    """Fails that often, and then succeeds."""
    begun(self)
    if self.request.retries < failures:
        raise self.retry(countdown=countdown, max_retries=failures)
    ended(self)
    return self.request.retries


@app.task(bind=True)
async def hanging(self: Task) -> None:
    """Runs until it is cancelled."""
    begun(self)
    try:
        await asyncio.Event().wait()
    finally:
        ended(self)


@app.task(bind=True)
async def stubborn(self: Task, mark: str) -> str:
    """Ignores every cancellation, the first time that it runs anywhere."""
    begun(self)
    ignores = _is_first(mark)
    while ignores:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue
    ended(self)
    return "at last"


@app.task(bind=True)
def stubborn_thread(self: Task, mark: str) -> str:
    """Sleeps for ever in its thread, the first time that it runs anywhere."""
    begun(self)
    if _is_first(mark):
        time.sleep(3600)
    ended(self)
    return "at last"


@app.task(bind=True)
async def deadly(self: Task, how: str, times: int = 1_000_000, first: float = 0.0) -> str:
    """Ends its process, so many times."""
    begun(self)
    await asyncio.sleep(first)
    if self.request.redeliveries < times:
        _die(how)
    ended(self)
    return "survived"


# Steps of workflows: numbers, so that what went missing, or came twice, shows in the sum.


@app.task(bind=True)
async def plus(self: Task, value: int, more: int = 1, seconds: float = 0.0) -> int:
    """A step: what came before it, and one."""
    begun(self)
    if seconds:
        await asyncio.sleep(seconds)
    ended(self)
    return value + more


@app.task(bind=True)
async def total(self: Task, values: list[int]) -> int:
    """The body of a chord."""
    begun(self)
    ended(self)
    return sum(values)


@app.task(bind=True)
async def survivors(self: Task, values: list[Any]) -> int:
    """The body of a chord that is called with the errors of its members too: the sum without."""
    begun(self)
    ended(self)
    return sum(value for value in values if isinstance(value, int))


@app.task(bind=True)
async def unsteady(self: Task, value: int, failures: int) -> int:
    """A step that fails that often, and then succeeds."""
    begun(self)
    if self.request.retries < failures:
        raise self.retry(countdown=0.1, max_retries=failures)
    ended(self)
    return value + 1


@app.task(bind=True)
async def mortal(self: Task, value: int, times: int = 1) -> int:
    """A step that kills its worker between its last line and its settlement, so many times."""
    begun(self)
    ended(self)
    if self.request.redeliveries < times:
        _die("kill")
    return value + 1


@app.task(bind=True)
async def mortal_together(self: Task, value: int, size: int, more: int = 1) -> int:
    """The same, when so many of them have come to their last line in this process."""
    begun(self)
    ended(self)
    if not self.request.redeliveries:
        _doomed.add(self.request.id)
        if len(_doomed) == size:
            _die("kill")
        await asyncio.Event().wait()
    return value + more


_doomed: set[str] = set()


@app.task(bind=True)
async def failing(self: Task, *values: Any) -> None:
    """A step that fails."""
    begun(self)
    raise ValueError("as it should")


@app.task(bind=True)
async def becoming(self: Task, value: int, how: str) -> int:
    """A step in whose place there are more: three plus one each, by a chain or by a chord."""
    begun(self)
    if how == "chain":
        raise self.replace(plus.s(value) | plus.s() | plus.s())
    raise self.replace(chord([plus.s(value), plus.s(0), plus.s(0)], total.s()))


@app.task(bind=True)
async def told(self: Task, *fault: Any) -> str:
    """An errback."""
    begun(self)
    ended(self)
    return "told"


def _is_first(mark: str) -> bool:
    """Has nobody asked this before? `mark` is the path of a file that tells."""
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def _die(how: str) -> None:
    match how:
        case "exit":
            os._exit(3)
        case "abort":
            os.abort()
        case "segv":
            ctypes.string_at(0)
        case "kill":  # what the kernel does where memory is short
            os.kill(os.getpid(), signal.SIGKILL)


if "CHAOS_NEW_TASK" in os.environ:

    @app.task(bind=True)
    async def newcomer(self: Task) -> str:
        """A task that only the workers of a newer release know."""
        begun(self)
        ended(self)
        return "known"
