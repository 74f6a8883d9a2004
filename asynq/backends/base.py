"""What a result backend is: it keeps the last known state of each task, and wakes who waits.

A record is bytes to a backend; `asynq.wire.record` knows what is in it. The one thing a backend
must know is whether a record is final, because a final one is never replaced by one on the way.

Adapters are held to this by the suite in `asynq.testing.contracts.backends`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol, runtime_checkable

from asynq.brokers.base import Location, StoredRecord


class ResultBackend(Protocol):
    """One connection to a keeper of results, used from one event loop.

    Every method that talks to the server raises `OperationalError` when it can't be reached.
    Nothing connects before the first call.
    """

    location: Location

    def reply_address(self, *, waiting: bool) -> str | None:
        """Where to announce the results of what is sent now, for the message to carry.

        None as long as nobody waits here (`waiting` says that the caller is about to): a process
        that only sends costs nothing at completion. Waiting works without it, one round trip
        dearer.
        """

    async def store(self, records: Sequence[StoredRecord]) -> None:
        """Write the records and wake who waits for them."""

    async def fetch(self, ids: Sequence[str]) -> Sequence[bytes | None]:
        """The last record of each task, None where there is none."""

    async def wait(
        self, id: str, *, announced: bool = False, timeout: float | None = None
    ) -> bytes:
        """The task's final record, as soon as it is there.

        Pushed by the server, whoever sent the task, with a slow poll as the net; any number may
        wait for one task. To give up, cancel it. Goes on waiting while the server is away.

        Args:
            id: The task's.
            announced: The task was sent from here and carries our reply address, so its result
                comes by itself; saves a round trip. Where it is wrong, waiting is only slower.
            timeout: Seconds to wait at most; None: as long as it takes.

        Raises:
            TimeoutError: Python's own; the time is up.
        """

    def updates(self, id: str) -> AsyncIterator[bytes]:
        """Every record of the task from now on, beginning with the current one if there is one.

        Ends after the final one. Records that follow each other very fast may be skipped, the
        final one never.
        """

    async def forget(self, ids: Sequence[str]) -> None:
        """Delete the records."""

    async def aclose(self) -> None:
        """Close every connection; who still waits gets an `OperationalError`."""


@runtime_checkable
class Neighbour(Protocol):
    """A result backend that wants to know where the messages of the tasks are.

    Where they are on its own server, it can tell that a task was lost with the server's data, and
    ends the waiting for it with `ResultLost`.
    """

    def beside(self, broker: Location) -> None:
        """The messages are there."""
