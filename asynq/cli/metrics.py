"""Where `asynq worker` shows its metrics; what makes them is loaded when it is asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, NamedTuple

from asynq._imports import import_object
from asynq.app import Asynq
from asynq.cli.errors import Misused
from asynq.cli.render import say
from asynq.worker.health import LOOPBACK

WANTED: Final = ("prometheus_client", "asynq-tasks[prometheus]")
"""The module that must be there, and what to install for it."""


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int | None
    """None: nowhere; 0: any port that is free."""

    def shown(self, processes: int) -> str:
        """For people, where so many processes listen, each at the next port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        if not self.port:
            return f"http://{host}, any free port"
        more = f" to {self.port + processes - 1}" if processes > 1 else ""
        return f"http://{host}:{self.port}/metrics{more}"


NOWHERE: Final = Address(LOOPBACK, None)


def exposed(app: Asynq, address: Address) -> Callable[[], AbstractAsyncContextManager[object]]:
    """What shows the app's metrics there while it is entered.

    Raises:
        Misused: what makes them is not installed.
        ImproperlyConfigured: the port can't be had; when it is entered.
    """
    module, package = WANTED
    try:
        room = import_object("asynq.contrib.prometheus")
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise Misused(f"--metrics-port needs {module}: pip install '{package}'") from None
    own = [*app.middleware]
    metrics = room.metrics_of(app)

    @asynccontextmanager
    async def exposing() -> AsyncIterator[None]:
        try:
            async with room.Exposed(metrics, host=address.host, port=address.port) as shown:
                if not address.port:
                    say(f"Metrics at {shown.url}")
                yield
        finally:
            if metrics not in own:
                metrics.close()

    return exposing
