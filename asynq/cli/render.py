"""How the commands speak: calm text for people, one JSON document for machines."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Mapping, Sequence

import click
import msgspec

from asynq._printable import printable


def say(text: str) -> None:
    """A line to standard output."""
    click.echo(text)


def speak_by_the_line() -> None:
    """Have every line on standard output written at once, into a file or a pipe as well."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)


def say_json(value: object) -> None:
    """One JSON document to standard output, indented; what JSON has no words for, as Python's."""
    encoded = msgspec.json.encode(value, enc_hook=repr, order="sorted")
    click.echo(msgspec.json.format(encoded, indent=2).decode())


def complain(text: str, *, begin: str = "Error: ") -> None:
    """One line to standard error, the way every command reports an error."""
    click.secho(f"{begin}{text}", fg="red" if sys.stderr.isatty() else None, err=True)


def plain(text: str) -> str:
    """A text that may come from anywhere on one line, without what a terminal would obey."""
    return printable(" ".join(text.split()))


def table(rows: Iterable[Sequence[str]], header: Sequence[str]) -> str:
    """Columns as wide as they need to be."""
    lines = [list(header), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def pairs(values: Mapping[str, object], *, indent: str = "  ") -> str:
    """Names and values, the values in one column."""
    width = max(map(len, values), default=0)
    return "\n".join(f"{indent}{name.ljust(width)}  {value}" for name, value in values.items())
