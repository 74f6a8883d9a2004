"""The servers the tests run on."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests.servers import KINDS, PrivateServer, ServerError, ServerFactory, _let_go


def test_the_url_of_each_test_leads_to_an_empty_server(server: PrivateServer, url: str):
    assert server.command("DBSIZE") == 0
    server.command("SET", "left", "behind")
    assert url.startswith("unix:///")


def test_the_server_before_is_emptied(server: PrivateServer, url: str):
    assert server.command("DBSIZE") == 0


@pytest.mark.parametrize("tcp", [False, True])
def test_a_durable_server_comes_back_with_its_data(own_server: ServerFactory, tcp: bool):
    server = own_server(durable=True, tcp=tcp)
    url = server.url
    server.command("SET", "a", 1)
    server.kill()
    with pytest.raises(OSError, match="refused"):
        server.command("PING")
    server.start()
    assert server.command("GET", "a") == b"1"
    assert server.restart().command("GET", "a") == b"1"
    assert server.url == url


def test_a_password_is_in_the_url_and_used(own_server: ServerFactory):
    server = own_server(config={"requirepass": "a/b"}, tcp=True)
    assert server.url.startswith("redis://:a%2Fb@127.0.0.1:")
    assert server.command("PING") == b"PONG"


def test_a_paused_server_does_not_answer(own_server: ServerFactory):
    server = own_server()
    server.pause()
    with pytest.raises(TimeoutError):
        server.command("PING", timeout=0.05)
    server.resume()
    assert server.command("PING") == b"PONG"


def test_a_server_that_can_not_start_says_why(own_server: ServerFactory):
    with pytest.raises(ServerError, match="no-such-setting"):
        own_server(config={"no-such-setting": "1"})


def test_a_forked_child_that_ends_leaves_its_parents_server_alone(own_server: ServerFactory):
    server = own_server()
    _let_go(server._leash, server._write_end, owner=os.getppid())
    assert server.command("PING") == b"PONG"


def test_no_server_outlives_a_killed_test_run(kind: str, directory: Path):
    script = """
        import sys, time
        from pathlib import Path
        from tests.servers import PrivateServer
        server = PrivateServer(sys.argv[1], Path(sys.argv[2])).start()
        print(server.pid, flush=True)
        time.sleep(60)
    """
    words = [sys.executable, "-c", textwrap.dedent(script), kind, str(directory)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        os.sched_yield()


@pytest.mark.both_loops
async def test_a_marked_test_runs_under_both_loops(request: pytest.FixtureRequest):
    module = type(asyncio.get_running_loop()).__module__
    name = "uvloop" if "uvloop" in request.node.name else "asyncio"
    assert module.startswith(name)


async def test_others_run_under_asyncio():
    assert type(asyncio.get_running_loop()).__module__.startswith("asyncio")


def test_there_is_at_least_one_server():
    assert KINDS
