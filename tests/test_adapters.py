"""From a URL to an adapter."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from asynq import backends, brokers
from asynq.backends.memory import MemoryBackend
from asynq.brokers.memory import MemoryBroker
from asynq.exceptions import ImproperlyConfigured


def test_the_scheme_chooses_the_adapter():
    assert isinstance(brokers.connect("memory://", namespace="n"), MemoryBroker)
    assert isinstance(backends.connect("MEMORY://", namespace="n"), MemoryBackend)


@pytest.mark.parametrize("url", ["mysql://user:hunter2@host/db", "localhost:6379", ""])
def test_an_unknown_scheme_names_those_there_are(url):
    with pytest.raises(ImproperlyConfigured, match=r"embedded://, memory://, redis://") as caught:
        brokers.connect(url, namespace="n")
    assert "hunter2" not in str(caught.value)


def test_a_backend_can_be_disabled_and_a_broker_can_not():
    backends.connect("disabled://", namespace="n")
    with pytest.raises(ImproperlyConfigured, match="names no broker"):
        brokers.connect("disabled://", namespace="n")


def entry_points_of(*points: EntryPoint) -> Any:
    return lambda group: [point for point in points if point.group == group]


def test_an_entry_point_adds_a_scheme(monkeypatch):
    point = EntryPoint("mine", "asynq.brokers.memory:MemoryBroker", "asynq.brokers")
    monkeypatch.setattr("importlib.metadata.entry_points", entry_points_of(point))
    assert isinstance(brokers.connect("mine://", namespace="n"), MemoryBroker)
    with pytest.raises(ImproperlyConfigured):
        backends.connect("mine://", namespace="n")


def test_an_entry_point_that_can_not_be_imported_is_named(monkeypatch):
    point = EntryPoint("mine", "no_such_module:Broker", "asynq.brokers")
    monkeypatch.setattr("importlib.metadata.entry_points", entry_points_of(point))
    with pytest.raises(ImproperlyConfigured, match=r"mine:// \(no_such_module:Broker\)"):
        brokers.connect("mine://", namespace="n")
