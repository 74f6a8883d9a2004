"""The suite every broker must pass.

Subclass it, give `connect`, and say how to look at what was buried::

    class TestMine(BrokerContract):
        lease = 0.5

        @pytest.fixture
        def connect(self) -> Connect:
            url = empty_server()
            return lambda: MyBroker(url, namespace="n", lease=self.lease)

        async def buried(self, broker, queue):
            return [(one.id, one.reason) for one in await broker.dead(queue)]

Give `backend` too if the broker stores records in the same transaction (`Broker.unite`).
"""

from __future__ import annotations

from asynq.testing.contracts.broker_suite import BrokerSuite, Connect
from asynq.testing.contracts.carrying import Carrying
from asynq.testing.contracts.holding import Holding
from asynq.testing.contracts.settling import Settling

__all__ = ["BrokerContract", "BrokerSuite", "Connect"]


class BrokerContract(Carrying, Settling, Holding):
    """Every sentence of `asynq.brokers.base.Broker`, as a test."""
