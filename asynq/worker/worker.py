"""The worker: builds its agents, starts them in order, and stops them in order.

Inside another program (a FastAPI lifespan, a test)::

    async with Worker(app, concurrency=50):
        ...  # tasks run here; leaving the block lets running tasks end

As a program of its own: `await Worker(app).run()`, which is what `asynq worker` does.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Coroutine, Sequence
from types import TracebackType
from typing import Self

from asynq import signals
from asynq.app import Asynq
from asynq.backends.base import ResultBackend
from asynq.brokers.base import Broker
from asynq.canvas.changes import Changes
from asynq.exceptions import AsynqError, ImproperlyConfigured, QueueNotFound
from asynq.execution.pools import Pools
from asynq.execution.processes import Wear
from asynq.worker.autoscale import Autoscaler, slots_within
from asynq.worker.checkup import check_up
from asynq.worker.commands.desk import Desk, listen
from asynq.worker.commands.panel import Panel
from asynq.worker.crew import Crew, Ground, gather
from asynq.worker.diagnostics import log_stacks
from asynq.worker.ending import Ending
from asynq.worker.events import HEARTBEAT, Events
from asynq.worker.health import LOOPBACK, Health, serve
from asynq.worker.local import Place
from asynq.worker.node import node_name
from asynq.worker.queues import left_over, names_in
from asynq.worker.shutdown import Shutdown
from asynq.worker.slots import reserve_of
from asynq.worker.state import WorkerState
from asynq.worker.steps import first, only, quietly
from asynq.worker.upkeep import keep_up
from asynq.worker.watching import Watcher, Watching

logger = logging.getLogger("asynq.worker")


class Worker:
    """Runs an app's tasks on the current event loop.

    Args:
        app: whose tasks to run.
        queues: which queues to serve; names, or one string with commas. Default: all of
            `task_queues`, or the default queue.
        exclude_queues: which of these to leave out, in the same form.
        concurrency: how many tasks may run at once. Default: `worker_concurrency` (100).
        threads: how many `def` tasks may run at once. Default: `worker_threads`.
        child_processes: how many `pool="process"` tasks may run at once. Default: one a processor.
        hostname: the node name; `%h` is the host's name, `%d` its domain, `%n` the short name, `%p`
            the process id. Default: ``asynq@%h``.
        prefetch_multiplier: how many tasks are fetched for each slot; 1 fetches only what can start
            now. Default: `worker_prefetch_multiplier`, chosen by the worker.
        grace: seconds that running tasks have to end when the worker stops. Default:
            `worker_shutdown_grace` (25).
        health_port: where to answer probes over HTTP, at ``/healthz`` and ``/readyz``. Default:
            nowhere. `health` says the same to the program around it.
        health_host: the address for it.
        task_events: tell events of tasks and of the worker (see `app.events`). Default:
            `worker_send_task_events` (off). `worker.events` switches them while it runs.
        heartbeat_interval: seconds between two events that say that the worker lives.
        autoscale: the most slots and the fewest, ``(max, min)``; the worker chooses how many, by
            what waits and how the event loop keeps up. Default: always as many as `concurrency`.

    Raises:
        ImproperlyConfigured: an argument is out of range, or a queue is not declared and must be.
    """

    def __init__(
        self,
        app: Asynq,
        *,
        queues: str | Sequence[str] | None = None,
        exclude_queues: str | Sequence[str] = (),
        concurrency: int | None = None,
        threads: int | None = None,
        child_processes: int | None = None,
        hostname: str | None = None,
        prefetch_multiplier: int | None = None,
        grace: float | None = None,
        health_port: int | None = None,
        health_host: str = LOOPBACK,
        task_events: bool | None = None,
        heartbeat_interval: float = HEARTBEAT,
        autoscale: tuple[int, int] | None = None,
    ) -> None:
        conf = app.conf
        self.app = app
        self.hostname = node_name(hostname)
        self.queues = _queue_names(app, queues, exclude_queues)
        self.concurrency, self._autoscale = slots_within(
            autoscale, concurrency, conf.worker_concurrency
        )
        self.threads = conf.worker_threads if threads is None else threads
        self.child_processes = child_processes or os.cpu_count() or 1
        self._wear = Wear(
            tasks=conf.worker_max_tasks_per_child, memory=conf.worker_max_memory_per_child
        )
        self.grace = conf.worker_shutdown_grace if grace is None else grace
        multiplier = (
            conf.worker_prefetch_multiplier if prefetch_multiplier is None else prefetch_multiplier
        )
        for what, number in (("concurrency", self.concurrency), ("threads", self.threads)):
            if number < 1:
                raise ImproperlyConfigured(f"{what} must be at least 1, not {number}")
        if not heartbeat_interval > 0:
            raise ImproperlyConfigured(
                f"heartbeat_interval must be seconds above 0, not {heartbeat_interval}"
            )
        if multiplier is not None and multiplier < 1:
            raise ImproperlyConfigured(f"prefetch_multiplier must be at least 1, not {multiplier}")
        self._multiplier = multiplier
        self.task_events = conf.worker_send_task_events if task_events is None else task_events
        self._heartbeat_interval = heartbeat_interval
        self.events: Events | None = None
        """Switches its events on and off while it runs; None: it has not started."""
        self.state = WorkerState(self.hostname)
        self._shutdown = Shutdown()
        self._watching = Watching()
        self.health = Health(self.state, self._shutdown.warm)
        self._health_address = health_host, health_port
        self._ready = asyncio.Event()
        self._main: asyncio.Task[None] | None = None
        self._is_watched = False
        self.shut_down = False
        """It was told to stop by a remote command."""
        self.worn_out = False
        """It has stopped by itself, because too many runs would not end (`worker_max_stuck`)."""

    async def __aenter__(self) -> Self:
        """Start. Does not wait for the broker: a service may come up before its broker does.

        Raises:
            RuntimeError: it has been started before; a worker runs once.
        """
        if self._main is not None:
            raise RuntimeError("this worker has been started before: make another")
        self._main = asyncio.create_task(self._serve(), name="asynq-worker")
        await first(self._main, self._ready)
        if self._main.done():
            await self._main
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        if self._main is not None:
            await self._main

    async def run(self, *, on_ready: Callable[[], None] = lambda: None) -> None:
        """Run until a signal stops the worker, and everything is put in order.

        A broker that is away, now or later, is waited for.

        Args:
            on_ready: called once, when the broker has answered and tasks are taken.

        Raises:
            ImproperlyConfigured: the broker refuses us from the start, and always would.
        """
        loop = asyncio.get_running_loop()
        self._is_watched = True
        with self._shutdown.on_signals():
            loop.add_signal_handler(signal.SIGUSR1, log_stacks)
            try:
                async with self:
                    main = self._started()
                    await first(main, self.state.reached)
                    if not main.done():
                        on_ready()
                    await self.wait()
                logger.warning("%s has stopped", self.hostname)
            finally:
                loop.remove_signal_handler(signal.SIGUSR1)

    async def wait(self) -> None:
        """Wait until it has ended: it was told to stop, or it has crashed.

        Raises:
            Exception: what it has crashed with.
            RuntimeError: it has not been started.
        """
        main = self._started()
        await asyncio.wait({main})
        await main

    def watch(self, watcher: Watcher) -> None:
        """Tell this one what becomes of every delivery, from now on."""
        self._watching.add(watcher)

    def now(self) -> float:
        """The time on the broker's clock (Unix time, seconds), as well as it is known here."""
        return self._watching.now()

    def stop(self) -> None:
        """Begin a warm shutdown: nothing new is taken, what runs may end within the grace."""
        self._shutdown.warm.set()

    def _recycle(self) -> None:
        if not self.worn_out:
            logger.error("Too many runs don't end (worker_max_stuck): stopping, to be started anew")
            self.worn_out = True
            self.stop()

    def _started(self) -> asyncio.Task[None]:
        if self._main is None:
            raise RuntimeError("this worker has not been started")
        return self._main

    async def _serve(self) -> None:
        self.app.set_current()  # for what runs here: the tasks' current app is theirs
        self.app.import_modules()
        # Of our own: nobody else may close them while tasks run.
        broker = self.app.connect_broker()
        backend = self.app.connect_backend()
        pools = Pools(threads=self.threads, processes=self.child_processes, wear=self._wear)
        try:
            await signals.worker_init.send(self)
            await self._run_agents(self._gather(broker, backend, pools), pools)
        except BaseExceptionGroup as group:
            error = only(group)
            if not self._is_watched:  # nobody may await us before the program around us ends
                stack = None if isinstance(error, AsynqError) else error
                logger.critical("The worker has crashed: %s", error, exc_info=stack)
            raise error from None
        finally:
            self.health.end()
            await pools.aclose()
            await broker.aclose()
            await backend.aclose()
            await signals.worker_shutdown.send(self)

    def _gather(self, broker: Broker, backend: ResultBackend, pools: Pools) -> Crew:
        return gather(
            Ground(broker, backend, pools, self.state, self._watching),
            self.app.conf,
            self.app.tasks,
            queues=self.queues,
            slots=self.concurrency,
            reserve=reserve_of(self.concurrency, self._multiplier),
            seal=self.app.seal,
            changes=Changes(self.app),
            task_events=self.task_events,
            heartbeat_interval=self._heartbeat_interval,
            worn_out=self._recycle,
        )

    def _desk(self, crew: Crew, pools: Pools, autoscaler: Autoscaler) -> Desk | None:
        """Where remote commands are carried out; None: nowhere."""
        if not self.app.conf.worker_enable_remote_control:
            return None
        panel = Panel(
            self.app, self.state, crew, pools, autoscaler=autoscaler, stop=self._stop_from_remote
        )
        return Desk(panel, self.app.seal)

    def _stop_from_remote(self) -> None:
        self.shut_down = True
        self._shutdown.begin_warm()

    async def _run_agents(self, crew: Crew, pools: Pools) -> None:
        self.events = crew.events
        autoscaler = Autoscaler(
            crew.consumer,
            self.state,
            reserve=lambda slots: reserve_of(slots, self._multiplier),
        )
        if self._autoscale is not None:
            autoscaler.switch_on(*self._autoscale)
        desk = self._desk(crew, pools, autoscaler)
        ending = Ending(self.state, self._shutdown, grace=self.grace)
        # Leases first: a delivery must never be ours without somebody to keep it.
        crew.leases.start(on_lost=crew.processor.lost)
        self.health.begin(crew.leases, crew.heartbeat, crew.processor.stuck)
        try:
            async with asyncio.TaskGroup() as agents:

                def start(work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
                    return agents.create_task(work, name=f"asynq-{name}")

                others = [
                    start(crew.settlements.run(), "settlement"),
                    start(keep_up(crew.broker, crew.consumer), "upkeep"),
                    start(crew.heartbeat.run(), "heartbeat"),
                    start(listen(crew.inbox, desk), "inbox"),
                    start(crew.rules.run(), "rules"),
                    start(autoscaler.run(), "autoscale"),
                    start(self._answer_probes(), "health"),
                    start(check_up(crew.broker, self.state), "checkup"),
                    start(crew.events.run(), "events"),
                    start(self._tell_when_ready(), "ready"),
                ]
                consuming = start(
                    crew.consumer.run(crew.processor.start, after=crew.rules.known), "consumer"
                )
                self._ready.set()
                await self._shutdown.warm.wait()
                await signals.worker_shutting_down.send(
                    self.hostname, sig=None, how=self._shutdown.how, exitcode=0
                )
                # What comes in stops first, what keeps things true stops last.
                consuming.cancel()
                await asyncio.wait({consuming})
                crew.settlements.hand_back([*crew.consumer.stop(), *crew.processor.stop()])
                await ending.end()
                await quietly(crew.settlements.drained(), "settle the last tasks")
                await crew.events.farewell()
                for agent in others:
                    agent.cancel()
        finally:
            await ending.abandon()
            if self.state.reached.is_set():
                await quietly(
                    crew.broker.resign([*{*self.queues, *crew.consumer.queues}]),
                    "hand back what is left",
                )
                await quietly(crew.heartbeat.farewell(), "say goodbye")
            await crew.leases.stop()

    async def _tell_when_ready(self) -> None:
        await self.state.reached.wait()
        await signals.worker_ready.send(self)

    async def _answer_probes(self) -> None:
        host, port = self._health_address
        place = Place(self.app.namespace, self.hostname) if self._is_watched else None
        await serve(self.health, host=host, port=port, socket=place)


def _queue_names(
    app: Asynq, queues: str | Sequence[str] | None, without: str | Sequence[str]
) -> list[str]:
    try:
        if queues is None:
            names = list(app.queue_names())
        else:
            names = [app.producer.router.queue(name) for name in names_in(queues)]
    except QueueNotFound as error:
        raise ImproperlyConfigured(str(error)) from None
    names = left_over(dict.fromkeys(names), names_in(without))
    if not names:
        raise ImproperlyConfigured("no queue to serve: `queues` is empty")
    return names
