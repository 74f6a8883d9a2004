"""The embedded server as a process."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from asynq._redis import embedded, process
from asynq.exceptions import OperationalError
from tests._redis.embedding import ask
from tests.servers import KINDS, version

pytestmark = pytest.mark.usefixtures("each_kind_of_program")


@pytest.mark.skipif(len(KINDS) < 2, reason="needs two kinds of server")
def test_another_kind_of_server_finds_the_same_data(
    place: Path, kind: str, monkeypatch: pytest.MonkeyPatch
):
    for number, name in enumerate([kind, *(other for other in KINDS if other != kind), kind]):
        monkeypatch.setenv("ASYNQ_REDIS_SERVER", KINDS[name])
        attachment = embedded.attach(place)
        assert embedded.status(place).server == f"{name} {version(name)}"
        assert ask(place, "LLEN", "rounds") == b":%d" % number
        ask(place, "RPUSH", "rounds", name)
        attachment.release()


def test_ctrl_c_in_the_terminal_does_not_reach_it(place: Path):
    attachment = embedded.attach(place)
    assert os.getsid(embedded.status(place).process_id) != os.getsid(0)
    attachment.release()


def test_a_socket_left_by_a_killed_server_is_in_nobodys_way(place: Path):
    place.mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(embedded.socket_path(place))
    attachment = embedded.attach(place)
    assert ask(place, "PING") == b"+PONG"
    attachment.release()


def test_a_server_that_hangs_is_told_from_one_that_is_gone(place: Path):
    attachment = embedded.attach(place)
    server = embedded.status(place).process_id
    os.kill(server, signal.SIGSTOP)
    with pytest.raises(OperationalError, match="is there, and answers nothing so far"):
        embedded.attach(place, timeout=0.2)
    os.kill(server, signal.SIGCONT)
    assert embedded.status(place).process_id == server
    assert embedded.status(place).users == (os.getpid(),)
    attachment.release()


def test_a_server_that_can_not_start_is_quoted(place: Path, monkeypatch: pytest.MonkeyPatch):
    program = place.parent / "broken-server"
    program.write_text('#!/bin/sh\n[ "$1" = --version ] && echo v=7.0.0 || echo "No memory!"\n')
    program.chmod(0o755)
    monkeypatch.setenv("ASYNQ_REDIS_SERVER", str(program))
    with pytest.raises(OperationalError, match=r"(?s)ended at once.*No memory!"):
        embedded.attach(place)
    assert embedded.status(place).users == ()


def test_an_unknown_locale_does_not_matter(place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LC_ALL", "xx_YY.no-such")
    attachment = embedded.attach(place)
    assert ask(place, "PING") == b"+PONG"
    attachment.release()


def test_its_files_are_its_users_alone(place: Path):
    attachment = embedded.attach(place)
    ask(place, "SET", "color", "blue")
    modes = {path.stat().st_mode & 0o077 for path in place.rglob("*") if path.is_file()}
    assert place.stat().st_mode & 0o077 == 0
    assert modes <= {0o0, 0o044}, "not to be written by others, and out of their reach"
    attachment.release()


def test_a_log_that_has_grown_is_begun_anew(place: Path, monkeypatch: pytest.MonkeyPatch):
    embedded.attach(place).release()
    monkeypatch.setattr(process, "LONGEST_LOG", 1)
    embedded.attach(place).release()
    assert (place / "server.log").read_text().lower().count("ready to accept") == 1
