"""Carriers of messages, one adapter a kind of server, behind the contract in `base`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asynq._adapters import find_adapter
from asynq.brokers.base import Broker

_REDIS = "asynq.brokers.redis.broker:RedisBroker"
_BUILTIN = {
    "embedded": _REDIS,
    "redis": _REDIS,
    "rediss": _REDIS,
    "unix": _REDIS,
    "memory": "asynq.brokers.memory:MemoryBroker",
}


def connect(
    url: str,
    *,
    namespace: str,
    lease: float = 30.0,
    publish_timeout: float = 10.0,
    options: Mapping[str, Any] = {},
) -> Broker:
    """A broker for the running event loop. Connects at the first call, not here.

    A package adds a scheme with an entry point in the group ``asynq.brokers``, whose object takes
    these same arguments.

    Args:
        url: Where it is: ``embedded://``, ``redis://host:6379/0``, ``unix:///path``, ``memory://``.
        namespace: Keeps apps that share a server apart.
        lease: Seconds after which an unrenewed delivery belongs to somebody else.
        publish_timeout: Seconds to go on trying while the server can't be reached.
        options: What only this kind of broker understands.

    Raises:
        ImproperlyConfigured: no adapter for this scheme, or the URL is wrong.
    """
    adapter = find_adapter(url, kind="broker", builtin=_BUILTIN, group="asynq.brokers")
    broker: Broker = adapter(
        url, namespace=namespace, lease=lease, publish_timeout=publish_timeout, options=options
    )
    return broker
