"""`asynq workflow`: look at chains, groups and chords that were sent, and end them as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
import msgspec
from click.exceptions import Exit

from asynq._amounts import roughly
from asynq.app import Asynq
from asynq.cli.errors import Misused
from asynq.cli.groups import app_group
from asynq.cli.inside import in_app
from asynq.cli.options import app_option, json_option
from asynq.cli.render import pairs, plain, say, say_json, table
from asynq.result.graph import Graph
from asynq.workflows import WorkflowInfo

GOES_ON = "goes on"

id_argument = click.argument("id", metavar="ID")


@app_group("Look at workflows, and end them.")
def group() -> None:
    """Look at workflows (chains, groups and chords that were sent), and end them as a whole."""


@group.command("list")
@app_option
@click.option(
    "--stale",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Only those that go on, and in which nothing has happened for so long.",
)
@click.option("--limit", type=click.IntRange(min=1), default=100, help="List so many at most.")
@json_option
@click.pass_context
def list_workflows(
    context: click.Context, *, app: str | None, stale: float | None, limit: int, json: bool
) -> None:
    """List them, the youngest first."""

    async def look(found: Asynq) -> Sequence[WorkflowInfo]:
        return await found.workflows.list(limit=limit, stale=stale)

    listed = in_app(context, app, look)
    if json:
        say_json([_told(each) for each in listed])
    elif listed:
        header = ("ID", "BEGAN (UTC)", "IDLE", "STATE", "TASKS", "WORKFLOW")
        say(table(map(_row, listed), header))
    else:
        say("No workflows.")


@group.command("show")
@id_argument
@app_option
@click.option("--dot", "form", flag_value="dot", help="Print it in the language of Graphviz.")
@click.option("--mermaid", "form", flag_value="mermaid", help="Print it in that of Mermaid.")
@json_option
@click.pass_context
def show_workflow(
    context: click.Context, *, id: str, app: str | None, form: str | None, json: bool
) -> None:
    """Show one, with the state of every task in it. ID is the workflow's own, not a task's."""
    if json and form is not None:
        raise Misused(f"say one of --{form} and --json")
    graph = in_app(context, app, lambda found: found.workflows.show(id))
    if json:
        say_json(graph.to_dict())
    elif form is not None:
        say(graph.to_dot() if form == "dot" else graph.to_mermaid())
    else:
        say(f"{pairs(_facts(graph), indent='')}\n\n{graph}")


@group.command("cancel")
@id_argument
@app_option
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def cancel_workflow(context: click.Context, *, id: str, app: str | None, yes: bool) -> None:
    """Revoke every task of one that is not over, and end those that run."""
    if not yes:
        graph = in_app(context, app, lambda found: found.workflows.show(id))
        if not click.confirm(f"Cancel {graph.picture}, begun at {graph.began:%Y-%m-%d %H:%M:%S}?"):
            say("Nothing was done.")
            raise Exit(1)
    count = in_app(context, app, lambda found: found.workflows.cancel(id))
    say(
        f"Cancelled the workflow: {'1 task was' if count == 1 else f'{count} tasks were'} not over."
    )


def _row(each: WorkflowInfo) -> tuple[str, ...]:
    return (
        plain(each.id),
        f"{each.began:%Y-%m-%d %H:%M:%S}",
        roughly(each.idle),
        plain(each.over) or GOES_ON,
        "?" if each.tasks is None else f"{each.tasks:,}",
        each.picture,
    )


def _told(each: WorkflowInfo) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(each)
    return told | {"began": each.began.isoformat(), "over": each.over or None}


def _facts(graph: Graph) -> dict[str, str]:
    counts = sorted(graph.counts().items(), key=lambda known: -known[1])
    return {
        "workflow": plain(graph.workflow or ""),
        "began": f"{graph.began:%Y-%m-%d %H:%M:%S} UTC",
        "idle": roughly(graph.idle or 0.0),
        "state": plain(graph.over) or GOES_ON,
        "tasks": ", ".join(f"{count:,} {plain(state)}" for state, count in counts),
    }
