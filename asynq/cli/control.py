"""`asynq control`: change workers while they run, and revoke tasks."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

import click

from asynq.app import Asynq
from asynq.cli.asking import CommandWithList, ask, asking_options
from asynq.cli.errors import Misused
from asynq.cli.inside import in_app
from asynq.cli.instead import check_control
from asynq.cli.render import plain, say
from asynq.worker import commands

_ = commands  # which are known from here on


@click.command(
    cls=CommandWithList, short_help="Change workers, revoke tasks.", no_args_is_help=True
)
@click.argument("words", metavar="COMMAND [ARGUMENT]…", nargs=-1, required=True)
@asking_options
@click.option("--terminate", is_flag=True, help="With revoke: end those, too, that are running.")
@click.pass_context
def control(
    context: click.Context,
    *,
    words: tuple[str, ...],
    app: str | None,
    destination: str | None,
    timeout: float | None,
    json: bool,
    terminate: bool,
) -> None:
    """Change workers while they run. What is changed ends with the worker.

    `control revoke ID…` has tasks not run, wherever they are, and `control
    revoke_by_stamped_headers HEADER=VALUE…` all that were called with such a header. They end
    REVOKED; what is over stays as it is.
    """
    check_control(words[0])
    revoke = _REVOKING.get(words[0])
    if revoke is not None:
        if destination is not None:
            raise Misused(f"control {words[0]}: leave --destination out, no worker shall run them")
        revoke(context, words[1:], app=app, terminate=terminate)
        return
    if terminate:
        raise Misused("--terminate belongs to `control revoke ID…`")
    ask(context, "control", words, app=app, destination=destination, timeout=timeout, json=json)


def _revoke_by_stamped_headers(
    context: click.Context, stamps: tuple[str, ...], *, app: str | None, terminate: bool
) -> None:
    headers: dict[str, list[str]] = {}
    for stamp in stamps:
        name, equals, value = stamp.partition("=")
        if not name or not equals:
            raise Misused(
                f"control revoke_by_stamped_headers: expected HEADER=VALUE, got {stamp!r}"
            )
        headers.setdefault(name, []).append(value)
    if not headers:
        raise Misused(
            "expected asynq control revoke_by_stamped_headers HEADER=VALUE…: which tasks?"
        )

    def revoke(found: Asynq) -> Coroutine[Any, Any, None]:
        return found.control.revoke_by_stamped_headers(headers, terminate=terminate)

    in_app(context, app, revoke)
    say(f"Revoked all tasks with {' or '.join(map(plain, stamps))}.")


def _revoke(
    context: click.Context, ids: tuple[str, ...], *, app: str | None, terminate: bool
) -> None:
    if not ids:
        raise Misused("expected asynq control revoke ID…: which tasks?")
    in_app(context, app, lambda found: found.control.revoke(ids, terminate=terminate))
    many = "1 task" if len(ids) == 1 else f"{len(ids)} tasks"
    say(f"Revoked {many}.")


_REVOKING: Final[Mapping[str, Callable[..., None]]] = {
    "revoke": _revoke,
    "revoke_by_stamped_headers": _revoke_by_stamped_headers,
}
"""Words that are said to the server, rather than to workers alone."""
