"""`asynq ping --local --namespace …`, as a probe runs it: every few seconds, in every container.

Python begins in some 20 ms, and this adds a few. So it takes nothing from elsewhere that would
bring more along: no `typing`, no `pathlib`, no `json`; and of sockets the part that is in C.
"""

from __future__ import annotations

import os
import sys
from _socket import AF_UNIX, SOCK_STREAM, socket

from asynq._places import is_plain, plain_socket, state_root

PATIENCE = 2.0
"""Seconds that a worker may take to answer."""
LONGEST = 65536
"""Bytes of an answer."""


def probe(namespace: str, *, timeout: float, ready: bool) -> int | None:
    """Ask the workers of this machine and user, and print what they say.

    Args:
        namespace: The app's.
        timeout: Seconds that one may take.
        ready: Must they be ready for tasks, too?

    Returns:
        The exit code: 0 they are well, 1 one is not, 69 there is none. None: the places have
        unusual names, and it takes more to find them.
    """
    root = state_root()
    if root is None or not is_plain(namespace):
        return None
    directory = os.path.join(root, namespace, "workers")
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        names = []
    told = []
    for name in names:
        path = plain_socket(os.path.join(directory, name))
        if path is None:
            return None
        try:
            told.append(_ask(path, timeout))
        except TimeoutError:
            complain(f"a worker did not answer within {timeout:g} s: its event loop is blocked")
            return 1
        except OSError:  # its worker is gone
            continue
    return judge([line for line in told if line], namespace, ready=ready)


def judge(told: list[str], namespace: str, *, ready: bool) -> int:
    """Print what workers say of themselves, and give the exit code.

    Args:
        told: Of each: ``alive``, ``ready`` or ``ill``, a blank, and a line for people.
        namespace: The app's.
        ready: Must they be ready for tasks, too?
    """
    if not told:
        complain(f"no worker of {namespace} runs here, or none of this user")
        return 69
    for line in sorted(told):
        print(line.partition(" ")[2])
    well = ("ready",) if ready else ("ready", "alive")
    return 0 if all(line.partition(" ")[0] in well for line in told) else 1


def complain(text: str) -> None:
    """One line to standard error."""
    print(f"Error: {text}", file=sys.stderr)


def _ask(path: str, timeout: float) -> str:
    connection = socket(AF_UNIX, SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.connect(path)
        connection.send(b"GET /probe HTTP/1.1\r\nHost: local\r\n\r\n")
        answer = b""
        while len(answer) < LONGEST and (data := connection.recv(4096)):
            answer += data
    finally:
        connection.close()
    return answer.partition(b"\r\n\r\n")[2].decode()
