"""Starts a worker in the background, and stays until it is known what has become of it."""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from msgspec import Struct

from asynq._printable import printable_lines
from asynq._secrets import hide_password
from asynq._time import monotonic
from asynq.exceptions import AsynqError
from asynq.multi import pidfile
from asynq.multi.owner import Owner
from asynq.multi.stages import LOADED, NOTIFY_SOCKET, READY, STAGES_PIPE
from asynq.worker.processes import told_code

LOADING_SECONDS: Final = 60.0
"""How long an app may take to be imported before it is left to itself."""
REACHING_SECONDS: Final = 5.0
"""How long its broker may take to answer. A worker waits for its broker for ever."""
LOOK_SECONDS: Final = 0.1
LAST_LINES: Final = 12
"""Of the log, shown when a worker has died."""
CANT_CREATE: Final = 73
"""EX_CANTCREAT of sysexits.h, Celery's code for a pidfile that somebody holds."""


class Launch(Struct, frozen=True):
    """What to start."""

    name: str
    """The node's name."""
    command: Sequence[str]
    """Without `--detach`."""
    pidfile: Path
    """Absolute, as the worker itself is told it."""
    logfile: Path
    """The main process's."""
    processes: int = 1
    owner: Owner | None = None
    umask: int | None = None
    """Of what is made for it here; None: our own."""


class Up(Struct, frozen=True):
    """It runs."""

    pid: int
    ready: bool
    """It takes tasks. Else nothing is wrong with it so far, but its broker has not answered."""


class Failed(Struct, frozen=True):
    """It does not run."""

    why: str
    """For people; may have several lines."""
    code: int
    """The exit code that tells it: the worker's own where it has ended."""


class DiedAtStart(AsynqError):  # noqa: N818
    """It has ended before it took a task.

    Args:
        launch: What was started.
        code: How it ended: the exit code, negative for a signal.
        said: What it has written to its log.
    """

    def __init__(self, launch: Launch, code: int, said: str) -> None:
        lines = "\n".join(f"    {line}" for line in said.splitlines()[-LAST_LINES:])
        where = f"The end of {launch.logfile}:\n{lines}" if lines else f"{launch.logfile} is empty"
        super().__init__(f"ended at once, with {told_code(code)}. {where}")
        self.code = code if code > 0 else 1


def try_to_launch(what: Launch) -> Up | Failed:
    """`launch`, with what stands against it in words."""
    try:
        return launch(what)
    except pidfile.AlreadyRunning as error:
        return Failed(str(error), CANT_CREATE)
    except DiedAtStart as error:
        return Failed(hide_password(printable_lines(str(error))), error.code)
    except pidfile.NotOurs as error:
        return Failed(str(error), CANT_CREATE)
    except OSError as error:
        return Failed(f"{error.filename}: {error.strerror}", CANT_CREATE)


def launch(what: Launch) -> Up:
    """Start it. Returns when it is ready, or has been waited for long enough and lives.

    Raises:
        AlreadyRunning: its pidfile is held.
        DiedAtStart: it has ended.
        OSError: its files can't be made.
    """
    for path in (what.pidfile, what.logfile):
        make_directory(path.parent, what.owner, what.umask)
    if (holder := pidfile.find(what.pidfile)) is not None:
        with holder:
            raise pidfile.AlreadyRunning(what.pidfile, holder.pid)
    with _log_of(what) as log:
        before = os.fstat(log).st_size
        reader, writer = os.pipe()
        try:
            process = _spawn(what, log, writer)
        except BaseException:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        try:
            ready = _wait(process, reader, what.processes)
        finally:
            os.close(reader)
        if process.poll() is None:
            pid, process.returncode = process.pid, 0  # it outlives us: nothing is ours to reap
            return Up(pid, ready)
        raise DiedAtStart(what, process.returncode, _since(what.logfile, before))


def make_directory(path: Path, owner: Owner | None = None, umask: int | None = None) -> None:
    """Make a directory with all that is above it, for that owner and with that mask.

    Raises:
        OSError: it can't be made.
    """
    missing = [place for place in (path, *path.parents) if not place.exists()]
    for place in reversed(missing):
        with suppress(FileExistsError):  # another start has just made it
            place.mkdir()
            if umask is not None:
                place.chmod(0o777 & ~umask)
            if owner is not None:
                owner.give(place)


@contextmanager
def _log_of(what: Launch) -> Iterator[int]:
    is_new = not what.logfile.exists()
    log = os.open(what.logfile, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        if is_new and what.umask is not None:
            os.fchmod(log, 0o666 & ~what.umask)
        if is_new and what.owner is not None:
            what.owner.give(what.logfile)
        yield log
    finally:
        os.close(log)


def _spawn(what: Launch, log: int, stages: int) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if name != NOTIFY_SOCKET}
    return subprocess.Popen(
        what.command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env={**environment, STAGES_PIPE: str(stages)},
        pass_fds=(stages,),
        start_new_session=True,
    )


def _wait(process: subprocess.Popen[bytes], reader: int, processes: int) -> bool:
    """Until it is ready, dead, or has had its time; is it ready?"""
    said = b""
    deadline = monotonic() + LOADING_SECONDS
    is_loaded = False
    while monotonic() < deadline:
        if select.select([reader], [], [], LOOK_SECONDS)[0]:
            data = os.read(reader, 4096)
            said += data
            if not data:  # all who could write have ended, or are about to
                process.wait()
                return False
        if said.count(READY) >= processes:
            return True
        if LOADED in said and not is_loaded:
            is_loaded, deadline = True, monotonic() + REACHING_SECONDS
        if process.poll() is not None:
            return False
    return False


def _since(path: Path, offset: int) -> str:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read().decode(errors="replace")
    except OSError:
        return ""
