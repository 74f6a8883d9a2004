"""Queues and names: what `task_queues` may hold, and which words may be names at all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from asynq.exceptions import ImproperlyConfigured

_NAME: Final = re.compile(r"[A-Za-z0-9_.:-]{1,200}")
_QUEUE_NAME: Final = re.compile(r"[A-Za-z0-9_.:@/-]{1,200}")


def check_name(name: str, what: str = "name") -> str:
    """The name of a task or a namespace, if it may be one.

    Raises:
        ImproperlyConfigured: it has other characters than letters, digits and ``_ . : -`` (it
            stands in keys, logs and terminals), or more than 200 of them.
    """
    if not _NAME.fullmatch(name):
        raise ImproperlyConfigured(
            f"{what} {name[:220]!r}: expected 1 to 200 letters, digits and any of _ . : -"
        )
    return name


class Queue(Struct, frozen=True):
    """A queue in `task_queues`.

    Args:
        name: 1 to 200 letters, digits and any of ``_ . : @ / -``.
        routing_key: Another word that calls may be routed by; None: only the name.

    Raises:
        ImproperlyConfigured: the name can't be a queue's.
    """

    name: str
    routing_key: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _QUEUE_NAME.fullmatch(self.name):
            raise ImproperlyConfigured(
                f"queue name {str(self.name)[:220]!r}: expected 1 to 200 letters, digits "
                "and any of _ . : @ / -"
            )


def queues_of(value: object) -> tuple[Queue, ...]:
    """`task_queues` as people write it: names, dicts, `Queue` objects, or a dict of names.

    Objects of other libraries that have a `name` and a `routing_key` are taken too.

    Raises:
        ImproperlyConfigured: something in it is no queue, or two have one name.
    """
    if isinstance(value, Mapping):
        items: list[object] = [
            {**options, "name": name} if isinstance(options, Mapping) else name
            for name, options in value.items()
        ]
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        items = list(value)
    else:
        raise ImproperlyConfigured(f"for one queue alone write [{value!r}]")
    queues = tuple(_queue_of(item) for item in items)
    names = [queue.name for queue in queues]
    for name in names:
        if names.count(name) > 1:
            raise ImproperlyConfigured(f"queue {name!r} is declared twice")
    return queues


def _queue_of(item: object) -> Queue:
    match item:
        case Queue():
            return item
        case str():
            return Queue(item)
        case Mapping():
            name, key = item.get("name"), item.get("routing_key")
        case _:
            name, key = getattr(item, "name", None), getattr(item, "routing_key", None)
    if not isinstance(name, str):
        raise ImproperlyConfigured(f"{item!r} has no name")
    return Queue(name, key if isinstance(key, str) and key else None)
