"""Every example runs as it says itself; the quickstart's README is played by `tests.test_docs`."""

import json
import os
import subprocess
import sys
import time

import httpx
import pytest

from examples import fastapi_app, web_page
from tests.pages import ROOT
from tests.waiting import until


@pytest.fixture
def environment(directory):
    return {**os.environ, "ASYNQ_STATE_DIR": str(directory / "state")}


def run(*words, environment, seconds=40):
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def test_the_demo_ends_well_in_under_30_seconds(environment):
    began = time.monotonic()
    demo = run("examples.demo", environment=environment, seconds=60)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert time.monotonic() - began < 30
    assert "3,136 tasks" in demo.stdout
    assert demo.stderr == ""


@pytest.fixture
def worker_log(environment, directory):
    """The log of a worker of the script's tasks."""
    log = directory / "worker.log"
    command = [sys.executable, "-m", "asynq", "-A", "examples.sync_script", "worker"]
    with log.open("wb") as file:
        worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=file)
    yield log
    worker.terminate()
    assert worker.wait(20) == 0, log.read_text()


async def test_a_script_without_a_loop_gets_its_results(environment, worker_log):
    await until(lambda: " ready." in worker_log.read_text())
    script = run("examples.sync_script", environment=environment)
    assert script.returncode == 0, script.stderr
    assert script.stdout.splitlines()[1:] == [
        "12 squared is 144",
        "the first ten squares: [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]",
    ]
    assert script.stderr == ""


SAYS = {
    "signatures_and_groups": [
        "signatures-example.add(2) called with 8 gives 10",
        "cat.png@200",
        "[0, 2, 4, 6, 8, 10, 12, 14, 16, 18] from 10 tasks",
        "made ['a.png@100', 'b.png@100']",
    ],
    "chains_and_chords": [
        "chain: 64",
        "chord: 90 of [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]",
        "replaced: 150",
        "errback: chains-example.xsum can't run, ChordError",
        "ChordError, because of ZeroDivisionError('division by zero')",
        "without those that failed: 2",
    ],
    "retries": [
        "Paris is sunny",
        "  RETRY: __main__.OverloadedError: try again later",
        "  RETRY: __main__.OverloadedError: try again later",
        "  SUCCESS: well",
        "Athens will be rainy",
        "given up: LookupError('nobody knows')",
    ],
    "time_limits": [
        "crawled some pages",
        "read some lines",
        "stubborn was ended",
        "compute was ended",
    ],
    "revoking": [
        "the newsletter: revoked",
        "  (the export cleans up)",
        "the export: terminated",
        "sent to 10 readers",
        "too late: expired",
    ],
    "queues": [
        "default: 0 wait, open",
        "reports: 6 wait, paused",
        "2 at once",
        "default: 0 wait, open",
        "reports: 0 wait, open",
    ],
    "remote_control": [
        "nobody there: {}",
        "runs: export(1,)",
        "with the others: {'one@here': {'default': 3}}",
        "[{'one@here': {'ok': 'pool will grow'}}]",
        "all three run now",
        "['1 pages', '2 pages', '3 pages']",
    ],
    "periodic_tasks": [
        "every fifth of a second",
        "every fifth of a second",
        "added at run time",
        "quick: every 0.2 s, paused",
        "report: 0 9 * * mon-fri",
    ],
    "dead_letters": [
        "shipped a book",
        "put aside: shop.ship('lamp',), Reject: no lamp in stock",
        "sent back: 1",
        "shipped a lamp",
        "left: 0",
    ],
    "events": [
        "task-received ",
        "task-started ",
        "task-succeeded 8",
        "task-received ",
        "task-started ",
        "task-failed LookupError('nothing there')",
        "add(4, 4) SUCCESS",
        "fail() FAILURE",
    ],
    "hooks": [
        "ada runs div(8, 2)",
        "4.0",
        "ada runs div(1, 0)",
        "div has failed: division by zero",
        "alert: ZeroDivisionError in div",
    ],
    "monitoring": [
        "42",
        "shipped a lamp",
        'asynq_tasks_total{state="success",task="price"} 2.0',
        'asynq_tasks_total{state="success",task="total"} 1.0',
        'asynq_tasks_total{state="retry",task="ship"} 1.0',
        'asynq_tasks_total{state="success",task="ship"} 1.0',
        "asynq_broker_up 1.0",
        'asynq_tasks_published_total{queue="default",task="total"} 1.0',
        'asynq_tasks_published_total{queue="default",task="price"} 2.0',
        'asynq_tasks_published_total{queue="default",task="ship"} 1.0',
        "POST /orders",
        "  publish default",
        "    run total SUCCESS",
        "      publish default",
        "        run price SUCCESS",
        "      publish default",
        "        run price SUCCESS",
        "  publish default",
        "    run ship RETRY",
        "    run ship SUCCESS",
    ],
}


@pytest.mark.parametrize("name", SAYS)
def test_an_example_says_what_it_is_to_say(environment, name):
    example = run(f"examples.{name}", environment=environment)
    assert example.returncode == 0, example.stderr
    assert example.stdout.splitlines() == SAYS[name], example.stderr


@pytest.fixture
async def client(url, namespace):
    """An HTTP client of the FastAPI example, whose worker runs on a real server."""
    api = fastapi_app.api
    settings = {"broker_url": url, "result_backend": url, "namespace": namespace}
    with fastapi_app.app.conf.overridden(**settings):
        async with (
            api.router.lifespan_context(api),
            httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://test") as client,
        ):
            yield client


async def test_a_service_starts_a_task_and_shows_its_result(client):
    started = await client.post("/reports", params={"pages": 3})
    assert started.status_code == 202
    id = started.json()["id"]
    await fastapi_app.write_report.AsyncResult(id).get(timeout=10)
    assert (await client.get(f"/reports/{id}")).json() == {
        "state": "SUCCESS",
        "result": {"pages": 3, "words": 750},
        "error": None,
    }


async def test_a_service_streams_the_progress_of_a_task(client):
    id = (await client.post("/reports", params={"pages": 5})).json()["id"]
    answer = await client.get(f"/reports/{id}/progress")
    updates = [json.loads(line) for line in answer.text.splitlines()]
    assert updates[-1] == {"state": "SUCCESS", "info": {"pages": 5, "words": 1250}}
    assert {"state": "PROGRESS", "info": {"page": 4, "of": 5}} in updates


async def test_a_service_shows_the_error_of_a_task(client):
    id = (await client.post("/reports", params={"pages": 0})).json()["id"]
    await fastapi_app.write_report.AsyncResult(id).get(timeout=10, propagate=False)
    known = (await client.get(f"/reports/{id}")).json()
    assert known["state"] == "FAILURE"
    assert "greater than or equal to 1" in known["error"]


async def test_a_service_says_what_it_does_not_know(client):
    assert (await client.get("/reports/nothing")).status_code == 404


async def test_a_service_shows_its_tasks_to_its_staff(url, namespace):
    api, page = web_page.api, "/tasks/tasks"
    settings = {"broker_url": url, "result_backend": url, "namespace": namespace}
    with web_page.app.conf.overridden(**settings):
        async with (
            api.router.lifespan_context(api),
            httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://test") as client,
        ):
            id = (await client.post("/orders/3")).json()["id"]
            assert (await client.get(page)).status_code == 401
            assert (await client.get(page, auth=("ada", "byron"))).status_code == 401

            async def shown():
                return id in (await client.get(page, auth=("ada", "lovelace"))).text

            await until(shown)
