"""What is going on in a worker: its tasks, its queues, what it knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from asynq.control.commands import inspect_command
from asynq.worker.commands.panel import Panel


@inspect_command
def ping(state: Panel) -> dict[str, str]:
    """Who lives."""
    return {"ok": "pong"}


@inspect_command(alias="dump_active")
def active(state: Panel, **_: Any) -> list[dict[str, Any]]:
    """The tasks that run."""
    return state.active()


@inspect_command(alias="dump_reserved")
def reserved(state: Panel, **_: Any) -> list[dict[str, Any]]:
    """The tasks that were fetched and have not begun."""
    return state.reserved()


@inspect_command(alias="dump_schedule", args=[("limit", int)], signature="[LIMIT=100]")
async def scheduled(state: Panel, limit: int = 100, **_: Any) -> list[dict[str, Any]]:
    """The tasks that wait for their time, in the queues it serves."""
    broker = state.crew.broker
    waiting = [each for queue in state.queues for each in await broker.waiting(queue, limit=limit)]
    waiting.sort(key=lambda each: each.due)
    return [state.waiting(each) for each in waiting[:limit]]


@inspect_command(alias="dump_revoked", args=[("limit", int)], signature="[LIMIT=1000]")
async def revoked(state: Panel, limit: int = 1000) -> list[str]:
    """The ids that are revoked, as the server remembers them."""
    return list(await state.crew.broker.revocations(limit=limit))


@inspect_command(alias="dump_tasks", variadic="attributes", signature="[ATTRIBUTE…]")
def registered(
    state: Panel,
    attributes: Sequence[str] = (),
    taskinfoitems: Sequence[str] = (),
    builtins: bool = False,
) -> list[str]:
    """The tasks it knows, with these options of theirs."""
    wanted = (*attributes, *taskinfoitems)

    def told(name: str) -> str:
        task = state.app.tasks[name]
        values = {each: getattr(task, each, None) for each in wanted}
        options = " ".join(f"{key}={value}" for key, value in values.items() if value is not None)
        return f"{name} [{options}]" if options else name

    return [told(name) for name in sorted(state.app.tasks) if builtins or name[:6] != "asynq."]


@inspect_command
def active_queues(state: Panel) -> list[dict[str, Any]]:
    """The queues it serves."""
    declared = {queue.name: queue for queue in state.app.conf.task_queues}
    return [
        {
            "name": name,
            "routing_key": (declared[name].routing_key if name in declared else None) or name,
            "exchange": {"name": "", "type": "direct"},
            "durable": state.crew.broker.capabilities.durable,
            "exclusive": False,
            "auto_delete": False,
        }
        for name in state.queues
    ]


@inspect_command(alias="query_tasks", variadic="ids", signature="[ID…]")
def query_task(state: Panel, ids: Sequence[str] | str = ()) -> dict[str, list[Any]]:
    """Which of these tasks it holds, and whether they run."""
    wanted = {ids} if isinstance(ids, str) else set(ids)
    found: dict[str, list[Any]] = {
        delivery.id: ["reserved", state.described(delivery)]
        for delivery in state.held()
        if delivery.id in wanted
    }
    found |= {task["id"]: ["active", task] for task in state.active() if task["id"] in wanted}
    return found
