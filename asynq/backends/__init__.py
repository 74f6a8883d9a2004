"""Keepers of results, one adapter a kind of server, behind the contract in `base`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asynq._adapters import find_adapter
from asynq.backends.base import ResultBackend

_REDIS = "asynq.backends.redis.backend:RedisBackend"
_BUILTIN = {
    "disabled": "asynq.backends.disabled:DisabledBackend",
    "embedded": _REDIS,
    "redis": _REDIS,
    "rediss": _REDIS,
    "unix": _REDIS,
    "memory": "asynq.backends.memory:MemoryBackend",
}


def connect(
    url: str, *, namespace: str, timeout: float = 10.0, options: Mapping[str, Any] = {}
) -> ResultBackend:
    """A result backend for the running event loop. Connects at the first call, not here.

    A package adds a scheme with an entry point in the group ``asynq.backends``, whose object takes
    these same arguments.

    Args:
        url: Where it is: ``redis://host:6379/1``, ``memory://``, or ``disabled://`` for none.
        namespace: Keeps apps that share a server apart.
        timeout: Seconds to go on trying while the server can't be reached.
        options: What only this kind of backend understands.

    Raises:
        ImproperlyConfigured: no adapter for this scheme, or the URL is wrong.
    """
    adapter = find_adapter(url, kind="result backend", builtin=_BUILTIN, group="asynq.backends")
    backend: ResultBackend = adapter(url, namespace=namespace, timeout=timeout, options=options)
    return backend
