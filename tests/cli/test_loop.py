"""Which event loop the command line runs on."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest
import uvloop

from asynq.cli import loop


async def running():
    return type(asyncio.get_running_loop())


def test_it_is_uvloops_where_that_is_installed():
    assert issubclass(loop.run(running()), uvloop.Loop)


def test_it_is_asyncios_where_it_is_not(monkeypatch):
    monkeypatch.setattr(loop, "_factory", None)
    assert issubclass(loop.run(running()), asyncio.AbstractEventLoop)
    assert not issubclass(loop.run(running()), uvloop.Loop)


async def leave():
    sys.exit(3)


async def outlive():
    leaving = asyncio.create_task(leave())
    others = [asyncio.create_task(asyncio.sleep(0, result=number)) for number in range(5)]
    numbers = await asyncio.gather(*others)
    await asyncio.wait({leaving})
    return numbers, type(leaving.exception())


@pytest.mark.parametrize("factory", [uvloop.new_event_loop, None])
def test_an_exit_elsewhere_than_in_main_ends_nothing(monkeypatch, factory):
    monkeypatch.setattr(loop, "_factory", factory)
    assert loop.run(outlive()) == ([0, 1, 2, 3, 4], SystemExit)


@pytest.mark.parametrize("factory", [uvloop.new_event_loop, None])
def test_an_exit_of_main_is_one(monkeypatch, factory):
    monkeypatch.setattr(loop, "_factory", factory)
    with pytest.raises(SystemExit, match="3"):
        loop.run(leave())


async def interrupt():
    raise KeyboardInterrupt


async def outlive_an_interrupt(*, watched):
    running = asyncio.get_running_loop()
    if watched:
        running.add_signal_handler(signal.SIGINT, lambda: None)
    leaving = asyncio.create_task(interrupt())
    await asyncio.wait({leaving})
    await asyncio.sleep(0)
    running.remove_signal_handler(signal.SIGINT)
    return type(leaving.exception())


@pytest.mark.parametrize("factory", [uvloop.new_event_loop, None])
def test_an_interrupt_is_no_ctrl_c_where_signals_are_watched(monkeypatch, factory):
    monkeypatch.setattr(loop, "_factory", factory)
    assert loop.run(outlive_an_interrupt(watched=True)) is KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        loop.run(outlive_an_interrupt(watched=False))


async def interrupted():
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.Event().wait()


@pytest.mark.parametrize("factory", [uvloop.new_event_loop, None])
def test_ctrl_c_is_still_one(monkeypatch, factory):
    monkeypatch.setattr(loop, "_factory", factory)
    with pytest.raises(KeyboardInterrupt):
        loop.run(interrupted())


kept = []


async def leave_a_deaf_one_behind():
    async def deaf():
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue

    kept.append(asyncio.create_task(deaf(), name="deaf"))
    hearing = asyncio.create_task(asyncio.Event().wait())
    await asyncio.sleep(0)
    return hearing


@pytest.mark.parametrize("factory", ["uvloop", "asyncio"])
def test_a_task_that_ignores_its_cancellation_does_not_keep_the_loop(factory):
    program = (
        "import asyncio, logging, sys; from asynq.cli import loop;"
        "from tests.cli.test_loop import leave_a_deaf_one_behind;"
        "logging.basicConfig();"
        f"loop._factory = loop._factory if {factory == 'uvloop'} else None;"
        "assert loop.run(leave_a_deaf_one_behind()).cancelled()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert "Leaving an asyncio task behind that ignores its cancellation" in ran.stderr
    assert "name='deaf'" in ran.stderr
