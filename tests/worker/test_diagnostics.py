"""SIGUSR1: where everything stands."""

import asyncio
import threading

from asynq.worker.diagnostics import dump_stacks, log_stacks


async def waits_inside():
    await asyncio.Event().wait()


async def waits():
    await waits_inside()


async def test_each_task_is_shown_with_the_line_it_waits_in():
    task = asyncio.create_task(waits(), name="the-waiting-one")
    await asyncio.sleep(0)
    told = dump_stacks()
    task.cancel()
    assert "── task the-waiting-one ──" in told
    assert "in waits_inside" in told
    assert "await asyncio.Event().wait()" in told


async def test_each_thread_is_shown_with_its_stack():
    stop, running = threading.Event(), threading.Event()

    def block_here():
        running.set()
        stop.wait(10)

    thread = threading.Thread(target=block_here, name="the-blocked-one", daemon=True)
    thread.start()
    running.wait(10)
    told = dump_stacks()
    stop.set()
    thread.join()
    assert "── thread the-blocked-one (daemon)" in told
    assert "in block_here" in told
    assert "── thread MainThread" in told


async def test_it_goes_to_the_log_as_a_warning(caplog):
    log_stacks()
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage().startswith("Stacks, as asked by SIGUSR1:\n── ")
