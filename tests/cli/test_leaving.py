"""A worker's process ends, whatever the threads that its tasks have started do."""

import asyncio
import subprocess
import sys
import threading
import time

from asynq.cli import leaving
from asynq.cli.leaving import DefaultExecutor, leave

PROGRAM = """
import asyncio, atexit, logging, sys, threading, time
from asynq.cli.leaving import DefaultExecutor, leave

logging.basicConfig(format="%(message)s")
atexit.register(print, "in order")

async def main():
    asyncio.get_running_loop().set_default_executor(DefaultExecutor())
    assert await asyncio.to_thread(max, 1, 2) == 2
    if sys.argv[1] == "stuck":
        asyncio.create_task(asyncio.to_thread(time.sleep, 60))
        await asyncio.sleep(0.05)

known = threading.enumerate()
asyncio.run(main())
leave(known)
print("the usual way")
"""


def ended(how):
    program = [sys.executable, "-c", PROGRAM, how]
    return subprocess.run(program, capture_output=True, text=True, timeout=30, check=True)


def test_a_thread_that_is_stuck_does_not_keep_the_process():
    began = time.monotonic()
    end = ended("stuck")
    assert time.monotonic() - began < 20
    assert end.stdout == "in order\n"
    assert "Leaving threads behind that still run: " in end.stderr


def test_without_one_it_ends_in_the_usual_way():
    end = ended("idle")
    assert end.stdout == "the usual way\nin order\n"
    assert end.stderr == ""


def test_threads_that_were_there_before_are_not_waited_for(monkeypatch):
    monkeypatch.setattr(leaving, "PATIENCE", 0.01)
    go = threading.Event()
    thread = threading.Thread(target=go.wait)
    thread.start()
    leave(threading.enumerate())
    go.set()
    thread.join()


async def test_what_an_executor_has_not_begun_is_dropped():
    go = threading.Event()
    executor = DefaultExecutor(1)
    running, waiting = executor.submit(go.wait), executor.submit(go.wait)
    executor.shutdown()
    assert waiting.cancelled()
    go.set()
    assert await asyncio.wrap_future(running)
