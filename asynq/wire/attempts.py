"""What is remembered of a run that was not the last: when, where, how long, and its error.

The attempts travel in the message, so that whichever worker runs the task next can add its own, and
end up in the result. A task that ends at its first attempt carries none.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from asynq.wire.bounds import Moment, Seconds

KEPT: Final = 20
"""How many attempts are remembered: the first, and the last of the others."""

LONGEST: Final = 300
"""Characters of an error that are remembered."""


class Attempt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One run of a task."""

    started: Moment
    """Unix time, seconds; where `seconds` is not a number, when it ended."""
    seconds: Seconds
    """How long it ran; not a number where nothing was kept of it (a success at the first run)."""
    worker: str = ""
    """The node name of the worker that ran it."""
    state: str
    """How it ended: RETRY, SUCCESS, FAILURE or REVOKED."""
    error: str | None = None
    """What it raised: ``ValueError: no such user``."""


def remember(attempts: tuple[Attempt, ...], attempt: Attempt) -> tuple[Attempt, ...]:
    """The attempts with one more, as many as are kept."""
    attempts = (*attempts, attempt)
    if len(attempts) > KEPT:
        return (attempts[0], *attempts[1 - KEPT :])
    return attempts
