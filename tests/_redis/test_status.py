"""What is told about an embedded server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from asynq._redis import embedded, process
from asynq._redis.status import status
from tests.servers import KINDS, version


def test_the_status_of_a_running_server(
    kind: str, directory: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ASYNQ_REDIS_SERVER", KINDS[kind])
    attachment = embedded.attach(directory)
    for name in ("a", "b"):
        process.ask(attachment.socket, "SET", name, "1", timeout=5.0)
    found = status(directory)
    attachment.release()
    assert found.server == f"{kind} {version(kind)}"
    assert (found.running, found.answering, found.kept) == (True, True, False)
    assert (found.users, found.keys, found.directory) == ((os.getpid(),), 2, directory)
    assert found.file_size > 0 < found.memory
    assert found.process_id not in (0, os.getpid())


def test_the_status_where_there_is_none(directory: Path):
    found = status(directory / "place")
    assert (found.running, found.answering, found.server, found.users) == (False, False, "", ())
    assert found.socket == f"{directory}/place/s.sock"
    assert not list(directory.iterdir())


def test_a_server_that_does_not_answer_is_running_all_the_same(
    directory: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(process, "is_up", lambda directory: True)
    found = status(directory)
    assert (found.running, found.answering, found.process_id) == (True, False, 0)
