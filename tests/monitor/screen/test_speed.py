"""However many tasks there are, and however many come in: a key is answered at once."""

import asyncio
import itertools
from time import thread_time

import pytest

from asynq._time import time
from asynq.events.event import Batch, Life
from asynq.monitor.screen.tasks import TaskTable
from tests.monitor.screen.conftest import driving
from tests.monitor.screen.sample import SampleMonitor, at_noon, cluster
from tests.waiting import until

ANSWER = 0.2
"""Seconds of the processor's time in which a key is answered: other tests run beside this one."""
STILL = 0.05
"""Seconds, the same, in which nothing else runs. The garbage of other tests may be collected just
then, which takes about as long once more."""


class Pulse:
    """The longest time in which nothing else could run."""

    def __init__(self):
        self.longest = 0.0

    async def __aenter__(self):
        self._task = asyncio.create_task(self._beat())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_):
        self._task.cancel()

    async def _beat(self):
        before = thread_time()
        while True:
            await asyncio.sleep(0)
            now = thread_time()
            self.longest, before = max(self.longest, now - before), now


@pytest.fixture(scope="module")
def many():
    return cluster(tasks=80_000)


class Drawn:
    """How many lines of tasks were drawn."""

    def __init__(self, monkeypatch):
        self.lines = 0
        draw = TaskTable.render_line

        def counted(table, y):
            self.lines += 1
            return draw(table, y)

        monkeypatch.setattr(TaskTable, "render_line", counted)


async def answered(screen, drawn, *keys, seen):
    """Press keys; what the last takes until that is so, and has been drawn."""
    *before, last = keys
    await screen.press(*before)
    began = thread_time()
    pressing = asyncio.create_task(screen.press(last))
    while not seen():
        await asyncio.sleep(0.001)
    lines = drawn.lines
    while drawn.lines == lines and not pressing.done():
        await asyncio.sleep(0.001)
    took = thread_time() - began
    await pressing
    return took


async def best(work, times=3):
    """The shortest of some times: other tests run beside this one."""
    return min([await work() for _ in range(times)])


async def test_a_key_is_answered_at_once_with_100_000_tasks(many, monkeypatch):
    assert len(many.state.tasks) > 95_000
    took, drawn = {}, Drawn(monkeypatch)
    with at_noon():
        async with driving(SampleMonitor(many), size=(160, 50)) as screen:
            tasks = screen.monitor._views["tasks"]
            rows = tasks.listing
            await screen.press("2")
            await until(lambda: len(rows.rows) == len(many.state.tasks))

            async def to_the_end():
                return await answered(
                    screen, drawn, "g", "G", seen=lambda: tasks.table.cursor > 95_000
                )

            took["to the end"] = await best(to_the_end)

            async def a_page():
                return await answered(
                    screen, drawn, "g", "pagedown", seen=lambda: tasks.table.cursor > 40
                )

            took["a page"] = await best(a_page)

            async def filtered():
                return await answered(screen, drawn, "escape", "s", "down", "enter",
                                      seen=lambda: tasks.asked.state)  # fmt: skip

            took["a filter"] = await best(filtered)
            await screen.press("escape")

            async def searched():  # every task has it
                await screen.press("escape", "slash")
                return await answered(
                    screen, drawn, "o", seen=lambda: len(rows.rows) and rows.rows[0]
                )

            took["a search"] = await best(searched)

            async def in_vain():  # all of them are looked through
                await screen.press("escape", "slash", "q", "q")
                return await answered(
                    screen, drawn, "q", seen=lambda: rows.complete and not rows.rows
                )

            took["a search in vain"] = await best(in_vain)
            await screen.press("escape")
    print(took)
    assert {what: time for what, time in took.items() if time > ANSWER} == {}


async def test_the_loop_never_stands_still_while_10_000_tasks_a_second_come_in(many):
    ids = (f"new-{number}" for number in itertools.count())

    def batch(number):
        lives = [Life(next(ids), received=0, started=10, ended=2000, args=b"[1]", text="2")
                 for _ in range(1000)]  # fmt: skip
        return Batch(hostname="shop@web-1", pid=1, source="much", number=number, base=time(),
                     tasks=[("shop.stock.sync", "default", lives)])  # fmt: skip

    async with driving(SampleMonitor(many), size=(160, 50)) as screen:
        longest = {}
        for view in ("1", "2", "3", "4"):
            await screen.press(view)
            async with Pulse() as pulse:
                for number in range(8):
                    many.state.batch(batch(number))
                    await asyncio.sleep(0.1)
            longest[view] = pulse.longest
    print(longest)
    assert {view: time for view, time in longest.items() if time > 2 * STILL} == {}
