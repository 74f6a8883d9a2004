"""A probe is answered without loading the rest of asynq."""

import asyncio
import os
import subprocess
import sys

import pytest

from asynq import Asynq, Worker
from asynq._places import is_plain, plain_socket, state_root
from asynq._redis import paths
from asynq.cli import entry
from asynq.worker.local import Place
from tests.waiting import until

HEAVY = ("asynq.app", "asynq.exceptions", "click", "json", "msgspec", "pathlib", "socket", "typing")

LOOK = """
import sys
from asynq.cli import entry
sys.argv = ["asynq", "ping", "--local", "--namespace", "{namespace}"]
try:
    entry.main()
finally:
    print(*sys.modules)
"""


@pytest.fixture
async def app(namespace):
    async with Asynq(namespace, broker="memory://") as app:
        yield app


@pytest.fixture
async def worker(app):
    worker = Worker(app, hostname="w@h")
    worker._is_watched = True
    async with worker:
        directory = Place(app.namespace, "w@h").directory
        await until((directory / "s.sock").exists)
        await worker.state.reached.wait()
        yield worker


async def run(*words, code=None):
    command = [sys.executable, *(["-c", code] if code else ["-m", "asynq"]), *words]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_it_says_how_workers_are(app, worker):
    words = ("ping", "--local", "--namespace", app.namespace)
    assert await run(*words) == (0, "w@h: ready, 0 running\n", "")
    assert (await run(*words, "--ready", "-t", "5"))[0] == 0
    worker.stop()


async def test_it_loads_next_to_nothing(app, worker):
    code, out, _ = await run(code=LOOK.format(namespace=app.namespace))
    loaded = out.splitlines()[-1].split()
    assert code == 0
    assert "asynq.cli.probing" in loaded
    assert [name for name in HEAVY if name in loaded] == []


async def test_nobody_there_is_exit_code_69(namespace):
    code, _, err = await run("ping", "--local", f"--namespace={namespace}")
    assert (code, err) == (69, f"Error: no worker of {namespace} runs here, or none of this user\n")


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("ping",),
        ("ping", "--local"),
        ("ping", "--local", "--namespace"),
        ("ping", "--local", "--namespace", "x", "--json"),
        ("ping", "--local", "--namespace", "x", "-n", "w@h"),
        ("ping", "--local", "--namespace", "x", "-t", "soon"),
        ("ping", "--local", "--namespace", "x", "-t", "0"),
        ("ping", "--local", "--namespace", "odd name"),
        ("-A", "proj", "ping", "--local", "--namespace", "x"),
    ],
    ids=" ".join,
)
def test_all_else_is_the_command_lines(words):
    assert entry._probed(words) is None


@pytest.mark.parametrize("name", ["proj", "a.b-c_1", "_x", "x" * 64])
def test_a_plain_name_is_its_own_directory(name):
    assert is_plain(name)
    assert str(paths.state_directory(name)) == os.path.join(state_root(), name)


@pytest.mark.parametrize("name", ["", ".x", "-x", "a b", "x" * 65, "ä", "a/b", "..."])
def test_another_name_is_not(name):
    assert not is_plain(name)


def test_a_socket_is_where_everybody_looks_for_it(directory):
    assert plain_socket(str(directory)) == paths.socket_path(directory)
    assert plain_socket(str(directory / ("x" * 100))) is None
