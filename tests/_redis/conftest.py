"""A place for an embedded server, and the programs to be one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from asynq._redis import embedded
from tests.servers import KINDS


@pytest.fixture
def place(directory: Path) -> Iterator[Path]:
    """The directory of an embedded server, which is gone at the test's end."""
    yield directory / "place"
    embedded.release_all()
    embedded.stop(directory / "place")


@pytest.fixture
def each_kind_of_program(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Embedded servers are of each kind found here, one after the other."""
    monkeypatch.setenv("ASYNQ_REDIS_SERVER", KINDS[kind])
