"""What a server has counted, and what it was sent: commands, bytes, processor time, memory."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass, fields
from statistics import median

from tests.servers import PrivateServer


@dataclass(frozen=True)
class Counts:
    """The server's own counts since it started, or between two moments."""

    cpu: float
    """Seconds of processor time, of all its threads."""
    commands: int
    """Executed, also by scripts."""
    bytes_in: int
    bytes_out: int
    memory: int
    """Bytes in use, buffers of connections included."""

    def __sub__(self, other: Counts) -> Counts:
        pairs = {
            field.name: getattr(self, field.name) - getattr(other, field.name)
            for field in fields(self)
        }
        return Counts(**pairs)


def counts(server: PrivateServer) -> Counts:
    """Ask the server."""
    text = server.command("INFO", "everything").decode()
    info = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return Counts(
        cpu=float(info["used_cpu_user"]) + float(info["used_cpu_sys"]),
        commands=int(info["total_commands_processed"]),
        bytes_in=int(info["total_net_input_bytes"]),
        bytes_out=int(info["total_net_output_bytes"]),
        memory=int(info["used_memory"]),
    )


def entries(server: PrivateServer) -> int:
    """Keys, and fields of hashes: what a system's stored results are, whichever of both it uses."""
    fields = 0
    for key in server.command("KEYS", "*") if server.command("DBSIZE") < _FEW else ():
        if server.command("TYPE", key) == b"hash":
            fields += int(server.command("HLEN", key))
    return int(server.command("DBSIZE")) + fields


def size(server: PrivateServer) -> float | None:
    """Bytes of a result with its key, where each has one: the median of some, by MEMORY USAGE."""
    if server.command("DBSIZE") < _FEW:
        return None
    keys = [server.command("RANDOMKEY") for _ in range(_FEW)]
    return median(server.command("MEMORY", "USAGE", key) for key in keys)


_FEW = 50


class Watch:
    """Counts the commands a server is given while it is open, by MONITOR, which slows it down.

    As a context manager. Those that clients sent, alone or within MULTI, and those that scripts
    executed are told apart.
    """

    def __init__(self, server: PrivateServer) -> None:
        self.sent = 0
        self.scripted = 0
        self._connection = socket.create_connection(("127.0.0.1", server.port))
        self._thread = threading.Thread(target=self._count, daemon=True)

    def __enter__(self) -> Watch:
        self._lines = self._connection.makefile("rb")
        self._connection.sendall(b"MONITOR\r\n")
        self._lines.readline()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Count what has been sent until now."""
        self._connection.sendall(b"PING\r\n")
        self._thread.join(60)
        self._connection.close()

    def _count(self) -> None:
        for line in self._lines:
            if line == b"+PONG\r\n":
                return
            if b" lua] " in line[:60]:
                self.scripted += 1
            elif not line.startswith(_OUR_OWN, line.find(b"] ") + 2):
                self.sent += 1


_OUR_OWN = b'"PING"'
