"""For tests of applications: an app in memory with its worker, and what it has sent.

::

    async with in_memory(app) as outbox:
        await client.post("/signup", json={"mail": "ada@example.org"})
        await outbox.drained()
        outbox.assert_enqueued(send_mail, args=("ada@example.org",), times=1)

The suites that brokers and result backends must pass are in `asynq.testing.contracts`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asynq._imports import import_object

if TYPE_CHECKING:
    from asynq.testing.app import assert_enqueued, in_memory
    from asynq.testing.assertions import Outbox, Sent

__all__ = ["Outbox", "Sent", "assert_enqueued", "in_memory"]

_LATER = {
    "Outbox": "asynq.testing.assertions:Outbox",
    "Sent": "asynq.testing.assertions:Sent",
    "assert_enqueued": "asynq.testing.app:assert_enqueued",
    "in_memory": "asynq.testing.app:in_memory",
}
"""Loaded when first asked for: the plugin is in this package, and every run of pytest loads it."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = import_object(_LATER[name])
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
