"""What changes a worker while it runs. Nothing of it outlives the worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from asynq.conf.kinds import per_second
from asynq.control.commands import control_command
from asynq.worker.commands.panel import Panel


@control_command(variadic="ids", signature="[ID…]", visible=False)
def revoke(
    state: Panel, ids: Sequence[str] = (), terminate: bool = False, **_: Any
) -> dict[str, Any]:
    """Have tasks not run; `app.control.revoke` tells the server first."""
    wanted = frozenset(ids)
    held = {
        "active": [run.id for run in state.state.active.values() if run.id in wanted],
        "reserved": [each.id for each in state.held() if each.id in wanted],
    }
    state.crew.processor.revoke(wanted, terminate=terminate)
    named = "{" + ", ".join(map(repr, sorted(wanted))) + "}"
    done = "terminated" if terminate and held["active"] else "flagged as revoked"
    return {"ok": f"tasks {named} {done}", **{name: ids for name, ids in held.items() if ids}}


@control_command(args=[("task_name", str), ("rate_limit", str)], signature="TASK RATE")
def rate_limit(
    state: Panel, task_name: str, rate_limit: str | float | None, **_: Any
) -> dict[str, str]:
    """How often it may begin a task: 10/s, 100/m, 2/h; 0: any."""
    rate = rate_limit or 0
    try:
        limited = per_second(rate) > 0
    except (TypeError, ValueError):
        return {
            "error": f"Invalid rate limit string: {rate_limit!r}: expected 10/s, 100/m, 2/h, or a "
            "number a second; 0: any"
        }
    task = state.app.tasks.get(task_name)
    if task is None:
        return {"error": f"unknown task: {task_name!r}"}
    task.rate_limit = rate
    return {
        "ok": "new rate limit set successfully" if limited else "rate limit disabled successfully"
    }


@control_command(
    args=[("task_name", str), ("soft", float), ("hard", float)], signature="TASK SOFT [HARD]"
)
def time_limit(
    state: Panel, task_name: str, soft: float | None = None, hard: float | None = None, **_: Any
) -> dict[str, str]:
    """Seconds that runs of a task may take which begin from now on; 0: no limit."""
    task = state.app.tasks.get(task_name)
    if task is None:
        return {"error": f"unknown task: {task_name!r}"}
    for seconds in (soft, hard):
        if seconds is not None and seconds < 0:
            return {"error": f"expected seconds from 0, got {seconds!r}"}
    task.soft_time_limit = soft or 0
    task.time_limit = hard or 0
    return {"ok": "time limits set successfully"}


@control_command(args=[("queue", str)], signature="QUEUE")
def add_consumer(state: Panel, queue: str, **_: Any) -> dict[str, str]:
    """Serve a queue, too."""
    name = state.app.producer.router.queue(queue)
    if name in state.queues:
        return {"ok": f"already consuming from {name!r}"}
    state.crew.consumer.serve([*state.queues, name])
    return {"ok": f"add consumer {name}"}


@control_command(args=[("queue", str)], signature="QUEUE")
def cancel_consumer(state: Panel, queue: str, **_: Any) -> dict[str, str]:
    """Serve a queue no more; what has begun of it goes on."""
    if queue not in state.queues:
        return {"ok": f"was not consuming from {queue}"}
    state.crew.consumer.serve([name for name in state.queues if name != queue])
    state.crew.settlements.hand_back(state.crew.consumer.give_up([queue]))
    return {"ok": f"no longer consuming from {queue}"}


@control_command(args=[("n", int)], signature="[N=1]")
def pool_grow(state: Panel, n: int = 1, **_: Any) -> dict[str, str]:
    """Have N slots more."""
    if n < 1:
        return {"error": f"expected how many slots more, from 1, got {n!r}"}
    state.autoscaler.resize(state.slots + n)
    return {"ok": "pool will grow"}


@control_command(args=[("n", int)], signature="[N=1]")
def pool_shrink(state: Panel, n: int = 1, **_: Any) -> dict[str, str]:
    """Have N slots fewer; what runs goes on."""
    if not 1 <= n < state.slots:
        return {
            "error": f"expected how many slots fewer, from 1 to {state.slots - 1}, got {n!r}: it "
            f"has {state.slots}, and needs one (cancel_consumer has it take no more tasks)"
        }
    state.autoscaler.resize(state.slots - n)
    return {"ok": "pool will shrink"}


@control_command(variadic="words")
def pool_restart(state: Panel, **_: Any) -> dict[str, str]:
    """Replace the child processes, each when its task has ended."""
    now, later = state.pools.renew_processes()
    return {
        "ok": f"child processes: {now} replaced now, {later} when their task has ended. The event "
        "loop and its threads can't be: to run other code, restart the worker"
    }


@control_command(args=[("max", int), ("min", int)], signature="[MAX [MIN]]")
def autoscale(state: Panel, max: int | None = None, min: int | None = None) -> dict[str, str]:
    """Choose the number of slots within these bounds, by what waits and how the loop keeps up."""
    most, fewest = state.autoscaler.bounds or (state.slots, 1)
    most = most if max is None else max
    fewest = fewest if min is None else min
    if min is None and fewest > most:
        fewest = most
    try:
        state.autoscaler.switch_on(most, fewest)
    except ValueError as error:
        return {"error": str(error)}
    return {"ok": f"autoscale now max={most} min={fewest}"}


@control_command
def enable_events(state: Panel, **_: Any) -> dict[str, str]:
    """Tell events from now on."""
    return {"ok": state.crew.events.enable()}


@control_command
def disable_events(state: Panel, **_: Any) -> dict[str, str]:
    """Tell no more events."""
    return {"ok": state.crew.events.disable()}


@control_command
async def heartbeat(state: Panel) -> dict[str, str]:
    """Announce itself now."""
    await state.crew.heartbeat.beat()
    state.crew.events.heartbeat()
    return {"ok": "announced"}


@control_command
def shutdown(state: Panel, **_: Any) -> dict[str, str]:
    """Stop, warmly: what runs may end."""
    state.stop()
    return {"ok": "shutting down"}


@control_command(visible=False, variadic="words")
def election(state: Panel, **_: Any) -> dict[str, str]:
    """Not here."""
    return {"error": "workers here elect nobody: what one alone must do is a task, or a lock"}
