"""A project in a directory of its own, and the command line run on it, in this process."""

import asyncio
import importlib
import io
import logging
import sys
import threading
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from asynq._imports import import_object
from asynq.cli.main import COMMANDS, main
from asynq.control import commands
from asynq.worker.worker import Worker

# Else the first test to need one would have pytest rewrite and compile it, and in Python 3.11 that
# fails in a process in which a loop was ended by a KeyboardInterrupt, as tests of `loop` do.
for place in COMMANDS.values():
    import_object(place)

APP = """
from asynq import Asynq

app = Asynq("shop", broker="memory://{namespace}", accept_content=["json", "msgpack"])


@app.task
async def add(x: int, y: int) -> int:
    return x + y


@app.task
def greet(name="you"):
    return f"hello {{name}}"


@app.task
async def fail():
    raise LookupError("nothing\\nthere")


@app.task(queue="other")
async def elsewhere():
    return {{1, 2}}
"""


class Ran(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class Project:
    """A directory with the app `shop` in `shop.py`, which is the working directory."""

    def __init__(self, directory, namespace, monkeypatch, capsys):
        self.directory = directory
        self._namespace = namespace
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.write("shop.py", APP.format(namespace=namespace))

    def write(self, path, text):
        place = self.directory / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        importlib.invalidate_caches()

    def run(self, *words, typed=""):
        """`asynq …`, with what is typed at its questions."""
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        return Ran(ended.value.code or 0, *self._capsys.readouterr())

    @property
    def app(self):
        return importlib.import_module("shop").app

    @contextmanager
    def worker(self, **options):
        """A worker for the app, on another thread's event loop."""
        serving, stop = threading.Event(), asyncio.Event()

        async def serve():
            async with self.app, Worker(self.app, **options):
                serving.set()
                await stop.wait()

        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
        thread.start()
        try:
            assert serving.wait(10)
            yield
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(10)
            loop.close()


@pytest.fixture
def project(tmp_path, namespace, monkeypatch, capsys, root_logger):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    for name in ("ASYNQ_APP", "ASYNQ_BROKER_URL", "ASYNQ_RESULT_BACKEND"):
        monkeypatch.setenv(name, "")  # so that what a command sets is taken back
        monkeypatch.delenv(name)
    remote = dict(commands.COMMANDS)
    before = set(sys.modules)
    yield Project(tmp_path, namespace, monkeypatch, capsys)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]
    commands.COMMANDS.clear()  # what a project's module has declared is gone with it
    commands.COMMANDS.update(remote)


@pytest.fixture
def root_logger():
    """What the command does to logging is undone."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield root
    for handler in set(root.handlers) - set(before[0]):
        handler.close()
    root.handlers[:], root.level = before
