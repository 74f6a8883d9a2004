"""What every test may ask for: servers, names of its own, both event loops; and what it leaves.

Fixtures:
    `server`: a running server shared by the tests of one process. A test that asks for it, or for
        `url`, runs once for each kind of server found here; a test of whole programs runs on one
        kind, the next on another, unless `EVERY_SERVER` is set, as `.ci/run` does.
    `url`: that server's URL, the server being empty.
    `place`: such a URL too, or ``memory://``: a test that asks for it runs once for each.
    `own_server`: makes servers of the test's own, to be killed, paused, restarted, configured.
    `kind`: which kind those two are of.
    `namespace`: a name no other test uses.
    `directory`: an empty directory with a path short enough for a Unix socket.

Markers:
    `both_loops`: run this async test under asyncio's loop and under uvloop's.
    `untidy`: this test may leave asyncio tasks and threads behind.
    `every_server`: run this test of whole programs on each kind of server all the same.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from zlib import crc32

import pytest
import uvloop

from asynq import registry
from asynq._redis import embedded
from tests.servers import KINDS, PrivateServer, ServerFactory, version

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}
OURS = ("ASYNQ_", "CELERY_")

EVERYWHERE = bool(os.environ.get("EVERY_SERVER"))
PROGRAMS = frozenset(
    {"beat", "benchmarks", "budget", "chaos", "cli", "control", "events", "fundamentals"}
    | {"integration", "monitor", "multi", "web"}
)
"""Where tests stand that use the broker by way of the worker, the app or the command line. What
the servers may differ in is tested elsewhere, on each of them."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "both_loops: run under asyncio's loop and under uvloop's")
    config.addinivalue_line("markers", "untidy: may leave asyncio tasks and threads behind")
    config.addinivalue_line("markers", "every_server: run on each kind of server in any case")


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    if item.get_closest_marker("both_loops"):
        return LOOPS
    return {"asyncio": asyncio.new_event_loop}


@pytest.fixture(scope="session", autouse=True)
def _a_machine_of_our_own() -> Iterator[None]:
    """No setting of the developer's machine reaches a test, and no test writes to their home."""
    patch = pytest.MonkeyPatch()
    for name in [name for name in os.environ if name.startswith(OURS)]:
        patch.delenv(name)
    state = tempfile.mkdtemp(prefix="aq-state-")
    patch.setenv("ASYNQ_STATE_DIR", state)
    yield
    embedded.release_all()
    for place in Path(state).iterdir():
        embedded.stop(place)
    patch.undo()
    shutil.rmtree(state, ignore_errors=True)


@pytest.fixture(autouse=True)
def _no_shared_tasks_of_other_tests(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shared tasks are the process's; a test sees those defined in its own folder alone."""
    near = {
        name: task
        for name, task in registry._shared.items()
        if Path(task.run.__code__.co_filename).parent == request.path.parent
    }
    monkeypatch.setattr(registry, "_shared", near)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kind" not in metafunc.fixturenames:
        return
    kinds, test = sorted(KINDS), metafunc.definition
    if not EVERYWHERE and not test.get_closest_marker("every_server") and _is_of_programs(test):
        kinds = [kinds[crc32(test.nodeid.encode()) % len(kinds)]]
    metafunc.parametrize("kind", kinds, indirect=True, scope="session")


def _is_of_programs(test: pytest.Item) -> bool:
    here = Path(__file__).parent
    return here in test.path.parents and test.path.relative_to(here).parts[0] in PROGRAMS


@pytest.fixture(scope="session")
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def _shared_servers(_a_machine_of_our_own: None) -> Iterator[dict[str, PrivateServer]]:
    root = Path(tempfile.mkdtemp(prefix="aq-"))
    servers = {name: PrivateServer(name, root / name) for name in KINDS}
    yield servers
    for server in servers.values():
        server.stop()
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def server(kind: str, _shared_servers: dict[str, PrivateServer]) -> PrivateServer:
    return _shared_servers[kind].start()


@pytest.fixture
def url(server: PrivateServer) -> str:
    server.command("FLUSHALL")
    return server.url


@pytest.fixture(params=["memory", *sorted(KINDS)])
def place(request: pytest.FixtureRequest, _shared_servers: dict[str, PrivateServer]) -> str:
    """The URL of a broker: in memory, and on each kind of server found here."""
    if request.param == "memory":
        return "memory://"
    server = _shared_servers[request.param].start()
    server.command("FLUSHALL")
    return server.url


@pytest.fixture
def namespace() -> str:
    return f"test-{secrets.token_hex(4)}"


@pytest.fixture
def directory() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="aq-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def own_server(kind: str, directory: Path) -> Iterator[ServerFactory]:
    """`own_server(durable=…, tcp=…, config=…)`: a server of the test's own, started."""
    servers: list[PrivateServer] = []

    def start(
        *, durable: bool = False, tcp: bool = False, config: Mapping[str, str] | None = None
    ) -> PrivateServer:
        name = directory / f"server-{len(servers)}"
        servers.append(PrivateServer(kind, name, durable=durable, tcp=tcp, config=config))
        return servers[-1].start()

    yield start
    for server in servers:
        server.kill()


@pytest.fixture(autouse=True)
def _leaves_nothing_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """A task or a thread of asynq's that survives its test is a leak, and fails it."""
    if request.node.get_closest_marker("untidy"):
        yield
        return
    if request.node.get_closest_marker("asyncio"):
        request.getfixturevalue("_leaves_no_tasks_behind")
    before = set(threading.enumerate())
    yield
    new = [thread for thread in threading.enumerate() if thread not in before]
    left = [thread for thread in new if thread.name.startswith("asynq")]
    for thread in left:
        thread.join(1.0)
    alive = [thread.name for thread in left if thread.is_alive()]
    if alive:
        pytest.fail(f"threads left behind: {alive}", pytrace=False)


@pytest.fixture
async def _leaves_no_tasks_behind() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    for _ in range(5):  # what was told to end in the test's last line may do so
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    if left:
        pytest.fail("tasks left behind: " + "\n".join(map(repr, left)), pytrace=False)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Write on the report which server the test ran on; xdist carries it to the summary."""
    params = (
        item.callspec.params
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
        else {}
    )
    if "kind" in params:
        item.user_properties.append(("server", f"{params['kind']} {version(params['kind'])}"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    ran: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                ran[str(dict(report.user_properties).get("server", ""))] += 1
    needed_none = ran.pop("", 0)
    terminalreporter.section("servers")
    for name, count in sorted(ran.items()):
        terminalreporter.write_line(f"{count:6} tests ran on {name}")
    terminalreporter.write_line(f"{needed_none:6} tests needed no server")
    for name in sorted({"redis", "valkey"} - KINDS.keys()):
        terminalreporter.write_line(f"       no {name} server found here")
