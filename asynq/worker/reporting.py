"""What the log says of tasks: one line when one comes, one when it is over, in Celery's words."""

from __future__ import annotations

import logging

from asynq._printable import printable
from asynq._time import monotonic
from asynq.execution.outcome import (
    Failed,
    Ignored,
    Interrupted,
    Outcome,
    Rejected,
    Replaced,
    Retrying,
    Revoked,
    Success,
)
from asynq.logs import tell
from asynq.worker.admission import Refusal
from asynq.worker.effects import Fate, fate_of
from asynq.worker.showing import shown
from asynq.worker.state import Run

logger = logging.getLogger("asynq.worker")
task_logger = logging.getLogger("asynq.worker.tasks")

SHOWN = 200
"""Bytes of a result or an error that a log line shows."""

TOLD_AGAIN = 60.0
"""Seconds after which a task that is still unknown is spoken of again."""


class Refusals:
    """Says what is refused, without repeating itself: a backlog of one must not flood the log."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def report(self, refusal: Refusal) -> None:
        """Say that a delivery does not run."""
        level = logging.ERROR
        if not refusal.final:
            level = logging.WARNING if self._is_news(refusal) else logging.DEBUG
        elif refusal.revoked:
            level = logging.INFO
        label = printable(refusal.delivery.id, SHOWN)
        if refusal.message is not None:
            label = f"{printable(refusal.message.task, SHOWN)}[{label}]"
        logger.log(level, "Task %s refused: %s", label, refusal.error)

    def _is_news(self, refusal: Refusal) -> bool:
        name = refusal.message.task if refusal.message is not None else ""
        now = monotonic()
        if now - self._told.get(name, -TOLD_AGAIN) < TOLD_AGAIN:
            return False
        if len(self._told) >= 1000:  # names come from messages, so from anybody
            self._told.clear()
        self._told[name] = now
        return True


def report_received(run: Run) -> None:
    """Say that a task has come, where somebody listens."""
    if task_logger.isEnabledFor(logging.INFO):
        tell(run.request, "Task %s received", run.label)


def report_ended(run: Run, outcome: Outcome) -> None:
    """Say how a run has ended, where somebody listens."""
    if not task_logger.isEnabledFor(_level(outcome)):
        return
    label, seconds = run.label, monotonic() - run.started
    match outcome:
        case Success(value):
            text = shown(value, SHOWN)
            tell(run.request, "Task %s succeeded in %.6fs: %s", label, seconds, text)
        case Failed(error, expected=True):
            task_logger.info("Task %s raised expected: %s", label, shown(error, SHOWN))
        case Failed(error, failure):
            fate = fate_of(run, outcome)
            told = "" if fate is Fate.OVER else f" ({fate.value})"
            text = shown(error, SHOWN)
            task_logger.error(
                "Task %s raised unexpected%s: %s\n%s", label, told, text, failure.traceback
            )
        case Retrying(error):
            when = "" if outcome.due is not None else f" in {outcome.delay:.3g}s"
            task_logger.info("Task %s retry: again%s: %s", label, when, shown(error, SHOWN))
        case Replaced():
            task_logger.info("Task %s replaced", label)
        case Ignored():
            task_logger.info("Task %s ignored", label)
        case Rejected(error):
            what = "requeued" if outcome.requeue else "kept as a dead letter"
            task_logger.warning("Task %s rejected, %s: %s", label, what, shown(error, SHOWN))
        case Revoked(reason):
            task_logger.info("Task %s revoked after %.1fs: %s", label, seconds, reason)
        case Interrupted(reason, lost):
            what = "dropped" if lost else "handed back"
            task_logger.warning("Task %s %s after %.1fs: %s", label, what, seconds, reason)


def _level(outcome: Outcome) -> int:
    match outcome:
        case Success():
            return logging.INFO
        case Failed(expected=False):
            return logging.ERROR
        case Interrupted() | Rejected():
            return logging.WARNING
    return logging.INFO
