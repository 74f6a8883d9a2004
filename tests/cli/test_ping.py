"""`asynq ping --local`."""

import asyncio
import json
import threading

import pytest

from asynq import Worker
from asynq.worker.local import Place


@pytest.fixture
def running(project):
    """Workers as `asynq worker` runs them, but in threads of this process."""
    stops = []

    def run(*names):
        started = threading.Barrier(2, timeout=10)

        async def serve(name):
            worker = Worker(project.app, hostname=name)
            worker._is_watched = True
            async with project.app, worker:
                place = Place(project.app.namespace, worker.hostname)
                while not (place.directory / "s.sock").exists():
                    await asyncio.sleep(0.01)
                await worker.state.reached.wait()
                stop = asyncio.Event()
                stops.append((asyncio.get_running_loop(), stop, threading.current_thread()))
                await asyncio.to_thread(started.wait)
                await stop.wait()

        for name in names:
            threading.Thread(target=asyncio.run, args=(serve(name),)).start()
            started.wait()

    yield run
    for loop, stop, thread in stops:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


def test_a_worker_that_lives_says_so(project, running):
    running("one@h")
    seen = project.run("-A", "shop", "ping", "--local")
    assert (seen.code, seen.out) == (0, "one@h: ready, 0 running\n")
    assert project.run("-A", "shop", "ping", "--local", "--ready", "-n", "one@h").code == 0
    told = json.loads(project.run("-A", "shop", "ping", "--local", "--json").out)
    assert [one["hostname"] for one in told] == ["one@h"]


def test_no_worker_is_exit_code_69(project, running):
    running("one@h")
    seen = project.run("-A", "shop", "ping", "--local", "-n", "two@h")
    assert (seen.code, "no worker two@h" in seen.err) == (69, True)


def test_one_that_is_gone_is_not_asked(project, running):
    assert project.run("-A", "shop", "ping", "--local").code == 69


def test_with_a_namespace_the_app_is_not_asked_for(project, running):
    running("one@h")
    seen = project.run("ping", "--local", "--namespace", "shop")
    assert (seen.code, seen.out) == (0, "one@h: ready, 0 running\n")
    assert project.run("ping", "--local", "--namespace", "other").code == 69


def test_without_local_they_are_asked_over_the_broker(project):
    with project.worker(hostname="one@h"):
        seen = project.run("-A", "shop", "ping")
        assert (seen.code, seen.out) == (0, "->  one@h: OK\n        pong\n\n1 node online.\n")
        assert project.run("-A", "shop", "ping", "-n", "one@h").code == 0
        seen = project.run("-A", "shop", "ping", "-n", "two@h")
        assert (seen.code, "two@h is down: nothing was heard of it" in seen.err) == (69, True)
    assert project.run("-A", "shop", "ping").code == 69


def test_ready_is_for_those_of_this_machine(project):
    seen = project.run("-A", "shop", "ping", "--ready")
    assert (seen.code, "--ready goes with --local" in seen.err) == (2, True)
