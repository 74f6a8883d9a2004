"""`app.dead`: what was put aside, to be looked at and sent again.

A message becomes a dead letter when it can't be run (nobody knows its task, its bytes make no
sense, its workers died of it) or when it must not just end (`Reject`, a failure with
`acks_on_failure_or_timeout=False`). It stays until a person, or a program, has decided::

    async for letter in app.dead.letters():
        print(letter.task, letter.reason)
    await app.dead.retry(letter)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from asynq._time import from_timestamp
from asynq.backends.base import ResultBackend
from asynq.brokers.base import Broker, Buried
from asynq.exceptions import AsynqError
from asynq.wire.arguments import decode_call
from asynq.wire.attempts import Attempt
from asynq.wire.envelope import format_of
from asynq.wire.flow import split_input, with_input
from asynq.wire.message import Message, decode, encode
from asynq.wire.sealing import Seal

PAGE: Final = 100
"""How many letters are fetched, sent back or thrown away at once."""

CLOCK_DOUBT: Final = 5.0
"""Seconds that the server's clock may be ahead of what is known of it here."""


class DeadLetter(Struct, frozen=True, kw_only=True):
    """One message that was put aside."""

    id: str
    """The task's id."""
    queue: str
    """Where it came from, and goes back to."""
    task: str | None
    """The task's name; None: the message can't be read."""
    reason: str
    at: datetime
    """When it was put aside, in UTC."""
    redeliveries: int = 0
    """How often a worker vanished while it ran this call."""
    retries: int = 0
    """How often the task had been retried."""
    attempts: tuple[Attempt, ...] = ()
    """Its runs: those that were retried, and the one that put it aside."""
    priority: int = 0
    receipt: str
    """What tells it from others of the same id; sorts by age within a queue."""
    body: bytes
    """The message as it is; a sealed one opened, where that is possible here."""
    message: Message | None
    """The same, read; None: it can't be."""
    input: bytes = b""
    """What a workflow had appended to it, as it travels."""

    def arguments(self) -> tuple[Sequence[Any], dict[str, Any]]:
        """What the task was called with: positional, and by name. Of a step of a workflow, without
        what the step before it has brought.

        Raises:
            DecodeError: it can't be read.
        """
        return decode_call(decode(self.body) if self.message is None else self.message)

    def __repr__(self) -> str:
        return f"<DeadLetter: {self.task or '(unreadable)'}[{self.id}]: {self.reason}>"


class DeadLetters:
    """The dead letters of an app. Found at `app.dead`.

    Args:
        broker: The broker's connection for the running event loop.
        backend: The result backend's.
        queues: The declared queues.
        seal: What opens messages, and seals those that go back; None: they are not sealed.
    """

    def __init__(
        self,
        broker: Callable[[], Broker],
        backend: Callable[[], ResultBackend],
        queues: Callable[[], Sequence[str]],
        seal: Callable[[], Seal | None] = lambda: None,
    ) -> None:
        self._broker = broker
        self._backend = backend
        self._queues = queues
        self._seal = seal

    async def letters(self, queue: str | None = None) -> AsyncIterator[DeadLetter]:
        """The letters of a queue, or of all, the oldest first; those that come meanwhile too."""
        seal = self._seal()
        for name in await self._names(queue):
            async for page in self._pages(name):
                for each in page:
                    yield _read(each, seal)

    async def find(self, *ids: str, queue: str | None = None) -> list[DeadLetter]:
        """The letters of these ids; one id may have several."""
        wanted, seal = frozenset(ids), self._seal()
        return [
            _read(each, seal)  # the others stay closed
            for name in await self._names(queue)
            async for page in self._pages(name)
            for each in page
            if each.id in wanted
        ]

    async def count(self, queue: str | None = None) -> int:
        """How many letters there are."""
        return sum([await self._broker().buried_count(name) for name in await self._names(queue)])

    async def retry(self, *letters: DeadLetter | str, queue: str | None = None) -> int:
        """Put letters back in their queues, to be run as if they were new.

        Their retries and redeliveries are counted from zero again, what is known of earlier
        attempts stays; an `expires` that has passed no longer counts. What is stored of the task's
        end is forgotten, so that waiting for its result waits for the new one.

        Args:
            *letters: The letters, or the ids of their tasks.
            queue: Where to look for those ids; None: everywhere.

        Returns:
            How many went back. What somebody else was quicker with does not count.
        """
        back = 0
        # What is stored of a task whose letter is gone may be the end of a later run.
        for name, chosen in _by_queue(await self._still_there(letters, queue)):
            back += await self._exhume(name, chosen)
        return back

    async def retry_all(self, queue: str | None = None) -> int:
        """`retry` for all the letters there are now, of a queue or of all."""
        now, seal = self._broker().now(), self._seal()
        back, sent = 0, set[str]()
        for name in await self._names(queue):
            async for page in self._pages(name):
                # What has failed again meanwhile would go round for ever; and the server's clock
                # is not known here so well that the last moment before could be told from it.
                chosen = [
                    each
                    for each in page
                    if each.at <= now or (each.at <= now + CLOCK_DOUBT and each.id not in sent)
                ]
                sent.update(each.id for each in chosen)
                back += await self._exhume(name, [_read(each, seal) for each in chosen])
        return back

    async def discard(self, *letters: DeadLetter | str, queue: str | None = None) -> int:
        """Throw letters away. There is no way back.

        Args:
            *letters: The letters, or the ids of their tasks.
            queue: Where to look for those ids; None: everywhere.

        Returns:
            How many those were.
        """
        gone = 0
        for name, chosen in _by_queue(await self._chosen(letters, queue)):
            gone += await self._broker().discard(name, [letter.receipt for letter in chosen])
        return gone

    async def purge(self, queue: str | None = None) -> int:
        """Throw all letters of a queue, or of all, away; return how many those were."""
        return sum([await self._broker().discard(name) for name in await self._names(queue)])

    async def _names(self, queue: str | None) -> Sequence[str]:
        if queue is not None:
            return [queue]
        return sorted({*await self._broker().queues(), *self._queues()})

    async def _pages(self, queue: str) -> AsyncIterator[Sequence[Buried]]:
        after = None
        while page := await self._broker().buried(queue, limit=PAGE, after=after):
            after = page[-1].receipt
            yield page

    async def _chosen(
        self, letters: Iterable[DeadLetter | str], queue: str | None
    ) -> list[DeadLetter]:
        chosen = [letter for letter in letters if isinstance(letter, DeadLetter)]
        ids = [letter for letter in letters if isinstance(letter, str)]
        return chosen + (await self.find(*ids, queue=queue) if ids else [])

    async def _still_there(
        self, letters: Iterable[DeadLetter | str], queue: str | None
    ) -> list[DeadLetter]:
        """As `_chosen`, without those letters that somebody has sent back or thrown away."""
        given = [letter for letter in letters if isinstance(letter, DeadLetter)]
        there = await self._chosen([each for each in letters if isinstance(each, str)], queue)
        for name in dict.fromkeys(letter.queue for letter in given):
            chosen = {letter.receipt: letter for letter in given if letter.queue == name}
            ids = {letter.id for letter in chosen.values()}
            found = await self.find(*ids, queue=name)
            there += [chosen[each.receipt] for each in found if each.receipt in chosen]
        return there

    async def _exhume(self, queue: str, letters: Sequence[DeadLetter]) -> int:
        if not letters:
            return 0
        # First: who waits for the new result must not be given the old one.
        await self._backend().forget([letter.id for letter in letters])
        now, seal = self._broker().now(), self._seal()
        bodies = {letter.receipt: _as_new(letter, now, seal) for letter in letters}
        return await self._broker().exhume(queue, bodies)


def _read(buried: Buried, seal: Seal | None) -> DeadLetter:
    message, body, input = None, buried.body, b""
    with suppress(AsynqError):  # that is why it is here
        body, input = split_input(buried.body)
        if seal is not None:
            body = seal.open(body, queue=buried.queue, id=buried.id, any_age=True)
        message = decode(body)
    return DeadLetter(
        id=buried.id,
        queue=buried.queue,
        task=None if message is None else message.task,
        reason=buried.reason,
        at=from_timestamp(buried.at),
        redeliveries=buried.redeliveries,
        retries=0 if message is None else message.retries,
        attempts=() if message is None else message.attempts,
        priority=buried.priority,
        receipt=buried.receipt,
        body=body,
        message=message,
        input=input,
    )


def _as_new(letter: DeadLetter, now: float, seal: Seal | None) -> bytes | None:
    """The body that goes back; None: as it is.

    One that could be opened is sealed anew, by the key of today. One that could not be stays what
    it is: sending it again must not make it trusted.
    """
    message = letter.message
    if message is None:
        return None
    late = message.expires is not None and message.expires <= now
    if seal is None and not (message.retries or message.unknown_since or late):
        return None
    expires = None if late else message.expires
    fresh = replace(message, retries=0, unknown_since=None, expires=expires)
    body = encode(fresh, format_of(letter.body))
    if seal is not None:
        body = seal.seal(body, queue=letter.queue, id=letter.id)
    return with_input(body, letter.input)


def _by_queue(letters: Iterable[DeadLetter]) -> list[tuple[str, list[DeadLetter]]]:
    """The letters, in packets of one queue that are not too large."""
    queues: dict[str, dict[str, DeadLetter]] = {}
    for letter in letters:
        queues.setdefault(letter.queue, {})[letter.receipt] = letter
    return [
        (queue, chosen[begin : begin + PAGE])
        for queue, chosen in ((name, [*found.values()]) for name, found in queues.items())
        for begin in range(0, len(chosen), PAGE)
    ]
