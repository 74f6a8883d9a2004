"""A private server for one benchmark: memory only, on a Unix socket, gone at the end."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

import redis

from asynq._redis.binary import find_binary


@contextmanager
def private_server() -> Iterator[tuple[str, str]]:
    """Start one; gives its URL and what it is. Debian's redis-server where it is installed."""
    binary = which("redis-server") or find_binary()
    with tempfile.TemporaryDirectory(prefix="asynq-bench-") as directory:
        socket = str(Path(directory) / "s.sock")
        process = subprocess.Popen(
            [binary, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", directory],
            stdout=subprocess.DEVNULL,
        )
        try:
            client = redis.Redis(unix_socket_path=socket)
            info = _info(client)
            client.close()
            name = info.get("server_name", "redis")
            yield f"unix://{socket}", f"{name} {info.get(f'{name}_version', '')}"
        finally:
            process.terminate()
            process.wait(10)


def _info(client: redis.Redis) -> dict[str, str]:
    for _ in range(500):
        try:
            return client.info("server")
        except redis.ConnectionError:
            time.sleep(0.01)
    raise RuntimeError("the server did not start")
