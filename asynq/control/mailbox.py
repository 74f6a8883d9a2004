"""Asks workers something, and waits for their answers, no longer than it must.

Who lives is known to the server by the workers' heartbeats. So it is known whom to wait for: the
answers are complete when the last of those has answered, and who has not when the time is over is
told by name.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import warnings
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

import msgspec

from asynq._time import monotonic
from asynq.brokers.base import Broker, Sighting
from asynq.control.answers import Answers, DuplicateNodenameWarning
from asynq.control.orders import ANSWERS, CHANNEL, Answer, Order, closed, opened_answer
from asynq.exceptions import DecodeError
from asynq.wire.sealing import Seal

logger = logging.getLogger("asynq.control")

MATCHERS: Final = ("glob", "pcre")

Heard = Callable[[dict[str, Any]], object]
"""Called with each answer as it comes: ``{node: answer}``."""


class Mailbox:
    """Sends commands to workers.

    Args:
        broker: The broker's connection for the running event loop.
        seal: What closes commands and opens answers; None: they are not sealed.
    """

    def __init__(self, broker: Callable[[], Broker], seal: Callable[[], Seal | None]) -> None:
        self._broker = broker
        self._seal = seal
        self._channel = ANSWERS + secrets.token_hex(8)
        """All of ours wait on one, and know their own by the ticket."""

    async def tell(
        self,
        command: str,
        arguments: Mapping[str, Any],
        *,
        destination: Sequence[str] | None = None,
        pattern: str | None = None,
        matcher: str | None = None,
    ) -> None:
        """Say it, without waiting for an answer; see `ask`."""
        broker = self._broker()
        seen = await broker.sightings()  # which also tells the server's time
        chosen = _chosen(seen, destination, pattern, matcher)
        await self._say(broker, Order(**_body(command, arguments, chosen), at=broker.now()))

    async def ask(
        self,
        command: str,
        arguments: Mapping[str, Any],
        *,
        destination: Sequence[str] | None = None,
        pattern: str | None = None,
        matcher: str | None = None,
        timeout: float = 1.0,
        limit: int | None = None,
        callback: Heard | None = None,
    ) -> Answers:
        """Ask, and wait until all have answered that live, or the time is over.

        Args:
            command: Its name.
            arguments: What it takes, by name.
            destination: The nodes to ask; None: all.
            pattern: Ask those whose name matches it.
            matcher: How: ``"glob"`` (default) or ``"pcre"``, a regular expression.
            timeout: Seconds to wait.
            limit: So many answers are enough.
            callback: Called with each answer as it comes, ``{node: answer}``.

        Raises:
            ValueError: `pattern`, `matcher` or `timeout` make no sense.
            EncodeError, TypeError: an argument can't be written.
            OperationalError: the broker can't be reached.
        """
        if timeout <= 0:
            raise ValueError(f"timeout: expected seconds above 0, got {timeout!r}")
        broker = self._broker()
        began = monotonic()
        seen = await broker.sightings()
        chosen = _chosen(seen, destination, pattern, matcher)
        meant = list(seen) if chosen is None else chosen
        expected = {name for name in meant if name in seen and seen[name].alive}
        order = Order(**_body(command, arguments, chosen), at=broker.now(), reply_to=self._channel)
        collected = _Collected(expected, limit, callback)
        if expected:
            async with broker.fanout().subscribe(self._channel) as said:
                await self._say(broker, order)
                try:
                    async with asyncio.timeout(timeout):
                        await self._collect(said, order.ticket, collected)
                except TimeoutError:
                    pass
        else:  # a worker that comes back may still do it
            await self._say(broker, order)
        waited = monotonic() - began
        left = () if collected.is_full else expected - collected.answers.keys()
        return Answers(
            collected.answers,
            silent={name: seen[name].age + waited for name in sorted(left)},
            down={
                name: seen[name].age + waited if name in seen else None
                for name in sorted(meant)
                if name not in expected and name not in collected.answers
            },
        )

    async def _say(self, broker: Broker, order: Order) -> None:
        await broker.fanout().publish(CHANNEL, closed(order, CHANNEL, self._seal()))

    async def _collect(
        self, said: AsyncIterator[bytes | None], ticket: str, collected: _Collected
    ) -> None:
        async for body in said:
            if body is None:  # answers may have been missed: whose they were will be seen
                continue
            try:
                answer = opened_answer(body, self._channel, self._seal())
            except (DecodeError, msgspec.DecodeError) as error:
                logger.warning("An answer that can't be read, or trusted: %s", error)
                continue
            if answer.ticket == ticket and collected.add(answer):
                return


class _Collected:
    """The answers so far.

    Args:
        expected: Who shall answer.
        limit: So many are enough.
        callback: Called with each.
    """

    def __init__(self, expected: set[str], limit: int | None, callback: Heard | None) -> None:
        self.answers: dict[str, Any] = {}
        self.is_full = False
        self._expected = expected
        self._limit = limit
        self._callback = callback
        self._pids: dict[str, int] = {}

    def add(self, answer: Answer) -> bool:
        """Take one in; is it enough now?"""
        node = answer.hostname
        if self._pids.setdefault(node, answer.pid) != answer.pid:
            warnings.warn(
                f"several workers are called {node}: start each with a name of its own, -n NAME",
                DuplicateNodenameWarning,
                stacklevel=2,
            )
            return False
        self.answers[node] = answer.answer
        if self._callback is not None:
            self._callback({node: answer.answer})
        self.is_full = self._limit is not None and len(self.answers) >= self._limit
        return self.is_full or self._expected <= self.answers.keys()


def _body(
    command: str, arguments: Mapping[str, Any], chosen: Sequence[str] | None
) -> dict[str, Any]:
    return {
        "command": command,
        "arguments": dict(arguments),
        "destination": None if chosen is None else tuple(chosen),
        "ticket": secrets.token_hex(8),
    }


def _chosen(
    seen: Mapping[str, Sighting],
    destination: Sequence[str] | None,
    pattern: str | None,
    matcher: str | None,
) -> Sequence[str] | None:
    """The nodes that are meant; None: all, also those of which nothing is known yet."""
    nodes = None if destination is None else list(dict.fromkeys(_names(destination)))
    if pattern is None:
        return nodes
    if matcher not in (None, *MATCHERS):
        raise ValueError(f"matcher: expected 'glob' or 'pcre', got {matcher!r}")
    among = seen if nodes is None else nodes
    if matcher != "pcre":
        return [name for name in among if fnmatchcase(name, pattern)]
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"pattern {pattern!r} is no regular expression: {error}") from None
    return [name for name in among if expression.match(name)]


def _names(destination: Sequence[str]) -> Sequence[str]:
    if isinstance(destination, str):
        return [name for name in map(str.strip, destination.split(",")) if name]
    return list(destination)
