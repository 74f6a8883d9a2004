"""Pidfiles that can't lie: the worker holds a lock on its own, and the kernel frees it at its end.

A process id that was written down says little: the worker may be dead, and its number another
program's by now. So nothing is ever sent to the process of a pidfile that nobody holds. Such a file
is stale, and the next worker takes it over.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import time
from pathlib import Path
from typing import Final, Self

from asynq._redis import flocks
from asynq._time import monotonic
from asynq.exceptions import AsynqError, ImproperlyConfigured, OperationalError

ASKING: Final = 0.2
"""Seconds for which somebody may seem to hold a file who only asks whether anybody does."""
WRITING: Final = 2.0
"""Seconds that a worker may take to write its number into a file that it holds."""


class AlreadyRunning(AsynqError):  # noqa: N818
    """A living process holds the pidfile.

    Args:
        path: The pidfile.
        pid: What is written there; None: nothing.
    """

    def __init__(self, path: Path, pid: int | None) -> None:
        super().__init__(
            f"Pidfile ({path}) already exists. Seems we're already running? (pid: {pid or '?'})"
        )


class NotOurs(AsynqError):  # noqa: N818
    """A pidfile can't be read, or says what it has no right to say."""


def hold(path: Path) -> None:
    """Make the pidfile this process's, to its end. A stale one is taken over.

    Raises:
        AlreadyRunning: another process holds it.
        ImproperlyConfigured: this system has no such locks.
        OSError: it can't be written.
    """
    if not flocks.SUPPORTED:
        raise ImproperlyConfigured("a pidfile needs Linux or macOS")
    path = path.absolute()
    descriptor = _take(path)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
    owner = os.getpid()

    def leave() -> None:
        if os.getpid() == owner:  # and not a child that was forked
            _unlink(path, descriptor)

    atexit.register(leave)


def _take(path: Path) -> int:
    while True:
        try:
            descriptor = flocks.take(path, timeout=ASKING)
        except OperationalError:
            raise AlreadyRunning(path, _read(path)) from None
        if _is_at(path, descriptor):
            return descriptor
        flocks.drop(descriptor)  # its last holder has just removed it


def _is_at(path: Path, descriptor: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    return False


def _unlink(path: Path, descriptor: int) -> None:
    with contextlib.suppress(OSError):
        if _is_at(path, descriptor):
            path.unlink()


def _read(path: Path) -> int | None:
    with contextlib.suppress(OSError):
        return _parsed(path.read_bytes()[:32])
    return None


class Holder:
    """The living process that holds a pidfile, until it is gone.

    Args:
        path: The pidfile.
        descriptor: The file, open. It stays the same file when the path is removed.
        pid: The process.
    """

    def __init__(self, path: Path, descriptor: int, pid: int) -> None:
        self.path = path
        self.pid = pid
        self._descriptor: int | None = descriptor

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def lives(self) -> bool:
        """Has it not ended? A zombie has."""
        if self._descriptor is None:
            return False
        if flocks.is_held_elsewhere(self._descriptor):
            return True
        self._close()  # at once: the lock is ours now, and the next worker wants it
        return False

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def send(self, number: int) -> bool:
        """Send it a signal; False: it has ended meanwhile.

        Raises:
            PermissionError: it is another user's.
        """
        if not self.lives():
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)
            return True
        return False

    def wait(self, seconds: float) -> bool:
        """Wait for its end; False: it has not ended."""
        deadline = monotonic() + seconds
        while self.lives():
            if monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True


def find(path: Path) -> Holder | None:
    """Who holds the pidfile; None: nobody, or there is none.

    Raises:
        NotOurs: it can't be opened; or its owner names the process of another user there.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NotOurs(f"can't open the pidfile {path}: {error.strerror}") from None
    try:
        pid = _settled(path, descriptor)
        if pid is not None:
            _check_owner(path, descriptor, pid)
            return Holder(path, os.dup(descriptor), pid)
        return None
    finally:
        os.close(descriptor)


def _settled(path: Path, descriptor: int) -> int | None:
    """The process id, once its holder has written it; None: nobody holds the file."""
    deadline = monotonic() + WRITING
    while flocks.is_held_elsewhere(descriptor):
        if pid := _parsed(os.pread(descriptor, 32, 0)):
            return pid
        if monotonic() > deadline:
            raise NotOurs(f"the pidfile {path} is held by a process that is not named in it")
        time.sleep(0.01)
    return None


def _parsed(data: bytes) -> int | None:
    with contextlib.suppress(ValueError):
        pid = int(data)
        return pid if pid > 0 else None
    return None


def _check_owner(path: Path, descriptor: int, pid: int) -> None:
    """Who may write a pidfile must not have root end the processes of others with it."""
    owner = os.fstat(descriptor).st_uid
    with contextlib.suppress(OSError):  # not Linux, or it has just ended
        user = os.stat(f"/proc/{pid}").st_uid
        if owner not in (0, user):
            raise NotOurs(
                f"the pidfile {path} belongs to user {owner}, and process {pid} to user {user}: "
                "it is not signalled"
            )


def remove_stale(path: Path) -> bool:
    """Remove a pidfile that nobody holds; False: somebody does.

    Raises:
        OSError: it can't be removed.
    """
    try:
        descriptor = flocks.take(path, timeout=ASKING)
    except OperationalError:
        return False
    try:
        _unlink(path, descriptor)
    finally:
        flocks.drop(descriptor)
    return True
