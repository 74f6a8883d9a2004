"""What a worker is called among its like."""

from __future__ import annotations

import os
import socket

DEFAULT_NODE = "asynq@%h"
"""How a worker is called that was given no name."""


def node_name(pattern: str | None) -> str:
    """A node name with its `%` parts filled in; without an ``@``, the host's name is added."""
    host = socket.gethostname()
    short, _, domain = host.partition(".")
    pattern = pattern or DEFAULT_NODE
    if "@" not in pattern:
        pattern += "@%h"
    parts = {"%h": host, "%n": short, "%d": domain, "%p": str(os.getpid())}
    for mark, value in parts.items():
        pattern = pattern.replace(mark, value)
    return pattern


def numbered(pattern: str | None, count: int) -> list[str]:
    """Names for several workers: ``w@%h`` gives ``w-1@%h``, ``w-2@%h`` …"""
    node, _, host = (pattern or DEFAULT_NODE).partition("@")
    return [f"{node}-{number}@{host or '%h'}" for number in range(1, count + 1)]
