"""What shall not run, in memory: ids, each remembered for its time."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from itertools import islice

from asynq import _time


class Revocations:
    """The revoked ids of one space; every method may be called from any thread."""

    def __init__(self, lock: AbstractContextManager[object]) -> None:
        self._lock = lock
        self._until: dict[str, float] = {}
        self._until_terminated: dict[str, float] = {}

    def add(self, ids: Iterable[str], *, terminate: bool, ttl: float) -> None:
        """Remember them for `ttl` seconds; what was remembered for longer stays so."""
        until = _time.monotonic() + ttl
        with self._lock:
            self._forget_expired()
            for id in ids:
                self._until[id] = max(until, self._until.get(id, until))
                if terminate:
                    known = self._until_terminated.get(id, until)
                    self._until_terminated[id] = max(until, known)

    def among(self, ids: Iterable[str]) -> dict[str, bool]:
        """Those of the ids that are revoked, and whether they are to be ended where they run."""
        if not self._until:
            return {}
        now = _time.monotonic()
        with self._lock:
            return {
                id: self._until_terminated.get(id, now) > now
                for id in ids
                if self._until.get(id, now) > now
            }

    def all(self, limit: int) -> dict[str, bool]:
        """What is revoked, as `among` tells it, those that are remembered longest first."""
        with self._lock:
            ids = sorted(self._until, key=self._until.__getitem__, reverse=True)
            return dict(islice(self.among(ids).items(), limit))

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._until.clear()
            self._until_terminated.clear()

    def _forget_expired(self) -> None:
        now = _time.monotonic()
        for known in (self._until, self._until_terminated):
            for id in [id for id, until in known.items() if until <= now]:
                del known[id]
