"""Spaces by name."""

from __future__ import annotations

import pytest

from asynq._memory.space import drop_space, open_space, server_of


def test_a_space_is_the_same_until_it_is_dropped(namespace):
    space = open_space("memory://", namespace)
    assert open_space("memory://", namespace) is space
    drop_space("memory://", namespace)
    assert open_space("memory://", namespace) is not space
    drop_space("memory://", namespace)
    drop_space("memory://", namespace)


@pytest.mark.parametrize("url", ["memory://a/b", "memory://a/b/", "MEMORY://a/b?x=1"])
def test_the_identity_of_a_url_has_no_ornaments(url):
    assert server_of(url) == "memory://a/b"
