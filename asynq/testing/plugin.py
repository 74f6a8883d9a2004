"""The pytest plugin: fixtures for tests of applications that use asynq. Loaded by itself."""

from __future__ import annotations

import secrets

import pytest

pytest.register_assert_rewrite("asynq.testing.contracts")


@pytest.fixture
def asynq_memory_url() -> str:
    """A ``memory://`` URL that no other test uses: give it to an app as broker and backend."""
    return f"memory://{secrets.token_hex(8)}"
