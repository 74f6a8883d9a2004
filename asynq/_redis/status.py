"""What there is to say about an embedded server."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from asynq._redis import paths, process, users


@dataclass(frozen=True)
class Status:
    """The server of a directory, as it is found."""

    directory: Path
    socket: str
    """The path of its Unix socket, whether it runs or not."""
    running: bool
    """Is there a server process?"""
    answering: bool
    """Does it answer? Not while it loads its data."""
    kept: bool
    """Does it stay when nobody uses it?"""
    users: tuple[int, ...]
    """The process ids of those who use it."""
    server: str = ""
    """For example `valkey 9.1.2`."""
    process_id: int = 0
    uptime: int = 0
    """Seconds."""
    memory: int = 0
    """Bytes."""
    file_size: int = 0
    """Bytes of the append-only file."""
    keys: int = 0


def status(directory: Path) -> Status:
    """What there is to say about the server of a directory. Starts and changes nothing."""
    directory = paths.resolve(directory)
    address = paths.socket_path(directory)
    running = process.is_up(directory)
    told = _information(address) if running else {}
    name = "valkey" if "valkey_version" in told else "redis"
    version = told.get(f"{name}_version")
    keyspaces = [value for key, value in told.items() if key.startswith("db") and "keys=" in value]
    return Status(
        directory=directory,
        socket=address,
        running=running,
        answering=told.get("loading") == "0",
        kept=users.is_kept(directory),
        users=users.process_ids(directory),
        server=f"{name} {version}" if version else "",
        process_id=int(told.get("process_id", 0)),
        uptime=int(told.get("uptime_in_seconds", 0)),
        memory=int(told.get("used_memory", 0)),
        file_size=int(told.get("aof_current_size", 0)),
        keys=sum(int(each.split(",")[0].removeprefix("keys=")) for each in keyspaces),
    )


def _information(address: str) -> dict[str, str]:
    with contextlib.suppress(OSError):
        text = process.ask(address, "INFO", timeout=2.0).decode(errors="replace")
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {}
