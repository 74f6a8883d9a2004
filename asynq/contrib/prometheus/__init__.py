"""Metrics for Prometheus: `pip install 'asynq-tasks[prometheus]'`.

A worker as a program of its own shows them with ``asynq worker --metrics-port 9100``. In a program
of yours, one object an app counts what the app sends, and what its workers here do::

    app = Asynq("proj")
    metrics = Prometheus(app)

Its metrics are in `prometheus_client`'s registry, beside your own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY, CollectorRegistry, Counter, start_http_server
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from asynq import signals
from asynq.app import Asynq
from asynq.contrib.prometheus.families import (
    ABOUT,
    FAILED_TO_PUBLISH,
    PUBLISHED,
    of_queues,
    of_tally,
    of_workers,
)
from asynq.contrib.prometheus.lag import Lag
from asynq.contrib.prometheus.names import Names
from asynq.contrib.prometheus.queues import QueueWatch
from asynq.contrib.prometheus.tally import BUCKETS, STATES, Tally
from asynq.exceptions import ImproperlyConfigured
from asynq.middleware import Middleware, Outgoing

if TYPE_CHECKING:  # a program that only sends does not load the worker
    from asynq.worker.worker import Worker

__all__ = ["BUCKETS", "STATES", "Exposed", "Prometheus"]


class Prometheus(Middleware, Collector):
    """The metrics of an app in this process. Becomes part of the app's middleware by itself.

    Args:
        app: Whose calls are counted, and whose workers, where they run in this process.
        registry: Where the metrics go; default: that of `prometheus_client`.
        queues: Whose depth and age are shown besides those that workers here serve, that the app
            declares, and that this process has sent to.
        buckets: Of the histograms, in seconds, ascending.

    Raises:
        ImproperlyConfigured: the registry has an app's metrics already, or `buckets` are none.
    """

    def __init__(
        self,
        app: Asynq,
        *,
        registry: CollectorRegistry = REGISTRY,
        queues: Sequence[str] = (),
        buckets: Sequence[float] = BUCKETS,
    ) -> None:
        if not buckets or list(buckets) != sorted({*map(float, buckets)}):
            raise ImproperlyConfigured(f"buckets: expected ascending seconds, got {buckets!r}")
        self.app = app
        self.registry = registry
        self._named = list(queues)
        self._tally = Tally([*map(float, buckets)])
        self._workers: dict[Worker, tuple[Lag, asyncio.Task[None]]] = {}
        self._tasks = Names(lambda: app.tasks)
        self._queues = Names(app.queue_names)
        self._watch = QueueWatch(lambda: app.broker, self._shown_queues, self._now)
        self._children: dict[tuple[str, str], tuple[Counter, Counter]] = {}
        try:
            registry.register(self)
            self._published, self._failed = map(self._counter, (PUBLISHED, FAILED_TO_PUBLISH))
        except ValueError as error:
            raise ImproperlyConfigured(
                f"this registry has metrics of asynq already ({error}): make one Prometheus(app) "
                "in a process, or give each app's a CollectorRegistry() of its own"
            ) from None
        # The signals are everybody's: they must not keep us once nobody else does.
        signals.worker_init.connect(self._begin, weak=True)
        signals.worker_shutdown.connect(self._end, weak=True)
        app.middleware.append(self)

    async def publish(self, outgoing: Outgoing, proceed: Callable[[], Awaitable[None]]) -> None:
        """See `Middleware.publish`: count the call."""
        key = outgoing.task, outgoing.queue
        published, failed = self._children.get(key) or self._child(key)
        if not self._workers:
            self._watch.offer()
        try:
            await proceed()
        except BaseException:
            failed.inc()
            raise
        published.inc()

    def describe(self) -> Iterator[Metric]:
        """What `collect` gives, without numbers: for the registry, which asks at once."""
        yield from (*of_tally(Tally()), *of_queues(None), *of_workers(()))

    def collect(self) -> Iterator[Metric]:
        """The metrics, for the registry. May be called in any thread."""
        watched = [(worker, lag) for worker, (lag, _) in list(self._workers.items())]
        yield from of_tally(self._tally)
        yield from of_workers(watched)
        yield from of_queues(self._watch.answer())

    async def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """The whole registry, for an HTTP answer of your own; written in a thread.

        Args:
            accept: The request's header of that name.

        Returns:
            The body, and its content type.
        """
        if not self._workers:
            self._watch.offer()
        encode, kind = choose_encoder(accept)
        return await asyncio.to_thread(encode, self.registry), kind

    def close(self) -> None:
        """Leave the registry and the app."""
        self._watch.use(None)
        for collector in (self, self._published, self._failed):
            with suppress(KeyError):
                self.registry.unregister(collector)
        signals.worker_init.disconnect(self._begin)
        signals.worker_shutdown.disconnect(self._end)
        with suppress(ValueError):
            self.app.middleware.remove(self)

    def _counter(self, name: str) -> Counter:
        return Counter(name, ABOUT[name], ["task", "queue"], registry=self.registry)

    def _child(self, key: tuple[str, str]) -> tuple[Counter, Counter]:
        """The counters of a task and a queue; kept, for looking them up costs more than a count."""
        task, queue = self._tasks.label(key[0]), self._queues.label(key[1])
        found = self._published.labels(task, queue), self._failed.labels(task, queue)
        if task == key[0] and queue == key[1]:  # names without end are not kept either
            self._children[key] = found
        return found

    def _shown_queues(self) -> Sequence[str]:
        served = [queue for worker in self._workers for queue in worker.queues]
        declared = () if self._workers else self.app.queue_names()
        return list(dict.fromkeys([*self._named, *served, *declared, *self._queues.more]))

    def _now(self) -> float:
        """Workers hear of the server's clock all the time; who only sends, never."""
        worker = next(iter(self._workers), None)
        return self.app.broker.now() if worker is None else worker.now()

    async def _begin(self, sender: Worker, **named: object) -> None:
        """A worker of this process begins."""
        if sender.app is not self.app:
            return
        lag = Lag()
        self._workers[sender] = lag, asyncio.create_task(lag.run(), name="asynq-lag")
        self._watch.use(asyncio.get_running_loop())
        sender.watch(self._tally)

    async def _end(self, sender: Worker, **named: object) -> None:
        """It has ended."""
        if sender not in self._workers:
            return
        _, looking = self._workers.pop(sender)
        looking.cancel()
        if not self._workers:
            self._watch.use(None)
        await asyncio.wait({looking})


class Exposed:
    """Shows a registry over HTTP, at ``/metrics`` and every other path, in a thread of its own: it
    answers while the event loop is blocked, too.

    Args:
        metrics: Whose registry.
        host: The address to listen at; everybody who reaches it may ask.
        port: The port; 0: any that is free.

    Attributes:
        url: Where it listens, once it does.
    """

    def __init__(self, metrics: Prometheus, *, host: str = "127.0.0.1", port: int) -> None:
        self._metrics = metrics
        self._address = host, port
        self._thread: threading.Thread | None = None
        self.url = ""

    async def __aenter__(self) -> Exposed:
        """Begin to listen.

        Raises:
            ImproperlyConfigured: the port can't be had.
        """
        host, port = self._address
        try:  # in a thread: it looks up the host's name
            self._server, self._thread = await asyncio.to_thread(
                start_http_server, port, addr=host, registry=self._metrics.registry
            )
        except (OSError, OverflowError) as error:
            raise ImproperlyConfigured(f"metrics_port {host}:{port}: {error}") from None
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._server.server_port}/metrics"
        return self

    async def __aexit__(self, *error: object) -> None:
        """Listen no more."""
        if self._thread is not None:
            await asyncio.to_thread(self._server.shutdown)
            self._server.server_close()
            self._thread.join()


def metrics_of(app: Asynq) -> Prometheus:
    """The app's own, or one that is made now."""
    own = (each for each in app.middleware if isinstance(each, Prometheus))
    return next(own, None) or Prometheus(app)
