"""Makes the pictures of the web page: a small shop, its worker, its page, and a browser.

``PYTHONPATH=. python docs/assets/web/make.py [DIRECTORY]`` from the repository; it takes half a
minute. Needs playwright and chromium.
"""

import asyncio
import math
import random
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from playwright.async_api import async_playwright

from asynq import Asynq, Reject, Task, Worker, chain, chord, group
from asynq.events.event import FAILED, RETRIED, SUCCEEDED, Batch, Life, encode
from asynq.web import Web

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"]
PAST = 320
"""Seconds of which there is a history already."""

app = Asynq(
    "shop",
    broker="memory://pictures",
    worker_send_task_events=True,
    task_queues=["default", "images", "mail", "reports"],
)


@app.task(name="shop.orders.place")
async def place(order: int) -> str:
    await asyncio.sleep(random.lognormvariate(-3.6, 0.5))
    return f"order {order}"


@app.task(name="shop.images.resize", queue="images")
async def resize(path: str, width: int) -> str:
    await asyncio.sleep(random.lognormvariate(-1.6, 0.6))
    return f"{path}@{width}"


@app.task(name="shop.mail.send", bind=True, queue="mail", max_retries=2, default_retry_delay=1)
async def send(self: Task, to: str) -> None:
    await asyncio.sleep(random.lognormvariate(-2.5, 0.4))
    if self.request.retries < 2 and random.random() < 0.15:
        raise self.retry(exc=ConnectionError("mail.example.org: connection refused"))


@app.task(name="shop.payments.charge", bind=True, max_retries=2, default_retry_delay=0.2)
async def charge(self: Task, order: int, cents: int) -> None:
    await asyncio.sleep(0.05)
    if cents > 90_000:
        raise self.retry(exc=TimeoutError("payments.example.org did not answer in 5 s"))
    if cents < 2_000:
        raise ValueError("no such card")


@app.task(name="shop.stock.reserve")
async def reserve(item: str) -> None:
    raise Reject(f"no {item} in stock")


@app.task(name="shop.reports.pages", queue="reports")
async def pages(month: str) -> list[int]:
    await asyncio.sleep(0.2)
    return [1, 2, 3]


@app.task(name="shop.reports.render", queue="reports")
async def render(number: int, seconds: float = 0.2) -> int:
    await asyncio.sleep(seconds)
    return number


@app.task(name="shop.reports.bind", queue="reports")
async def bind(numbers: list) -> str:
    return f"{len(numbers)} pages"


@app.task(name="shop.reports.publish", queue="reports")
async def publish(report: str) -> str:
    return report


NAMES = [
    ("shop.orders.place", "default", 0.027, 0.002),
    ("shop.images.resize", "images", 0.21, 0.01),
    ("shop.mail.send", "mail", 0.085, 0.03),
    ("shop.payments.charge", "default", 0.06, 0.05),
]


async def tell_the_past() -> None:
    """Write what workers would have told in the last minutes."""
    log, began = app.broker.events(), time.time() - PAST
    for second in range(PAST - 3):
        wave = 60 + 34 * math.sin(second / 31) + 9 * math.sin(second / 4.7)
        lives = {}
        for _ in range(int(random.gauss(max(8, wave), 5))):
            name, queue, mean, share = random.choices(NAMES, (6, 2, 3, 2))[0]
            start = random.randrange(1_000_000)
            ran = int(mean * 1e6 * random.lognormvariate(0, 0.5) * (1 + second / 900))
            fate = random.random()
            kind = FAILED if fate < share else RETRIED if fate < 2 * share else SUCCEEDED
            error = "ValueError('no such card')" if "charge" in name else "OSError('broken pipe')"
            life = Life(
                id=f"019ad0{random.getrandbits(40):010x}-{random.getrandbits(16):04x}-7c11-"
                f"{random.getrandbits(64):016x}",
                received=start - 2000, started=start, ended=start + ran, kind=kind,
                args=b"[4711]", text=None if kind == SUCCEEDED else error,
            )  # fmt: skip
            lives.setdefault((name, queue), []).append(life)
        batch = Batch(
            hostname=random.choice(("w1@berlin", "w2@berlin")), pid=812, source="past",
            number=second + 1, base=began + second,
            tasks=[(*key, each) for key, each in lives.items()],
        )  # fmt: skip
        await log.append(encode(batch), max_bytes=50_000_000, expires=86_400)


async def keep_busy() -> None:
    """Call tasks, as a shop does."""
    order = 4711
    while True:
        order += 1
        await place.delay(order)
        if order % 3 == 0:
            await resize.delay(f"products/{order}.jpg", random.choice((200, 400, 800)))
        if order % 2 == 0:
            await send.delay(f"customer-{order}@example.com")
        if order % 5 == 0:
            await charge.delay(order, random.randrange(1_500, 99_000))
        await asyncio.sleep(0.02)


async def set_the_scene() -> dict[str, str]:
    """What is to be seen on single pages; returns ids."""
    for item in ("lamp", "lamp", "sofa", "desk", "chair", "shelf"):
        await reserve.delay(item)
    for number in range(7):
        await render.apply_async((number,), countdown=3600 * number + 900)
    await app.queues.limit("images", 4)
    await app.queues.limit("reports", 20)
    await chain(
        chord((render.s(n) for n in range(40)), bind.s()),
        group(publish.s(), send.si("readers@example.com").on_error(bind.s())),
    )()
    running = await chain(
        pages.s("2026-11"),
        group(
            chord((render.si(n, seconds=n / 60) for n in range(240)), bind.s()),
            chain(render.si(2, seconds=600), bind.si([1])),
            send.si("readers@example.com").on_error(render.si(0)),
        ),
        bind.s(),
        publish.s(),
    )()
    failed = await charge.delay(4712, 99_500)
    return {"running": running.workflow_id, "failed": failed.id}


@asynccontextmanager
async def served(page: Web) -> AsyncIterator[str]:
    """The page, at some port."""
    config = uvicorn.Config(page, port=0, lifespan="off", log_config=None, log_level="error")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/"
    page.end()
    server.should_exit = True
    await serving


async def take(url: str, ids: dict[str, str], into: Path) -> None:
    """Take the pictures."""
    shots = [
        ("overview", "", {}),
        ("overview-dark", "", {"color_scheme": "dark"}),
        ("overview-narrow", "", {"width": 390, "height": 844}),
        ("tasks-dark", "tasks?state=FAILURE", {"color_scheme": "dark"}),
        ("task", f"task?id={ids['failed']}", {}),
        ("workflow-dark", f"workflow?id={ids['running']}", {"height": 460, "color_scheme": "dark"}),
        ("queues", "queues", {"height": 460}),
        ("dead-letters", "dead", {"height": 460}),
    ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for name, path, looks in shots:
            size = {"width": looks.pop("width", 1280), "height": looks.pop("height", 860)}
            tab = await browser.new_page(viewport=size, **looks)
            await tab.goto(url + path)
            await tab.wait_for_timeout(1500 if name.startswith("overview") else 300)
            await tab.screenshot(path=into / f"{name}.png")
            await tab.close()
        await browser.close()


async def main() -> None:
    """Make them."""
    into = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    into.mkdir(parents=True, exist_ok=True)
    page = Web(app, writable=True, show_arguments=True)
    async with app:
        await tell_the_past()
        workers = [Worker(app, hostname=f"w{number}@berlin", concurrency=50) for number in (1, 2)]
        async with workers[0], workers[1], page, served(page) as url:
            busy = asyncio.create_task(keep_busy())
            ids = await set_the_scene()
            await asyncio.sleep(6)
            await take(url, ids, into)
            busy.cancel()


if __name__ == "__main__":
    asyncio.run(asyncio.wait_for(main(), 300))
