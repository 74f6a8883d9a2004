"""What can be done: each a form of a page, each told in the log, none by looking at a page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from asynq.app import Asynq
from asynq.dead import DeadLetter
from asynq.exceptions import AsynqError, OptionValueError
from asynq.monitor.detail import retry
from asynq.web.access import address_of
from asynq.web.audit import audit, telling
from asynq.web.guard import BACK, FORM_COOKIE, Refused, read_form
from asynq.web.markup import link
from asynq.web.pages import PAGES
from asynq.web.site import Site
from asynq.web.telling import cut, number

Fields = Mapping[str, str]
Action = Callable[[Site, Fields], Awaitable[str]]
"""Does it, and says what was done."""

FIELDS: Final = ("id", "queue", "task", "receipt", "limit", "terminate", "name")
SAID: Final = 400
"""Characters that are told of what was done."""
RETURNS: Final = frozenset(name or "./" for name, _ in PAGES)
"""Where one may come back to: any page, and nothing else."""


async def act(site: Site, request: Request) -> Response:
    """Do what a form asks for, and go back to its page.

    Raises:
        Refused: nothing may be done here, there is no such action, or the form is none of ours.
    """
    name = request.path_params["action"]
    if not site.writable:
        raise Refused(403, "This page is read-only: asynq web --write, or Web(app, writable=True)")
    if name not in ACTIONS:
        raise Refused(404, "There is no such action")
    fields = await read_form(request, (*FIELDS, BACK))
    back = fields.pop(BACK, "")
    try:
        told = await ACTIONS[name](site, fields)
        outcome = "done"
    except (AsynqError, NotImplementedError) as error:
        told, outcome = f"That was not done: {error}", f"failed, {type(error).__name__}: {error}"
    user = request.scope.get("asynq.user") or "-"
    audit(name, user=user, address=address_of(request), outcome=outcome, **fields)
    site.follow().look()
    said = telling(cut(told, SAID), request.cookies[FORM_COOKIE])
    return RedirectResponse(_next(back, said), 303)


def _next(back: str, told: Mapping[str, str]) -> str:
    path, _, query = back.partition("?")
    path = path if path in RETURNS else "./"
    said = link("", **told).partition("?")[2]
    return f"../{path.removeprefix('./')}?{'&'.join(filter(None, (query, said)))}"


def _given(fields: Fields, name: str) -> str:
    value = fields.get(name, "")
    if not value:
        raise OptionValueError(f"the form has no {name}")
    return value


async def _revoke(site: Site, fields: Fields) -> str:
    terminate = fields.get("terminate") == "yes"
    await site.app.control.revoke(_given(fields, "id"), terminate=terminate)
    return "Revoked, and ended where it runs." if terminate else "Revoked: it will not begin."


async def _retry(site: Site, fields: Fields) -> str:
    id = _given(fields, "id")
    return await retry(site.app, id, site.follow().state.tasks.get(id))


async def _letter(app: Asynq, fields: Fields) -> DeadLetter:
    queue, receipt = _given(fields, "queue"), _given(fields, "receipt")
    async for letter in app.dead.letters(queue):
        if letter.receipt == receipt:
            return letter
    raise OptionValueError("the dead letter is not there any more: somebody was quicker")


async def _retry_letter(site: Site, fields: Fields) -> str:
    count = await site.app.dead.retry(await _letter(site.app, fields))
    return "The dead letter is back in its queue." if count else "Somebody was quicker."


async def _discard(site: Site, fields: Fields) -> str:
    count = await site.app.dead.discard(await _letter(site.app, fields))
    return "The dead letter was thrown away." if count else "Somebody was quicker."


async def _retry_all(site: Site, fields: Fields) -> str:
    queue = fields.get("queue") or None
    if queue is not None and queue not in [each.name for each in await site.app.queues.list()]:
        raise OptionValueError(f"there is no queue {queue!r}")
    count = await site.app.dead.retry_all(queue)
    return f"{number(count)} dead letters are back in their queues."


async def _pause(site: Site, fields: Fields) -> str:
    await site.app.queues.pause(name := _given(fields, "queue"))
    return f"The queue {name} is paused."


async def _resume(site: Site, fields: Fields) -> str:
    await site.app.queues.resume(name := _given(fields, "queue"))
    return f"The queue {name} goes on."


async def _limit(site: Site, fields: Fields) -> str:
    name, text = _given(fields, "queue"), fields.get("limit", "").strip()
    if text and not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise OptionValueError(f"limit: expected a number from 1, or nothing, got {text!r}")
    await site.app.queues.limit(name, int(text) if text else None)
    return f"Of {name}, {text} run at once." if text else f"The queue {name} has no limit."


async def _pause_task(site: Site, fields: Fields) -> str:
    await site.app.queues.pause_task(name := _given(fields, "task"))
    return f"No {name} begins until it is resumed."


async def _resume_task(site: Site, fields: Fields) -> str:
    await site.app.queues.resume_task(name := _given(fields, "task"))
    return f"{name} goes on."


async def _cancel(site: Site, fields: Fields) -> str:
    count = await site.app.workflows.cancel(_given(fields, "id"))
    return f"{number(count)} tasks of it were not over, and are revoked."


async def _pause_schedule(site: Site, fields: Fields) -> str:
    await site.app.schedules.pause(name := _given(fields, "name"))
    return f"{name} is not called until it is resumed."


async def _resume_schedule(site: Site, fields: Fields) -> str:
    await site.app.schedules.resume(name := _given(fields, "name"))
    return f"{name} is called again, from its next time on."


async def _run_schedule(site: Site, fields: Fields) -> str:
    result = await site.app.schedules.run_now(_given(fields, "name"))
    return f"Called, as {result.id}."


ACTIONS: Final[Mapping[str, Action]] = {
    "revoke": _revoke,
    "retry": _retry,
    "retry-letter": _retry_letter,
    "retry-all": _retry_all,
    "discard": _discard,
    "pause": _pause,
    "resume": _resume,
    "limit": _limit,
    "pause-task": _pause_task,
    "resume-task": _resume_task,
    "cancel": _cancel,
    "pause-schedule": _pause_schedule,
    "resume-schedule": _resume_schedule,
    "run-schedule": _run_schedule,
}
