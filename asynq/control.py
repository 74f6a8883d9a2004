"""`app.control`: what can be said to tasks and workers from anywhere.

In this release that is what concerns one task: revoking it, and giving it another time. Asking and
commanding workers comes with remote control.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NoReturn
from uuid import UUID

import msgspec

from asynq.brokers.base import Broker
from asynq.conf import Settings
from asynq.exceptions import OptionValueError
from asynq.options import NAME, read_call_options, read_option

CHANNEL: Final = "control"
"""Where workers listen for what is said to all of them."""

_LATER: Final = frozenset({
    "add_consumer", "autoscale", "broadcast", "cancel_consumer", "disable_events", "discard_all",
    "election", "enable_events", "heartbeat", "inspect", "mailbox", "ping", "pool_grow",
    "pool_restart", "pool_shrink", "purge", "rate_limit", "revoke_by_stamped_headers", "shutdown",
    "terminate_by_stamped_headers", "time_limit",
})  # fmt: skip


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is said to all workers, as JSON."""

    revoke: tuple[str, ...] = ()
    """Tasks that shall not run."""
    terminate: bool = False
    """Nor go on running."""
    rules: bool = False
    """What is paused and limited has changed: read it again."""


class Control:
    """Reaches tasks wherever they are. Found at `app.control`.

    Args:
        broker: The broker's connection for the running event loop.
        conf: The app's settings.
    """

    def __init__(self, broker: Callable[[], Broker], conf: Settings) -> None:
        self._broker = broker
        self._conf = conf

    async def revoke(
        self,
        task_id: str | UUID | Iterable[str | UUID],
        *,
        terminate: bool = False,
        signal: None = None,
        wait: bool = False,
        timeout: float | None = None,
        ttl: float | None = None,
    ) -> None:
        """Have tasks not run, wherever they are: in a queue, waiting for their time, fetched.

        They end REVOKED, and who waits for them gets a `TaskRevokedError`. The server remembers it,
        so a worker that is started later honours it too. What is over stays as it is.

        Args:
            task_id: One id, or several.
            terminate: Also end those that run: a coroutine is cancelled at its `await`, a child
                process killed. A thread can't be stopped: its task ends REVOKED, and the thread
                goes on with nobody waiting for it.
            signal: There is none to choose.
            wait: Not in this release.
            timeout: The same.
            ttl: Seconds to remember it; None: `task_revoke_expires`, a day.

        Raises:
            OptionTypeError, OptionValueError: what was given is no id; `signal` was given; `ttl` is
                not above zero.
            NotImplementedError: `wait` was.
            OperationalError: the broker can't be reached; workers may or may not have been told.
        """
        if signal is not None:
            raise OptionValueError(
                f"revoke: signal={signal!r}: there is none to choose here, leave it out: a "
                "coroutine is cancelled, a child process killed"
            )
        if wait or timeout is not None:
            raise NotImplementedError(
                "revoke(wait=…, timeout=…) is not in this release yet (remote control): what was "
                "revoked ends REVOKED, so wait for its result"
            )
        seconds = self._conf.task_revoke_expires if ttl is None else ttl
        if seconds <= 0:
            raise OptionValueError(f"revoke: ttl: expected seconds above 0, got {ttl!r}")
        ids = tuple(dict.fromkeys(_id(each, "revoke") for each in _several(task_id)))
        if not ids:
            return
        broker = self._broker()
        # Remembered before it is said: a worker that hears nothing finds it with the delivery.
        await broker.revoke(ids, terminate=terminate, ttl=seconds)
        order = Order(revoke=ids, terminate=terminate)
        await broker.fanout().publish(CHANNEL, msgspec.json.encode(order))

    async def terminate(
        self, task_id: str | UUID | Iterable[str | UUID], *, signal: None = None
    ) -> None:
        """`revoke` with `terminate=True`."""
        await self.revoke(task_id, terminate=True, signal=signal)

    async def reschedule(
        self,
        task_id: str | UUID,
        *,
        countdown: float | timedelta | None = None,
        eta: datetime | str | None = None,
    ) -> bool:
        """Give a task that waits for its time another one.

        Args:
            task_id: Its id.
            countdown: Seconds from now; 0: now. Stands over `eta`.
            eta: The time; as `apply_async` takes it.

        Returns:
            Whether it was waiting. What is in its queue already, runs or is over stays as it is.

        Raises:
            TypeError: neither was given.
            OptionTypeError, OptionValueError: what was given is none.
            OperationalError: the broker can't be reached.
        """
        id = _id(task_id, "reschedule")
        call = read_call_options({"countdown": countdown, "eta": eta}, "reschedule")
        if call.countdown is not None:
            return await self._broker().reschedule(id, delay=call.countdown)
        moment = call.eta
        if moment is None:
            raise TypeError("reschedule: say when, countdown=… or eta=…")
        if moment.tzinfo is None and (zone := self._conf.zone) is not None:
            moment = moment.replace(tzinfo=zone)
        return await self._broker().reschedule(id, due=moment.timestamp())

    if not TYPE_CHECKING:  # which finds by itself what is not there

        def __getattr__(self, name: str) -> NoReturn:
            if name in _LATER:
                raise NotImplementedError(
                    f"app.control.{name} is not in this release yet (remote control)"
                )
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


def _several(given: object) -> Iterable[object]:
    """What was given, as several: a text is one id, and what can't be walked is no id at all."""
    return given if isinstance(given, Iterable) and not isinstance(given, str) else (given,)


def _id(given: object, owner: str) -> str:
    id: str = read_option("task_id", given, owner, NAME)
    return id
