"""`asynq dead`: look at what was put aside, send it again, or throw it away."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypedDict, TypeVar, Unpack

import click
from click.exceptions import Exit

from asynq.app import Asynq
from asynq.cli.attempts import attempts_table, attempts_told
from asynq.cli.errors import Misused
from asynq.cli.groups import app_group
from asynq.cli.inside import in_app
from asynq.cli.options import app_option, json_option
from asynq.cli.render import complain, pairs, plain, say, say_json, table
from asynq.dead import DeadLetter, DeadLetters
from asynq.exceptions import AsynqError

F = TypeVar("F", bound=Callable[..., None])

ids_argument = click.argument("ids", metavar="[ID…]", nargs=-1)
queue_option = click.option("-Q", "--queue", metavar="NAME", help="Of this queue only.")
all_option = click.option("--all", "all_", is_flag=True, help="All there are, not some ids.")
yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask.")

WIDEST_REASON = 80
"""Characters of a reason in a list."""


@app_group("Look after dead letters.")
def group() -> None:
    """Look after dead letters: messages that could not be run, or must not just end."""


@group.command("list")
@app_option
@queue_option
@json_option
@click.pass_context
def list_letters(context: click.Context, *, app: str | None, queue: str | None, json: bool) -> None:
    """List them, the oldest of each queue first."""

    async def look(found: Asynq) -> list[DeadLetter]:
        return [letter async for letter in found.dead.letters(queue)]

    letters = in_app(context, app, look)
    if json:
        say_json([_told(letter) for letter in letters])
    elif letters:
        say(table(map(_row, letters), ("ID", "TASK", "QUEUE", "AT (UTC)", "REASON")))
    else:
        say("No dead letters.")


@group.command("show")
@click.argument("ids", metavar="ID…", nargs=-1, required=True)
@app_option
@queue_option
@json_option
@click.pass_context
def show_letters(
    context: click.Context, *, ids: tuple[str, ...], app: str | None, queue: str | None, json: bool
) -> None:
    """Show all that is known of some, their arguments included."""
    letters = in_app(context, app, lambda found: found.dead.find(*ids, queue=queue))
    if json:
        say_json([_told(letter) | _call(letter) for letter in letters])
    else:
        say("\n\n".join(map(_shown, letters)))
    _miss(ids, letters)


class _Chosen(TypedDict):
    """What retry and purge are told."""

    ids: tuple[str, ...]
    app: str | None
    queue: str | None
    all_: bool
    yes: bool


def _choosing(command: F) -> F:
    """The options that say which letters."""
    for option in (yes_option, all_option, queue_option, app_option, ids_argument):
        command = option(command)
    return command


@group.command("retry")
@_choosing
@click.pass_context
def retry_letters(context: click.Context, **chosen: Unpack[_Chosen]) -> None:
    """Put them back in their queues, to be run as if they were new."""
    _see_to(
        context,
        chosen,
        some=lambda dead, letters: dead.retry(*letters),
        every=lambda dead: dead.retry_all(chosen["queue"]),
        question="Run all dead letters of {} again?",
        done="Sent {} back.",
    )


@group.command("purge")
@_choosing
@click.pass_context
def purge_letters(context: click.Context, **chosen: Unpack[_Chosen]) -> None:
    """Throw them away. There is no way back."""
    _see_to(
        context,
        chosen,
        some=lambda dead, letters: dead.discard(*letters),
        every=lambda dead: dead.purge(chosen["queue"]),
        question="Throw away all dead letters of {}?",
        done="Threw {} away.",
    )


def _see_to(
    context: click.Context,
    chosen: _Chosen,
    *,
    some: Callable[[DeadLetters, Sequence[DeadLetter]], Coroutine[Any, Any, int]],
    every: Callable[[DeadLetters], Coroutine[Any, Any, int]],
    question: str,
    done: str,
) -> None:
    """Do it with some letters, or after a question with all, and say with how many."""
    ids, app, queue = chosen["ids"], chosen["app"], chosen["queue"]
    letters: Sequence[DeadLetter] = ()
    if bool(ids) == chosen["all_"]:
        raise Misused("say which: the ids of tasks, or --all")
    if ids:
        letters = in_app(context, app, lambda found: found.dead.find(*ids, queue=queue))
        count = in_app(context, app, lambda found: some(found.dead, letters))
    else:
        _confirm(question.format("all queues" if queue is None else queue), chosen["yes"])
        count = in_app(context, app, lambda found: every(found.dead))
    say(done.format("1 letter" if count == 1 else f"{count} letters"))
    _miss(ids, letters)


def _confirm(question: str, yes: bool) -> None:
    if not yes and not click.confirm(question):
        say("Nothing was done.")
        raise Exit(1)


def _miss(ids: Sequence[str], letters: Sequence[DeadLetter]) -> None:
    """Say which ids no letter has; exits with 1 where there are such."""
    known = {letter.id for letter in letters}
    missing = [id for id in ids if id not in known]
    if missing:
        complain(f"no dead letter of {', '.join(map(plain, missing))}")
        raise Exit(1)


def _row(letter: DeadLetter) -> tuple[str, ...]:
    reason = plain(letter.reason)
    if len(reason) > WIDEST_REASON:
        reason = f"{reason[: WIDEST_REASON - 1]}…"
    name = plain(letter.task or "(unreadable)")
    return plain(letter.id), name, letter.queue, f"{letter.at:%Y-%m-%d %H:%M:%S}", reason


def _told(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "task": letter.task,
        "queue": letter.queue,
        "reason": letter.reason,
        "at": letter.at.isoformat(),
        "retries": letter.retries,
        "redeliveries": letter.redeliveries,
        "attempts": attempts_told(letter.attempts),
    }


def _call(letter: DeadLetter) -> dict[str, Any]:
    try:
        args, kwargs = letter.arguments()
    except AsynqError:
        return {"args": None, "kwargs": None, "body": repr(letter.body[:1024])}
    return {"args": list(args), "kwargs": dict(kwargs)}


def _shown(letter: DeadLetter) -> str:
    facts = {
        "task": letter.task or "(unreadable)",
        "id": letter.id,
        "queue": letter.queue,
        "reason": letter.reason,
        "at": f"{letter.at:%Y-%m-%d %H:%M:%S} UTC",
        "retries": letter.retries,
        "redeliveries": letter.redeliveries,
        **{name: value for name, value in _call(letter).items() if value is not None},
    }
    shown = pairs({name: plain(str(fact)) for name, fact in facts.items()}, indent="")
    return f"{shown}\n{attempts_table(letter.attempts)}" if letter.attempts else shown
