"""`asynq shell`: a Python prompt with the app in it, and with `await`."""

from __future__ import annotations

import ast
import code
import inspect
import platform
import sys
from collections.abc import Coroutine
from types import CodeType, FunctionType
from typing import Any

import click

from asynq import blocking
from asynq._imports import import_object
from asynq._version import __version__
from asynq.app import Asynq
from asynq.cli.options import app_option, common


@click.command(short_help="A Python prompt with the app in it.")
@app_option
@click.pass_context
def shell(context: click.Context, *, app: str | None) -> None:
    """Open a Python prompt with `app` and its tasks at hand: `await add.delay(1, 2).get()`.

    What has an `await` in it runs on one event loop, the same till the end; `run(…)` waits for
    what you would await where you can't, in a function of your own say.
    """
    found = common(context).open_with_tasks(app)
    names = names_for(found)
    known = ", ".join(sorted(names))
    if sys.stdin.isatty():
        _comfort(names)
    try:
        Console(names).interact(
            banner=f"asynq {__version__}, Python {platform.python_version()}\nHere: {known}\n"
            "Try: await some_task.delay(1, 2).get()",
            exitmsg="",
        )
    finally:
        blocking.run(found.aclose())


class Console(code.InteractiveConsole):
    """Python's own console, in which `await` may stand anywhere.

    Args:
        names: What is at hand, and what is assigned.
    """

    def __init__(self, names: dict[str, Any]) -> None:
        super().__init__(names)
        self._names = names
        self.compile.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

    def runcode(self, code: CodeType) -> None:
        """Run what was typed: here, or where the loop of `run` is if it has an `await`.

        Not all of it there: `run` would stand still on that loop.
        """
        try:
            made = FunctionType(code, self._names)()
            if inspect.iscoroutine(made) and code.co_flags & inspect.CO_COROUTINE:
                ended = blocking.run(_until_its_end(made))
                if ended is not None:
                    raise ended
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            self.showtraceback()


async def _until_its_end(coroutine: Coroutine[Any, Any, None]) -> SystemExit | None:
    """Run it; an exit is handed on, for it would end the loop and not the prompt."""
    try:
        await coroutine
    except SystemExit as ended:
        return ended
    return None


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


def _comfort(names: dict[str, Any]) -> None:
    """The arrow keys, the lines of last time, and completion, where this Python has them."""
    interactive = getattr(sys, "__interactivehook__", None)
    if interactive is not None:
        interactive()
    try:  # not at the top: readline writes to a terminal when it is imported
        readline, rlcompleter = import_object("readline"), import_object("rlcompleter")
    except ImportError:
        return
    readline.set_completer(rlcompleter.Completer(names).complete)
