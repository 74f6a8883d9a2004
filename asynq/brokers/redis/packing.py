"""How the scripts want to be told of times and steps."""

from __future__ import annotations

from asynq._redis.keys import level_of
from asynq.brokers.base import Join, Parcel


def due_word(delay: float, due: float | None) -> str:
    """When a message is due: milliseconds of Unix time; with a ``+``, from now on; empty: at once.

    Args:
        delay: Seconds from now.
        due: A Unix time, in seconds, which stands over `delay`; None: there is none.
    """
    if due is not None:
        return str(max(1, round(due * 1000)))
    return f"+{max(1, round(delay * 1000))}" if delay > 0 else ""


def packed(parcel: Parcel, *, wants_input: bool = False) -> bytes:
    """A step, as `flow.lua` reads it."""
    queue, id = parcel.queue.encode(), parcel.id.encode()
    level, due = level_of(parcel.priority), due_word(parcel.delay, parcel.due)
    head = f"{level}|{due}|{int(wants_input)}|{len(queue)}|{len(id)}|"
    return b"".join((head.encode(), queue, id, parcel.body))


def packed_join(join: Join) -> str:
    """A join, as `flow.lua` reads it."""
    up, place = join.join or (0, 0)
    start = " ".join(f"{first}-{last}" for first, last in join.start)
    return f"{join.size}|{up}|{place}|{int(join.over)}|{start}"
