"""Dead letters: what was put aside, and sending it back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from asynq.dead import DeadLetter
from asynq.web.markup import Child, Markup, h, link
from asynq.web.telling import ago, cut, number
from asynq.web.views.layout import layout
from asynq.web.views.parts import Look, asking, button, form, named, panel, row, table, tag, to_task

PAGE: Final = 50
"""Letters on one page."""


def dead(look: Look, queue: str | None, letters: Sequence[DeadLetter], offset: int) -> Markup:
    """The page.

    Args:
        look: Who looks.
        queue: Whose letters; None: those of all.
        letters: The letters, the oldest first: one more than a page has, where there is.
        offset: How many come before them.
    """
    shown = letters[:PAGE]
    head = [("Task", ""), ("Id", "wide"), ("Why", ""), ("Queue", "wide"), ("Put aside", "number")]
    if look.writable:
        head.append(("", "acts"))
    full = [each for each in look.cluster.queues if each.dead or each.name == queue]
    choice = [_chosen("All", None, queue)]
    choice += [_chosen(f"{each.name} {number(each.dead)}", each.name, queue) for each in full]
    listed = table(head, [_row(look, letter) for letter in shown], "No dead letter.")
    return layout(
        look,
        "Dead letters",
        panel("Dead letters", listed, _paging(queue, len(shown), offset, len(letters) > PAGE),
              aside=[h("span", choice, class_="choice"), *_acts(look, queue, shown)], id="dead"),
    )  # fmt: skip


def _chosen(label: str, name: str | None, queue: str | None) -> Markup:
    current = "true" if name == queue else None
    return h("a", label, href=link("dead", queue=name), aria_current=current)


def _row(look: Look, letter: DeadLetter) -> Markup:
    name = letter.task or "can't be read"
    lost = tag(f"{letter.redeliveries} workers lost", "bad") if letter.redeliveries else None
    cells: list[tuple[Child, str]] = [
        (h("a", named(name), href=link("task", id=letter.id), class_="name"), "main"),
        (to_task(letter.id), "wide"),
        ([h("span", cut(letter.reason, 300), class_="error"), lost], ""),
        (letter.queue, "wide"),
        (ago(letter.at.timestamp(), look.now), "number"),
    ]
    if look.writable:
        fields = {"queue": letter.queue, "receipt": letter.receipt}
        discard = h("button", "Discard it", type="submit", class_="bad")
        cells.append(
            (
                [button(look, "retry-letter", "Retry", **fields),
                 asking("Discard …", form(look, "discard", discard, **fields))],
                "acts",
            )
        )  # fmt: skip
    return row(cells, id=f"letter-{letter.queue}-{letter.receipt}")


def _acts(look: Look, queue: str | None, letters: Sequence[DeadLetter]) -> list[Markup]:
    if not look.writable or not letters:
        return []
    everything = f"all of {queue}" if queue else "all"
    count = sum(each.dead for each in look.cluster.queues if queue in (None, each.name))
    return [
        asking(
            f"Retry {everything} …",
            h("p", f"{number(count)} go back into their queues."),
            button(look, "retry-all", f"Retry {everything}", kind="primary", queue=queue or ""),
        )
    ]


def _paging(queue: str | None, count: int, offset: int, more: bool) -> Markup | None:
    older = newer = None
    if offset:
        before = link("dead", queue=queue, offset=max(0, offset - PAGE))
        older = h("a", "← Older", href=before, rel="prev")
    if more:
        after = link("dead", queue=queue, offset=offset + count)
        newer = h("a", "Newer →", href=after, rel="next")
    if not older and not newer:
        return None
    return h("nav", older, newer, class_="paging", aria_label="Pages of letters")
