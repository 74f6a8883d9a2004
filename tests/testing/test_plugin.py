"""The pytest plugin, as a project would use it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = """
import pytest
from asynq import Asynq

app = Asynq("proj")

@app.task
async def add(x: int, y: int) -> int:
    return x + y

@pytest.fixture
def asynq_app():
    return app

async def test_a_call_runs(asynq_worker):
    assert await add.delay(4, 4).get(timeout=10) == 8
    asynq_worker.assert_enqueued(add, args=(4, 4), times=1)

async def test_a_call_is_kept(asynq_outbox):
    await add.delay(4, 4)
    asynq_outbox.assert_enqueued(add)

def test_urls_differ(asynq_memory_url, request):
    assert asynq_memory_url.startswith("memory://")
"""

FORGETFUL = """
async def test_a_call_runs(asynq_worker):
    pass
"""


def run_pytest(directory: Path, source: str, *options: str) -> subprocess.CompletedProcess[str]:
    (directory / "test_project.py").write_text(source)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(directory)],
        capture_output=True,
        text=True,
        cwd=directory,
        timeout=60,
        check=False,
    )


def test_the_fixtures_run_an_app_in_memory(tmp_path):
    ended = run_pytest(tmp_path, PROJECT, "-o", "asyncio_mode=auto")
    assert "3 passed" in ended.stdout, ended.stdout + ended.stderr


def test_an_app_that_was_not_given_is_asked_for(tmp_path):
    ended = run_pytest(tmp_path, FORGETFUL, "-o", "asyncio_mode=auto")
    assert "define a fixture `asynq_app`" in ended.stdout


def test_the_plugin_alone_loads_nothing_of_the_worker(tmp_path):
    source = "import sys\ndef test_it(): assert 'asynq.worker.worker' not in sys.modules\n"
    assert "1 passed" in run_pytest(tmp_path, source).stdout
