"""The page in a real browser: what only one can tell."""

import asyncio
import shutil
from contextlib import asynccontextmanager, suppress

import pytest
import uvicorn

from asynq import Worker
from asynq.web import Web
from tests.waiting import until
from tests.web.conftest import HOSTILE

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAGES = ("", "tasks", "queues", "workers", "dead", "workflows")

pytestmark = [
    pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="chromium is not installed"),
    pytest.mark.untidy,  # playwright's driver ends a moment after it was told to
]


@asynccontextmanager
async def served(page):
    """The page at a port of its own; its URL."""
    config = uvicorn.Config(page, port=0, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    try:
        async with page:
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    finally:
        page.end()
        server.should_exit = True
        await serving


class Browser:
    """A browser, and all that went wrong in it."""

    def __init__(self, chromium):
        self.chromium = chromium
        self.wrong = []

    async def tab(self, **options):
        """A tab of a browser that nobody has used yet."""
        context = await self.chromium.new_context(**options)
        tab = await context.new_page()

        async def dialog(shown):
            self.wrong.append(f"dialog: {shown.message}")
            with suppress(playwright.Error):
                await shown.dismiss()

        tab.on("dialog", dialog)
        tab.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        tab.on(
            "console",
            lambda said: (
                self.wrong.append(f"{said.type}: {said.text}")
                if said.type in ("error", "warning")
                else None
            ),
        )
        tab.set_default_timeout(15_000)
        return tab


@pytest.fixture
async def browser():
    async with playwright.async_playwright() as driver:
        chromium = await driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        browser = Browser(chromium)
        yield browser
        await chromium.close()
    assert browser.wrong == []


async def too_wide(tab):
    return await tab.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )


async def test_pages_are_shown_on_phones_and_screens_and_nothing_hostile_runs(app, browser):
    async with served(Web(app, writable=True, show_arguments=True)) as url, Worker(app):
        failed = await app.send_task("proj.fail", (HOSTILE,))
        await app.send_task("proj.put_aside", (HOSTILE,), task_id='"><img src=x onerror=alert(3)>')
        await app.send_task("proj.add", (HOSTILE, "</pre><script>alert(4)</script>"))
        for width in (375, 1440):
            looks = {"viewport": {"width": width, "height": 900}}
            looks["color_scheme"] = "dark" if width == 375 else "light"
            tab = await browser.tab(**looks)
            for path in (*PAGES, f"task?id={failed.id}"):
                await tab.goto(url + path)
                await tab.wait_for_selector("main .panel")
                assert not await too_wide(tab), (path, width)
            ground = await tab.evaluate("getComputedStyle(document.body).backgroundColor")
            assert ground == ("rgb(14, 17, 23)" if width == 375 else "rgb(245, 246, 248)")
            await tab.goto(f"{url}tasks?text=%22%3E%3Cscript%3Ealert(5)%3C/script%3E&name=%3Cb%3E")
            assert await tab.input_value("[type=search]") == '"><script>alert(5)</script>'
            await tab.close()


async def test_what_happens_is_seen_at_once_and_can_be_acted_upon(app, browser):
    page = Web(app, writable=True)
    async with served(page) as url, Worker(app) as worker:
        tab = await browser.tab()
        await tab.goto(f"{url}dead")
        await tab.evaluate("window.sameOne = true")
        await app.send_task("proj.put_aside")
        await tab.wait_for_selector("text=no lamp in stock")
        assert await tab.evaluate("window.sameOne") is True  # it was not loaded again
        [letter] = [letter async for letter in app.dead.letters()]
        await tab.click("tr:has-text('no lamp') button:has-text('Retry')")
        await tab.wait_for_selector(".notice.good:has-text('back in its queue')")

        async def another():
            found = [each async for each in app.dead.letters()]
            return found and found[0].receipt != letter.receipt

        await until(another)
        await worker.__aexit__(None, None, None)
        waiting = await app.send_task("proj.add", (1,))
        await tab.goto(f"{url}task?id={waiting.id}")
        await tab.click("button:has-text('Revoke')")
        await tab.wait_for_selector(".notice.good:has-text('Revoked')")
        async with Worker(app):
            await tab.wait_for_selector("h1 .badge:has-text('REVOKED')")
        await tab.close()


async def test_it_can_be_used_with_keys_alone_and_without_a_script(app, browser):
    token = "a-token-that-is-long-enough"
    async with served(Web(app, writable=True, token=token)) as url:
        tab = await browser.tab(java_script_enabled=False)
        await tab.goto(f"{url}queues")
        assert tab.url == f"{url}login"
        await tab.wait_for_selector("#token:focus")
        await tab.keyboard.type(token)
        await tab.keyboard.press("Enter")
        await tab.wait_for_url(url)
        await tab.keyboard.press("Tab")
        assert await tab.locator(":focus").inner_text() == "Skip to content"
        await tab.keyboard.press("Enter")
        await tab.goto(f"{url}queues")
        await tab.focus("#queue-images button:has-text('Pause')")
        await tab.keyboard.press("Enter")
        await tab.wait_for_selector("text=The queue images is paused.")
        assert [queue.paused for queue in await app.queues.list()] == [False, True]
        await tab.click("text=Log out")
        await tab.wait_for_url(f"{url}login")
        await tab.close()
        tab = await browser.tab()
        await tab.goto(url)
        await tab.fill("#token", token)
        await tab.click("text=Log in")
        await tab.goto(f"{url}tasks")
        await tab.keyboard.press("/")
        assert await tab.evaluate("document.activeElement.type") == "search"
        live = tab.locator("#live")
        await live.focus()
        await tab.keyboard.press("Enter")
        assert await live.get_attribute("aria-pressed") == "false"
        await tab.close()
