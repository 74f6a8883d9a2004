"""`app.control`: what can be said to tasks and workers from anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypedDict, Unpack
from uuid import UUID

from asynq._imports import import_object
from asynq.brokers.base import Broker
from asynq.conf import Settings
from asynq.control.orders import CHANNEL, Order, closed
from asynq.exceptions import OptionValueError
from asynq.options import NAME, NAMED, read_call_options, read_option
from asynq.wire.sealing import Seal

if TYPE_CHECKING:  # loaded when somebody asks workers something
    from asynq.control.answers import Answers
    from asynq.control.inspecting import Inspect
    from asynq.control.mailbox import Mailbox

_ANSWERS: Final = "asynq.control.answers:Answers"

_INSTEAD: Final = {
    "election": "workers here elect nobody: what one alone must do is a task, or a lock",
}
"""Celery's words that can't be said here, each with why."""


class Broadcast(TypedDict, total=False):
    """How a command is said, and whether somebody waits for answers.

    Keys:
        destination: the nodes that are meant; default: all.
        reply: wait for answers.
        timeout: seconds to wait for those that don't answer (default 1).
        limit: so many answers are enough.
        callback: called with each answer as it comes, ``{node: answer}``.
        pattern: only nodes whose name matches it.
        matcher: how: ``"glob"`` (default) or ``"pcre"``.
    """

    destination: Sequence[str] | None
    reply: bool
    timeout: float
    limit: int | None
    callback: Callable[[dict[str, Any]], object] | None
    pattern: str | None
    matcher: str | None


_TO: Final = ("destination", "pattern", "matcher")

Replies = list[dict[str, Any]]
"""Answers as Celery gives them: ``[{node: answer}, …]``."""


class Control:
    """Reaches tasks and workers wherever they are. Found at `app.control`.

    What changes workers is said and not waited for, unless ``reply=True`` asks for their answers.
    Every such method takes the options of `Broadcast`, gives `Replies` or None, and raises an
    `OperationalError` when the broker can't be reached.

    Args:
        broker: The broker's connection for the running event loop.
        conf: The app's settings.
        seal: What closes what is said and opens answers; None: they are not sealed.
    """

    def __init__(
        self,
        broker: Callable[[], Broker],
        conf: Settings,
        seal: Callable[[], Seal | None] = lambda: None,
    ) -> None:
        self._broker = broker
        self._conf = conf
        self._seal = seal
        self._mailbox: Mailbox | None = None

    async def revoke(
        self,
        task_id: str | UUID | Iterable[str | UUID],
        *,
        terminate: bool = False,
        signal: None = None,
        wait: bool = False,
        timeout: float | None = None,
        ttl: float | None = None,
    ) -> Answers | None:
        """Have tasks not run, wherever they are: in a queue, waiting for their time, fetched.

        They end REVOKED, and who waits for them gets a `TaskRevokedError`. The server remembers it,
        so a worker that is started later honours it too. What is over stays as it is.

        Args:
            task_id: One id, or several.
            terminate: Also end those that run: a coroutine is cancelled at its `await`, a child
                process killed. A thread can't be stopped: its task ends REVOKED, and the thread
                goes on with nobody waiting for it.
            signal: There is none to choose.
            wait: Wait until the workers have heard it.
            timeout: Seconds to wait for those that don't answer; default: 1.
            ttl: Seconds to remember it; None: `task_revoke_expires`, a day.

        Returns:
            With `wait`, what each worker says: ``{"ok": …}``, and which of the tasks it held, under
            ``"active"`` and ``"reserved"``. Without, None.

        Raises:
            OptionTypeError, OptionValueError: what was given is no id; `signal` was given; `ttl` is
                not above zero.
            OperationalError: the broker can't be reached; workers may or may not have been told.
        """
        seconds = self._seconds(signal, ttl, "revoke")
        if timeout is not None and not wait:
            raise OptionValueError("revoke: timeout: says how long to wait, so say wait=True too")
        ids = tuple(dict.fromkeys(_id(each, "revoke") for each in _several(task_id)))
        if not ids:
            return import_object(_ANSWERS)() if wait else None
        broker = self._broker()
        # Remembered before it is said: a worker that hears nothing finds it with the delivery.
        await broker.revoke(ids, terminate=terminate, ttl=seconds)
        if wait:
            arguments = {"ids": ids, "terminate": terminate}
            return await self.mailbox.ask("revoke", arguments, timeout=timeout or 1.0)
        order = Order(revoke=ids, terminate=terminate)
        await broker.fanout().publish(CHANNEL, closed(order, CHANNEL, self._seal()))
        return None

    async def terminate(
        self,
        task_id: str | UUID | Iterable[str | UUID],
        *,
        signal: None = None,
        wait: bool = False,
        timeout: float | None = None,
    ) -> Answers | None:
        """`revoke` with `terminate=True`."""
        return await self.revoke(task_id, terminate=True, signal=signal, wait=wait, timeout=timeout)

    async def revoke_by_stamped_headers(
        self,
        headers: Mapping[str, object],
        *,
        terminate: bool = False,
        signal: None = None,
        ttl: float | None = None,
    ) -> None:
        """Have all tasks not run that were called with one of these headers
        (``apply_async(headers=…)``, ``signature.stamp(…)``), whoever called them, as `revoke` does
        with ids. One that waits for its time ends REVOKED when that comes.

        Args:
            headers: Header to a value, or to a list of several. They are compared as texts.
            terminate, signal, ttl: As of `revoke`. A task that comes to a worker after `ttl` runs.

        Raises:
            OptionTypeError, OptionValueError: what was given is no header with a value; `signal`
                was given; `ttl` is not above zero.
            OperationalError: the broker can't be reached; workers may or may not have been told.
        """
        owner = "revoke_by_stamped_headers"
        seconds = self._seconds(signal, ttl, owner)
        wanted: dict[str, object] = read_option("headers", headers, owner, NAMED)
        if not wanted or [] in wanted.values() or () in wanted.values():
            raise OptionValueError(
                f"{owner}: headers: expected at least one header with a value, got {headers!r}"
            )
        broker = self._broker()
        revoke = import_object("asynq.control.stamped:revoke")
        await revoke(broker, wanted, ttl=seconds, terminate=terminate)
        await broker.fanout().publish(CHANNEL, closed(Order(rules=True), CHANNEL, self._seal()))

    async def terminate_by_stamped_headers(
        self, headers: Mapping[str, object], *, signal: None = None, ttl: float | None = None
    ) -> None:
        """`revoke_by_stamped_headers` with `terminate=True`."""
        await self.revoke_by_stamped_headers(headers, terminate=True, signal=signal, ttl=ttl)

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

    def _seconds(self, signal: object, ttl: float | None, owner: str) -> float:
        """How long it is remembered that something is revoked."""
        if signal is not None:
            raise OptionValueError(
                f"{owner}: signal={signal!r}: there is none to choose here, leave it out: a "
                "coroutine is cancelled, a child process killed"
            )
        seconds = self._conf.task_revoke_expires if ttl is None else ttl
        if seconds <= 0:
            raise OptionValueError(f"{owner}: ttl: expected seconds above 0, got {ttl!r}")
        return seconds

    # Workers

    @property
    def mailbox(self) -> Mailbox:
        """What asks workers; loaded when it is first needed."""
        if self._mailbox is None:
            make: type[Mailbox] = import_object("asynq.control.mailbox:Mailbox")
            self._mailbox = make(self._broker, self._seal)
        return self._mailbox

    def inspect(
        self,
        destination: Sequence[str] | None = None,
        timeout: float = 1.0,
        limit: int | None = None,
        pattern: str | None = None,
        matcher: str | None = None,
        callback: Callable[[dict[str, Any]], object] | None = None,
    ) -> Inspect:
        """Questions to workers: ``await app.control.inspect().active()``; see `Inspect`."""
        make: type[Inspect] = import_object("asynq.control.inspecting:Inspect")
        return make(
            lambda: self.mailbox,
            destination=destination,
            timeout=timeout,
            limit=limit,
            pattern=pattern,
            matcher=matcher,
            callback=callback,
        )

    async def ping(self, destination: Sequence[str] | None = None, timeout: float = 1.0) -> Replies:
        """Who lives: ``[{"asynq@host": {"ok": "pong"}}]``."""
        answers = await self.mailbox.ask("ping", {}, destination=destination, timeout=timeout)
        return [{node: answer} for node, answer in answers.items()]

    async def broadcast(
        self,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        **options: Unpack[Broadcast],
    ) -> Replies | None:
        """Have workers carry out a command: one of asynq's, or your own.

        Args:
            command: Its name.
            arguments: What it takes, by name; plain values.
            **options: See `Broadcast`.

        Returns:
            With ``reply=True`` the answers, each as ``{node: answer}``; else None.

        Raises:
            OperationalError: the broker can't be reached.
            ValueError: an option makes no sense.
        """
        given = {} if arguments is None else arguments
        said: dict[str, Any] = {name: value for name, value in options.items() if name != "reply"}
        if not options.get("reply"):
            to = {name: said[name] for name in _TO if name in said}
            await self.mailbox.tell(command, given, **to)
            return None
        answers = await self.mailbox.ask(command, given, **said)
        return [{node: answer} for node, answer in answers.items()]

    async def add_consumer(self, queue: str, **options: Unpack[Broadcast]) -> Replies | None:
        """Have workers serve a queue, too."""
        return await self.broadcast("add_consumer", {"queue": queue}, **options)

    async def cancel_consumer(self, queue: str, **options: Unpack[Broadcast]) -> Replies | None:
        """Have workers serve a queue no more. What they have begun of it goes on."""
        return await self.broadcast("cancel_consumer", {"queue": queue}, **options)

    async def pool_grow(self, n: int = 1, **options: Unpack[Broadcast]) -> Replies | None:
        """Give workers so many slots more."""
        return await self.broadcast("pool_grow", {"n": n}, **options)

    async def pool_shrink(self, n: int = 1, **options: Unpack[Broadcast]) -> Replies | None:
        """Give workers so many slots fewer. What runs goes on."""
        return await self.broadcast("pool_shrink", {"n": n}, **options)

    async def pool_restart(self, **options: Unpack[Broadcast]) -> Replies | None:
        """Have workers replace their child processes, each when its task has ended."""
        return await self.broadcast("pool_restart", {}, **options)

    async def autoscale(self, max: int, min: int, **options: Unpack[Broadcast]) -> Replies | None:
        """Have workers choose by themselves how many slots they have, within these bounds."""
        return await self.broadcast("autoscale", {"max": max, "min": min}, **options)

    async def rate_limit(
        self, task_name: str, rate: str | float | None, **options: Unpack[Broadcast]
    ) -> Replies | None:
        """How often each worker may begin a task: ``"10/s"``, ``"100/m"``, ``"2/h"``, or a number a
        second; 0 or None: without limit."""
        arguments = {"task_name": task_name, "rate_limit": rate}
        return await self.broadcast("rate_limit", arguments, **options)

    async def time_limit(
        self,
        task_name: str,
        soft: float | None = None,
        hard: float | None = None,
        **options: Unpack[Broadcast],
    ) -> Replies | None:
        """Seconds that runs of a task may take which begin from now on; None: no limit."""
        arguments = {"task_name": task_name, "soft": soft, "hard": hard}
        return await self.broadcast("time_limit", arguments, **options)

    async def enable_events(self, **options: Unpack[Broadcast]) -> Replies | None:
        """Have workers tell events from now on, see `app.events`."""
        return await self.broadcast("enable_events", {}, **options)

    async def disable_events(self, **options: Unpack[Broadcast]) -> Replies | None:
        """Have workers tell no more events."""
        return await self.broadcast("disable_events", {}, **options)

    async def heartbeat(self, **options: Unpack[Broadcast]) -> Replies | None:
        """Have workers announce themselves now."""
        return await self.broadcast("heartbeat", {}, **options)

    async def shutdown(self, **options: Unpack[Broadcast]) -> Replies | None:
        """Have workers stop, warmly: what runs may end."""
        return await self.broadcast("shutdown", {}, **options)

    async def purge(self, queues: Iterable[str] | None = None) -> int:
        """Throw away what waits; there is no way back. What runs is left alone.

        Args:
            queues: In these; None: in all.

        Returns:
            How many tasks that were.
        """
        broker = self._broker()
        names = await broker.queues() if queues is None else list(_several(queues))
        return sum([await broker.purge(str(name)) for name in names])

    discard_all = purge

    if not TYPE_CHECKING:  # which finds by itself what is not there

        def __getattr__(self, name: str) -> NoReturn:
            if name in _INSTEAD:
                raise NotImplementedError(f"app.control.{name}: {_INSTEAD[name]}")
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


def _several(given: object) -> Iterable[object]:
    """What was given, as several: a text is one id, and what can't be walked is no id at all."""
    return given if isinstance(given, Iterable) and not isinstance(given, str) else (given,)


def _id(given: object, owner: str) -> str:
    id: str = read_option("task_id", given, owner, NAME)
    return id
