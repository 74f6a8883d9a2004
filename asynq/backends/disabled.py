"""`disabled://`: no results are kept. Sending and running go on as ever; asking is an error."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NoReturn

from asynq.brokers.base import Location, StoredRecord


class DisabledBackend:
    """A result backend that keeps nothing (see `asynq.backends.base.ResultBackend`)."""

    def __init__(
        self,
        url: str = "disabled://",
        *,
        namespace: str = "",
        timeout: float = 10.0,
        options: Mapping[str, Any] = {},
    ) -> None:
        self.location = Location(server="disabled://", namespace=namespace)

    def reply_address(self, *, waiting: bool) -> str | None:
        """None: nobody can wait."""
        return None

    async def store(self, records: Sequence[StoredRecord]) -> None:
        """Do nothing."""

    async def fetch(self, ids: Sequence[str]) -> Sequence[bytes | None]:
        """Raise `NotImplementedError`, as Celery does."""
        _refuse()

    async def wait(
        self, id: str, *, announced: bool = False, timeout: float | None = None
    ) -> bytes:
        """Raise `NotImplementedError`, as Celery does."""
        _refuse()

    def updates(self, id: str) -> AsyncIterator[bytes]:
        """Raise `NotImplementedError`, as Celery does."""
        _refuse()

    async def forget(self, ids: Sequence[str]) -> None:
        """Do nothing: it is forgotten."""

    async def aclose(self) -> None:
        """Do nothing."""


def _refuse() -> NoReturn:
    raise NotImplementedError(
        "No result backend is configured. Results are switched off by disabled://: set "
        "result_backend (backend=… of the app, or ASYNQ_RESULT_BACKEND) to a server, "
        "say redis://localhost:6379/0"
    )
