"""Where the processes of one user and machine meet, as text: with next to no imports, for probes.

`asynq._redis.paths` has all there is to say of these places.
"""

from __future__ import annotations

import os
import sys

LONGEST_SOCKET_PATH = 100
"""Bytes. The kernel's own limit is 104 on macOS and 108 on Linux."""


def state_root() -> str | None:
    """The directory with a directory for each app; None: the user has no home."""
    if chosen := os.environ.get("ASYNQ_STATE_DIR"):
        return os.path.join(os.getcwd(), os.path.expanduser(chosen))
    home = os.path.expanduser("~")
    if home == "~":
        return None
    if sys.platform == "darwin":
        return os.path.join(home, "Library", "Application Support", "asynq")
    named = os.environ.get("XDG_STATE_HOME", "")
    base = named if os.path.isabs(named) else os.path.join(home, ".local", "state")
    return os.path.join(base, "asynq")


def is_plain(name: str) -> bool:
    """Does an app's name do as the name of a directory?"""
    return (
        0 < len(name) <= 64
        and name.isascii()
        and name[0] not in ".-"
        and name.replace("_", "").replace(".", "").replace("-", "a").isalnum()
    )


def plain_socket(directory: str) -> str | None:
    """The Unix socket in a directory; None: that path would be too long."""
    path = os.path.join(os.path.realpath(directory), "s.sock")
    return path if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH else None
