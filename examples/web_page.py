"""The page of an app's tasks inside a FastAPI service, behind the service's own guard.

Run it with any ASGI server (``uvicorn examples.web_page:api``), and look at
http://127.0.0.1:8000/tasks/ as ada, password "lovelace". Make something to see with::

    curl -X POST localhost:8000/orders/3
"""

import base64
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.authentication import SimpleUser
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from asynq import Asynq, Worker
from asynq.web import Web

app = Asynq("orders", worker_send_task_events=True)
page = Web(app, writable=True)

STAFF = {"ada": "lovelace"}


@app.task
async def ship(order: int) -> str:
    return f"order {order} is on its way"


class StaffOnly:
    """Lets only those in who may see tasks. A mounted app is not guarded by the dependencies of the
    service's own routes, so it stands right before the page."""

    def __init__(self, inside: ASGIApp) -> None:
        self.inside = inside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = who(HTTPConnection(scope)) if scope["type"] == "http" else None
        if name is None:
            ask = {"www-authenticate": 'Basic realm="staff"'}
            await PlainTextResponse("Staff only\n", 401, headers=ask)(scope, receive, send)
            return
        # The page writes this name into its log beside whatever ada does.
        await self.inside({**scope, "user": SimpleUser(name)}, receive, send)


def who(connection: HTTPConnection) -> str | None:
    """The name of whoever shows the right password."""
    _, _, shown = connection.headers.get("authorization", "").partition(" ")
    try:
        name, _, password = base64.b64decode(shown).decode().partition(":")
    except ValueError:
        return None
    right = STAFF.get(name)
    return name if right and hmac.compare_digest(right.encode(), password.encode()) else None


@asynccontextmanager
async def lifespan(api: FastAPI) -> AsyncIterator[None]:
    async with app, Worker(app), page:
        yield


api = FastAPI(lifespan=lifespan)
api.mount("/tasks", StaffOnly(page))


@api.post("/orders/{order}", status_code=202)
async def place(order: int) -> dict[str, str]:
    return {"id": (await ship.delay(order)).id}
