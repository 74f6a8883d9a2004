"""`redis://…`, `embedded://`: results in Redis or Valkey."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

from asynq._redis.client import Server
from asynq._redis.errors import Refused, explain
from asynq._redis.keys import PROVISIONAL, Keys, ttl_word
from asynq._redis.pipeline import Pipeline, Word, shared
from asynq._redis.scripts import RECORD, Script
from asynq._time import monotonic
from asynq.backends.redis.asking import Asker
from asynq.backends.redis.listening import Listener
from asynq.backends.redis.losing import Losses
from asynq.backends.redis.waiters import Ending, Progress, Waiters
from asynq.brokers.base import Location, StoredRecord
from asynq.exceptions import ImproperlyConfigured, OperationalError

T = TypeVar("T")

STORE: Final = Script(RECORD, Path(__file__).with_name("store.lua"))
BATCH: Final = 100
POLL_INTERVAL: Final = 15.0
INTEREST: Final = 60.0
"""Seconds that somebody's having waited here makes it likely that somebody will again."""


class RedisBackend:
    """A result backend on Redis Streams (see `asynq.backends.base.ResultBackend`).

    Waiting takes one connection an event loop, everything else the loop's shared one.

    Args:
        url: ``redis://``, ``rediss://``, ``unix://`` or ``embedded://``.
        namespace: Part of every key.
        timeout: Seconds to go on trying while the server can't be reached.
        options: Those of `asynq._redis.client.Server`; and ``poll_interval``, about how many
            seconds between two looks at what should have been pushed (15).
    """

    def __init__(
        self,
        url: str,
        *,
        namespace: str,
        timeout: float = 10.0,
        options: Mapping[str, Any] = {},
    ) -> None:
        rest = dict(options)
        interval = _interval(rest.pop("poll_interval", POLL_INTERVAL))
        self._server = Server(url, name=namespace, options=rest)
        self.location = Location(
            server=self._server.identity, database=self._server.database, namespace=namespace
        )
        self._timeout = timeout
        self._keys = keys = Keys(namespace)
        self._client = secrets.token_urlsafe(6)
        self._wanted_until = 0.0
        self._closed = False
        self._pipe: Pipeline | None = None
        self._waiters = waiters = Waiters()
        ready = asyncio.Event()
        self._losses = losses = Losses(keys, waiters, self._server.url)
        self._listener = Listener(self._server, keys, self._client, waiters, ready, losses)
        self._asker = Asker(self._pipeline, keys, waiters, ready, losses, interval=interval)

    def beside(self, broker: Location) -> None:
        """See `asynq.backends.base.Neighbour`."""
        self._losses.beside_broker = broker.server == self.location.server

    def reply_address(self, *, waiting: bool) -> str | None:
        """Our stream's name while somebody waits here, or did within the last minute."""
        now = monotonic()
        if waiting:
            self._wanted_until = now + INTEREST
        return self._client if now < self._wanted_until else None

    async def store(self, records: Sequence[StoredRecord]) -> None:
        """Write the records and wake who waits for them."""
        pipeline = self._pipeline()
        calls = [
            pipeline.call(STORE, *_words_to_store(self._keys, batch), timeout=self._timeout)
            for batch in _batches(records)
        ]
        await self._gather(calls, "store results")

    async def fetch(self, ids: Sequence[str]) -> Sequence[bytes | None]:
        """The last record of each task, None where there is none."""
        pipeline = self._pipeline()
        calls = [
            pipeline.send((b"MGET", *map(self._keys.result, batch)), timeout=self._timeout)
            for batch in _batches(ids)
        ]
        replies = await self._gather(calls, "fetch results")
        return [
            stored[1:] if stored is not None and stored.startswith(PROVISIONAL) else stored
            for reply in replies
            for stored in reply
        ]

    async def wait(
        self, id: str, *, announced: bool = False, timeout: float | None = None
    ) -> bytes:
        """The task's final record, as soon as it is there."""
        self._wanted_until = monotonic() + INTEREST
        known = False
        if announced:
            known, stored = self._waiters.claim(id)
            if stored is not None:
                return stored
        ending = Ending(timeout)
        try:
            with self._waiters.watching(id, ending):
                self._begin(id, ask=known or not announced)
                return await ending.future
        finally:
            ending.close()

    async def updates(self, id: str) -> AsyncIterator[bytes]:
        """Every record from now on, beginning with the current one; ends after the final one."""
        progress = Progress()
        with self._waiters.watching(id, progress):
            self._begin(id, ask=True)
            final = False
            while not final:
                body, final = await progress.next()
                yield body

    async def forget(self, ids: Sequence[str]) -> None:
        """Delete the records."""
        pipeline = self._pipeline()
        calls = [
            pipeline.send((b"UNLINK", *map(self._keys.result, batch)), timeout=self._timeout)
            for batch in _batches(ids)
        ]
        await self._gather(calls, "forget results")

    async def aclose(self) -> None:
        """Close; who still waits gets an `OperationalError`."""
        if self._closed:
            return
        self._closed = True
        self._waiters.fail(self._closed_error())
        await self._asker.aclose()
        await self._listener.aclose()
        if self._pipe is not None:
            await self._pipe.aclose()
        await self._server.aclose()

    def _begin(self, id: str, *, ask: bool) -> None:
        if self._closed:
            raise self._closed_error()
        self._listener.start(self._asker)
        self._asker.look_after()
        if ask:
            self._asker.ask(id)

    def _pipeline(self) -> Pipeline:
        if self._closed:
            raise self._closed_error()
        if self._pipe is None:
            self._pipe = shared(self._server, timeout=self._timeout)
        return self._pipe

    async def _gather(self, calls: Sequence[asyncio.Future[Any]], doing: str) -> list[Any]:
        try:
            return await asyncio.gather(*calls)
        except Refused as error:
            raise explain(error, self._server.url, doing=doing) from error

    def _closed_error(self) -> OperationalError:
        return OperationalError(f"the result backend at {self._server.url} was closed")


def _words_to_store(keys: Keys, records: Sequence[StoredRecord]) -> tuple[list[Word], list[Word]]:
    """KEYS and ARGV of store.lua."""
    names: list[Word] = [keys.waiting, keys.late, *(keys.result(one.id) for one in records)]
    clients: dict[str, int] = {}
    words: list[Word] = [len(records)]
    for record in records:
        reply = 0
        if record.reply_to is not None and record.final:
            reply = clients.setdefault(record.reply_to, len(names) + len(clients) + 1)
        value = record.body if record.final else PROVISIONAL + record.body
        words += (record.id, value, ttl_word(record.ttl), reply)
    names += map(keys.reply, clients)
    return names, words


def _batches(items: Sequence[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _interval(value: object) -> float:
    if isinstance(value, int | float) and value > 0:
        return float(value)
    raise ImproperlyConfigured(f"poll_interval: expected seconds over 0, got {value!r}")
