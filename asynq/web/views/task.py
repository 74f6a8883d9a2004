"""One task, with all there is to know of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from asynq import states
from asynq.dead import DeadLetter
from asynq.events.seen import Task
from asynq.monitor.detail import Detail
from asynq.web.markup import Child, Markup, h, link
from asynq.web.telling import ago, clock, cut, duration, number
from asynq.web.views.drawn import drawn
from asynq.web.views.layout import layout
from asynq.web.views.parts import (
    Look,
    asking,
    badge,
    button,
    facts,
    form,
    mood,
    panel,
    ran,
    row,
    table,
    to_task,
)  # fmt: skip
from asynq.wire.attempts import Attempt

MOMENTS: Final = (
    "sent", "received", "started", "retried", "succeeded", "failed", "revoked", "rejected",
    "ignored",
)  # fmt: skip
HIDDEN: Final = "hidden: asynq web --show-arguments shows it"
ERRORS: Final = frozenset({states.FAILURE, states.RETRY, states.REVOKED, "REJECTED"})
"""States whose result is an error, which is shown to everybody."""


def task(look: Look, detail: Detail) -> Markup:
    """The page."""
    seen = detail.task
    name = (seen.name if seen else None) or (detail.letter.task if detail.letter else None)
    head = h(
        "div",
        h("h1", name or "A task", " ", badge(detail.state)),
        h("p", detail.id, class_="id whole"),
        h("div", _acts(look, detail), class_="acts"),
        class_="head",
    )
    parts: list[Child] = [head]
    if seen is None and detail.state == states.PENDING and detail.letter is None:
        unknown = (
            "Nothing is known of such a task: it may wait in its queue without an event that tells "
            "of it, its result may have expired, or there never was one."
        )
        parts.append(h("p", unknown, class_="notice", id="unknown"))
    if detail.problem is not None:
        parts.append(h("p", f"Its result can't be read. {detail.problem}", class_="notice bad"))
    if seen is not None:
        both = (panel("What happened", _times(look, seen), id="times"),
                panel("What it is", _facts(look, detail, seen), id="facts"))  # fmt: skip
        parts.append(h("div", *both, class_="pair"))
    parts += [_letter(look, detail.letter), _result(look, detail), _traceback(detail)]
    if detail.attempts:
        parts.append(_attempts(look, detail.attempts))
    if detail.workflow is not None:
        its = h("a", "Show it whole", href=link("workflow", id=detail.workflow.workflow))
        parts.append(panel("Its workflow", drawn(detail.workflow), aside=its, id="workflow"))
    return layout(look, name or "Task", *parts)


def shown_result(look: Look, detail: Detail) -> str | None:
    """What may be seen of the result: errors always, values where arguments are shown."""
    if detail.result is None or detail.state in ERRORS or look.shows_arguments:
        return detail.result
    return HIDDEN


def _acts(look: Look, detail: Detail) -> list[Markup]:
    if not look.writable:
        return []
    id = detail.id
    if not detail.is_over and detail.letter is None:
        ended = asking(
            "End it …",
            h("p", "What has it now is told to cancel it."),
            form(look, "revoke", h("button", "End it", type="submit", class_="bad"), id=id,
                 terminate="yes"),
        )  # fmt: skip
        retry = button(look, "retry", "Run it now", id=id)
        return [button(look, "revoke", "Revoke", id=id), ended, retry]
    label = "Retry" if detail.letter is not None else "Call it again"
    discard = _discard(look, detail.letter) if detail.letter is not None else None
    acts = [button(look, "retry", label, kind="primary", id=id)]
    return [*acts, discard] if discard is not None else acts


def _discard(look: Look, letter: DeadLetter) -> Markup:
    return asking(
        "Discard …",
        h("p", "There is no way back."),
        form(look, "discard", h("button", "Discard it", type="submit", class_="bad"),
             queue=letter.queue, receipt=letter.receipt),
    )  # fmt: skip


def _times(look: Look, seen: Task) -> Markup:
    moments = sorted((at, name) for name in MOMENTS if (at := getattr(seen, name)) is not None)
    lines: list[Markup] = []
    before: float | None = None
    for at, name in moments:
        since = f"+ {duration(at - before)}" if before is not None else ""
        lines.append(
            h("li", h("i", class_=f"key f-{_mood_of(name)}"), h("b", name.title()),
              h("span", clock(at), class_="clock"), h("span", since, class_="since"),
              ago(at, look.now))
        )  # fmt: skip
        before = at
    return h("ol", lines, class_="times")


def _mood_of(moment: str) -> str:
    words = {"succeeded": states.SUCCESS, "failed": states.FAILURE, "retried": states.RETRY,
             "started": states.STARTED, "rejected": states.FAILURE}  # fmt: skip
    return mood(words.get(moment, states.PENDING if moment != "revoked" else states.REVOKED))


def _facts(look: Look, detail: Detail, seen: Task) -> Markup:
    def hidden(shown: str | None) -> Child:
        if shown is None or look.shows_arguments:
            return h("code", shown) if shown is not None else None
        return h("span", HIDDEN, class_="dim")

    return facts(
        [
            ("Arguments", hidden(seen.args)),
            ("By name", hidden(seen.kwargs if seen.kwargs != "{}" else None)),
            ("Queue", h("a", seen.queue, href=link("tasks", queue=seen.queue)) if seen.queue
             else None),
            ("Worker", h("a", seen.worker, href=link("tasks", worker=seen.worker)) if seen.worker
             else None),
            ("Sent by", seen.client),
            ("Ran", duration(ran(seen))),
            ("Retries", number(seen.retries) if seen.retries else None),
            ("Not before", str(seen.eta) if seen.eta else None),
            ("Expires", str(seen.expires) if seen.expires else None),
            ("Called by", to_task(seen.parent_id) if seen.parent_id else None),
            ("Began with", to_task(seen.root_id) if seen.root_id not in (None, detail.id)
             and seen.root_id else None),
        ]
    )  # fmt: skip


def _letter(look: Look, letter: DeadLetter | None) -> Markup | None:
    if letter is None:
        return None
    told = facts(
        [
            ("Why", letter.reason),
            ("Put aside", ago(letter.at.timestamp(), look.now)),
            ("Queue", h("a", letter.queue, href=link("dead", queue=letter.queue))),
            ("Lost workers", number(letter.redeliveries) if letter.redeliveries else None),
            ("Retries", number(letter.retries) if letter.retries else None),
        ]
    )
    return panel("Dead letter", told, id="letter")


def _result(look: Look, detail: Detail) -> Markup | None:
    shown = shown_result(look, detail)
    if shown is None:
        return None
    title = "Error" if detail.state in ERRORS else "Result"
    inside = h("p", shown, class_="nothing") if shown == HIDDEN else h("pre", shown, tabindex=0)
    return panel(title, inside, id="result")


def _traceback(detail: Detail) -> Markup | None:
    if not detail.traceback:
        return None
    return panel("Traceback", h("pre", detail.traceback, tabindex=0), id="traceback")


def _attempts(look: Look, attempts: Sequence[Attempt]) -> Markup:
    rows = [
        row(
            [
                (badge(attempt.state), ""),
                (h("span", cut(attempt.error or "", 300), class_="error"), "main"),
                (attempt.worker, "wide"),
                (duration(attempt.seconds) if attempt.seconds == attempt.seconds else "", "number"),
                (ago(attempt.started, look.now), "number"),
            ]
        )
        for attempt in attempts
    ]
    head = [("Attempt", ""), ("Error", ""), ("Worker", "wide"), ("Ran", "number"),
            ("Began", "number")]  # fmt: skip
    return panel("Attempts", table(head, rows), id="attempts")
