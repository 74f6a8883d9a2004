"""How a worker tells whoever started it in the background how far it has come.

By a pipe, whose other end sees the worker's death too, or by systemd's socket (``Type=notify``).
Who started it in neither way is told nothing.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from typing import Final

STAGES_PIPE: Final = "ASYNQ_STAGES_PIPE"
"""Names the descriptor to which a worker writes."""
NOTIFY_SOCKET: Final = "NOTIFY_SOCKET"
"""Names systemd's socket."""

LOADED: Final = b"loaded\n"
"""The app is imported, and nothing is wrong with how it is configured."""
READY: Final = b"ready\n"
"""The broker has answered, and tasks are taken."""


class Stages:
    """Where to tell it, as this process's environment has it.

    Args:
        keep: Leave it in the environment, for workers that are started from here. Else it is taken
            out, so that no program that a task starts speaks in our name.
    """

    def __init__(self, *, keep: bool = False) -> None:
        take = os.environ.get if keep else _pop
        number, self._socket = take(STAGES_PIPE), take(NOTIFY_SOCKET)
        self._pipe = int(number) if number and number.isdecimal() else None
        if self._pipe is not None and not _is_pipe(self._pipe):
            self._pipe = None  # the variable has come further than the descriptor
        if self._pipe is not None:
            os.set_inheritable(self._pipe, False)

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What must be passed on to workers that are started from here."""
        return () if self._pipe is None else (self._pipe,)

    def loaded(self) -> None:
        """Say so."""
        self._write(LOADED)

    def ready(self) -> None:
        """Say so, and nothing more."""
        self._write(READY)
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None
        if self._socket:
            _notify(self._socket, b"READY=1")

    def _write(self, stage: bytes) -> None:
        if self._pipe is not None:
            with contextlib.suppress(OSError):  # nobody waits any longer
                os.write(self._pipe, stage)


def _is_pipe(descriptor: int) -> bool:
    with contextlib.suppress(OSError):
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    return False


def _pop(name: str) -> str | None:
    return os.environ.pop(name, None)


def _notify(address: str, text: bytes) -> None:
    """As systemd's sd_notify: one datagram; an ``@`` begins an abstract name."""
    if address.startswith("@"):
        address = f"\0{address[1:]}"
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(text, address)
