"""A shop's cluster as it might be at noon: the same at every run, without a server.

What is shown in the docs' pictures, and what the screen is measured with.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from random import Random
from unittest.mock import patch

from asynq import Asynq, Attempt
from asynq.events.event import FAILED, RETRIED, REVOKED, SUCCEEDED, Batch, Life
from asynq.monitor import Cluster, Detail
from asynq.monitor.screen.overview import Sample
from asynq.monitor.screen.program import Monitor
from asynq.queues import QueueInfo
from asynq.result.graph import Graph
from asynq.wire.flow import Shape

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp()
SECONDS = 420
WORKERS = ("mail@web-1", "shop@web-1", "shop@web-2", "images@gpu-1")
TASKS = (
    # name, queue, workers, share, seconds, how many of 1000 fail
    ("shop.orders.charge", "default", (1, 2), 6, 0.180, 9),
    ("shop.orders.confirm", "mail", (0,), 6, 0.035, 2),
    ("shop.stock.sync", "default", (1, 2), 3, 0.420, 0),
    ("shop.images.resize", "images", (3,), 4, 1.300, 4),
    ("shop.reports.daily", "reports", (1,), 1, 6.500, 0),
)
ERRORS = {
    "shop.orders.charge": ("CardDeclined", "the bank says no: insufficient funds"),
    "shop.orders.confirm": ("SMTPServerDisconnected", "Connection unexpectedly closed"),
    "shop.images.resize": ("UnidentifiedImageError", "cannot identify image file 'raw/8841.heic'"),
}
TRACEBACK = """Traceback (most recent call last):
  File "/srv/shop/tasks/orders.py", line 41, in charge
    receipt = await bank.charge(order.card, order.total)
  File "/srv/shop/bank.py", line 88, in charge
    raise CardDeclined(answer.reason)
shop.bank.CardDeclined: the bank says no: insufficient funds
"""
FAILED_ID = "019acd52-aa60-7c31-9d5e-6f1b2c3d4e5f"


class SampleCluster(Cluster):
    """It, which nobody need follow."""

    async def run(self) -> None:
        """Nothing more happens."""
        self.loaded.set()
        await asyncio.Event().wait()


class SampleMonitor(Monitor):
    """The screen of it, in which one task is known in full, and the queues since a while."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        overview = self._views["overview"]
        for ago in range(SECONDS, 0, -2):
            ready = 350 + 1500 * max(0.0, 1 - ago / 190) + 120 * math.sin(ago / 17)
            overview.samples.append(Sample(NOON - ago, int(ready), 40))

    async def look_at(self, id: str) -> Detail:
        """All there is about a task."""
        task = self.cluster.state.tasks.get(id)
        first = Attempt(started=NOON - 65.4, seconds=0.192, worker="shop@web-2", state="RETRY",
                        error="BankAway: 503 Service Unavailable")  # fmt: skip
        last = Attempt(started=NOON - 2.31, seconds=0.207, worker="shop@web-1", state="FAILURE",
                       error="CardDeclined: the bank says no: insufficient funds")  # fmt: skip
        return Detail(
            id=id,
            task=task,
            state="PENDING" if task is None else task.state,
            result=None if task is None else task.exception or task.result,
            traceback=None if task is None else task.traceback,
            attempts=(first, last) if id == FAILED_ID else (),
            letter=None,
            workflow=_workflow() if id == FAILED_ID else None,
        )


def _workflow() -> Graph:
    names = ("shop.orders.check", "shop.orders.charge", "shop.orders.confirm", "shop.stock.sync")
    check, charge, confirm, sync = (
        Shape(kind="task", name=name, number=number) for number, name in enumerate(names, 1)
    )
    both = Shape(kind="group", number=5, parts=[confirm, sync])
    return Graph(
        workflow="019acd52-aa5e-7c31-9d5e-000000000000",
        tree=Shape(kind="chain", number=0, parts=[check, charge, both]),
        ids={1: "019acd52-aa5f-7c31-9d5e-5e0a1b2c3d4e", 2: FAILED_ID},
        states={1: "SUCCESS", 2: "FAILURE"},
    )


def cluster(tasks: int = 0) -> SampleCluster:
    """It.

    Args:
        tasks: How many more there are in its history, older ones.
    """
    app = Asynq("shop", broker="memory://sample", set_as_current=False)
    found = SampleCluster(app, tasks=100_000)
    random = Random(1)
    if tasks:
        _older(found, tasks, random)
    for second in range(SECONDS):
        if second == SECONDS - 2:
            _failure(found)
        for batch in _batches(second, random):
            found.state.batch(batch)
    for number, name in enumerate(WORKERS):
        found.state.event({
            "type": "worker-heartbeat", "hostname": name, "timestamp": NOON - number * 7.3,
            "freq": 60.0, "active": (4, 17, 12, 8)[number], "pid": 2100 + 17 * number,
            "processed": (88_214, 240_377, 238_951, 31_650)[number], "sw_ident": "asynq",
            "sw_ver": "0.1.0", "loadavg": [(0.41, 1.87, 1.66, 6.12)[number], 1.0, 1.0],
        })  # fmt: skip
    found.state.event({"type": "worker-heartbeat", "hostname": "shop@web-3", "pid": 917,
                       "timestamp": NOON - 4000.0, "active": 0, "processed": 51_022})  # fmt: skip
    found.alive = ("images@gpu-1", "mail@web-1", "nightly@web-1", "shop@web-1", "shop@web-2")
    found.queues = [
        _queue("default", 214, 31, 29, 3.1, 26.4, 0, WORKERS[1:3]),
        _queue("images", 1842, 0, 8, 96.0, 6.2, 3, WORKERS[3:]),
        _queue("mail", 0, 12, 4, 0.0, 18.1, 0, WORKERS[:1], limit=4),
        _queue("reports", 5, 1, 0, 45.0, 0.0, 0, WORKERS[1:2], paused=True),
    ]
    found.changed = 1
    return found


def _queue(name, ready, delayed, running, age, rate, dead, workers, *, paused=False, limit=None):
    oldest = datetime.fromtimestamp(NOON - age, UTC) if ready else None
    return QueueInfo(name=name, ready=ready, delayed=delayed, parked=0, running=running, dead=dead,
                     oldest=oldest, age=age if ready else 0.0, rate=rate, paused=paused,
                     limit=limit, workers=tuple(workers), gone=0)  # fmt: skip


def _id(at: float, random: Random) -> str:
    text = f"{int(at * 1000):012x}7{random.getrandbits(12):03x}9{random.getrandbits(60):015x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _life(name: str, base: float, at: float, seconds: float, fails: int, random: Random) -> Life:
    """A run that began then; what is not over by noon still runs."""
    began, took = at - base, random.lognormvariate(math.log(seconds), 0.35)
    order = random.randrange(10_000, 99_999)
    life = Life(
        _id(at, random),
        received=int((began - 0.004) * 1_000_000),
        started=int(began * 1_000_000),
        args=b"[%d]" % order,
        kwargs=b'{"width":640}' if "images" in name else b"{}",
    )
    if at + took > NOON:
        return life
    life.ended = int((began + took) * 1_000_000)
    luck = random.randrange(1000)
    if luck < fails:
        kind, text = ERRORS[name]
        life.kind, life.text, life.traceback = FAILED, f"{kind}('{text}')", TRACEBACK
    elif luck < 2 * fails:
        life.kind, life.text = RETRIED, "BankAway('503 Service Unavailable')"
    elif luck == 999:
        life.kind = REVOKED
    else:
        life.kind, life.text = SUCCEEDED, repr({"order": order, "ok": True})
    return life


def _batches(second: int, random: Random) -> Iterator[Batch]:
    """What the workers tell of a second."""
    base = NOON - SECONDS + second
    busy = 1.0 + 0.45 * math.sin(second / 47) + 0.25 * math.sin(second / 11)
    if 235 < second < 262:
        busy *= 0.35  # a deployment
    runs = []
    for name, queue, workers, share, seconds, fails in TASKS:
        trouble = 12 if name == "shop.orders.charge" and 300 < second < 340 else 1
        for _ in range(round(share * busy * 2.2 + random.random() - 0.5)):
            at = base + random.random()
            life = _life(name, base, at, seconds, fails * trouble, random)
            runs.append((life.started, name, queue, WORKERS[random.choice(workers)], life))
    for number, (_, name, queue, worker, life) in enumerate(sorted(runs, key=lambda run: run[0])):
        yield Batch(hostname=worker, pid=1, source="sample", number=second * 1000 + number,
                    base=base, tasks=[(name, queue, [life])])  # fmt: skip


def _older(found: Cluster, tasks: int, random: Random) -> None:
    for first in range(0, tasks, 500):
        base = NOON - 3000 + first / tasks * 2000
        name, queue, _, _, seconds, fails = TASKS[first // 500 % len(TASKS)]
        lives = [_life(name, base, base + n / 500, seconds, fails, random) for n in range(500)]
        found.state.batch(Batch(hostname=WORKERS[1], pid=1, source="older", number=first,
                                base=base, tasks=[(name, queue, lives)]))  # fmt: skip


def _failure(found: Cluster) -> None:
    base = NOON - 66.0
    life = Life(
        FAILED_ID, retries=1, sent=0, received=63_680_000, started=63_690_000, ended=63_897_000,
        kind=FAILED, args=b"[88417]", kwargs=b'{"currency":"EUR"}', traceback=TRACEBACK,
        text="CardDeclined('the bank says no: insufficient funds')",
    )  # fmt: skip
    found.state.batch(Batch(hostname="shop@web-1", pid=1, source="one", number=1, base=base,
                            tasks=[("shop.orders.charge", "default", [life])]))  # fmt: skip


@contextmanager
def at_noon() -> Iterator[None]:
    """The clocks stand at noon."""
    rooms = ("monitor.screen.overview", "monitor.screen.bars", "monitor.screen.workers",
             "events.seen")  # fmt: skip
    with ExitStack() as stack:
        for room in rooms:
            stack.enter_context(patch(f"asynq.{room}.time", lambda: NOON))
        stack.enter_context(patch("asynq.monitor.screen.bars.monotonic", lambda: 0.0))
        yield
