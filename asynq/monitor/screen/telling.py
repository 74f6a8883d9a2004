"""One task in words: the sections of its window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.text import Text

from asynq import states
from asynq._printable import printable, printable_lines
from asynq.events.seen import Task
from asynq.monitor.detail import SHOWN, Detail
from asynq.monitor.screen.look import BAD, DIM, ODD, STATES, STRONG, moment, span
from asynq.wire.attempts import Attempt

NAME: Final = 12
"""Cells of the names at the left."""
GRAPH_LINES: Final = 500

_STEPS: Final = (
    "sent", "received", "started", "succeeded", "failed", "retried", "revoked", "rejected",
    "ignored",
)  # fmt: skip


def title(detail: Detail) -> Text:
    """What it is: its name, its state, its id."""
    name = detail.task.name if detail.task is not None else ""
    if not name and detail.letter is not None:
        name = detail.letter.task or ""
    return Text.assemble(
        (f" {printable(name, 200) or 'Task'} ", STRONG),
        (f" {printable(detail.state, 50)} ", STATES.get(detail.state, "")),
        (f" {printable(detail.id, 200)}", DIM),
    )


def sections(detail: Detail) -> Iterator[tuple[str, str, Text]]:
    """Its sections: a word that names it, a heading, the text."""
    yield "call", "Call", _call(detail)
    if detail.result is not None:
        failed = detail.state in states.PROPAGATE_STATES or detail.state == states.RETRY
        heading = "Error" if failed else "Result"
        yield "result", heading, Text(printable_lines(detail.result[:SHOWN]), BAD if failed else "")
    if detail.traceback:
        yield "traceback", "Traceback", _traceback(detail.traceback)
    if detail.letter is not None:
        yield "letter", "Dead letter", _letter(detail)
    if detail.attempts:
        yield "attempts", "Attempts", _attempts(detail.attempts)
    if detail.task is not None:
        yield "times", "Times", _times(detail.task)
    if detail.workflow is not None:
        yield "workflow", "Workflow", _workflow(detail)
    if detail.problem is not None:
        yield "problem", "Problem", Text(printable(detail.problem, 2000), ODD)


def _call(detail: Detail) -> Text:
    task, told = detail.task, Text()
    if task is None:
        told.append(
            "Events do not tell of this task"
            + (
                ", and nothing is stored of it: it waits, or is long over, or never was."
                if detail.state == states.PENDING and detail.letter is None
                else "; what is stored of it is below."
            ),
            DIM,
        )
        return told
    pairs: list[tuple[str, object]] = [
        ("arguments", task.args),
        ("named", None if task.kwargs == "{}" else task.kwargs),
        ("queue", task.queue),
        ("worker", task.worker),
        ("sent by", task.client),
        ("retries", task.retries or None),
        ("run time", span(task.runtime)),
        ("eta", task.eta),
        ("expires", task.expires),
        ("root", task.root_id if task.root_id != task.uuid else None),
        ("parent", task.parent_id),
    ]
    for name, value in pairs:
        if value not in (None, ""):
            _pair(told, name, str(value))
    told.rstrip()
    return told


def _pair(told: Text, name: str, value: str) -> None:
    told.append(f"{name:<{NAME}}", DIM)
    told.append(printable(value, SHOWN))
    told.append("\n")


def _traceback(text: str) -> Text:
    """The frames, and the last line, which tells most, in colour."""
    lines = printable_lines(text[-SHOWN:].rstrip()).split("\n")
    told = Text()
    for line in lines[:-1]:
        told.append(line + "\n", DIM if line.startswith("  File ") else "")
    told.append(lines[-1], BAD)
    return told


def _letter(detail: Detail) -> Text:
    letter, told = detail.letter, Text()
    if letter is None:
        return told
    _pair(told, "reason", letter.reason)
    _pair(told, "since", moment(letter.at.timestamp()))
    _pair(told, "queue", letter.queue)
    told.append("a puts it back into its queue.", DIM)
    return told


def _attempts(attempts: Sequence[Attempt]) -> Text:
    told = Text()
    for number, attempt in enumerate(attempts, 1):
        told.append(f"{number:>3}  ", DIM)
        told.append(f"{moment(attempt.started)}  ", DIM)
        seconds = attempt.seconds if attempt.seconds == attempt.seconds else None
        told.append(f"{span(seconds):>7}  ")
        told.append(f"{printable(attempt.state, 20):<8}", STATES.get(attempt.state, ""))
        told.append(f"  {printable(attempt.worker, 60)}\n")
        if attempt.error:
            told.append(f"{'':5}{printable(attempt.error, 400)}\n", DIM)
    told.rstrip()
    return told


def _times(task: Task) -> Text:
    known = [(at, step) for step in _STEPS if (at := getattr(task, step)) is not None]
    told, before = Text(), None
    for at, step in sorted(known, key=lambda each: (each[0], _STEPS.index(each[1]))):
        told.append(f"{step:<{NAME}}", DIM)
        told.append(moment(at))
        if before is not None:
            told.append(f"  + {span(max(0.0, at - before))}", DIM)
        told.append("\n")
        before = at
    told.rstrip()
    return told


def _workflow(detail: Detail) -> Text:
    drawn = str(detail.workflow).split("\n")
    lines = drawn[:GRAPH_LINES]
    if len(drawn) > len(lines):
        lines.append(f"… {len(drawn) - len(lines):,} lines more")
    told = Text("\n".join(map(printable, lines)), no_wrap=True)
    for state, style in STATES.items():
        told.highlight_words([f" {state}"], style)
    told.highlight_words([printable(detail.id)], "bold reverse")
    return told
