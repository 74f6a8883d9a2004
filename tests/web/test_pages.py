"""What the pages show, what can be done on them, and where they can be."""

import asyncio
import json
import time

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from asynq import Worker, chain, chord, group
from asynq.events.event import FAILED, Batch, Life, encode
from asynq.web import Web
from asynq.web.live import _stream, version
from asynq.web.pages import PAGES
from tests.waiting import until
from tests.web.conftest import Reading, Visitor, visiting


async def test_what_goes_on_is_on_the_first_page(app, worker, visitor):
    for number in range(3):
        await app.send_task("proj.add", (number,))
    failed = await app.send_task("proj.fail", ("nobody knows",))
    await visitor.seen(failed.id, "FAILURE")
    page = await visitor.shows("", "on 1 worker")
    assert "LookupError" in page
    assert "proj.<wbr>add" in page
    for queue in ("default", "images"):
        assert f'id="queue-{queue}"' in page
    reading = Reading(page)
    assert len([each for each in reading.all("svg") if "viewbox" in each]) >= 3
    assert [each["href"] for each in reading.all("a") if "aria-current" in each][:1] == ["./"]


async def test_tasks_are_searched_filtered_and_paged(app, visitor):
    lives = [Life(f"id-{n}", received=n, started=n, ended=n + 5, text="7") for n in range(120)]
    lives[7].kind, lives[7].text = FAILED, "ValueError('lamp')"
    batch = Batch("w1@h", 1, "s", 1, time.time(), tasks=[("proj.t", "images", lives)])
    visitor.cluster.state.batch(batch)

    async def shown(path):
        rows = Reading((await visitor.get(path)).text).all("tr")
        return [row["id"].removeprefix("task-id-") for row in rows if row.get("id")]

    assert await shown("tasks") == [str(n) for n in range(119, 69, -1)]
    assert await shown("tasks?offset=100") == [str(n) for n in range(19, -1, -1)]
    assert await shown("tasks?text=lamp") == ["7"]
    assert await shown("tasks?state=FAILURE&queue=images&worker=w1@h&name=proj.t") == ["7"]
    assert await shown("tasks?state=FAILURE&queue=default") == []
    first = (await visitor.get("tasks?queue=images")).text
    assert 'href="tasks?queue=images&amp;offset=50"' in first
    assert "Newer" not in first
    assert "Older" not in (await visitor.get("tasks?offset=70")).text
    assert (await visitor.get("tasks?offset=many")).status_code == 400


async def test_a_task_is_shown_with_all_there_is(app, worker, operator):
    result = await app.send_task("proj.fail", ("nobody knows",))
    await operator.seen(result.id, "FAILURE")
    page = (await operator.get(f"task?id={result.id}")).text
    for told in ("Traceback", "LookupError", "nobody knows", "Attempts", "w@here", "Received",
                 "Started", "Failed", "Call it again"):  # fmt: skip
        assert told in page


async def test_a_task_of_which_nothing_is_known_is_shown_so(visitor):
    answer = await visitor.get("task?id=nothing")
    assert (answer.status_code, "Nothing is known" in answer.text) == (200, True)
    assert (await visitor.get("task")).status_code == 400


async def test_a_workflow_is_drawn(app, worker, operator):
    add = app.tasks["proj.add"]
    total = chord((add.si(n) for n in range(20)), add.si(1).on_error(add.si(0)))
    result = await chain(total, group(add.si(5), add.si(6)))()
    workflow = result.workflow_id
    await result.get(timeout=10)
    page = await operator.shows(f"workflow?id={workflow}", "SUCCESS")
    assert "add × 20" in page
    assert 'class="edge dashed bad"' in page
    assert workflow in (await operator.get("workflows")).text
    await operator.seen(result[0].id, "SUCCESS")
    assert "Its workflow" in (await operator.get(f"task?id={result[0].id}")).text
    told = json.loads((await operator.get(f"api/workflows/{workflow}")).text)
    assert told["states"] == {"SUCCESS": 23}


async def test_a_workflow_that_is_not_kept_is_not_found(visitor):
    assert (await visitor.get("workflow?id=nothing")).status_code == 404
    assert (await visitor.get("api/workflows/nothing")).status_code == 404


async def test_workers_and_queues_are_shown(app, worker, visitor):
    page = await visitor.shows("workers", "online")
    assert "w@here" in page
    assert "default, images" in page
    await app.queues.pause("images")
    visitor.cluster.look()
    await visitor.shows("queues", "paused")


async def test_a_worker_that_tells_nothing_is_shown_so(app, visitor):
    async with Worker(app, hostname="mute@here", task_events=False):
        visitor.cluster.look()
        await visitor.shows("workers", "tells no events")
        assert "Start workers with -E" in (await visitor.get("")).text


async def test_schedules_are_shown_paused_and_run(app, worker, operator):
    await app.schedules.add("nightly <b>", 3600.0, "proj.add", (1, "s3cret"))
    page = (await operator.get("schedules")).text
    for told in ("nightly &lt;b&gt;", "proj.<wbr>add", "every", ">in ", "added", "s3cret"):
        assert told in page
    assert 'href="schedules"' in (await operator.get("")).text
    page = await operator.follow(await operator.do("pause-schedule", name="nightly <b>"))
    assert "is not called" in page.text
    assert (await operator.get("api/schedules")).json()[0]["paused"] is True
    await operator.do("resume-schedule", name="nightly <b>")
    page = await operator.follow(await operator.do("run-schedule", name="nightly <b>"))
    assert "Called, as " in page.text
    page = await operator.follow(await operator.do("run-schedule", name="none"))
    assert "That was not done" in page.text
    async with visiting(app) as visitor:
        for path in ("schedules", "api/schedules"):
            assert "s3cret" not in (await visitor.get(path)).text


# What can be done


async def test_queues_are_paused_limited_and_resumed(app, operator):
    answer = await operator.do("pause", queue="images", back="queues")
    page = await operator.follow(answer)
    assert "The queue images is paused." in page.text
    await operator.do("limit", queue="default", limit="3")
    assert [(q.paused, q.limit) for q in await app.queues.list()] == [(False, 3), (True, None)]
    await operator.do("resume", queue="images")
    await operator.do("limit", queue="default", limit="")
    assert [(q.paused, q.limit) for q in await app.queues.list()] == [(False, None)] * 2
    page = await operator.follow(await operator.do("limit", queue="default", limit="-1"))
    assert "That was not done" in page.text


async def test_tasks_are_paused_by_name(app, operator):
    await operator.do("pause-task", task="proj.add")
    assert await app.queues.paused_tasks() == {"proj.add"}
    await operator.shows("queues", "Resume")
    await operator.do("resume-task", task="proj.add")
    assert await app.queues.paused_tasks() == frozenset()


async def test_a_task_is_revoked(app, operator):
    result = await app.send_task("proj.add", (1,))
    assert "End it" in (await operator.get(f"task?id={result.id}")).text
    await operator.do("revoke", id=result.id)
    async with Worker(app):
        await result.get(timeout=10, propagate=False)
        assert await result.state == "REVOKED"


async def test_a_running_task_is_ended(app, operator):
    @app.task(name="proj.hang")
    async def hang():
        await asyncio.Event().wait()

    async with Worker(app):
        result = await hang.delay()
        await operator.seen(result.id, "STARTED")
        await operator.do("revoke", id=result.id, terminate="yes")
        await result.get(timeout=10, propagate=False)
        assert await result.state == "REVOKED"


async def test_a_task_is_called_again(app, worker, operator):
    result = await app.send_task("proj.add", (1, 2))
    await operator.seen(result.id, "SUCCESS")
    page = await operator.follow(await operator.do("retry", id=result.id))
    assert "Called again" in page.text
    await until(lambda: len(operator.cluster.state.tasks) == 2)


async def test_dead_letters_are_sent_back_and_thrown_away(app, worker, operator):
    for why in ("one", "two", "three"):
        await app.send_task("proj.put_aside", (why,))
    page = await operator.shows("dead", "three")
    assert "Retry all" in page
    letters = [letter async for letter in app.dead.letters()]
    assert len(letters) == 3
    fields = {"queue": letters[0].queue, "receipt": letters[0].receipt}
    page = await operator.follow(await operator.do("discard", **fields, back="dead"))
    assert "thrown away" in page.text
    page = await operator.follow(await operator.do("discard", **fields))
    assert "somebody was quicker" in page.text
    fields = {"queue": letters[1].queue, "receipt": letters[1].receipt}
    page = await operator.follow(await operator.do("retry-letter", **fields))
    assert "back in its queue" in page.text

    async def there_again():
        found = [letter async for letter in app.dead.letters()]
        return len(found) == 2 and letters[1].receipt not in [each.receipt for each in found]

    await until(there_again)
    page = await operator.follow(await operator.do("retry-all", queue="default"))
    assert "dead letters are back" in page.text
    page = await operator.follow(await operator.do("retry-all", queue="nowhere"))
    assert "there is no queue" in page.text


async def test_dead_letters_are_paged(app, worker, operator):
    for number in range(53):
        await app.send_task("proj.put_aside", (f"n{number}.",))

    async def all_there():
        return await app.dead.count() == 53

    await until(all_there)
    assert "offset=50" in (await operator.get("dead?queue=default")).text
    page = (await operator.get("dead?queue=default&offset=50")).text
    assert page.count('id="letter-') == 3


async def test_a_workflow_is_cancelled(app, operator):
    add = app.tasks["proj.add"]
    result = await chain(add.si(1), add.si(2))()
    assert "Cancel" in (await operator.get(f"workflow?id={result.workflow_id}")).text
    page = await operator.follow(await operator.do("cancel", id=result.workflow_id))
    assert "2 tasks of it were not over" in page.text


async def test_what_is_not_there_is_said(operator):
    assert (await operator.do("explode")).status_code == 404
    page = await operator.follow(await operator.do("revoke"))
    assert "the form has no id" in page.text


# As JSON


async def test_the_same_is_there_for_programs(app, worker, operator):
    result = await app.send_task("proj.fail", ("why",))
    letter = await app.send_task("proj.put_aside")
    await operator.seen(result.id, "FAILURE")
    await operator.shows("dead", "no lamp")

    async def told(path):
        answer = await operator.get(f"api/{path}")
        assert answer.headers["content-type"] == "application/json"
        return answer.json()

    assert (await told("overview"))["states"]["FAILURE"] == 1
    assert [queue["name"] for queue in await told("queues")] == ["default", "images"]
    assert [each["hostname"] for each in await told("workers")] == ["w@here"]
    assert [each["uuid"] for each in await told("tasks?state=FAILURE&limit=5")] == [result.id]
    one = await told(f"tasks/{result.id}")
    assert (one["state"], one["attempts"][0]["state"]) == ("FAILURE", "FAILURE")
    assert "LookupError" in one["traceback"]
    assert [each["id"] for each in await told("dead?limit=1")] == [letter.id]
    assert await told("workflows") == []
    assert (await operator.get("api/tasks?limit=x")).status_code == 400


# Where it is


@pytest.mark.parametrize("place", ["/tasks", "/a/b/c"])
async def test_it_can_be_mounted_anywhere(app, place):
    page = Web(app, writable=True)
    outer = Starlette(routes=[Mount(place, page)])
    async with page, Visitor(outer, f"http://localhost{place}/") as visitor:
        visitor.page = page
        reading = Reading((await visitor.get("queues")).text)
        links = [a["href"] for a in reading.all("a")] + [f["action"] for f in reading.all("form")]
        assert not [each for each in links if each.startswith(("/", "http"))]
        [style] = [each["href"] for each in reading.all("link") if each["rel"] == "stylesheet"]
        assert (await visitor.get(style)).status_code == 200
        answer = await visitor.do("pause", queue="images", back="queues")
        followed = await visitor.follow(answer)
        assert str(followed.url).startswith(f"http://localhost{place}/queues?")


async def test_logging_in_works_where_it_is_mounted(app):
    page = Web(app, token="a-token-that-is-long-enough")
    outer = Starlette(routes=[Mount("/x", page)])
    async with page, Visitor(outer, "http://localhost/x/") as visitor:
        assert (await visitor.get("tasks")).headers["location"] == "login"
        assert (await visitor.get("login")).status_code == 200
        assert (await visitor.get("static/none.js")).status_code == 404


async def test_it_follows_from_the_first_look_on_where_nobody_has_begun(app, worker):
    page = Web(app)
    async with Visitor(page) as visitor:
        result = await app.send_task("proj.add", (1,))
        await visitor.get("")
        await visitor.seen(result.id, "SUCCESS")
    await page._site.close()


async def test_as_an_app_of_its_own_it_begins_and_ends_with_the_server(app):
    page = Web(app)
    received = iter(["lifespan.startup", "lifespan.shutdown"])
    sent = []

    async def receive():
        return {"type": next(received)}

    async def send(message):
        sent.append(message["type"])

    await page({"type": "lifespan", "app": None, "state": {}}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_files_may_be_kept_for_ever(visitor):
    reading = Reading((await visitor.get("")).text)
    for path in [reading.all("script")[0]["src"], *(x["href"] for x in reading.all("link"))]:
        answer = await visitor.get(path)
        assert (answer.status_code, "immutable" in answer.headers["cache-control"]) == (200, True)
        etag = {"if-none-match": answer.headers["etag"]}
        assert (await visitor.get(path, headers=etag)).status_code == 304
    for path in ("static/web.css", "static/..%2fweb.py", "static/%2e%2e/web.py"):
        assert (await visitor.get(path)).status_code == 404


async def test_news_are_told_as_they_come(visitor):
    cluster, closing = visitor.cluster, asyncio.Event()
    stream = _stream(cluster, closing, "")
    assert await anext(stream) == f"retry: 300\nid: {version(cluster)}\n\n"
    cluster.changed += 1
    now = version(cluster)
    assert await anext(stream) == f"event: news\nid: {now}\ndata: {now}\n\n"
    closing.set()
    assert [each async for each in stream] == []


async def test_who_comes_back_is_told_what_was_missed(visitor):
    stream = _stream(visitor.cluster, asyncio.Event(), "0-0-0")
    await anext(stream)
    assert "event: news" in await anext(stream)
    await stream.aclose()


async def test_a_server_that_is_away_is_spoken_of(app, visitor):
    visitor.cluster.problem = "connection refused"
    assert "can&#x27;t be reached: connection refused" in (await visitor.get("")).text


# With a long history


MANY = 100_000
LIMIT = 0.2
"""Seconds of processor time that a page may take."""


@pytest.fixture
async def long(app):
    """The visitor of a page that knows of 100,000 tasks."""
    async with visiting(app, show_arguments=True, tasks=MANY) as visitor:
        state, now = visitor.cluster.state, time.time()
        for first in range(0, MANY, 1000):
            lives = [
                Life(f"id-{n}", received=n % 1000, started=n % 1000 + 9, ended=n % 1000 + 999,
                     kind=FAILED if n % 10 == 0 else 0, args=b'["customer %d"]' % n, text=f"{n}")
                for n in range(first, first + 1000)
            ]  # fmt: skip
            groups = [(f"proj.t{n}", f"q{n % 2}", lives[n::7]) for n in range(7)]
            state.batch(
                Batch(f"w{first % 3}@h", 1, "s", first, now - 300 + first / 400, tasks=groups)
            )
            await asyncio.sleep(0)
        await visitor.get("tasks?text=nothing+like+it")  # what is searched is gathered once
        yield visitor


async def test_pages_are_quick_with_a_long_history(long):
    paths = [name for name, _ in PAGES if name not in ("workflow", "schedules")]
    paths += ["tasks?offset=99900", "tasks?state=FAILURE&name=proj.t3", "tasks?text=customer+777",
              "tasks?text=no+such+thing&state=SUCCESS", "?span=1+h", "task?id=id-5",
              "api/tasks?limit=500", "api/overview"]  # fmt: skip
    assert len(long.cluster.state.tasks) == MANY
    slow = {}
    for path in paths:
        took = []
        for _ in range(3):
            began = time.process_time()
            answer = await long.get(path)
            took.append(time.process_time() - began)
            assert answer.status_code in (200, 400), path
        if min(took) > LIMIT:
            slow[path] = min(took)
    assert slow == {}


async def test_the_loop_goes_on_while_a_history_is_searched(long):
    long.cluster.state._index._texts.clear()  # so that all of it is gathered anew
    longest, stop = 0.0, asyncio.Event()

    async def beat():
        nonlocal longest
        while not stop.is_set():
            began = time.process_time()
            await asyncio.sleep(0)
            longest = max(longest, time.process_time() - began)

    beating = asyncio.create_task(beat())
    await long.get("tasks?text=nothing+like+it")
    stop.set()
    await beating
    assert 0 < longest < LIMIT


async def test_the_loop_goes_on_while_a_busy_cluster_is_followed(app):
    log, now = app.broker.events(), time.time()
    for number in range(50):
        lives = [Life(f"id-{number}-{n}", received=n, started=n, ended=n) for n in range(1000)]
        batch = Batch("w@h", 1, "s", number + 1, now, tasks=[("proj.t", "default", lives)])
        await log.append(encode(batch), max_bytes=100_000_000, expires=3600)
    page = Web(app)
    async with page:
        longest = 0.0
        while not page._site.follow().loaded.is_set():
            began = time.process_time()
            await asyncio.sleep(0)
            longest = max(longest, time.process_time() - began)
        assert len(page._site.follow().state.tasks) == 50_000
    assert 0 < longest < LIMIT
