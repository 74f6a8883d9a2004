"""How the runs of a task are shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from asynq._time import from_timestamp
from asynq.cli.render import plain, table
from asynq.wire.attempts import Attempt


def attempts_told(attempts: Sequence[Attempt]) -> list[dict[str, Any]]:
    """As JSON has them; a time that is not known is null."""
    return [
        {
            "started": from_timestamp(attempt.started).isoformat(),
            "seconds": None if math.isnan(attempt.seconds) else attempt.seconds,
            "worker": attempt.worker or None,
            "state": attempt.state,
            "error": attempt.error,
        }
        for attempt in attempts
    ]


def attempts_table(attempts: Sequence[Attempt]) -> str:
    """As a table for people."""
    rows = [
        (
            f"{from_timestamp(attempt.started):%Y-%m-%d %H:%M:%S}",
            "" if math.isnan(attempt.seconds) else f"{attempt.seconds:.3f}",
            attempt.worker,
            attempt.state,
            plain(attempt.error or ""),
        )
        for attempt in attempts
    ]
    return table(rows, ("STARTED", "SECONDS", "WORKER", "STATE", "ERROR"))
