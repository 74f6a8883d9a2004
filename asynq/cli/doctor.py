"""`asynq doctor`: is the server fit to keep tasks, and are we allowed what we need?

Exit codes: 0 all is well, or there are warnings only; 1 warnings, with `--strict`; 69 the server
can't be reached; 78 something must be changed before tasks are safe there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import click
from click.exceptions import Exit
from msgspec.structs import asdict

from asynq import brokers
from asynq._redis.acl import COMMANDS, line, rules
from asynq._secrets import hide_password
from asynq.app import Asynq
from asynq.brokers.base import Broker, Finding
from asynq.cli.inside import in_app
from asynq.cli.options import app_option, common, json_option
from asynq.cli.render import say, say_json
from asynq.exceptions import BrokerRefused

MARKS: Final = {"ok": "✓", "warning": "!", "error": "✗"}
ON_REDIS: Final = ("redis:", "rediss:", "unix:", "embedded:")


@click.command(short_help="Look whether the server is fit for its work.")
@app_option
@click.option("--strict", is_flag=True, help="Exit with 1 where there are warnings.")
@click.option("--acl", is_flag=True, help="Print the rights that a user needs, by role, and end.")
@json_option
@click.pass_context
def doctor(context: click.Context, *, app: str | None, strict: bool, acl: bool, json: bool) -> None:
    """Look whether the server is fit for its work, and say what to do where it is not.

    Looks at version, eviction, persistence, permissions, clock, latency, memory and dead letters,
    of the broker's server and of the result backend's. Changes nothing.
    """
    if acl:
        _print_rules(common(context).open(app), json)
        return
    found = in_app(context, app, examine)
    if json:
        say_json({url: [asdict(finding) for finding in list_] for url, list_ in found.items()})
    else:
        say("\n\n".join(f"{url}\n{told(list_)}" for url, list_ in found.items()))
    levels = {finding.level for findings in found.values() for finding in findings}
    if "error" in levels:
        raise Exit(78)
    if strict and "warning" in levels:
        raise Exit(1)


async def examine(app: Asynq) -> dict[str, Sequence[Finding]]:
    """The findings by server: the broker's, and the result backend's where it is another.

    Raises:
        OperationalError: one of them can't be reached.
    """
    conf = app.conf
    found = {hide_password(conf.broker_url): await _look(app.broker)}
    results = conf.result_backend or conf.broker_url
    other = app.backend.location.server != app.broker.location.server
    if other and results.startswith(ON_REDIS):
        server = brokers.connect(results, namespace=app.namespace, options={})
        try:
            found[hide_password(results)] = await _look(server)
        finally:
            await server.aclose()
    return found


def told(findings: Sequence[Finding]) -> str:
    """Findings for people: a line each, and what to do below it."""
    if not findings:
        return "  (nothing to look at)"
    width = max(len(finding.topic) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"  {MARKS[finding.level]} {finding.topic.ljust(width)}  {finding.text}")
        if finding.advice:
            lines.append(f"    {' ' * width}  → {finding.advice}")
    return "\n".join(lines)


async def _look(broker: Broker) -> Sequence[Finding]:
    try:
        return await broker.diagnose()
    except BrokerRefused as error:
        return [Finding(level="error", topic="access", text=str(error))]


def _print_rules(app: Asynq, json: bool) -> None:
    if json:
        say_json({role: rules(role, app.namespace) for role in COMMANDS})
    else:
        say("\n\n".join(line(role, app.namespace) for role in COMMANDS))
