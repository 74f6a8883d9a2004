"""What `inspect`, `control`, `status` and `ping` share: asking workers, and showing their answers.

On standard output are the answers, in the form of Celery's commands, or as one JSON document; on
standard error is who has not answered, and since when nothing was heard of them.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from textwrap import indent
from typing import Any, Final

import click
import msgspec
from click.exceptions import Exit

from asynq.app import Asynq
from asynq.cli.errors import Misused
from asynq.cli.inside import in_app
from asynq.cli.instead import Command
from asynq.cli.options import app_option, json_option, with_options
from asynq.cli.render import complain, plain, say, say_json
from asynq.control.answers import Answers, DuplicateNodenameWarning
from asynq.control.commands import COMMANDS, Kind, RemoteCommand, commands_of

UNAVAILABLE: Final = 69
"""EX_UNAVAILABLE of sysexits.h: nobody has answered."""


asking_options = with_options(
    app_option,
    click.option("-d", "--destination", metavar="NODE,…", help="Ask these workers only."),
    click.option(
        *("-t", "--timeout"),
        type=click.FloatRange(min=0.001),
        metavar="SECONDS",
        help="Time to answer.",
    ),
    json_option,
)
"""Whom to ask, how long, and how to show it."""


class CommandWithList(Command):
    """`inspect` or `control`, whose help lists what may stand behind it."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list."""
        known = commands_of("inspect" if self.name == "inspect" else "control")
        with formatter.section("Remote commands"):
            formatter.write_dl(
                [(f"{name} {each.signature}".rstrip(), each.help) for name, each in known.items()]
            )


def ask(
    context: click.Context,
    kind: Kind,
    words: Sequence[str],
    *,
    app: str | None,
    destination: str | None,
    timeout: float | None,
    json: bool,
) -> None:
    """Have workers carry out a command, and show what they answer.

    Raises:
        Misused: there is no such command, or it does not take these words.
    """
    name, *arguments = words

    def known() -> RemoteCommand | None:
        command = COMMANDS.get(name)
        return command if command is not None and command.kind == kind else None

    async def work(found: Asynq) -> Answers:
        command = known()
        if command is None:
            raise Misused(_unknown(kind, name))
        return await found.control.mailbox.ask(
            name,
            _read(command, arguments),
            destination=nodes(destination),
            timeout=timeout or command.timeout,
        )

    # A command of one's own is where the tasks are.
    answers = asked(context, app, work, with_tasks=known() is None)
    show(answers, json=json, footer=kind == "inspect")


def asked(
    context: click.Context,
    app: str | None,
    work: Callable[[Asynq], Awaitable[Answers]],
    *,
    with_tasks: bool = False,
) -> Answers:
    """What workers answer; see `in_app`. Where two have one name, that is said on one line."""
    warn = warnings.showwarning

    def show(message: Any, category: type[Warning], *place: Any, **more: Any) -> None:
        if issubclass(category, DuplicateNodenameWarning):
            complain(plain(str(message)), begin="Warning: ")
        else:
            warn(message, category, *place, **more)

    warnings.showwarning = show
    try:
        return in_app(context, app, work, with_tasks=with_tasks)
    finally:
        warnings.showwarning = warn


def nodes(destination: str | None) -> list[str] | None:
    """The nodes that are named; None: all."""
    if destination is None:
        return None
    return [name for name in map(str.strip, destination.split(",")) if name]


def show(answers: Answers, *, json: bool, footer: bool = True) -> None:
    """Print what workers have answered, and who has not.

    Raises:
        Exit: nobody has answered (69), or somebody with an error (1).
    """
    _tell_of_the_others(answers)
    if json:
        say_json(answers)
    else:
        for node, answer in sorted(answers.items()):
            state, body = _pretty(answer)
            say(f"->  {plain(node)}: {state}\n{indent(body, ' ' * 4)}".rstrip("\n"))
    if not answers:
        why = "" if answers.silent or answers.down else ": no worker is alive"
        complain(f"No nodes replied within time constraint{why}")
        raise Exit(UNAVAILABLE)
    if footer and not json:
        say(f"\n{len(answers)} {'node' if len(answers) == 1 else 'nodes'} online.")
    if any(isinstance(answer, dict) and "error" in answer for answer in answers.values()):
        raise Exit(1)


def _tell_of_the_others(answers: Answers) -> None:
    for node, age in answers.silent.items():
        complain(
            f"{plain(node)} does not answer, though its heartbeat of {age:.0f} s ago still counts",
            begin="Warning: ",
        )
    for node, known in answers.down.items():
        when = "nothing was heard of it" if known is None else f"last heard of {known:.0f} s ago"
        complain(f"{plain(node)} is down: {when}", begin="Warning: ")


def _pretty(answer: object) -> tuple[str, str]:
    """OK or ERROR, and the answer for people."""
    match answer:
        case {"error": error}:
            return "ERROR", indent(_text(error), " " * 4)
        case {"ok": ok, **more}:
            body = _pretty(ok)[1] + (f"\n{_text(more)}" if more else "")
            return "OK", indent(body, " " * 4)
        case []:
            return "OK", "- empty -"
        case list():
            return "OK", "\n".join(f"* {_text(item)}" for item in answer)
        case Mapping():
            encoded = msgspec.json.encode(answer, order="sorted")
            return "OK", msgspec.json.format(encoded, indent=4).decode()
        case _:
            return "OK", _text(answer)


def _text(value: object) -> str:
    return "\n".join(map(plain, value.splitlines())) if isinstance(value, str) else repr(value)


def _unknown(kind: Kind, name: str) -> str:
    other = COMMANDS.get(name)
    if other is not None and other.kind != kind:
        return f"asynq {kind} {name}: say asynq {other.kind} {name}"
    near = difflib.get_close_matches(name, commands_of(kind), 1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"asynq {kind}: there is no {name!r}; {hint}There are {', '.join(commands_of(kind))}"


def _read(command: RemoteCommand, words: Sequence[str]) -> dict[str, Any]:
    """What the command takes, by name, of the words behind it."""
    if command.variadic:
        return {command.variadic: list(words)} if words else {}
    usage = f"asynq {command.kind} {command.name} {command.signature}".rstrip()
    if len(words) > len(command.args):
        raise Misused(f"expected {usage}, and {words[len(command.args)]!r} is one word too many")
    read: dict[str, Any] = {}
    for (name, convert), word in zip(command.args, words, strict=False):
        try:
            read[name] = convert(word)
        except Exception as error:
            raise Misused(f"expected {usage}: {name}: {word!r}: {error}") from None
    needed = [part for part in command.signature.split() if part[0] not in "[…"]
    if len(words) < len(needed):
        raise Misused(f"expected {usage}: {needed[len(words)]} is missing")
    return read
