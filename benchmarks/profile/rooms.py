"""To which room of the house a function belongs."""

from __future__ import annotations

from pathlib import Path

import asynq

HOUSE = Path(asynq.__file__).parent
ROOMS = (
    ("worker/consumer", "fetching"),
    ("worker/slots", "fetching"),
    ("brokers/redis/fetch", "fetching"),
    ("brokers/redis/delivery", "fetching"),
    ("brokers/redis/", "batches"),
    ("worker/admission", "admission"),
    ("worker/state", "admission"),
    ("worker/processor", "running"),
    ("worker/limits", "running"),
    ("worker/quarantine", "running"),
    ("worker/records", "records"),
    ("worker/effects", "records"),
    ("worker/settlement", "settling"),
    ("worker/asides", "settling"),
    ("worker/reporting", "telling"),
    ("worker/telling", "telling"),
    ("worker/", "the worker's agents"),
    ("logs", "telling"),
    ("signals", "telling"),
    ("execution/", "running"),
    ("request", "running"),
    ("wire/record", "records"),
    ("wire/ids", "encoding"),
    ("wire/", "wire"),
    ("_redis/", "Redis I/O"),
    ("brokers/", "batches"),
    ("connections", "sending"),
    ("backends/", "results"),
    ("result/", "results"),
    ("task/", "the call"),
    ("registry", "the call"),
    ("app", "the call"),
    ("producer", "the call"),
    ("options", "the call"),
    ("routes", "the call"),
    ("middleware", "the call"),
    ("sending", "sending"),
    ("", "elsewhere in asynq"),
)
"""Beginnings of paths below the package, the first that fits."""

READING = ("decode", "read", "open", "parse", "load", "from_", "unpack", "format")
"""A function in `wire` whose name has one of these in it reads; the others write."""

LOOP = "the event loop"


def room_of(file: str, function: str) -> str:
    """The room of a Python function, by its file and name."""
    path = Path(file)
    if path.is_relative_to(HOUSE):
        inside = path.relative_to(HOUSE).with_suffix("").as_posix()
        room = next(room for start, room in ROOMS if inside.startswith(start))
        if room == "wire":
            return "decoding" if any(word in function for word in READING) else "encoding"
        return room
    if "benchmarks" in path.parts or "tests" in path.parts:
        return "the user's task"
    if "redis" in path.parts or "hiredis" in path.parts:
        return "Redis I/O"
    if "asyncio" in path.parts or path.name in ("selectors.py", "contextvars.py"):
        return LOOP
    return "standard library"
