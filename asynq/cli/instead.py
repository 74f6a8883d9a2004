"""What Celery's command line has and this one does not: said in one line that helps.

The parser's own answer, "No such command", would let people look for a mistake of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import click

from asynq._imports import import_object
from asynq.cli.errors import Misused

_INSTEAD_OF_COMMANDS: Final = {
    "say control revoke ID…": "revoke",
    "say control revoke ID… --terminate": "terminate",
}

_INSTEAD_OF_CONTROL: Final = {
    "say revoke ID… --terminate": "terminate",
    "say revoke_by_stamped_headers HEADER=VALUE… --terminate": "terminate_by_stamped_headers",
    "workers here elect nobody: what one alone must do is a task, or a lock": "election",
}

_NO_FILE: Final = (
    "what is known of periodic tasks is on the server, so any number of beats may run; leave it out"
)

_INSTEAD: Final = {
    "worker": {
        "there is no prefork pool; `def` tasks run in threads (--threads), tasks with "
        'pool="process" in child processes, and --processes starts more workers': "-P --pool",
        "tasks go to who is free; --prefetch-multiplier 1 keeps none waiting": (
            "-O --optimization --disable-prefetch"
        ),
        "workers do not talk to each other, so leave it out": (
            "--without-gossip --without-mingle --without-heartbeat"
        ),
        "the server remembers what is revoked, so leave it out": "-S --statedb",
        "name the modules in the setting `include`": "-I --include",
        _NO_FILE: "-s --schedule --schedule-filename --scheduler",
    },
    "beat": {_NO_FILE: "-s --schedule --schedule-filename -S --scheduler"},
    "call": {"it is AMQP's; say --queue": "--exchange --routing-key"},
}


def _words(table: dict[str, str]) -> dict[str, str]:
    return {word: why for why, words in table.items() for word in words.split()}


INSTEAD_OF_COMMANDS: Final = _words(_INSTEAD_OF_COMMANDS)
"""Commands that stand elsewhere."""
INSTEAD_OF_CONTROL: Final = _words(_INSTEAD_OF_CONTROL)
"""Words after `control` that are another word here."""
INSTEAD: Final = {command: _words(table) for command, table in _INSTEAD.items()}
"""Options that have no meaning here, by command, each with what to do."""


HELP: Final = ["-h", "--help"]
"""How help is asked for."""


class Commands(click.Group):
    """The commands, each imported when it is asked for.

    Args:
        places: Name to ``"module:command"``.
    """

    def __init__(self, *args: Any, places: Mapping[str, str], **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all that are there."""
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; None: there is none.

        Raises:
            Misused: it stands elsewhere.
        """
        if not ctx.resilient_parsing and (instead := INSTEAD_OF_COMMANDS.get(cmd_name)):
            raise Misused(f"asynq {cmd_name}: {instead}")
        if cmd_name not in self._places:
            return None
        command: click.Command = import_object(self._places[cmd_name])
        return command


def check_control(word: str) -> None:
    """Look whether it is a word that stands after `control` elsewhere.

    Raises:
        Misused: it is another word here.
    """
    if instead := INSTEAD_OF_CONTROL.get(word):
        raise Misused(f"asynq control {word}: {instead}")


class Command(click.Command):
    """A command, which knows the options of Celery's that it need not have.

    How help is asked for it knows by itself: the parser keeps what it has found out the first time,
    also where it was used without the program around it, as `asynq multi` does.
    """

    def __init__(self, *args: Any, **attributes: Any) -> None:
        attributes.setdefault("context_settings", {"help_option_names": HELP})
        super().__init__(*args, **attributes)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command's words.

        Raises:
            Misused: an option of Celery's has no meaning here.
        """
        try:
            return super().parse_args(ctx, args)
        except (click.NoSuchOption, click.BadOptionUsage) as error:
            self._explain(error.option_name)
            raise

    def _explain(self, option: str) -> None:
        name = self.name or ""
        if why := INSTEAD.get(name, {}).get(option):
            raise Misused(f"asynq {name} {option}: {why}")
