"""`memory://[name]`: results inside this process, beside the memory broker of the same name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from asynq._memory.bell import Mailbox
from asynq._memory.records import Entry
from asynq._memory.space import open_space, server_of
from asynq.brokers.base import Location, StoredRecord
from asynq.exceptions import ImproperlyConfigured, OperationalError

Box = Mailbox[Entry | None]
"""Where one waiter's entries arrive; None says that the backend was closed."""


class MemoryBackend:
    """A result backend in memory (see `asynq.backends.base.ResultBackend`)."""

    def __init__(
        self,
        url: str,
        *,
        namespace: str,
        timeout: float = 10.0,
        options: Mapping[str, Any] = {},
    ) -> None:
        if options:
            raise ImproperlyConfigured(f"memory:// has no options, got {', '.join(options)}")
        self.location = Location(server=server_of(url), namespace=namespace)
        self._records = open_space(self.location.server, namespace).records
        self._boxes: set[Box] = set()
        self._closed = False

    def reply_address(self, *, waiting: bool) -> str | None:
        """None: whoever waits is found without one."""
        return None

    async def store(self, records: Sequence[StoredRecord]) -> None:
        """Write the records and wake who waits for them."""
        for record in records:
            self._records.write(record.id, Entry(record.body, record.final), ttl=record.ttl)

    async def fetch(self, ids: Sequence[str]) -> Sequence[bytes | None]:
        """The last record of each task, None where there is none."""
        entries = map(self._records.read, ids)
        return [None if entry is None else entry.body for entry in entries]

    async def wait(
        self, id: str, *, announced: bool = False, timeout: float | None = None
    ) -> bytes:
        """The task's final record, as soon as it is there."""
        async with asyncio.timeout(timeout):
            with self._listening(id) as box:
                while True:
                    entry = await self._next(box)
                    if entry.final:
                        return entry.body

    async def updates(self, id: str) -> AsyncIterator[bytes]:
        """Every record from now on, beginning with the current one; ends after the final one."""
        with self._listening(id) as box:
            while True:
                entry = await self._next(box)
                yield entry.body
                if entry.final:
                    return

    async def forget(self, ids: Sequence[str]) -> None:
        """Delete the records."""
        for id in ids:
            self._records.forget(id)

    async def aclose(self) -> None:
        """Close; who still waits gets an `OperationalError`."""
        self._closed = True
        for box in self._boxes:
            box.post(None)

    @contextmanager
    def _listening(self, id: str) -> Iterator[Box]:
        box: Box = Mailbox()
        if self._closed:
            box.post(None)
        self._boxes.add(box)
        self._records.listen(id, box.post)
        try:
            yield box
        finally:
            self._boxes.discard(box)
            self._records.unlisten(id, box.post)

    async def _next(self, box: Box) -> Entry:
        entry = await box.take()
        if entry is None:
            raise OperationalError(f"this connection to {self.location.server} was closed")
        return entry
