"""Which queues: names in one string or in many, and those among them that are left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from asynq.exceptions import ImproperlyConfigured


def names_in(queues: str | Sequence[str]) -> list[str]:
    """The names; of one string, those between its commas."""
    names = queues.split(",") if isinstance(queues, str) else queues
    return [name.strip() for name in names if name.strip()]


def left_over(names: Iterable[str], without: Sequence[str]) -> list[str]:
    """The names without those that are left out.

    Raises:
        ImproperlyConfigured: one that is to be left out is not among them, or none is left. A name
            that is misspelled there would serve, or empty, just the queue that must be spared.
    """
    names = list(names)
    if unknown := [name for name in without if name not in names]:
        raise ImproperlyConfigured(
            f"queue {unknown[0]!r} can't be left out: it is not among {', '.join(names) or 'them'}"
        )
    left = [name for name in names if name not in without]
    if without and not left:
        raise ImproperlyConfigured("no queue is left: all of them are left out")
    return left
