"""What becomes of the values of a group: the list that comes after it, or a `ChordError`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from asynq import states
from asynq.exceptions import ChordError
from asynq.result.reading import Update
from asynq.wire.flow import Errors


def joined(updates: Sequence[Update], errors: Errors, least: int, ids: Sequence[str]) -> list[Any]:
    """The values of members that have ended, in their order.

    Args:
        updates: What is known of each.
        errors: What becomes of those that have failed.
        least: How many must have succeeded.
        ids: Theirs, for the text of an error.

    Raises:
        ChordError: one has failed, or too many have.
    """
    failed = [
        (id, each) for id, each in zip(ids, updates, strict=True) if each.state != states.SUCCESS
    ]
    if failed and errors == "fail":
        raise chord_error(*failed[0])
    if len(updates) - len(failed) < least:
        few = f"{len(updates) - len(failed)} of {len(updates)} succeeded, and {least} must"
        if not failed:
            raise ChordError(few)
        id, each = failed[0]
        raise ChordError(f"{few}; {_text(id, each)}") from _cause(each)
    if errors == "ignore":
        return [each.result for each in updates if each.state == states.SUCCESS]
    return [each.result for each in updates]


def chord_error(id: str, update: Update) -> ChordError:
    """What follows a group gets because a member has failed; Celery's text."""
    error = ChordError(_text(id, update))
    error.__cause__ = _cause(update)
    return error


def _text(id: str, update: Update) -> str:
    return f"Dependency {id} raised {update.result!r}"


def _cause(update: Update) -> BaseException | None:
    return update.result if isinstance(update.result, BaseException) else None
