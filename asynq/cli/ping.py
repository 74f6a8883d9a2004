"""`asynq ping --local`: do the workers of this machine live?

Exit codes: 0 they do; 1 one is there and is not well, or does not answer; 69 there is none.
"""

from __future__ import annotations

from typing import Any

import click
from click.exceptions import Exit

from asynq.cli.options import app_option, common, json_option
from asynq.cli.render import complain, say, say_json
from asynq.worker.local import ask
from asynq.worker.node import node_name


@click.command(short_help="Ask whether workers live.")
@app_option
@click.option("--local", is_flag=True, help="Ask the workers of this machine and user.")
@click.option("-n", "--hostname", metavar="NODE", help="This worker only, as it was named.")
@click.option("--ready", is_flag=True, help="Must be ready for tasks, too.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.001),
    default=2.0,
    metavar="SECONDS",
    help="Time to answer.",
)
@json_option
@click.pass_context
def ping(
    context: click.Context,
    *,
    app: str | None,
    local: bool,
    hostname: str | None,
    ready: bool,
    timeout: float,
    json: bool,
) -> None:
    """Ask whether workers live: exit code 0 if they do, 1 if one is ill, 69 if there is none."""
    if not local:
        raise NotImplementedError(
            "asynq ping without --local is not in this release yet (remote control)"
        )
    namespace = common(context).open(app).namespace
    node = None if hostname is None else node_name(hostname)
    try:
        told = sorted(
            ask(namespace, node, timeout=timeout), key=lambda one: str(one.get("hostname"))
        )
    except TimeoutError:
        complain(f"a worker did not answer within {timeout:g} s: its event loop is blocked")
        raise Exit(1) from None
    if json:
        say_json(told)
    elif told:
        say("\n".join(map(_line, told)))
    if not told:
        complain(f"no worker {node or f'of {namespace}'} runs here, or none of this user")
        raise Exit(69)
    if not all(one["ready" if ready else "alive"] for one in told):
        raise Exit(1)


def _line(told: dict[str, Any]) -> str:
    state = "ready" if told["ready"] else "alive" if told["alive"] else "ill"
    why = f" ({'; '.join(told['problems'])})" if told["problems"] else ""
    return f"{told['hostname']}: {state}{why}, {told['active']} running"
