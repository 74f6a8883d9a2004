"""Results switched off."""

from __future__ import annotations

import pytest

from asynq.backends import connect
from asynq.brokers.base import StoredRecord


async def test_asking_says_what_to_set():
    backend = connect("disabled://", namespace="n")
    with pytest.raises(NotImplementedError, match=r"No result backend is configured.*set"):
        await backend.wait("a")
    with pytest.raises(NotImplementedError, match="ASYNQ_RESULT_BACKEND"):
        await backend.fetch(["a"])
    with pytest.raises(NotImplementedError):
        backend.updates("a")


async def test_storing_and_forgetting_do_nothing():
    backend = connect("disabled://", namespace="n")
    await backend.store([StoredRecord(id="a", body=b"8")])
    await backend.forget(["a"])
    assert backend.reply_address(waiting=True) is None
    await backend.aclose()
