"""What a worker is called."""

import os

import pytest

from asynq.worker import node
from asynq.worker.node import file_name, node_name, numbered


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


# Files


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("%n.pid", "w1.pid"),
        ("/log/%n%I.log", "/log/w1.log"),
        ("%N-%i", "w1-0"),
        ("%h/%d", "web-3.example.org/example.org"),
        ("%p", "w1@web-3.example.org"),
        ("100%%n", "100%n"),
    ],
)
def test_a_file_is_called_after_the_worker(pattern, path):
    assert file_name(pattern, "w1@web-3.example.org") == path


def test_one_of_several_processes_has_the_name_of_all_and_a_number():
    assert file_name("%n%I.log", "w1-2@h", index=2) == "w1-2.log"
    assert file_name("%n.%i", "w1-2@h", index=2) == "w1.2"
    assert file_name("%p", "w1-2@h", index=2) == "w1@h"


@pytest.mark.parametrize("pattern", ["%x.log", "%(name)s", "half%"])
def test_a_mark_that_there_is_not_is_refused(pattern):
    with pytest.raises(ValueError, match="is none of %n, %h, %d, %p, %i and %I"):
        file_name(pattern, "w1@h")
