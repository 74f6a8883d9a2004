"""`app.control.inspect()`: asks workers what they do and what they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from asynq.control.answers import Answers
from asynq.control.mailbox import Heard, Mailbox


class Inspect:
    """Questions to workers, all or some. Each gives `Answers`: node name to answer.

    A question comes back as soon as all workers that live have answered. Nobody lives: it is empty,
    never None.

    Args:
        mailbox: What asks.
        destination: The nodes to ask; None: all.
        timeout: Seconds to wait for those that don't answer.
        limit: So many answers are enough.
        pattern: Ask those whose name matches it.
        matcher: How: ``"glob"`` (default) or ``"pcre"``.
        callback: Called with each answer as it comes.
    """

    def __init__(
        self,
        mailbox: Callable[[], Mailbox],
        *,
        destination: Sequence[str] | None = None,
        timeout: float = 1.0,
        limit: int | None = None,
        pattern: str | None = None,
        matcher: str | None = None,
        callback: Heard | None = None,
    ) -> None:
        self._mailbox = mailbox
        self._options: dict[str, Any] = {
            "destination": destination,
            "timeout": timeout,
            "limit": limit,
            "pattern": pattern,
            "matcher": matcher,
            "callback": callback,
        }

    async def ask(self, command: str, **arguments: Any) -> Answers:
        """Ask by a command's name: one of your own, for example.

        Raises:
            OperationalError: the broker can't be reached.
        """
        return await self._mailbox().ask(command, arguments, **self._options)

    async def active(self) -> Answers:
        """The tasks that run: id, name, args, kwargs, time_start (Unix time), worker_pid …"""
        return await self.ask("active")

    async def reserved(self) -> Answers:
        """The tasks that a worker has fetched and not begun: they wait for a slot, or for their
        rate limit."""
        return await self.ask("reserved")

    async def scheduled(self, limit: int = 100) -> Answers:
        """The tasks that wait for their time (`eta`, `countdown`, a retry), the next due first.

        They wait on the server, not in a worker. Each worker tells those of the queues it serves,
        so two workers of one queue tell the same.

        Args:
            limit: The most that one worker tells.
        """
        return await self.ask("scheduled", limit=limit)

    async def revoked(self, limit: int = 1000) -> Answers:
        """The ids that are revoked; the server remembers them, so every worker tells the same.

        Args:
            limit: The most that are told, those that are remembered longest first.
        """
        return await self.ask("revoked", limit=limit)

    async def registered(self, *attributes: str) -> Answers:
        """The names of the tasks a worker knows, with these options of theirs, where set."""
        return await self.ask("registered", attributes=list(attributes))

    registered_tasks = registered

    async def stats(self) -> Answers:
        """How much a worker has done, and with what: total, pool, broker, rusage …"""
        return await self.ask("stats")

    async def active_queues(self) -> Answers:
        """The queues a worker serves."""
        return await self.ask("active_queues")

    async def ping(self, destination: Sequence[str] | None = None) -> Answers:
        """Who lives: ``{"ok": "pong"}``."""
        if destination is not None:
            return await self._mailbox().ask(
                "ping", {}, **{**self._options, "destination": destination}
            )
        return await self.ask("ping")

    async def conf(self, with_defaults: bool = False) -> Answers:
        """A worker's settings, without their secrets.

        Args:
            with_defaults: Also those that nobody has set.
        """
        return await self.ask("conf", with_defaults=with_defaults)

    async def report(self) -> Answers:
        """Versions and settings as text, for a bug report: ``{"ok": text}``."""
        return await self.ask("report")

    async def clock(self) -> Answers:
        """The server's time as a worker knows it: ``{"clock": milliseconds since 1970}``."""
        return await self.ask("clock")

    async def query_task(self, *ids: str | Iterable[str]) -> Answers:
        """Which of these tasks a worker holds: id to ``["active" or "reserved", task]``."""
        several = [each for id in ids for each in ([id] if isinstance(id, str) else id)]
        return await self.ask("query_task", ids=several)

    async def memdump(self, samples: int = 10) -> Answers:
        """Not here: every worker answers with what to use instead."""
        return await self.ask("memdump", samples=samples)

    async def memsample(self) -> Answers:
        """Not here: every worker answers with what to use instead."""
        return await self.ask("memsample")

    async def objgraph(self, type: str = "Request", n: int = 200, max_depth: int = 10) -> Answers:
        """Not here: every worker answers with what to use instead."""
        return await self.ask("objgraph", type=type, num=n, max_depth=max_depth)
