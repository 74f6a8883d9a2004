"""How `asynq multi` says what it does: Celery's lines."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import click

from asynq._version import __version__
from asynq.cli.render import complain


class Aloud:
    """Speaks to standard output, and of failures to standard error.

    Args:
        quiet: Of failures only.
        verbose: Of the commands that are run, too.
        color: Where it is a terminal.
        splash: The version first.
    """

    def __init__(self, *, quiet: bool, verbose: bool, color: bool, splash: bool) -> None:
        self._quiet = quiet
        self._verbose = verbose
        self._color = color
        self._splash = splash and not quiet
        self._in_line = False

    def heading(self, text: str) -> None:
        """What is begun, for all nodes."""
        if self._splash:
            self._say(f"asynq multi v{__version__}")
            self._splash = False
        self._say(f"> {text}")

    def node(self, name: str, text: str) -> None:
        """What has become of one."""
        styled = click.style(text, fg="green") if self._color and text == "OK" else text
        self._say(f"\t> {name}: {styled}")

    def failure(self, name: str, text: str) -> None:
        """The same, and it is not what was wanted."""
        failed = click.style("FAILED", fg="red") if self._color else "FAILED"
        self._say(f"\t> {name}: {failed}")
        complain(f"{name}: {text}")

    def command(self, words: Sequence[str]) -> None:
        """What is started."""
        if self._verbose:
            self._say(f"\t+ {shlex.join(words)}")

    def waiting(self, pids: Sequence[int]) -> None:
        """For whom we wait."""
        if not self._quiet:
            nodes = "1 node" if len(pids) == 1 else f"{len(pids)} nodes"
            click.echo(f"> Waiting for {nodes} -> {', '.join(map(str, pids))}", nl=False)
            self._in_line = True

    def dot(self) -> None:
        """Still."""
        if not self._quiet:
            click.echo(".", nl=False)

    def _say(self, text: str) -> None:
        if self._quiet:
            return
        click.echo(f"\n{text}" if self._in_line else text)
        self._in_line = False
