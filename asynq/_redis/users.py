"""Who uses the embedded server of a directory: one locked file for each process that does.

The kernel unlocks the file of a process that dies, so the dead are told from the living without
believing any process id.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from asynq._redis import flocks

LINGERING = "lingering"
"""In place of the process id in the name of a file whose holder only waits, and is no user."""


def enter(directory: Path, *, timeout: float) -> tuple[Path, int]:
    """Become one: our file, and the descriptor that holds it. Needs the directory's `lock`."""
    path = directory / "users" / f"{os.getpid()}-{secrets.token_hex(4)}.lock"
    return path, flocks.take(path, timeout=timeout)


def linger(path: Path) -> Path:
    """Rename the file, so that its holder is no longer told as a user."""
    return path.rename(path.with_name(f"{LINGERING}-{secrets.token_hex(4)}.lock"))


def sweep(directory: Path, *, but: Path) -> bool:
    """Is anybody there but one? Removes the files of the dead. Needs the directory's `lock`."""
    others = False
    for path in (directory / "users").glob("*.lock"):
        if path == but:
            continue
        if flocks.is_held(path):
            others = True
        else:
            path.unlink(missing_ok=True)
    return others


def process_ids(directory: Path) -> tuple[int, ...]:
    """The living users, as their files are named."""
    found = set()
    for path in (directory / "users").glob("*.lock"):
        number = path.name.partition("-")[0]
        if number != LINGERING and flocks.is_held(path):
            found.add(int(number))
    return tuple(sorted(found))


def is_kept(directory: Path) -> bool:
    """Is the server to stay when nobody uses it?"""
    return (directory / "keep").exists()
