"""Steps that wait for their time once it is their turn."""

import time

from asynq import Asynq, Worker, chord

LATE = 1.0
"""Seconds: a worker that only looks every two seconds is later than that, more often than not."""


async def test_a_step_begins_at_its_time_and_not_when_somebody_looks(url, namespace):
    async with Asynq(namespace, broker=url) as app, Worker(app):

        @app.task
        async def now(*before) -> float:
            return time.time()

        waiting = now.s().set(countdown=0.2)
        for canvas in (now.s() | waiting, chord([now.s(), now.s()], waiting), now.s() | waiting):
            result = await canvas()
            ended, parent = await result.get(timeout=10), result.parent
            before = await parent.get()
            began = max(before) if isinstance(before, list) else before
            assert 0.15 < ended - began < LATE
