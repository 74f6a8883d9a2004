"""Numbers to metrics: every name that we export, with what it means."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from asynq._version import __version__
from asynq.contrib.prometheus.lag import Lag
from asynq.contrib.prometheus.queues import Answer
from asynq.contrib.prometheus.tally import Histogram, Tally

if TYPE_CHECKING:  # a program that only sends does not load the worker
    from asynq.worker.worker import Worker

PUBLISHED: Final = "asynq_tasks_published"
FAILED_TO_PUBLISH: Final = "asynq_tasks_publish_failures"

ABOUT: Final[Mapping[str, str]] = {
    PUBLISHED: "Calls handed to the broker; the steps of a workflow when it is sent.",
    FAILED_TO_PUBLISH: "Calls that could not be handed to the broker.",
    "asynq_tasks": "Runs that ended and deliveries that were refused, by task and how they ended.",
    "asynq_task_duration_seconds": "Time from when a run had its slot until it ended.",
    "asynq_task_wait_seconds": "Time from when a task was sent, due or handed back to its start.",
    "asynq_queue_messages": "Messages of the queue, by what they wait for, or whether they run.",
    "asynq_queue_oldest_age_seconds": "For how long the oldest ready message waits; 0: none does.",
    "asynq_queue_dead_letters": "Messages of the queue that were put aside.",
    "asynq_broker_up": "Whether the broker answered when it was asked about the queues.",
    "asynq_worker_up": "Whether the worker is alive: its event loop answers, its leases are kept.",
    "asynq_worker_ready": "Whether it is alive, reaches its broker, and does not stop.",
    "asynq_worker_slots": "How many tasks it may run at once.",
    "asynq_worker_slots_busy": "Slots that are taken; one whose task waits for another is not.",
    "asynq_worker_tasks_active": "Tasks that run.",
    "asynq_worker_tasks_reserved": "Tasks that were fetched and wait for a slot.",
    "asynq_worker_tasks_stuck": "Runs that were given up and go on all the same.",
    "asynq_worker_event_loop_lag_seconds": "The longest lag of its event loop in 30 seconds.",
    "asynq_worker_info": "The worker's node name and versions.",
}
"""The metrics, by name, without the `_total` of counters."""


def of_tally(tally: Tally) -> Iterator[Metric]:
    """What became of tasks."""
    ends = CounterMetricFamily("asynq_tasks", ABOUT["asynq_tasks"], labels=["task", "state"])
    for labels, count in list(tally.ends.items()):
        ends.add_metric(labels, count)
    yield ends
    yield _histograms("asynq_task_duration_seconds", "task", tally.runs)
    yield _histograms("asynq_task_wait_seconds", "queue", tally.waits)


def of_queues(answer: Answer | None) -> Iterator[Metric]:
    """What is in the queues; nothing where that is not known."""
    queues = {} if answer is None else answer.queues
    messages = GaugeMetricFamily(
        "asynq_queue_messages", ABOUT["asynq_queue_messages"], labels=["queue", "state"]
    )
    for name, each in queues.items():
        for state, count in each.messages.items():
            messages.add_metric([name, state], count)
    yield messages
    ages = {name: each.oldest for name, each in queues.items()}
    yield _by_queue("asynq_queue_oldest_age_seconds", ages)
    yield _by_queue("asynq_queue_dead_letters", {name: each.dead for name, each in queues.items()})
    yield _gauge("asynq_broker_up", [] if answer is None else [float(answer.up)])


def of_workers(watched: Sequence[tuple[Worker, Lag]]) -> Iterator[Metric]:
    """How the workers in this process are, together; nothing where there is none."""
    workers = [worker for worker, _ in watched]
    runs = [list(worker.state.active.values()) for worker in workers]
    reports = [worker.health.report() for worker in workers]
    reserved = [len(worker.state.reserved) for worker in workers]
    totals: dict[str, Iterable[float]] = {
        "asynq_worker_slots": [worker.concurrency for worker in workers],
        "asynq_worker_slots_busy": [
            sum(not run.slot.is_lent for run in running) for running in runs
        ],
        "asynq_worker_tasks_active": map(len, runs),
        "asynq_worker_tasks_reserved": reserved,
        "asynq_worker_tasks_stuck": [report.stuck for report in reports],
    }
    for name, numbers in totals.items():
        yield _gauge(name, [float(sum(numbers))] if workers else [])
    alive, ready = [report.alive for report in reports], [report.ready for report in reports]
    yield _gauge("asynq_worker_up", [float(all(alive))] if workers else [])
    yield _gauge("asynq_worker_ready", [float(all(ready))] if workers else [])
    lags = [lag.worst() for _, lag in watched]
    yield _gauge("asynq_worker_event_loop_lag_seconds", [max(lags)] if lags else [])
    yield _info(sorted({worker.hostname for worker in workers}))


def _info(hostnames: Iterable[str]) -> Metric:
    labels = ["worker", "version", "python"]
    info = GaugeMetricFamily("asynq_worker_info", ABOUT["asynq_worker_info"], labels=labels)
    for name in hostnames:
        info.add_metric([name, __version__, sys.version.split()[0]], 1.0)
    return info


def _gauge(name: str, values: Iterable[float]) -> Metric:
    family = GaugeMetricFamily(name, ABOUT[name])
    for value in values:
        family.add_metric([], value)
    return family


def _by_queue(name: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, ABOUT[name], labels=["queue"])
    for queue, value in values.items():
        family.add_metric([queue], value)
    return family


def _histograms(name: str, label: str, histograms: Mapping[str, Histogram]) -> Metric:
    family = HistogramMetricFamily(name, ABOUT[name], labels=[label])
    for value, histogram in list(histograms.items()):
        family.add_metric([value], histogram.cumulative(), histogram.sum)
    return family
