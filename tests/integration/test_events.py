"""Workers in processes of their own tell events, each under its own name."""

from asynq import Asynq
from tests.waiting import until


async def test_each_of_several_processes_tells_events(workers, url, namespace):
    words = ("--processes", "2", "-n", "node@here", "-E", "--heartbeat-interval", "0.5")
    parent = workers.launch(*words)
    await until(lambda: parent.said.count(" ready.") == 2)
    assert "  events   on\n" in parent.said
    async with Asynq(namespace, broker=url) as app:
        state = app.events.State()

        async def both():
            await app.events.load(state)
            return len(state.workers) == 2

        await until(both)
    assert sorted(state.workers) == ["node-1@here", "node-2@here"]
    assert {worker.freq for worker in state.workers.values()} == {0.5}


async def test_a_worker_that_stops_says_so(workers, url, namespace):
    worker = await workers.start("-E", "-n", "w@here")
    worker.signal(15)
    assert await worker.ended() == 0
    async with Asynq(namespace, broker=url) as app:
        state = app.events.State()
        await app.events.load(state)
    assert state.workers["w@here"].status_string == "OFFLINE"
    assert state.event_count >= 2
