"""What one call of `asynq multi` was told: nodes, their options, their places."""

from __future__ import annotations

import os
import shlex
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from asynq.cli.daemon import NO_PLACE_FOR_OTHERS, filled, octal, owner_of
from asynq.cli.errors import Misused
from asynq.cli.locate import required_name
from asynq.cli.multi_voice import Aloud
from asynq.cli.options import common
from asynq.cli.worker import worker
from asynq.multi.background import Launch
from asynq.multi.cluster import Cluster
from asynq.multi.nodes import RANGE_PREFIX, Node, Unfit, check_apart, make_nodes
from asynq.multi.places import LOGFILE, PIDFILE, as_pattern, default_place
from asynq.multi.words import Given, Option, UnknownOption, UnreadableWords, Words, read
from asynq.worker.node import node_name

FLAGS: Final = "asynq.multi.flags"
"""Where the context keeps those that were said before the command's name."""

OWN: Final = {
    **{spelling: Option("--hostname") for spelling in ("-n", "--hostname")},
    "--range-prefix": Option("--range-prefix"),
    "--nosplash": Option("--nosplash", takes_value=False),
    **{spelling: Option("--quiet", takes_value=False) for spelling in ("-q", "--quiet")},
    "--verbose": Option("--verbose", takes_value=False),
    "--no-color": Option("--no-color", takes_value=False),
}
"""What is said to `multi` and not to its workers."""

FOR_ALL: Final = frozenset({option.name for option in OWN.values()} | {"--workdir"})
"""What can't be said to some nodes only."""


class Call:
    """One call of `asynq multi`: what it was told, and who is meant.

    Args:
        context: The command's.
        words: What follows the command's name.
    """

    def __init__(self, context: click.Context, words: Sequence[str]) -> None:
        self._context = context
        self._known = _known(context)
        words = [*context.meta.get(FLAGS, ()), *words]
        try:
            told = read(words, self._known)
            self.words = Words(tuple(map(_here, told.names)), told.given)
            for one in self.words.given:
                if one.selector is not None and one.option.name in FOR_ALL:
                    raise Unfit(f"{one.spelling} is for all nodes: it takes no selector")
            self._change_directory()
            self.nodes = self._make_nodes(self.words)
        except UnknownOption as error:
            # The worker knows better why it has no such option.
            worker.make_context("asynq worker", [error.spelling])
            raise Misused(f"asynq multi: {error}") from None
        except (Unfit, UnreadableWords) as error:
            raise Misused(f"asynq multi: {error}") from None
        self.voice = Aloud(
            quiet=self.words.has("--quiet"),
            verbose=self.words.has("--verbose"),
            color=not self.words.has("--no-color"),
            splash=not self.words.has("--nosplash"),
        )

    def _change_directory(self) -> None:
        if (path := self.words.value("--workdir")) is not None:
            try:
                os.chdir(path)
            except OSError as error:
                raise Misused(f"--workdir {path}: {error.strerror}") from None

    def _make_nodes(self, words: Words) -> list[Node]:
        host = _host(words.value("--hostname"))
        prefix = words.value("--range-prefix") or RANGE_PREFIX
        nodes = [
            node.without(*FOR_ALL - {"--workdir"}, "--detach")
            for node in make_nodes(words, host, prefix=prefix)
        ]
        options = []
        if words.value("--workdir") is not None:
            nodes = [node.without("--workdir") for node in nodes]
            options.append(self._given("--workdir", str(Path.cwd())))
        if (app := common(self._context).app) is not None:
            options.append(self._given("-A", app))
        return [node.taught(*options) for node in nodes]

    def _given(self, spelling: str, value: str) -> Given:
        return Given(self._known[spelling], spelling, value)

    def placed(self, *, make: bool = False) -> list[Node]:
        """The nodes, each with a pidfile and a log.

        Args:
            make: Have the directory be there that is used where none was named.
        """
        return [self._placed(node, make=make) for node in self.nodes]

    def _placed(self, node: Node, *, make: bool) -> Node:
        if None not in (node.value("--pidfile"), node.value("--logfile")):
            return node
        if node.value("--uid") is not None:
            raise Misused(f"{node.name}: {NO_PLACE_FOR_OTHERS}")
        place = as_pattern(default_place(required_name(node.value("--app")), make=make))
        return node.taught(
            self._given("--pidfile", f"{place}/{PIDFILE}"),
            self._given("--logfile", f"{place}/{LOGFILE}"),
        )

    def check(self) -> None:
        """Would every worker take what it is told? Before any is started.

        Raises:
            click.ClickException, Misused, NotImplementedError: one would not.
        """
        for node in self.placed():
            words = node.without("--executable").command(())
            worker.make_context("asynq worker", words[words.index("worker") + 1 :])

    def cluster(self, *, make: bool = False) -> Cluster:
        """The nodes, to act on.

        Raises:
            Misused: two of them would share a pidfile, or a mark in a path is none.
        """
        launches = [_launch(node) for node in self.placed(make=make)]
        try:
            check_apart({launch.name: str(launch.pidfile) for launch in launches})
        except Unfit as error:
            raise Misused(f"asynq multi: {error}") from None
        return Cluster(launches, self.voice)


def command_line(node: Node) -> str:
    """What starts the node by hand, and does the same."""
    return shlex.join(node.without("--executable").command(_program(node), "--detach"))


def _launch(node: Node) -> Launch:
    pidfile, logfile = (
        Path(filled(option, node.value(option) or "", node.name)).absolute()
        for option in ("--pidfile", "--logfile")
    )
    processes = node.value("--processes") or "1"
    umask = node.value("--umask")
    command = node.without("--executable").command(_program(node))
    return Launch(
        name=node.name,
        command=command,
        pidfile=pidfile,
        logfile=logfile,
        processes=int(processes) if processes.isdecimal() else 1,
        owner=owner_of(node.value("--uid"), node.value("--gid")),
        umask=None if umask is None else octal(umask),
    )


def _program(node: Node) -> list[str]:
    return [node.value("--executable") or sys.executable, "-m", "asynq"]


def _known(context: click.Context) -> dict[str, Option]:
    """All options that may be said, by their spellings."""
    known: dict[str, Option] = {}
    for command, leads in ((context.find_root().command, True), (worker, False)):
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                name = max(parameter.opts, key=len)
                option = Option(name, takes_value=not parameter.is_flag, leads=leads)
                for spelling in (*parameter.opts, *parameter.secondary_opts):
                    known.setdefault(spelling, option)
    del known["--version"]
    return known | OWN


def _here(name: str) -> str:
    """A node's name with the parts filled in that are this host's: ``w1@%h``."""
    return node_name(name) if "%" in name and "%p" not in name else name


def _host(pattern: str | None) -> str:
    """What `-n` names, without an ``@``: the host of all nodes."""
    if pattern is None:
        return socket.gethostname()
    if "%p" in pattern:
        raise Unfit(f"-n {pattern}: %p is not known before a node runs")
    return node_name(f"x@{pattern.removeprefix('@')}").partition("@")[2]
