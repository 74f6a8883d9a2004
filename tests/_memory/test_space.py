"""Spaces by name."""

from __future__ import annotations

import threading

import pytest

from asynq._memory import space
from asynq._memory.space import drop_space, open_space, server_of


def test_a_space_is_the_same_until_it_is_dropped(namespace):
    found = open_space("memory://", namespace)
    assert open_space("memory://", namespace) is found
    drop_space("memory://", namespace)
    assert open_space("memory://", namespace) is not found
    drop_space("memory://", namespace)
    drop_space("memory://", namespace)


def test_one_may_be_dropped_while_another_is_made(namespace, monkeypatch):
    """The garbage collector runs whenever it likes, and drops those of apps that are gone."""

    class Collected(space.Space):
        def __init__(self):
            drop_space("memory://gone", namespace)
            super().__init__()

    monkeypatch.setattr(space, "Space", Collected)
    opening = threading.Thread(target=open_space, args=("memory://new", namespace), daemon=True)
    opening.start()
    opening.join(5)
    assert not opening.is_alive()
    drop_space("memory://new", namespace)


@pytest.mark.parametrize("url", ["memory://a/b", "memory://a/b/", "MEMORY://a/b?x=1"])
def test_the_identity_of_a_url_has_no_ornaments(url):
    assert server_of(url) == "memory://a/b"
