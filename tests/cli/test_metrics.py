"""`asynq worker --metrics-port`: real workers, asked over HTTP as Prometheus does."""

import asyncio
import re
import socket
import sys
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from asynq import Asynq
from asynq.cli.metrics import NOWHERE, Address
from tests.cli.test_worker import ended, ready, started
from tests.waiting import until


def free_ports(count):
    """So many ports in a row that nobody listens at."""
    for _ in range(50):
        with socket.socket() as first:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            more = [socket.socket() for _ in range(1, count)]
            try:
                for number, one in enumerate(more, 1):
                    one.bind(("127.0.0.1", port + number))
            except OSError:
                continue
            finally:
                for one in more:
                    one.close()
            return port
    raise AssertionError("no ports in a row")


async def scraped(url):
    """The samples by name and labels."""

    def fetch():
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.read().decode()

    families = text_string_to_metric_families(await asyncio.to_thread(fetch))
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


SHOP = """
import prometheus_client
from asynq import Asynq

app = Asynq("shop", broker="{url}", namespace="{namespace}")
sold = prometheus_client.Counter("shop_sold", "Things sold.")


@app.task
async def sell(count: int):
    sold.inc(count)


@app.task
async def sell_twice(count: int):
    await sell.delay(count)
    await sell.delay(count)
"""


async def test_a_worker_is_scraped_over_http(project, url, namespace):
    project.write("shop.py", SHOP.format(url=url, namespace=namespace))
    with started(project, "--metrics-port", "0", "-c", "5") as run:
        await ready(*run)
        process, said = run
        shown = re.search(r"^Metrics at (http://127\.0\.0\.1:\d+/metrics)$", said(), re.MULTILINE)
        assert shown, said()
        async with Asynq("shop", broker=url, namespace=namespace) as shop:
            result = await shop.send_task("shop.sell_twice", (3,))
            await result.get(timeout=20)

        async def sold():
            samples = await scraped(shown[1])
            return samples if samples[("shop_sold_total",)] == 6 else None

        samples = await until(sold)
        assert samples["asynq_tasks_total", "shop.sell_twice", "success"] == 1
        assert samples["asynq_tasks_published_total", "default", "shop.sell"] == 2
        assert samples["asynq_task_wait_seconds_count", "default"] == 3
        assert samples[("asynq_worker_slots",)] == 5
        assert samples[("asynq_broker_up",)] == 1
        assert samples["asynq_queue_oldest_age_seconds", "default"] == 0
        assert ("process_start_time_seconds",) in samples or sys.platform != "linux"
        assert await ended(process) == 0


async def test_each_of_several_processes_takes_the_next_port(project, url, namespace):
    project.write("shop.py", SHOP.format(url=url, namespace=namespace))
    port = free_ports(2)
    with started(project, "--metrics-port", str(port), "--processes", "2") as run:
        await ready(*run, count=2)
        process, said = run
        assert f"  metrics  http://127.0.0.1:{port}/metrics to {port + 1}\n" in said()
        for each in (port, port + 1):
            samples = await scraped(f"http://127.0.0.1:{each}/metrics")
            assert samples[("asynq_worker_up",)] == 1
        assert await ended(process) == 0


async def test_a_port_that_is_taken_ends_it(project):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with started(project, "--metrics-port", str(port)) as (process, said):
            await until(lambda: process.poll() is not None)
            assert process.returncode == 78
            assert f"metrics_port 127.0.0.1:{port}:" in said()


@pytest.mark.usefixtures("root_logger")
def test_ports_that_would_meet_are_refused(project):
    words = ("--health-port", 8080, "--metrics-port", 8082)
    ran = project.run("-A", "shop", "worker", *words, "--processes", 3)
    assert ran.code == 2
    assert "let them be 3 apart" in ran.err


@pytest.mark.usefixtures("root_logger")
def test_what_is_not_installed_is_named(project, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("asynq.contrib.prometheus")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    ran = project.run("-A", "shop", "worker", "--metrics-port", 9100)
    assert ran.code == 2
    assert "pip install 'asynq-tasks[prometheus]'" in ran.err


@pytest.mark.parametrize(
    ("address", "processes", "shown"),
    [
        (Address("127.0.0.1", 9100), 1, "http://127.0.0.1:9100/metrics"),
        (Address("::1", 9100), 3, "http://[::1]:9100/metrics to 9102"),
        (Address("0.0.0.0", 0), 2, "http://0.0.0.0, any free port"),
    ],
)
def test_an_address_is_shown(address, processes, shown):
    assert address.shown(processes) == shown
    assert NOWHERE.port is None
