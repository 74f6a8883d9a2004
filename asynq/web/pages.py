"""The pages: what is asked for is looked up, and shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from asynq._time import time
from asynq.exceptions import AsynqError, OperationalError, OptionValueError, WorkflowNotFound
from asynq.monitor.detail import look as look_at
from asynq.web import finding
from asynq.web.access import address_of
from asynq.web.audit import audit, told_of
from asynq.web.guard import form_secret, form_token, give_secret, read_form
from asynq.web.markup import Markup, link
from asynq.web.site import Site
from asynq.web.views import layout, overview, queues, tasks, workers
from asynq.web.views.dead import PAGE as LETTERS
from asynq.web.views.dead import dead
from asynq.web.views.parts import Look
from asynq.web.views.schedules import schedules
from asynq.web.views.task import task
from asynq.web.views.workflows import workflow, workflows

View = Callable[[Site, Request, Look], Markup | Awaitable[Markup]]

WORKFLOWS: Final = 100
"""That are listed."""


async def answer(site: Site, request: Request, page: str, view: View) -> Response:
    """A page.

    Args:
        site: What all pages know.
        request: The request.
        page: Which page it is, for its entry in the navigation.
        view: What makes its markup.
    """
    secret, is_new = form_secret(request)
    look = await _look(site, request, page, secret)
    status = 200
    try:
        made = view(site, request, look)
        markup = made if isinstance(made, Markup) else await made
    except WorkflowNotFound:
        markup, status = layout.problem(look, "Not found", "No workflow of that id is kept."), 404
    except OptionValueError as error:
        markup, status = layout.problem(look, "That can't be shown", str(error)), 400
    except OperationalError as error:
        markup, status = layout.problem(look, "The server can't be reached", str(error)), 503
    except (AsynqError, NotImplementedError) as error:
        markup, status = layout.problem(look, "That can't be shown", str(error)), 500
    response = _html(markup, status)
    if is_new and (site.writable or site.access.has_login):
        give_secret(request, response, secret)
    return response


async def _look(site: Site, request: Request, page: str, secret: str) -> Look:
    asked = {
        name: value for name, value in request.query_params.items() if name not in ("told", "seal")
    }
    here = link(page, **asked)
    return Look(
        name=site.name,
        cluster=await site.cluster(),
        now=time(),
        page={"task": "tasks", "workflow": "workflows"}.get(page, page),
        here=here,
        form_token=form_token(secret),
        writable=site.writable,
        shows_arguments=site.shows_arguments,
        may_log_out=site.access.has_login,
        told=told_of(request, secret),
    )


def _html(markup: Markup, status: int = 200) -> Response:
    # What came from elsewhere may have halves of characters in it, which UTF-8 has no bytes for.
    return HTMLResponse(markup.encode(errors="replace"), status)


def see_overview(site: Site, request: Request, look: Look) -> Markup:
    """What goes on."""
    span = request.query_params.get("span", "")
    return overview.overview(look, span if span in overview.SPANS else next(iter(overview.SPANS)))


async def see_tasks(site: Site, request: Request, look: Look) -> Markup:
    """Tasks, searched and filtered."""
    wanted = finding.wanted(request.query_params)
    found = await finding.find(
        look.cluster.state, wanted, tasks.PAGE + 1, hidden=not site.shows_arguments
    )
    return tasks.tasks(look, wanted, found)


async def see_task(site: Site, request: Request, look: Look) -> Markup:
    """One task."""
    id = request.query_params.get("id", "")
    if not id:
        raise OptionValueError("expected the id of a task: task?id=…")
    return task(look, await look_at(site.app, id, look.cluster.state.tasks.get(id)))


def see_queues(site: Site, request: Request, look: Look) -> Markup:
    """Queues."""
    return queues.queues(look)


def see_workers(site: Site, request: Request, look: Look) -> Markup:
    """Workers."""
    return workers.workers(look)


async def see_dead(site: Site, request: Request, look: Look) -> Markup:
    """Dead letters."""
    queue = request.query_params.get("queue") or None
    offset = finding.offset_in(request.query_params)
    letters = await finding.letters(site.app, queue, offset, LETTERS + 1)
    return dead(look, queue, letters, offset)


async def see_workflows(site: Site, request: Request, look: Look) -> Markup:
    """Workflows."""
    return workflows(look, await site.app.workflows.list(limit=WORKFLOWS), WORKFLOWS)


async def see_workflow(site: Site, request: Request, look: Look) -> Markup:
    """One workflow."""
    return workflow(look, await site.app.workflows.show(request.query_params.get("id", "")))


async def see_schedules(site: Site, request: Request, look: Look) -> Markup:
    """Schedules, of an app that has any."""
    return schedules(look, await site.app.schedules.list())


PAGES: Final[tuple[tuple[str, View], ...]] = (
    ("", see_overview),
    ("tasks", see_tasks),
    ("task", see_task),
    ("queues", see_queues),
    ("workers", see_workers),
    ("dead", see_dead),
    ("workflows", see_workflows),
    ("workflow", see_workflow),
    ("schedules", see_schedules),
)


# Logging in


async def log_in(site: Site, request: Request) -> Response:
    """Ask for the token, or take it."""
    if not site.access.has_login:
        return RedirectResponse("./", 303)
    secret, is_new = form_secret(request)
    look = await _look(site, request, "login", secret)
    if request.method != "POST":
        response = _html(layout.login(look, wrong=False))
        if is_new:
            give_secret(request, response, secret)
        return response
    form = await read_form(request, ("token",))
    if not site.access.is_token(form.get("token", "")):
        audit("log-in", user="?", address=address_of(request), outcome="wrong token")
        await site.slow_down()
        return _html(layout.login(look, wrong=True), 403)
    audit("log-in", user="token", address=address_of(request), outcome="done")
    response = RedirectResponse("./", 303)
    site.access.log_in(request, response)
    return response


async def log_out(site: Site, request: Request) -> Response:
    """Forget who that was."""
    await read_form(request, ())
    response = RedirectResponse("./", 303)
    site.access.log_out(request, response)
    return response
