"""What a worker is called."""

import os

import pytest

from asynq.worker import node
from asynq.worker.node import node_name, numbered


@pytest.fixture(autouse=True)
def host(monkeypatch):
    monkeypatch.setattr(node.socket, "gethostname", lambda: "web-3.example.org")


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        (None, "asynq@web-3.example.org"),
        ("w1", "w1@web-3.example.org"),
        ("w1@%n", "w1@web-3"),
        ("w1@x.%d", "w1@x.example.org"),
        ("%n@%h", "web-3@web-3.example.org"),
    ],
)
def test_the_parts_of_a_pattern_are_filled_in(pattern, name):
    assert node_name(pattern) == name


def test_the_process_is_a_part_too():
    assert node_name("w-%p@h") == f"w-{os.getpid()}@h"


def test_a_host_without_a_domain(monkeypatch):
    monkeypatch.setattr(node.socket, "gethostname", lambda: "web")
    assert node_name("%n.%d@%h") == "web.@web"


def test_several_workers_are_numbered_before_the_host():
    assert numbered("w@%h", 2) == ["w-1@%h", "w-2@%h"]
    assert numbered(None, 1) == ["asynq-1@%h"]
    assert numbered("w-%p", 1) == ["w-%p-1@%h"]
