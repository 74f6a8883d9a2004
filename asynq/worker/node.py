"""What a worker is called among its like, and the files that are called after it."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from typing import Final

DEFAULT_NODE = "asynq@%h"
"""How a worker is called that was given no name."""

_MARK: Final = re.compile(r"%(.|\Z)", re.DOTALL)


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


def file_name(pattern: str, node: str, *, index: int = 0) -> str:
    """The path of a worker's file, by Celery's marks.

    ``%n`` is the node's name and ``%h`` its host, ``%d`` the host's domain, ``%p`` name and host;
    ``%i`` the process's number, ``%I`` the same after a dash, and nothing for the main process.
    ``%%`` is a percent sign.

    Args:
        pattern: The path with its marks.
        node: The node's whole name; of one of several processes, its own.
        index: The number of this process; 0: the main one.

    Raises:
        ValueError: another mark.
    """
    name, _, host = node.partition("@")
    name = name.removesuffix(f"-{index}") if index else name
    parts = {
        "n": name,
        "N": name,
        "h": host,
        "d": host.partition(".")[2],
        "p": f"{name}@{host}",
        "i": str(index),
        "I": f"-{index}" if index else "",
        "%": "%",
    }
    for mark in _MARK.findall(pattern):
        if mark not in parts:
            raise ValueError(f"%{mark} is none of %n, %h, %d, %p, %i and %I; a percent sign is %%")
    return fill_in(pattern, parts)


def fill_in(pattern: str, parts: Mapping[str, str]) -> str:
    """The pattern with each ``%x`` replaced by the part of that letter; others stay."""
    return _MARK.sub(lambda match: parts.get(match[1], match[0]), pattern)
