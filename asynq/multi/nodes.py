"""Which workers are meant, and what each is told. Pure: nothing is started here.

``10 -Q:1-3 images,video -Q:4,5 data -Q default`` are ten nodes, ``asynq1`` to ``asynq10``: the
first three serve images and video, two serve data, the others default.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from asynq.exceptions import AsynqError
from asynq.multi.words import Given, Words
from asynq.worker.node import fill_in

RANGE_PREFIX: Final = "asynq"
"""What the nodes of a range are called: ``asynq1``, ``asynq2`` …"""

MOST: Final = 1000
"""Nodes of a range: who says more has mistaken the number for something else."""

_NAME: Final = re.compile(r"[^\s/@%]+@[^\s/@%]+")
_RANGE: Final = re.compile(r"(\d+)-(\d+)")


class Unfit(AsynqError):  # noqa: N818 - never leaves the command line
    """Names or selectors that mean no node."""


class Node(Struct, frozen=True):
    """A worker, and the options that it is told."""

    name: str
    """As in ``w1@host``."""
    options: tuple[Given, ...] = ()

    @property
    def short(self) -> str:
        """What stands before the ``@``."""
        return self.name.partition("@")[0]

    def value(self, name: str) -> str | None:
        """What an option was given, its parts filled in; None: it was not given one."""
        for one in self.options:
            if one.option.name == name and one.value is not None:
                return self.expand(one.value)
        return None

    def expand(self, template: str) -> str:
        """The text with ``%n``, ``%N`` (short name), ``%h``, ``%p`` (whole name), ``%d`` (host).

        All else that begins with ``%`` is left to the worker, ``%i`` and ``%I`` among it.
        """
        host = self.name.partition("@")[2]
        parts = {"n": self.short, "N": self.short, "h": self.name, "p": self.name, "d": host}
        return fill_in(template, parts)

    def command(self, program: Sequence[str], *words: str) -> list[str]:
        """The command line of the worker.

        Args:
            program: What it begins with.
            words: What follows the word ``worker``.
        """
        told: dict[bool, list[str]] = {True: [], False: []}
        for one in self.options:
            value = None if one.value is None else self.expand(one.value)
            told[one.option.leads] += one.words(value)
        return [*program, *told[True], "worker", *words, *told[False], "-n", self.name]

    def taught(self, *more: Given) -> Node:
        """The same node with these options, where it has no value of its own for them."""
        own = {one.option.name for one in self.options}
        new = tuple(one for one in more if one.option.name not in own)
        return Node(self.name, (*self.options, *new))

    def without(self, *names: str) -> Node:
        """The same node without these options."""
        kept = (one for one in self.options if one.option.name not in names)
        return Node(self.name, tuple(kept))


def make_nodes(words: Words, host: str, *, prefix: str = RANGE_PREFIX) -> list[Node]:
    """The nodes, in the order of their names.

    Args:
        words: What was said.
        host: What follows the ``@`` of names that have none.
        prefix: What the nodes of a range are called.

    Raises:
        Unfit: there is no name, one is none, one is there twice; or a selector fits no node.
    """
    names = expand_names(words.names, host, prefix=prefix)
    told: list[dict[str, Given]] = [{} for _ in names]
    # The un-suffixed first, wherever it stands: a selector is more particular.
    for one in sorted(words.given, key=lambda one: one.selector is not None):
        chosen = range(len(names)) if one.selector is None else select(one.selector, names)
        for position in chosen:
            told[position][one.option.name] = one
    return [Node(name, tuple(own.values())) for name, own in zip(names, told, strict=True)]


def expand_names(names: Sequence[str], host: str, *, prefix: str = RANGE_PREFIX) -> list[str]:
    """Whole node names: ``w1`` gives ``w1@host``, a single ``3`` gives ``asynq1@host`` to 3.

    Raises:
        Unfit: as `make_nodes`.
    """
    if not names:
        raise Unfit("which nodes? Say names (w1 w2), or how many: 3")
    if len(names) == 1 and names[0].isdecimal():
        count = int(names[0])
        if not 1 <= count <= MOST:
            raise Unfit(f"{count} nodes can't be started: expected 1 to {MOST}")
        names = [f"{prefix}{number}" for number in range(1, count + 1)]
    whole = [name if "@" in name else f"{name}@{host}" for name in names]
    for name in whole:
        if not _NAME.fullmatch(name):
            raise Unfit(f"{name!r} is no node name: expected NAME or NAME@HOST, without / and %")
    if twice := [name for name in whole if whole.count(name) > 1]:
        raise Unfit(f"{twice[0]} is named twice")
    return whole


def select(selector: str, names: Sequence[str]) -> list[int]:
    """The nodes that a selector means, each by its place in `names`, which begins with 0.

    Args:
        selector: With commas: positions, which begin with 1; ranges (``1-3``); names, with or
            without a host.
        names: Whole node names.

    Raises:
        Unfit: a part of it fits no node.
    """
    found: dict[int, None] = {}
    for part in selector.split(","):
        found |= dict.fromkeys(_fitting(part.strip(), selector, names))
    return sorted(found)


def _fitting(part: str, selector: str, names: Sequence[str]) -> Iterator[int]:
    # Names first: a node may be called 7, or a-1.
    named = [at for at, name in enumerate(names) if part in (name, name.partition("@")[0])]
    if named:
        yield from named
        return
    match = _RANGE.fullmatch(part)
    first, last = match.groups() if match else (part, part)
    if not (first.isdecimal() and last.isdecimal()):
        raise Unfit(f"no node {part!r} for the selector :{selector}; there are {_told(names)}")
    if not 1 <= int(first) <= int(last) <= len(names):
        raise Unfit(
            f"no node {part} for the selector :{selector}; expected positions from 1 to "
            f"{len(names)}, the smaller first"
        )
    yield from range(int(first) - 1, int(last))


def _told(names: Sequence[str]) -> str:
    few = ", ".join(name.partition("@")[0] for name in names[:10])
    return few if len(names) <= 10 else f"{few} and {len(names) - 10} more"


def check_apart(files: Mapping[str, str]) -> None:
    """No two nodes may have one pidfile.

    Args:
        files: Node name to pidfile.

    Raises:
        Unfit: two have.
    """
    owners: dict[str, str] = {}
    for name, path in files.items():
        if (other := owners.setdefault(path, name)) != name:
            raise Unfit(
                f"{other} and {name} would share the pidfile {path}: put %n (the name) or %p (the "
                "name with its host) into --pidfile"
            )
