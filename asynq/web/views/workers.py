"""Workers: who lives, and what they do."""

from __future__ import annotations

from collections import defaultdict

from asynq.events.seen import Worker
from asynq.web.markup import Markup, h, link
from asynq.web.telling import ago, number
from asynq.web.views.layout import layout
from asynq.web.views.parts import Look, panel, row, table, tag

HEAD = (
    ("Worker", ""), ("", ""), ("Running", "number"), ("Done", "number"), ("Load", "number wide"),
    ("Queues", "wide"), ("Version", "wide"), ("Process", "number wide"), ("Heard of", "number"),
)  # fmt: skip


def workers(look: Look) -> Markup:
    """The page."""
    return layout(look, "Workers", panel("Workers", worker_table(look), id="workers"))


def worker_table(look: Look) -> Markup:
    """All of them: those that live first."""
    cluster = look.cluster
    serving: dict[str, list[str]] = defaultdict(list)
    for queue in cluster.queues:
        for name in queue.workers:
            serving[name].append(queue.name)
    told = cluster.state.workers
    names = sorted({*told, *cluster.alive}, key=lambda name: (not _lives(look, name), name))
    rows = [_row(look, name, told.get(name), serving[name]) for name in names]
    return table(HEAD, rows, "No worker lives, and none was heard of.")


def _lives(look: Look, name: str) -> bool:
    worker = look.cluster.state.workers.get(name)
    return name in look.cluster.alive or (worker is not None and worker.alive)


def _row(look: Look, name: str, worker: Worker | None, queues: list[str]) -> Markup:
    lives = _lives(look, name)
    marks = [tag("online", "good") if lives else tag("offline", "off")]
    if lives and (worker is None or not worker.alive):
        marks.append(tag("tells no events", "warn", "Start it with -E"))
    if worker is not None and worker.lost:
        marks.append(tag(f"{number(worker.lost)} events lost", "warn"))
    shown = worker or Worker(hostname=name)
    heard = shown.heartbeats[-1] if shown.heartbeats else None
    load = shown.loadavg if isinstance(shown.loadavg, list) else ()
    return row(
        [
            (h("a", name, href=link("tasks", worker=name), class_="name"), "main"),
            (marks, ""),
            (_count(shown.active) if lives else "", "number"),
            (_count(shown.processed), "number"),
            (" ".join([_load(each) for each in load]), "number wide"),
            (", ".join(queues), "wide"),
            (" ".join(str(each) for each in (shown.sw_ident, shown.sw_ver) if each), "wide"),
            (str(shown.pid or ""), "number wide"),
            (ago(heard, look.now), "number"),
        ],
        id=f"worker-{name}",
    )


def _load(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, int | float) else str(value)


def _count(value: object) -> str:
    return number(value) if isinstance(value, int) else ""
