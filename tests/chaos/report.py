"""The table at the end, for people and for the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from tests.chaos.campaign import Outcome

COLUMNS: Final = (
    "server",
    "fsync",
    "seconds",
    "tasks",
    "executions",
    "duplicates",
    "fenced",
    "lost",
    "completed twice",
    "dead letters: poison / innocents",
    "revoked: executed",
)


def cells(outcome: Outcome) -> list[str]:
    """One row, in the order of `COLUMNS`."""
    tally = outcome.tally
    return [
        outcome.label,
        outcome.plan.fsync,
        f"{outcome.plan.seconds:.0f}",
        f"{tally.tasks:,}",
        f"{tally.executions:,}",
        f"{tally.duplicates:,}",
        f"{tally.fenced:,}",
        str(len(tally.lost)),
        str(len(tally.completed_twice)),
        f"{tally.poison_buried} of {tally.poison} / {len(tally.innocents_buried)}",
        f"{tally.revoked}: {len(tally.revoked_executed)}",
    ]


FLOW_COLUMNS: Final = (
    "server",
    "workflows",
    "steps",
    "chains of 50",
    "chords of 500",
    "bodies",
    "started again",
    "errbacks",
    "ended twice",
    "wrong values",
    "by half",
    "not over",
)


def flow_cells(outcome: Outcome) -> list[str]:
    """One row of workflows, in the order of `FLOW_COLUMNS`."""
    flows, twice = outcome.tally.flows, outcome.tally.completed_twice
    return [
        outcome.label,
        f"{flows.sent:,}",
        f"{flows.steps:,}",
        str(flows.chains),
        str(flows.chords),
        f"{flows.bodies:,}",
        str(flows.bodies_again),
        str(flows.errbacks),
        str(len(twice)),
        str(len(flows.wrong)),
        str(len(flows.halves)),
        str(len(flows.open) + len(flows.stale)),
    ]


def markdown(rows: Sequence[Sequence[str]], columns: Sequence[str] = COLUMNS) -> str:
    """A table as the documentation has it."""
    return "\n".join(map(_line, [columns, ["---"] * len(columns), *rows]))


def story(outcome: Outcome) -> Iterable[str]:
    """What was done, and what must not have happened, line by line."""
    tally = outcome.tally
    struck = ", ".join(f"{name} {count}x" for name, count in outcome.struck.most_common())
    times = f"{outcome.seconds:.0f} s, drained in {outcome.drained_in:.1f} s"
    yield f"seed {outcome.plan.seed}, {times}"
    yield f"faults: {struck or 'none'}"
    ends = ", ".join(f"{code}: {count}" for code, count in sorted(outcome.ends.items()))
    yield f"workers ended with {ends}"
    states = ", ".join(f"{state} {count:,}" for state, count in tally.states.most_common())
    yield f"tasks ended {states}; {tally.perhaps} calls raised"
    lost, twice = tally.early_lost, len(tally.early_twice)
    yield f"early acks: {lost} went with their worker, {twice} ran twice"
    for fault in outcome.faults:
        yield f"FAULT: {fault}"


def _line(words: Iterable[str]) -> str:
    return f"| {' | '.join(words)} |"
