"""Has the server remember that calls with some header shall not run."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from asynq.brokers.base import Broker
from asynq.wire.ids import new_id
from asynq.wire.stamps import REVOKED, RevokedStamps, texts_of


async def revoke(
    broker: Broker, headers: Mapping[str, object], *, ttl: float, terminate: bool
) -> None:
    """Remember it, and forget what is over.

    Args:
        broker: Keeps it, for all workers to read.
        headers: Header to a value, or to several.
        ttl: Seconds to remember it.
        terminate: What runs shall end, too.

    Raises:
        OperationalError: the broker can't be reached.
    """
    now = broker.now()
    for name, text in (await broker.rules()).items():
        if name.startswith(REVOKED) and _over(text, now):
            await broker.set_rule(name, None)
    texts = {name: tuple(texts_of(value)) for name, value in headers.items()}
    rule = RevokedStamps(texts, now + ttl, terminate)
    await broker.set_rule(REVOKED + new_id(), rule.written())


def _over(text: str, now: float) -> bool:
    """It is kept in vain."""
    try:
        return RevokedStamps.read(text).until <= now
    except msgspec.DecodeError:  # a later release may know what it is
        return False
