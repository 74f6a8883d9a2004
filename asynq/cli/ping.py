"""`asynq ping`: do workers live? Asked over the broker, or with `--local` those of this machine.

Exit codes: 0 they do; 1 one is there and is not well, or does not answer; 69 there is none.

With `--local` and a namespace, `asynq.cli.entry` answers without loading any of this.
"""

from __future__ import annotations

import click
import msgspec
from click.exceptions import Exit

from asynq.cli.asking import asked, show
from asynq.cli.errors import Misused
from asynq.cli.options import app_option, common, json_option
from asynq.cli.probing import PATIENCE, complain, judge
from asynq.cli.render import say_json
from asynq.worker.health import HealthReport, line_of
from asynq.worker.local import ask
from asynq.worker.node import node_name


@click.command(short_help="Ask whether workers live.")
@app_option
@click.option("--local", is_flag=True, help="Ask the workers of this machine and user.")
@click.option(
    "--namespace",
    envvar="ASYNQ_NAMESPACE",
    metavar="NAME",
    help="With --local: the app's namespace; so the app need not be imported.",
)
@click.option("-n", "--hostname", metavar="NODE", help="This worker only, as it was named.")
@click.option("--ready", is_flag=True, help="With --local: must be ready for tasks, too.")
@click.option(
    *("-t", "--timeout"),
    type=click.FloatRange(min=0.001),
    metavar="SECONDS",
    help="Time to answer: 2, or over the broker 1.",
)
@json_option
@click.pass_context
def ping(
    context: click.Context,
    *,
    app: str | None,
    local: bool,
    namespace: str | None,
    hostname: str | None,
    ready: bool,
    timeout: float | None,
    json: bool,
) -> None:
    """Ask whether workers live: exit code 0 if they do, 1 if one is ill, 69 if there is none."""
    node = None if hostname is None else node_name(hostname)
    if local:
        place = namespace or common(context).open(app).namespace
        raise Exit(_probe(place, node, timeout=timeout or PATIENCE, ready=ready, json=json))
    if ready:
        raise Misused("--ready goes with --local: only there a worker says whether it is ready")
    whom = None if node is None else [node]
    answers = asked(context, app, lambda found: found.control.inspect(whom, timeout or 1.0).ping())
    show(answers, json=json)


def _probe(namespace: str, node: str | None, *, timeout: float, ready: bool, json: bool) -> int:
    try:
        told = ask(namespace, node, timeout=timeout)
    except TimeoutError:
        complain(f"a worker did not answer within {timeout:g} s: its event loop is blocked")
        return 1
    reports = [msgspec.convert(each, HealthReport) for each in told]
    if json and reports:
        say_json(sorted(told, key=lambda one: str(one["hostname"])))
        return 0 if all(one.ready if ready else one.alive for one in reports) else 1
    if node is not None and not reports:
        complain(f"no worker {node} runs here, or none of this user")
        return 69
    return judge([line_of(report) for report in reports], namespace, ready=ready)
