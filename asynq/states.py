"""The states a task can be in, by Celery's names, and the sets people ask about.

A result that nothing is known of is ``PENDING``: the task may be waiting, or may not exist.
"""

from __future__ import annotations

from typing import Final

PENDING: Final = "PENDING"
STARTED: Final = "STARTED"
RETRY: Final = "RETRY"
SUCCESS: Final = "SUCCESS"
FAILURE: Final = "FAILURE"
REVOKED: Final = "REVOKED"

READY_STATES: Final = frozenset({SUCCESS, FAILURE, REVOKED})
"""The task is over: its state will not change again."""

EXCEPTION_STATES: Final = frozenset({RETRY, FAILURE, REVOKED})
"""The stored result is an error."""

PROPAGATE_STATES: Final = frozenset({FAILURE, REVOKED})
"""Waiting for the result raises its error."""
