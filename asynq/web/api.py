"""The same as JSON, for programs; it can only be read."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from asynq._time import time
from asynq.dead import DeadLetter
from asynq.events.seen import Task
from asynq.exceptions import AsynqError, OperationalError, OptionValueError, WorkflowNotFound
from asynq.monitor.detail import look as look_at
from asynq.web import finding
from asynq.web.site import Site
from asynq.web.views.task import ERRORS

Look = Callable[[Site, Request], Awaitable[Any]]

VALUES: Final = ("args", "kwargs", "result")
"""What is left out unless it is shown."""
MOST: Final = 500
"""Tasks, or letters, of one answer."""


async def answer(site: Site, request: Request, look: Look) -> Response:
    """An answer."""
    status = 200
    try:
        found = await look(site, request)
    except WorkflowNotFound as error:
        found, status = {"error": str(error)}, 404
    except OptionValueError as error:
        found, status = {"error": str(error)}, 400
    except OperationalError as error:
        found, status = {"error": str(error)}, 503
    except (AsynqError, NotImplementedError) as error:
        found, status = {"error": str(error)}, 500
    return Response(_json(found), status, media_type="application/json")


def _json(found: Any) -> bytes:
    try:
        return msgspec.json.encode(found, enc_hook=repr)
    except UnicodeEncodeError:  # half a character, which UTF-8 has no bytes for
        return json.dumps(msgspec.to_builtins(found, enc_hook=repr)).encode()


async def overview(site: Site, request: Request) -> Any:
    """What goes on."""
    cluster = await site.cluster()
    return {
        "app": site.name,
        "problem": cluster.problem,
        "states": cluster.state.count_by_state(),
        "names": cluster.state.count_by_name(),
        "rates": {
            str(seconds): {
                **msgspec.to_builtins(summary := cluster.state.rates.summary(seconds, time())),
                "per_second": summary.per_second,
            }
            for seconds in (10, 300, 3600)
        },
        "queues": cluster.queues,
        "paused_tasks": sorted(cluster.paused_tasks),
        "workers": len(cluster.alive),
    }


async def queues(site: Site, request: Request) -> Any:
    """Queues."""
    return (await site.cluster()).queues


async def workers(site: Site, request: Request) -> Any:
    """Workers."""
    cluster = await site.cluster()
    told = cluster.state.workers
    return [
        {
            "hostname": name,
            "alive": name in cluster.alive or (name in told and told[name].alive),
            "queues": [queue.name for queue in cluster.queues if name in queue.workers],
            **(msgspec.structs.asdict(told[name]) if name in told else {}),
        }
        for name in sorted({*told, *cluster.alive})
    ]


async def tasks(site: Site, request: Request) -> Any:
    """Tasks: asked for as the page asks for them, and `limit`."""
    wanted = finding.wanted(request.query_params)
    limit = finding.offset_in({"offset": request.query_params.get("limit") or "100"})
    state = (await site.cluster()).state
    found = await finding.find(state, wanted, min(limit, MOST), hidden=not site.shows_arguments)
    return [_task(site, each) for each in found]


async def task(site: Site, request: Request) -> Any:
    """One task."""
    id = request.path_params["id"]
    seen = (await site.cluster()).state.tasks.get(id)
    detail = await look_at(site.app, id, seen)
    shown = site.shows_arguments or detail.state in ERRORS
    return {
        "id": id,
        "state": detail.state,
        "task": None if seen is None else _task(site, seen),
        "result": detail.result if shown else None,
        "traceback": detail.traceback,
        "attempts": detail.attempts,
        "dead_letter": None if detail.letter is None else _letter(detail.letter),
        "workflow": None if detail.workflow is None else detail.workflow.workflow,
        "problem": detail.problem,
    }


async def dead(site: Site, request: Request) -> Any:
    """Dead letters."""
    asked = request.query_params
    limit = finding.offset_in({"offset": asked.get("limit") or "100"})
    found = await finding.letters(
        site.app, asked.get("queue") or None, finding.offset_in(asked), min(limit, MOST)
    )
    return [_letter(each) for each in found]


async def workflows(site: Site, request: Request) -> Any:
    """Workflows."""
    return await site.app.workflows.list()


async def workflow(site: Site, request: Request) -> Any:
    """One workflow, with every task of it."""
    return (await site.app.workflows.show(request.path_params["id"])).to_dict()


async def schedules(site: Site, request: Request) -> Any:
    """Schedules."""
    found = msgspec.to_builtins(await site.app.schedules.list(), enc_hook=repr)
    hidden = {} if site.shows_arguments else {"args": None, "kwargs": None}
    return [{**each, **hidden} for each in found]


def _task(site: Site, seen: Task) -> dict[str, Any]:
    told = seen.as_dict()
    return told if site.shows_arguments else {**told, **dict.fromkeys(VALUES)}


def _letter(letter: DeadLetter) -> dict[str, Any]:
    told = ("id", "queue", "task", "reason", "at", "redeliveries", "retries", "attempts",
            "priority", "receipt")  # fmt: skip
    return {name: getattr(letter, name) for name in told}


LOOKS: Final[tuple[tuple[str, Look], ...]] = (
    ("overview", overview),
    ("queues", queues),
    ("workers", workers),
    ("tasks", tasks),
    ("tasks/{id:path}", task),
    ("dead", dead),
    ("workflows", workflows),
    ("workflows/{id:path}", workflow),
    ("schedules", schedules),
)
