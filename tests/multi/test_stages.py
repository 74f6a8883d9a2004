"""What a worker tells whoever started it."""

import os
import socket

import pytest

from asynq.multi.stages import NOTIFY_SOCKET, STAGES_PIPE, Stages


@pytest.fixture
def reader(monkeypatch):
    reader, writer = os.pipe()
    monkeypatch.setenv(STAGES_PIPE, str(writer))
    monkeypatch.delenv(NOTIFY_SOCKET, raising=False)
    yield reader
    os.close(reader)


def test_who_holds_the_pipes_other_end_hears_each_stage_and_then_its_end(reader):
    stages = Stages()
    stages.loaded()
    assert os.read(reader, 100) == b"loaded\n"
    stages.ready()
    assert os.read(reader, 100) == b"ready\n"
    assert os.read(reader, 100) == b""


def test_no_program_that_a_task_starts_can_speak_for_the_worker(reader):
    stages = Stages()
    assert STAGES_PIPE not in os.environ
    assert not os.get_inheritable(*stages.descriptors)
    stages.ready()


def test_a_parent_of_workers_leaves_it_to_them(reader):
    stages = Stages(keep=True)
    assert os.environ[STAGES_PIPE] == str(*stages.descriptors)
    stages.ready()
    assert stages.descriptors == ()


def test_nobody_who_listens_is_no_trouble(monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    monkeypatch.setenv(STAGES_PIPE, str(writer))
    stages = Stages()
    stages.loaded()
    stages.ready()


def test_a_descriptor_that_is_something_else_by_now_is_left_alone(monkeypatch, tmp_path):
    with (tmp_path / "data").open("wb") as file:
        monkeypatch.setenv(STAGES_PIPE, str(file.fileno()))
        stages = Stages()
        stages.loaded()
        stages.ready()
        file.write(b"mine")
    assert (tmp_path / "data").read_bytes() == b"mine"


@pytest.mark.parametrize("value", ["", "x", "987654"])
def test_a_variable_without_its_pipe_is_no_trouble(monkeypatch, value):
    monkeypatch.setenv(STAGES_PIPE, value)
    stages = Stages()
    assert stages.descriptors == ()
    stages.ready()


def test_systemd_is_told_when_it_is_ready(monkeypatch, directory):
    monkeypatch.delenv(STAGES_PIPE, raising=False)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(directory / "notify"))
        monkeypatch.setenv(NOTIFY_SOCKET, str(directory / "notify"))
        stages = Stages()
        assert NOTIFY_SOCKET not in os.environ
        stages.loaded()
        stages.ready()
        assert systemd.recv(100) == b"READY=1"


def test_an_abstract_socket_of_systemd_works_too(monkeypatch):
    monkeypatch.delenv(STAGES_PIPE, raising=False)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        name = f"asynq-test-{os.getpid()}"
        systemd.bind(f"\0{name}")
        monkeypatch.setenv(NOTIFY_SOCKET, f"@{name}")
        Stages().ready()
        assert systemd.recv(100) == b"READY=1"


def test_a_systemd_that_is_gone_is_no_trouble(monkeypatch, directory):
    monkeypatch.delenv(STAGES_PIPE, raising=False)
    monkeypatch.setenv(NOTIFY_SOCKET, str(directory / "nobody"))
    Stages().ready()
