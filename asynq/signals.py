"""Signals: announce what happens, to whoever listens, by Celery's names and arguments.

::

    @task_failure.connect
    async def tell(sender, task_id, exception, **more):
        await chat.post(f"{sender.name}: {exception!r}")

A receiver is a `def` or an `async def` and takes what it needs and ``**named``; more may come with
later releases. Receivers are called on the event loop, one after the other, so a `def` must not
block. What one raises is logged and changes nothing. Signals announce and cannot change; what
changes calls and runs is `asynq.middleware`.

Those of publishing are sent in the process that calls. Those of a run are sent where it runs: of a
`pool="process"` task in the child process.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from types import MethodType
from typing import Any, Final, TypeVar, overload
from weakref import WeakMethod, ref

from msgspec import Struct

logger = logging.getLogger("asynq.signals")

F = TypeVar("F", bound=Callable[..., Any])


class _Receiver(Struct, frozen=True, eq=False):
    key: object
    sender: object
    """None: every sender."""
    get: Callable[[], Callable[..., Any] | None]
    """Gives the function; None: it is no more."""


class Watch:
    """Counts the receivers of several signals, so that one look tells whether there are any."""

    def __init__(self) -> None:
        self.receivers = 0


class Signal:
    """Something that can happen.

    Args:
        name: What it is called.
        watch: What counts its receivers with those of others.

    Attributes:
        receivers: Who listens; test it before making what `send` is given.
    """

    def __init__(self, name: str, watch: Watch | None = None) -> None:
        self.name = name
        self.receivers: list[_Receiver] = []
        self._watch = watch or Watch()

    @overload
    def connect(self, receiver: F, /) -> F: ...
    @overload
    def connect(
        self,
        receiver: F,
        *,
        sender: object = None,
        weak: bool = False,
        dispatch_uid: object = None,
    ) -> F: ...
    @overload
    def connect(
        self, *, sender: object = None, weak: bool = False, dispatch_uid: object = None
    ) -> Callable[[F], F]: ...
    def connect(
        self,
        receiver: F | None = None,
        *,
        sender: object = None,
        weak: bool = False,
        dispatch_uid: object = None,
    ) -> F | Callable[[F], F]:
        """Have a function called when it happens; as a decorator, or as a call.

        Args:
            receiver: The function; connected twice, it is called once.
            sender: Only where this is the sender: a task, or its name.
            weak: Forget the receiver when nobody else knows it. (Celery's default; a receiver made
                in a function would be gone with it.)
            dispatch_uid: Stands for the function in telling whether it is connected already.

        Raises:
            TypeError: it can't be called, or does not take ``**named``.
        """

        def take(receiver: F) -> F:
            _check(receiver)
            key = (_key(receiver, dispatch_uid), _name(sender))
            if all(each.key != key for each in self.receivers):
                get = self._weakly(receiver, key) if weak else lambda: receiver
                # A new list: a send that is under way goes on with the old one.
                self.receivers = [*self.receivers, _Receiver(key, _name(sender), get)]
                self._watch.receivers += 1
            return receiver

        return take if receiver is None else take(receiver)

    def disconnect(
        self,
        receiver: Callable[..., Any] | None = None,
        *,
        sender: object = None,
        dispatch_uid: object = None,
    ) -> bool:
        """Have it called no more; named as it was connected.

        Returns:
            Whether it was connected.
        """
        return self._drop((_key(receiver, dispatch_uid), _name(sender)))

    async def send(self, sender: object, **named: Any) -> None:
        """Tell all receivers. Never raises."""
        name = _name(sender)
        for each in self.receivers:
            if each.sender is not None and each.sender != name:
                continue
            receiver = each.get()
            if receiver is None:
                continue
            try:
                answer = receiver(signal=self, sender=sender, **named)
                if inspect.isawaitable(answer):
                    await answer
            except Exception:
                logger.exception("%r: its receiver %r has failed", self, receiver)

    def _weakly(self, receiver: Callable[..., Any], key: object) -> Callable[[], Any]:
        def gone(_: object) -> None:
            self._drop(key)

        if isinstance(receiver, MethodType):
            return WeakMethod(receiver, gone)
        return ref(receiver, gone)

    def _drop(self, key: object) -> bool:
        kept = [each for each in self.receivers if each.key != key]
        dropped = len(self.receivers) - len(kept)
        self.receivers = kept
        self._watch.receivers -= dropped
        return dropped > 0

    def __repr__(self) -> str:
        return f"<Signal: {self.name}>"


class Moment(Signal):
    """A point that an app reaches once, like `app.on_after_finalize`.

    Each receiver is called once, a `def`, with the app as `sender`; what it raises is raised where
    the app gets there. One that is connected later is called the next time it is looked at.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._told: set[object] = set()

    def reached(self, sender: object, **named: Any) -> None:
        """Call those that were not called before.

        Raises:
            TypeError: a receiver is an `async def`.
        """
        for each in self.receivers:
            receiver = each.get()
            if each.key in self._told or receiver is None:
                continue
            self._told.add(each.key)
            if inspect.iscoroutinefunction(receiver):
                raise TypeError(f"{self!r}: expected a `def`, and {receiver!r} is an `async def`")
            receiver(signal=self, sender=sender, **named)


def _check(receiver: object) -> None:
    if not callable(receiver):
        raise TypeError(f"connect: expected a function, got {receiver!r}")
    try:
        taken = inspect.signature(receiver).parameters.values()
    except (TypeError, ValueError):  # a builtin tells nothing of itself
        return
    if not any(each.kind is each.VAR_KEYWORD for each in taken):
        raise TypeError(
            f"connect: {receiver!r} must take **named: more may be told in a later release"
        )


def _key(receiver: object, uid: object) -> object:
    if uid is not None:
        return uid
    if isinstance(receiver, MethodType):
        return id(receiver.__self__), id(receiver.__func__)
    return id(receiver)


def _name(sender: object) -> object:
    """What a sender is told apart by: a task by its name, for apps have objects of their own for
    shared tasks."""
    name = getattr(sender, "name", None)
    return name if isinstance(name, str) else sender


PUBLISHING: Final = Watch()
"""How many listen to the signals of publishing."""
RUNNING: Final = Watch()
"""How many listen to the signals of a run."""

before_task_publish = Signal("before_task_publish", PUBLISHING)
"""A call is about to be sent. `sender`: the task's name; `body`: args and kwargs; `exchange`,
`routing_key`: the queue; `headers`: of the message, to look at; `properties`; `declare`;
`retry_policy`."""
after_task_publish = Signal("after_task_publish", PUBLISHING)
"""It was sent. `sender`, `body`, `exchange`, `routing_key`, `headers`: as before."""

task_received = Signal("task_received")
"""A worker has got a call and will run it. `sender`: its node name; `request`."""
task_prerun = Signal("task_prerun", RUNNING)
"""A run begins. `sender`, `task`: the task; `task_id`, `args`, `kwargs`."""
task_postrun = Signal("task_postrun", RUNNING)
"""It is over. As `task_prerun`; `retval`: what it returned, or its error; `state`: SUCCESS,
FAILURE, RETRY, IGNORED or REJECTED."""
task_success = Signal("task_success", RUNNING)
"""It has returned. `sender`: the task; `result`."""
task_failure = Signal("task_failure", RUNNING)
"""It has failed. `sender`: the task; `task_id`, `exception`, `args`, `kwargs`; `traceback`:
Python's object, None where it is in another process; `einfo`: see
`asynq.execution.hooks.ExceptionInfo`."""
task_retry = Signal("task_retry", RUNNING)
"""It will run again. `sender`: the task; `request`, `reason`: the error, `einfo`."""
task_internal_error = Signal("task_internal_error", RUNNING)
"""A hook of the task has failed. `sender`: the task; `task_id`, `args`, `kwargs`, `request`,
`exception`, `traceback`, `einfo`."""
task_revoked = Signal("task_revoked")
"""A call was revoked or has expired. `sender`: the task, or the name of one that did not
run; `request`; `terminated`: it ran already; `signum`: None; `expired`."""
task_rejected = Signal("task_rejected")
"""A call can't be run, or was rejected by its task. `sender`: the worker's node name; `message`:
its bytes; `exc`."""
task_unknown = Signal("task_unknown")
"""A call of a task that the worker does not know. `sender`: its node name; `name`, `id`; `message`:
the call's bytes; `exc`."""

worker_init = Signal("worker_init")
"""A worker is about to start. `sender`: the worker."""
worker_ready = Signal("worker_ready")
"""It takes tasks. `sender`: the worker."""
worker_shutting_down = Signal("worker_shutting_down")
"""It begins to stop. `sender`: its node name; `sig`, `how`: Warm or Cold; `exitcode`."""
worker_shutdown = Signal("worker_shutdown")
"""It has stopped. `sender`: the worker."""
worker_process_init = Signal("worker_process_init")
"""A child process for `pool="process"` tasks is about to run its first; sent in it. `sender`: None.
(Celery's `worker_process_shutdown` is not there: a child ends at once when it is not needed.)"""

beat_init = Signal("beat_init")
"""A beat of its own is about to start. `sender`: the beat."""
beat_embedded_init = Signal("beat_embedded_init")
"""A beat inside a worker (`worker -B`) is about to start. `sender`: the beat."""
