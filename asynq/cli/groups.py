"""Commands of commands: `asynq dead …`, `asynq queues …`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from asynq.cli.options import app_of_group


class InOrder(click.Group):
    """Commands that its help lists in the order in which they were made."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all."""
        return list(self.commands)


def app_group(short_help: str, **attributes: Any) -> Callable[[Callable[..., None]], InOrder]:
    """Have a function head commands that find the app by `-A`, before their names as after them.

    Args:
        short_help: What the list of all commands says.
        **attributes: Others of `click.Group`.
    """

    def decorate(function: Callable[..., None]) -> InOrder:
        head = click.group(cls=InOrder, short_help=short_help, **attributes)
        return head(app_of_group(function))

    return decorate
