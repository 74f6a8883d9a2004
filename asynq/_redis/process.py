"""The embedded server as a process: start it, ask it, shut it down.

Whoever starts or shuts down holds the directory's `lock` meanwhile; `embedded` sees to that. That a
server lives is told by `server.lock` alone: the server inherits the descriptor that holds it, so
the kernel frees it at the server's death, and a process id that was written down and has since
become another's can mislead nobody.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from asynq._redis import flocks, paths
from asynq._redis.binary import find_binary
from asynq.exceptions import OperationalError

LONGEST_LOG = 1_000_000
"""Bytes. A log that has grown beyond is begun anew at the next start."""

# The AOF without RDB preamble is plain commands: each of Redis 7/8 and Valkey 8/9 reads what any
# other wrote, so the binary may change under the data. Unix socket only: no port, no password.
SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "no",
    "save": "",
    "appendfsync": "everysec",
    "aof-use-rdb-preamble": "no",
    "maxmemory-policy": "noeviction",
    "loglevel": "notice",
}


class ServerExited(OperationalError):  # noqa: N818 - an event, not an error to name as one
    """The server ended while somebody waited for it."""


def is_up(directory: Path) -> bool:
    """Is there a server process for this directory? It may still be loading its data."""
    return flocks.is_held(directory / "server.lock")


def bring_up(directory: Path, *, ephemeral: bool, timeout: float) -> bool:
    """Return once a server answers; True when it was started for that, False when it was there.

    Raises:
        OperationalError: It did not come up, or did not answer in time. One that is still loading
            its data is left to it.
        ImproperlyConfigured: There is no program to start.
    """
    deadline = time.monotonic() + timeout
    for last_try in (False, True):
        started = not is_up(directory)
        if started:
            _start(directory, ephemeral=ephemeral, timeout=timeout)
        try:
            _wait_until_it_answers(directory, deadline)
        except ServerExited:  # killed just now, or it can't start: the second try tells
            if last_try:
                raise
        else:
            return started
    raise AssertionError("the second try returns or raises")


def shut_down(directory: Path, *, timeout: float) -> None:
    """End the server in order; its file is written and synced first.

    Raises:
        OperationalError: It refused, or was not gone in time.
    """
    address = paths.socket_path(directory)
    reply = b""
    with contextlib.suppress(OSError):  # an exiting server answers by closing the connection
        reply = ask(address, "SHUTDOWN", "NOSAVE", timeout=timeout)
    deadline = time.monotonic() + timeout
    while is_up(directory):
        if reply or time.monotonic() > deadline:
            said = f": {reply.decode(errors='replace')}" if reply else ""
            raise OperationalError(f"the server of {directory} did not shut down{said}")
        time.sleep(0.002)
    Path(address).unlink(missing_ok=True)


def ask(address: str, *words: str, timeout: float) -> bytes:
    """One command to the server at that socket; the text of its reply, empty when it hung up.

    Raises:
        OSError: Nobody listens, or there was no answer in time.
    """
    request = b"*%d\r\n" % len(words)
    for word in words:
        request += b"$%d\r\n%s\r\n" % (len(word), word.encode("ascii"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        connection.connect(address)
        connection.sendall(request)
        with connection.makefile("rb") as replies:
            line = replies.readline().rstrip()
            return replies.read(int(line[1:])) if line.startswith(b"$") else line


def start_python(module: str, words: list[str], directory: Path, *, keep: int) -> None:
    """Run a module of ours detached, as the server is, with the descriptor `keep` inherited."""
    path = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, sys.path)])
    python = ["/usr/bin/env", f"PYTHONPATH={path}", sys.executable, "-m", module]
    _spawn([*python, *words], directory, keep=keep)


def _start(directory: Path, *, ephemeral: bool, timeout: float) -> None:
    address = paths.socket_path(directory)
    if Path(address).parent != directory:
        paths.make_private_for_socket(address)
    settings = {
        **SETTINGS,
        "dir": str(directory),
        "unixsocket": address,
        "appendonly": "no" if ephemeral else "yes",
    }
    words = [find_binary()]
    for name, value in settings.items():
        words += [f"--{name}", value]
    lock = flocks.take(directory / "server.lock", timeout=timeout)
    try:
        Path(address).unlink(missing_ok=True)  # what a killed server left: it holds no lock
        _spawn(words, directory, keep=lock)
    finally:
        flocks.drop(lock)  # from here on the server alone holds it


def _wait_until_it_answers(directory: Path, deadline: float) -> None:
    address = paths.socket_path(directory)
    reply = b""
    pause = 0.001
    while True:
        with contextlib.suppress(OSError):
            patience = min(1.0, max(0.1, deadline - time.monotonic()))
            reply = ask(address, "PING", timeout=patience)
        if reply == b"+PONG":
            return
        if not is_up(directory):
            raise ServerExited(f"the embedded server ended at once. {_last_words(directory)}")
        if time.monotonic() > deadline:
            said = reply.decode(errors="replace") if reply else "nothing"
            raise OperationalError(
                f"the embedded server of {directory} is there, and answers {said} so far. "
                f"{_last_words(directory)}"
            )
        time.sleep(pause)
        pause = min(pause * 1.2, 0.05)


def _last_words(directory: Path) -> str:
    path = directory / "server.log"
    with contextlib.suppress(OSError):
        lines = path.read_text(errors="replace").splitlines()[-5:]
        return f"The end of {path}:\n" + "\n".join(lines)
    return f"It wrote no {path}"


def _spawn(words: list[str], directory: Path, *, keep: int) -> None:
    """Start a program as nobody's child: no zombie and no thread to wait for it, here."""
    log_path = directory / "server.log"
    begin_anew = log_path.exists() and log_path.stat().st_size > LONGEST_LOG
    with log_path.open("wb" if begin_anew else "ab") as log:
        subprocess.run(
            ["/bin/sh", "-c", '"$@" &', "sh", *words],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=directory,
            env={**os.environ, "LC_ALL": "C"},  # Valkey does not start in an unknown locale
            umask=0o077,
            pass_fds=(keep,),
            start_new_session=True,  # Ctrl-C in the terminal is not meant for it
        )
