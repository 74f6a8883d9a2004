"""Where `asynq ping --local` finds the workers of this machine: a Unix socket each.

A socket tells more than a file with a process id: it is answered by the worker's event loop, or it
is not. It is in the app's state directory (see `asynq._redis.paths`), in a directory named after
the worker, which is gone when the worker is.
"""

from __future__ import annotations

import contextlib
import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from asynq._redis import paths

ANSWER_BYTES: Final = 65536


class Place:
    """Where one worker listens.

    Args:
        namespace: The app's.
        hostname: The worker's.
    """

    def __init__(self, namespace: str, hostname: str) -> None:
        digest = hashlib.sha256(hostname.encode("utf-8", "surrogateescape")).hexdigest()
        self.directory = _directory(namespace) / digest[:12]

    def make(self) -> str:
        """The socket's path; its directory is there then.

        Raises:
            ImproperlyConfigured: it can't be made, or is not ours.
        """
        paths.make_private(self.directory)
        path = paths.socket_path(self.directory)
        if Path(path).parent != paths.resolve(self.directory):
            paths.make_private_for_socket(path)
        return path

    def remove(self) -> None:
        """Leave nothing behind."""
        _remove(self.directory)


def ask(namespace: str, hostname: str | None, *, timeout: float) -> list[dict[str, Any]]:
    """What the workers of this machine say of their health. What nobody listens at is removed.

    Args:
        namespace: The app's.
        hostname: The one that is meant; None: all.
        timeout: Seconds that one may take.

    Raises:
        TimeoutError: one is there and does not answer.
    """
    if hostname is not None:
        places = [Place(namespace, hostname).directory]
    else:
        places = sorted(_known(_directory(namespace)))
    answers = []
    for directory in places:
        try:
            answers.append(_ask(paths.socket_path(directory), timeout))
        except TimeoutError:
            raise
        except (OSError, ValueError):
            _remove(directory)
    return answers


def _ask(path: str, timeout: float) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        connection.connect(path)
        connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: local\r\n\r\n")
        answer = b""
        while len(answer) < ANSWER_BYTES and (data := connection.recv(4096)):
            answer += data
    told: dict[str, Any] = msgspec.json.decode(answer.partition(b"\r\n\r\n")[2])
    return told


def _directory(namespace: str) -> Path:
    return paths.state_directory(namespace) / "workers"


def _known(directory: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from (path for path in directory.iterdir() if path.is_dir())


def _remove(directory: Path) -> None:
    with contextlib.suppress(OSError):
        Path(paths.socket_path(directory)).unlink(missing_ok=True)
        directory.rmdir()
