"""File locks that the kernel frees when their holder dies, in whatever way it dies.

A lock belongs to an open descriptor. It lasts until every copy of it is closed, those that a
forked child inherited included; so a child closes its copies at birth.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from asynq.exceptions import ImproperlyConfigured, OperationalError

if sys.platform == "win32":
    SUPPORTED = False

    def _lock(descriptor: int, *, shared: bool = False) -> bool:
        require()
        return False

else:
    import fcntl

    SUPPORTED = True

    def _lock(descriptor: int, *, shared: bool = False) -> bool:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


_taken: set[int] = set()


def require() -> None:
    """Refuse, with the cure, on a system that has no such locks.

    Raises:
        ImproperlyConfigured: This is Windows.
    """
    if not SUPPORTED:
        raise ImproperlyConfigured(
            "the embedded server needs Linux or macOS; on Windows name a Redis server: "
            'broker="redis://localhost"'
        )


def take(path: Path, *, timeout: float) -> int:
    """Lock the file, made when missing, for ourselves alone; the descriptor that holds it.

    Args:
        path: The file. What is in it does not matter.
        timeout: Seconds to wait for whoever has it.

    Raises:
        OperationalError: Somebody had it all that time.
    """
    require()
    deadline = time.monotonic() + timeout
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    _taken.add(descriptor)
    try:
        while not _lock(descriptor):
            if time.monotonic() > deadline:
                raise OperationalError(f"another process has held {path} for {timeout:g} s")
            time.sleep(0.003)
    except BaseException:
        drop(descriptor)
        raise
    return descriptor


def adopt(descriptor: int) -> int:
    """Make ours a lock that came with a descriptor inherited from the process that started us."""
    os.set_inheritable(descriptor, False)
    _taken.add(descriptor)
    return descriptor


def drop(descriptor: int) -> None:
    """Close our copy of a descriptor. The lock is free once there is no other copy."""
    if descriptor in _taken:
        _taken.discard(descriptor)
        os.close(descriptor)


@contextlib.contextmanager
def held(path: Path, *, timeout: float) -> Iterator[None]:
    """`take` for the length of a `with` block."""
    descriptor = take(path, timeout=timeout)
    try:
        yield
    finally:
        drop(descriptor)


def is_held(path: Path) -> bool:
    """Does anybody hold it now? Several may ask at once without seeing one another."""
    require()
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return is_held_elsewhere(descriptor)
    finally:
        os.close(descriptor)


def is_held_elsewhere(descriptor: int) -> bool:
    """Does anybody hold the lock of that open file, which is not locked here?

    The file may be gone from its directory: its lock is not. Where nobody holds it, this descriptor
    does afterwards, together with whoever else asks, until it is closed.
    """
    # Shared, for an exclusive attempt would look like a holder to whoever else asks.
    return not _lock(descriptor, shared=True)


def _drop_all() -> None:
    for descriptor in list(_taken):
        drop(descriptor)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_all)
