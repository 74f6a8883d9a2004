"""`asynq shell`: a Python prompt with the app in it."""

from __future__ import annotations

import code
import platform
import sys
from typing import Any

import typer

from asynq import blocking
from asynq.app import Asynq
from asynq.cli.options import AppOption, common
from asynq.cli.versions import own_version


def shell(context: typer.Context, app: AppOption = None) -> None:
    """Open a Python prompt with `app` and its tasks at hand.

    There is no `await` in it: `run(add.delay(1, 2).get())` waits for what you would await.
    """
    found = common(context).open_with_tasks(app)
    names = names_for(found)
    known = ", ".join(sorted(names))
    # What makes the arrow keys and completion work, where this Python has it.
    interactive = getattr(sys, "__interactivehook__", None)
    if interactive is not None and sys.stdin.isatty():
        interactive()
    try:
        code.interact(
            banner=f"asynq {own_version()}, Python {platform.python_version()}\nHere: {known}\n"
            "Try: run(some_task.delay(1, 2).get())",
            local=names,
            exitmsg="",
        )
    finally:
        blocking.run(found.aclose())


def names_for(app: Asynq) -> dict[str, Any]:
    """What is at hand in the prompt: `app`, `run`, and each task by its function's name, unless
    two tasks share one."""
    names: dict[str, Any] = {}
    shared = set()
    for task in app.tasks.values():
        short = task.name.rpartition(".")[2]
        if short in names:
            shared.add(short)
        names[short] = task
    return {
        **{short: task for short, task in names.items() if short not in shared},
        "app": app,
        "run": blocking.run,
    }
