"""Which event loop the command line runs on."""

import asyncio

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
