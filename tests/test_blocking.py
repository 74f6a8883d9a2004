import asyncio
import os
import subprocess
import sys
import threading
from contextvars import ContextVar

import pytest

import asynq
from asynq import Asynq, blocking

pytestmark = pytest.mark.untidy  # its thread stays for the process


async def answer(value=42):
    await asyncio.sleep(0)
    return value


def test_a_coroutine_is_run():
    assert asynq.run(answer()) == 42


def test_an_error_comes_out():
    async def fail():
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        asynq.run(fail())


def test_calls_and_results_are_run(namespace):
    app = Asynq("proj", broker="memory://", namespace=namespace)

    @app.task
    def add(x, y):
        return x + y

    result = asynq.run(add.delay(1, 2))
    assert asynq.run(result.state) == "PENDING"
    assert asynq.run(add.apply((1, 2))).id
    assert asynq.run(add.apply((1, 2)).get()) == 3
    asynq.run(app.aclose())


def test_all_threads_share_one_loop():
    async def which():
        return asyncio.get_running_loop()

    loops = []
    threads = [threading.Thread(target=lambda: loops.append(asynq.run(which()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loops) == 4
    assert len(set(loops)) == 1


async def test_where_a_loop_runs_it_says_await():
    with pytest.raises(RuntimeError, match="await"):
        asynq.run(answer())


async def test_there_a_call_is_dropped_without_another_warning(namespace):
    app = Asynq("proj", broker="memory://", namespace=namespace)
    with pytest.raises(RuntimeError, match="await"):
        asynq.run(app.send_task("proj.add"))


def test_what_cannot_be_awaited_is_refused():
    with pytest.raises(TypeError, match="can be awaited, not 3"):
        asynq.run(3)


def test_the_callers_context_is_seen():
    mark = ContextVar("mark", default="none")

    async def look():
        return mark.get()

    mark.set("mine")
    assert asynq.run(look()) == "mine"


def test_an_interrupt_cancels_what_is_waited_for(monkeypatch):
    cancelled = threading.Event()

    async def hang():
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    def interrupted(self, timeout=None):
        raise KeyboardInterrupt

    monkeypatch.setattr("concurrent.futures.Future.result", interrupted)
    with pytest.raises(KeyboardInterrupt):
        asynq.run(hang())
    assert cancelled.wait(5)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_begins_a_loop_of_its_own():
    code = """
import asyncio, os, asynq
async def answer(): return 42
assert asynq.run(answer()) == 42
child = os.fork()
if not child:
    os._exit(asynq.run(answer()))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), asynq.run(answer()))
"""
    assert python(code) == "42 42"


def test_the_process_ends_without_noise_whatever_still_runs():
    code = """
import asyncio, asynq
from asynq import Asynq
app = Asynq("proj", broker="memory://")
async def leave_behind():
    asyncio.get_running_loop().create_task(asyncio.sleep(1000)).add_done_callback(print)
    await app.send_task("proj.add")
asynq.run(leave_behind())
"""
    assert "cancelled" in python(code)


def python(code):
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    # In development mode asyncio names what took over 0.1 s, as anything may on a busy machine.
    assert [line for line in run.stderr.splitlines() if " took 0." not in line] == []
    return run.stdout.strip()


def test_its_thread_does_not_keep_the_process_alive():
    asynq.run(answer())
    assert blocking._background._thread.daemon
