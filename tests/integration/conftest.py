"""What integration tests share: workers in processes, and a producer of the same app here."""

import pytest

from asynq import Asynq
from tests.integration.workers import environment, workers

__all__ = ["environment", "producer", "workers"]


@pytest.fixture
async def producer(environment):
    """An app that sends to the workers' server by the tasks' names."""
    app = Asynq(environment["TEST_NAMESPACE"], broker=environment["ASYNQ_BROKER_URL"])
    async with app:
        yield app
