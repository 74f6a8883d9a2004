"""What the tests' own ground does for them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

from tests.servers import KINDS

LEAVES = """
    import asyncio, threading, time
    import pytest

    def start():
        gone = threading.Event()
        threading.Thread(target=gone.wait, args=(30,), name="asynq-leases", daemon=True).start()
        return gone

    async def test_task():
        asyncio.create_task(asyncio.sleep(30))

    def test_thread():
        start()

    @pytest.mark.untidy
    async def test_untidy():
        asyncio.create_task(asyncio.sleep(30))
        start()

    async def test_tidy():
        asyncio.create_task(asyncio.sleep(0))
        start().set()
"""


def run(directory: Path, text: str, *words: str, **environment: str) -> str:
    """What pytest says to a file of tests that stands on our conftest."""
    path = directory / "test_it.py"
    path.write_text(textwrap.dedent(text))
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "--rootdir", str(directory), "-o", "asyncio_mode=auto", *words, str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    return done.stdout + done.stderr


def test_a_task_or_a_thread_left_behind_fails_its_test(directory: Path):
    said = run(directory, LEAVES, "-rE", COLUMNS="200")
    assert "4 passed, 2 errors" in said
    assert "test_it.py::test_task - Failed: tasks left behind: <Task pending" in said
    assert "test_it.py::test_thread - Failed: threads left behind: ['asynq-leases']" in said


def test_the_summary_counts_over_all_processes(directory: Path):
    text = """
        import pytest

        @pytest.mark.parametrize("number", range(6))
        def test_on_a_server(url, number): pass

        @pytest.mark.parametrize("number", range(5))
        def test_on_none(number): pass
    """
    said = run(directory, text, "-n2", ASYNQ_TEST_SERVERS="valkey")
    assert "     6 tests ran on valkey 9." in said
    assert "     5 tests needed no server" in said
    assert "no redis server found here" in said


def test_a_test_of_whole_programs_runs_on_one_server_unless_all_are_asked_for():
    place = Path(__file__).parent / "integration" / "test_idle.py"
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider"]
    for everywhere, count in (("", 1), ("1", len(KINDS))):
        done = subprocess.run(
            [*command, str(place)],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "EVERY_SERVER": everywhere},
        )
        assert done.stdout.count("test_an_idle_worker_says_little") == count


def test_no_setting_of_the_developers_reaches_a_test(directory: Path):
    text = """
        import os
        from pathlib import Path

        def test_it():
            assert "ASYNQ_BROKER_URL" not in os.environ
            assert not Path(os.environ["ASYNQ_STATE_DIR"]).is_relative_to(Path.home())
    """
    assert "1 passed" in run(directory, text, ASYNQ_BROKER_URL="redis://production")
