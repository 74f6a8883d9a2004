"""The page as an ASGI app."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Final, Self

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from asynq.app import Asynq
from asynq.exceptions import ImproperlyConfigured
from asynq.monitor.cluster import TASKS
from asynq.web import actions, api, pages
from asynq.web.access import Access
from asynq.web.assets import static
from asynq.web.guard import Guard, Hosts, Refused, refusal
from asynq.web.live import live
from asynq.web.site import Site

logger = logging.getLogger("asynq.web")

GET: Final = ("GET",)
POST: Final = ("POST",)


class Web:
    """The web page of an app, to be mounted in an ASGI app, or run by any ASGI server.

    Mounted, it asks nobody who they are, and answers under any name: both is the business of the
    app around it, whose middleware must let in only those who may see tasks. It follows the
    cluster from the first request on; ``async with page:`` in that app's lifespan has it begin
    with the app, and end with it::

        page = Web(app)

        @asynccontextmanager
        async def lifespan(api):
            async with app, page:
                yield

        api = FastAPI(lifespan=lifespan)
        api.mount("/tasks", page)

    Args:
        app: Whose tasks.
        writable: Let people revoke, retry, pause, limit, discard; else they can only look.
        show_arguments: Show what tasks are called with, and what they return. Errors are always
            shown.
        token: Ask for this, in a form, or as ``Authorization: Bearer …``; None: for none.
        basic: Ask for this ``user:password``, as HTTP's basic authentication does; None: for none.
        hosts: Answer only under these names, and loopback's; None: under any.
        tasks: Of how many tasks the history is kept in memory.

    Raises:
        ImproperlyConfigured: the token is too short, or `basic` or `hosts` are none.
    """

    def __init__(
        self,
        app: Asynq,
        *,
        writable: bool = False,
        show_arguments: bool = False,
        token: str | None = None,
        basic: str | None = None,
        hosts: Hosts | Iterable[str] | None = None,
        tasks: int = TASKS,
    ) -> None:
        if isinstance(hosts, str):
            raise ImproperlyConfigured(f"web: hosts: expected names, as [{hosts!r}]")
        if hosts is not None and not isinstance(hosts, Hosts):
            hosts = Hosts(more=hosts)
        access = Access(token, basic)
        self._site = Site(
            app, access, writable=writable, shows_arguments=show_arguments, tasks=tasks
        )
        inside = Starlette(
            routes=_routes(self._site),
            lifespan=self._lifespan,
            exception_handlers={Refused: _refused},
        )
        # It would lead to an absolute URL, and knows not what a proxy has put before ours.
        inside.router.redirect_slashes = False
        self._guard = Guard(inside, access, hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self._guard(scope, receive, send)

    async def __aenter__(self) -> Self:
        """Follow the cluster from now on."""
        if self._site.writable and not self._site.access.asks:
            logger.info(
                "This page asks nobody who they are, and lets them act: whoever reaches it may"
            )
        self._site.follow()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Follow it no more."""
        await self._site.close()

    def end(self) -> None:
        """Have streams of news end: what runs the page is about to stop."""
        self._site.closing.set()

    @asynccontextmanager
    async def _lifespan(self, inside: Starlette) -> AsyncIterator[None]:
        """As an ASGI server of its own has it."""
        async with self._site.app, self:
            yield


def _routes(site: Site) -> list[BaseRoute]:
    Handler = Callable[[Request], Awaitable[Response]]  # noqa: N806 - a type

    def on_site(handler: Callable[..., Awaitable[Response]], *more: Any) -> Handler:
        async def handle(request: Request) -> Response:
            return await handler(site, request, *more)

        return handle

    looks = [Route(f"/{name}", on_site(pages.answer, name, view), methods=GET)
             for name, view in pages.PAGES]  # fmt: skip
    told = [Route(f"/api/{path}", on_site(api.answer, look), methods=GET)
            for path, look in api.LOOKS]  # fmt: skip
    return [
        *looks,
        *told,
        Route("/live", on_site(live), methods=GET),
        Route("/login", on_site(pages.log_in), methods=(*GET, *POST)),
        Route("/logout", on_site(pages.log_out), methods=POST),
        Route("/do/{action}", on_site(actions.act), methods=POST),
        Route("/static/{name}", static, methods=GET),
    ]


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return refusal(request, error)
