"""The page as a program of its own, on uvicorn."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import uvicorn

from asynq.app import Asynq
from asynq.exceptions import ImproperlyConfigured
from asynq.web.guard import Hosts
from asynq.web.guard import is_loopback as is_loopback
from asynq.web.web import Web

GRACE: Final = 3
"""Seconds that answers have to end in, when the page is to stop."""
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class _Server(uvicorn.Server):
    """Which ends by itself after a signal: uvicorn's own raises the signal once more then."""

    def __init__(self, config: uvicorn.Config, page: Web) -> None:
        super().__init__(config)
        self._page = page

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._stop)
        try:
            yield
        finally:
            for number in SIGNALS:
                loop.remove_signal_handler(number)

    def _stop(self) -> None:
        self.force_exit, self.should_exit = self.should_exit, True
        self._page.end()


async def serve(
    app: Asynq,
    *,
    host: str,
    port: int,
    hosts: Sequence[str],
    proxies: Sequence[str],
    on_ready: Callable[[str], object],
    **options: Any,
) -> None:
    """Show an app's page until SIGINT or SIGTERM.

    Args:
        app: The app, which is open.
        host: The address to listen at.
        port: The port; 0: any that is free.
        hosts: Other names under which it answers.
        proxies: Addresses of proxies, which are believed who asks.
        on_ready: Is told what to say, when it listens.
        **options: As `Web` takes them.

    Raises:
        ImproperlyConfigured: one of the options is none, or the port can't be had.
    """
    page = Web(app, hosts=Hosts(host, hosts), **options)
    sockets = await _listening(host, port)
    config = uvicorn.Config(
        page,
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        ws="none",
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        timeout_graceful_shutdown=GRACE,
    )
    bound = sockets[0].getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    try:
        async with page:
            on_ready(f"asynq web: http://{shown}:{bound}/")
            await _Server(config, page).serve(sockets=sockets)
    finally:
        for each in sockets:
            each.close()


async def _listening(host: str, port: int) -> list[socket.socket]:
    """Sockets at all addresses of that name, at the same port."""
    loop = asyncio.get_running_loop()
    sockets: list[socket.socket] = []
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for family, kind, protocol, _, address in dict.fromkeys(found):
            if sockets and not port:  # of a free one there is one
                break
            one = socket.socket(family, kind, protocol)
            sockets.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind(address)
            one.listen(128)
            one.setblocking(False)
    except OSError as error:
        for each in sockets:
            each.close()
        raise ImproperlyConfigured(f"web: {host}:{port}: {error}") from None
    return sockets
