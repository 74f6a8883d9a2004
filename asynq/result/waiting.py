"""Waiting for a result from inside a task: where it is allowed, and what becomes of the slot."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Final

from asynq.request import current, lend

_AS_IT_IS: Final = nullcontext()


def waiting_slot() -> AbstractContextManager[None]:
    """What to be in while waiting for a result: inside a task, its slot is lent to others.

    Raises:
        RuntimeError: as `check_may_wait`.
    """
    lent = lend.get()
    if lent is not None:
        return lent()
    check_may_wait()
    return _AS_IT_IS


def check_may_wait() -> None:
    """Let everybody wait, except a task that would hold a thread or a process while it does.

    Raises:
        RuntimeError: inside such a task. Enough of them would wait for each other for ever.
    """
    request = current.get()
    if lend.get() is not None or request is None or request.is_eager:
        return
    if request.id is None and request.parent_id is None:  # a plain function call, outside of tasks
        return
    raise RuntimeError(
        f"{request.task} waits for another task's result, and would hold its thread while it does. "
        "Make it `async def` and await the result, or let a chain or chord pass the result on"
    )


def check_timeout(timeout: object) -> None:
    """Let numbers pass.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(timeout, int | float):
        raise TypeError(f"get(): timeout: expected seconds, got {timeout!r}")
