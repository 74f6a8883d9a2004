"""The suite every broker must pass.

Subclass it and give `connect`::

    class TestMine(BrokerContract):
        lease = 0.5

        @pytest.fixture
        def connect(self) -> Connect:
            url = empty_server()
            return lambda: MyBroker(url, namespace="n", lease=self.lease)

Give `backend` too if the broker stores records in the same transaction (`Broker.unite`).
"""

from __future__ import annotations

from asynq.testing.contracts.broker_suite import BrokerSuite, Connect
from asynq.testing.contracts.burying import Burying
from asynq.testing.contracts.carrying import Carrying
from asynq.testing.contracts.holding import Holding
from asynq.testing.contracts.moving import Moving
from asynq.testing.contracts.remembering import Remembering
from asynq.testing.contracts.revoking import Revoking
from asynq.testing.contracts.ruling import Ruling
from asynq.testing.contracts.scheduling import Scheduling
from asynq.testing.contracts.settling import Settling
from asynq.testing.contracts.telling import Telling

__all__ = ["BrokerContract", "BrokerSuite", "Connect"]


class BrokerContract(
    Carrying,
    Settling,
    Holding,
    Revoking,
    Burying,
    Telling,
    Remembering,
    Moving,
    Ruling,
    Scheduling,
):
    """Every sentence of `asynq.brokers.base.Broker`, as a test."""
