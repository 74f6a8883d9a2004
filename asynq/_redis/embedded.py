"""The embedded server: a private Valkey shared by all processes of an app on this machine.

The first process that needs it starts it, the last one out stops it, and what was acknowledged is
in its append-only file. In the directory of an app:

- `lock`: held for the moments of start, attach and release;
- `server.lock`: held by the server as long as it lives (see `process`);
- `users/<process id>-<random>.lock`: held by each attached process as long as it lives;
- `keep`: there while the server is to stay even without users (`asynq server start`);
- `left`: touched by whoever leaves, for the one that lingers (see `linger`);
- `server.log`, `appendonlydir/`, `s.sock`.

Everything here blocks; asynchronous code calls it in a thread.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakSet

from asynq._redis import flocks, paths, process, users
from asynq._redis.binary import find_binary
from asynq._redis.paths import socket_path, state_directory
from asynq._redis.status import Status, status
from asynq.exceptions import ImproperlyConfigured, OperationalError

__all__ = [
    "Attachment",
    "Status",
    "attach",
    "ensure",
    "find_binary",
    "hold",
    "let_go",
    "release_all",
    "socket_path",
    "start",
    "state_directory",
    "status",
    "stop",
]


@dataclass
class Attachment:
    """That this process uses the server of a directory: while it stands, nobody else stops it."""

    directory: Path
    socket: str
    """The path of the server's Unix socket."""
    started_here: bool
    """Was the server started by this attach?"""
    grace: float
    """Seconds the server outlives its last user."""
    user: int
    """The descriptor that holds `user_file`."""
    user_file: Path
    process_id: int

    def release(self, *, grace: float | None = None) -> None:
        """Stop using the server; the last one out stops it, at once or after the grace period.

        Does nothing the second time, and nothing in a forked child of the process that attached.

        Args:
            grace: Seconds, in place of those given to `attach`.

        Raises:
            OperationalError: The server could not be stopped, or others were at it all the time.
            OSError: Its directory is gone. In all these cases it is released.
        """
        if not self._is_ours():
            return
        grace = self.grace if grace is None else grace
        try:
            with flocks.held(self.directory / "lock", timeout=10.0):
                self._leave(grace)
        finally:
            self.abandon()

    def _leave(self, grace: float) -> None:
        (self.directory / "left").touch()
        others = users.sweep(self.directory, but=self.user_file)
        if others or users.is_kept(self.directory) or not process.is_up(self.directory):
            self.abandon()
        elif grace > 0 and sys.executable:
            self._hand_over(grace)
        else:
            self.abandon()
            process.shut_down(self.directory, timeout=10.0)

    def abandon(self) -> None:
        """Stop using the server, and leave it as it is whoever else uses it."""
        if self._is_ours():
            self.user_file.unlink(missing_ok=True)
            flocks.drop(self.user)
            self.process_id = 0

    def _hand_over(self, grace: float) -> None:
        lingering = users.linger(self.user_file)
        words = [str(self.directory), str(grace), str(self.user), str(lingering)]
        process.start_python("asynq._redis.linger", words, self.directory, keep=self.user)
        flocks.drop(self.user)
        self.process_id = 0

    def _is_ours(self) -> bool:
        return self.process_id == os.getpid()


def attach(
    directory: Path,
    *,
    ephemeral: bool = False,
    grace: float | None = None,
    timeout: float = 30.0,
) -> Attachment:
    """Use the server of a directory, starting it when there is none.

    Args:
        directory: Where its data is or will be. Made when missing, for this user alone.
        ephemeral: A server that is started keeps nothing on disk.
        grace: Seconds a server outlives its last user, `$ASYNQ_EMBEDDED_GRACE` by default, else 0.
            Nothing is lost without one: the next user finds everything in the append-only file. A
            grace period saves scripts that follow on one another the start, some 40 ms.
        timeout: Seconds until the server must answer.

    Raises:
        ImproperlyConfigured: There is no server program, the directory can't be used, or this
            system has no such thing (Windows).
        OperationalError: The server did not start, or did not answer in time.
    """
    flocks.require()
    grace = _grace_from_environment() if grace is None else grace
    directory = paths.resolve(directory)
    paths.make_private(directory)
    paths.make_private(directory / "users")
    with flocks.held(directory / "lock", timeout=timeout):
        user_file, user = users.enter(directory, timeout=timeout)
        try:
            started_here = process.bring_up(directory, ephemeral=ephemeral, timeout=timeout)
        except BaseException:
            user_file.unlink(missing_ok=True)
            flocks.drop(user)
            raise
    address = socket_path(directory)
    return Attachment(directory, address, started_here, grace, user, user_file, os.getpid())


class _Ours:
    """What `ensure` attached in this process."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Be as new: a forked child has its parent's list and no right to it."""
        self.guard = threading.Lock()
        self.attached: dict[Path, Attachment] = {}
        self.holders: dict[Path, WeakSet[object]] = {}


_ours = _Ours()


def ensure(
    directory: Path,
    *,
    ephemeral: bool = False,
    grace: float | None = None,
    timeout: float = 30.0,
) -> str:
    """The socket of the directory's server, which runs, and is ours until this process ends.

    The first call attaches; a later one looks whether the server lives, which costs one system
    call or two, and starts it again when it was killed: nobody else would. So whoever reconnects
    calls it each time. Safe in any thread; a forked child attaches for itself.

    Args:
        directory, ephemeral, grace, timeout: As for `attach`.

    Raises:
        ImproperlyConfigured, OperationalError: As `attach`.
    """
    directory = paths.resolve(directory)
    with _ours.guard:
        known = _ours.attached.get(directory)
        if known is not None and process.is_up(directory):
            return known.socket
        _release_at_exit()
        fresh = attach(directory, ephemeral=ephemeral, grace=grace, timeout=timeout)
        _ours.attached[directory] = fresh
        if known is not None:
            known.abandon()
        return fresh.socket


def hold(directory: Path, holder: object) -> None:
    """Note that an object of this process may use the directory's server, until it lets go."""
    with _ours.guard:
        _ours.holders.setdefault(paths.resolve(directory), WeakSet()).add(holder)


def let_go(directory: Path, holder: object) -> None:
    """The object is done with the server; the last one of this process releases what `ensure`
    attached. One that is forgotten without this counts no longer, and `release_all` does it."""
    directory = paths.resolve(directory)
    with _ours.guard:
        holders = _ours.holders.get(directory, WeakSet())
        holders.discard(holder)
        attachment = None if holders else _ours.attached.pop(directory, None)
        if attachment is not None:
            with contextlib.suppress(OSError, OperationalError):  # nobody is left to be told
                attachment.release()


def release_all() -> None:
    """Release what `ensure` attached. Runs by itself when the process ends in order.

    A process that ends by `os._exit` calls it before; one that is killed leaves a server without
    users, until somebody attaches and leaves, or `asynq server stop`.
    """
    with _ours.guard:
        while _ours.attached:
            _, attachment = _ours.attached.popitem()
            with contextlib.suppress(OSError, OperationalError):  # nobody is left to be told
                attachment.release()


def start(directory: Path, *, timeout: float = 30.0) -> bool:
    """Start the server to stay until `stop`, with or without users. False when it was running.

    Raises:
        ImproperlyConfigured, OperationalError: As `attach`.
    """
    attachment = attach(directory, timeout=timeout)
    (attachment.directory / "keep").touch()
    attachment.release()
    return attachment.started_here


def stop(directory: Path, *, timeout: float = 10.0) -> bool:
    """Shut the server down, whoever uses it. False when none was running.

    Its users start it again as soon as they notice.

    Raises:
        OperationalError: It was not gone in time.
    """
    directory = paths.resolve(directory)
    if not directory.exists():
        return False
    with flocks.held(directory / "lock", timeout=timeout):
        (directory / "keep").unlink(missing_ok=True)
        if not process.is_up(directory):
            return False
        process.shut_down(directory, timeout=timeout)
        return True


def _grace_from_environment() -> float:
    text = os.environ.get("ASYNQ_EMBEDDED_GRACE", "0")
    try:
        grace = float(text)
    except ValueError:
        grace = -1.0
    if not 0 <= grace < float("inf"):
        raise ImproperlyConfigured(
            f"$ASYNQ_EMBEDDED_GRACE must be a number of seconds, 0 or more, not {text!r}"
        )
    return grace


def _release_at_exit() -> None:
    atexit.unregister(release_all)
    atexit.register(release_all)
    # A child of multiprocessing ends without running what atexit knows.
    if util := sys.modules.get("multiprocessing.util"):
        util.Finalize(None, release_all, exitpriority=0)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_ours.forget)
