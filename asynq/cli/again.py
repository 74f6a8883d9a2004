"""The command line of a process of ours: as ours was understood, said once more."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence

import click

from asynq.cli.daemon import ONLY_BEFORE


def program(command: str, app: str | None) -> list[str]:
    """How the command is called."""
    return [sys.executable, "-m", "asynq", *(["-A", app] if app else []), command]


def as_understood(context: click.Context, *, without: Collection[str]) -> list[str]:
    """The options that were given, each in its longest spelling."""
    words = []
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if parameter.name in without or value is None or value is False:
            continue
        if value != parameter.default:
            option = parameter.opts[-1]
            words.append(option if value is True else f"{option}={value}")
    return words


def foreground(context: click.Context, app: str | None, added: Sequence[str]) -> list[str]:
    """What we are asked for, but in the foreground, and with words that are added."""
    without = frozenset({"app", *ONLY_BEFORE})
    name = context.info_name or ""
    return [*program(name, app), *as_understood(context, without=without), *added]
