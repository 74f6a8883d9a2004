"""An app in memory with a worker, its page, and who looks at it without a browser."""

import re
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx
import pytest

from asynq import Asynq, Reject, Worker
from asynq.web import Web
from tests.waiting import until

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202e${7*7}{{7*7}}"
"""What somebody might send to be looked at."""
BASE = "http://localhost:5555/"
SAME = {"sec-fetch-site": "same-origin"}


@pytest.fixture
async def app(namespace):
    async with Asynq(
        namespace, broker="memory://", worker_send_task_events=True,
        task_queues=["default", "images"], set_as_current=False,
    ) as app:  # fmt: skip

        @app.task(name="proj.add")
        async def add(x, y=0):
            return x + y

        @app.task(name="proj.fail")
        async def fail(*args):
            raise LookupError(*args)

        @app.task(name="proj.put_aside")
        async def put_aside(why="no lamp in stock"):
            raise Reject(why)

        yield app


@pytest.fixture
async def worker(app):
    async with Worker(app, hostname="w@here") as worker:
        yield worker


class Visitor(httpx.AsyncClient):
    """A browser without windows: keeps cookies, and sends a form as its page has it."""

    def __init__(self, page, base=BASE, **options):
        transport = httpx.ASGITransport(page, client=("10.1.2.3", 4711))
        super().__init__(transport=transport, base_url=base, **options)
        self.page = page

    @property
    def cluster(self):
        return self.page._site.follow()

    async def token(self, path="queues"):
        """What the forms of a page have."""
        return re.search(r'name="form_token" value="(\w+)"', (await self.get(path)).text)[1]

    async def do(self, action, headers=SAME, **fields):
        """Send a form."""
        if "form_token" not in fields:
            fields["form_token"] = await self.token()
        given = {name: value for name, value in fields.items() if value is not None}
        return await self.post(f"do/{action}", data=given, headers=headers)

    async def follow(self, answer):
        """The page that a form leads to."""
        assert answer.status_code == 303, answer.text
        return await self.get(urljoin(str(answer.request.url), answer.headers["location"]))

    async def seen(self, id, state):
        """Wait until the page knows a task to be in that state."""
        await until(
            lambda: id in self.cluster.state.tasks and self.cluster.state.tasks[id].state == state
        )

    async def shows(self, path, text):
        """Wait until a page shows something; the page."""

        async def look():
            found = (await self.get(path)).text
            return found if text in found else None

        return await until(look)


@asynccontextmanager
async def visiting(app, base=BASE, **options):
    """A page of the app, followed, and its visitor."""
    page = Web(app, **options)
    async with page, Visitor(page, base) as visitor:
        await visitor.cluster.loaded.wait()
        yield visitor


@pytest.fixture
async def visitor(app):
    """Of a page that can only be looked at, as it is by default."""
    async with visiting(app) as visitor:
        yield visitor


@pytest.fixture
async def operator(app):
    """Of a page on which things can be done, and all is shown."""
    async with visiting(app, writable=True, show_arguments=True) as visitor:
        yield visitor


class Reading(HTMLParser):
    """The elements of a page, as a browser would have them."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.texts = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def tags(self):
        return {tag for tag, _ in self.elements}

    @property
    def attributes(self):
        return {name for _, attributes in self.elements for name in attributes}

    def all(self, wanted):
        return [attributes for tag, attributes in self.elements if tag == wanted]
