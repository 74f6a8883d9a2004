"""What came out of one fault of one peer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """One fault of one peer; seconds are None where it never came to that."""

    peer: str
    fault: str
    sent: int = 0
    """Tasks whose call had returned."""
    refused: int = 0
    """Calls that raised."""
    lost: int = 0
    """Accepted tasks that never ended, not even after all workers were started anew."""
    stuck: int = 0
    """Accepted tasks that ended only after all workers were started anew by hand."""
    again: int = 0
    """Bodies begun beyond the first of each task."""
    twice: int = 0
    """Tasks whose body ended more than once."""
    restarts: int = 0
    """Workers that ended by themselves, and were started again by the supervisor."""
    seconds: float | None = None
    """Until the last accepted task had ended."""
    back: float | None = None
    """Until a task sent after the fault was begun."""
    poison_runs: int | None = None
    """How often the poison's body was begun."""
    poison_over: bool = True
    """Has it not been begun any more in the last twelve seconds?"""
    problem: str = ""
    """Why it could not be played, in which case nothing else here means anything."""
