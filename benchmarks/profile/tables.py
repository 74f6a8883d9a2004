"""A profile as tables to read."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from benchmarks.profile.measuring import Command, Profile


def show(console: Console, profile: Profile, *, top: int) -> None:
    """Print what one scene costs, from the whole to its parts."""
    redis = profile.redis
    console.rule(f"[bold]{profile.title}")
    console.print(
        f"[bold]{profile.microseconds:.1f} µs[/] of Python a task"
        f" ({profile.collecting:.1f} of it the garbage collector's, {profile.aside:.1f} more in"
        f" other threads), {profile.calls:.0f} calls;"
        f" [bold]{redis.microseconds:.1f} µs[/] of Redis; "
        f"[bold]{redis.bytes_sent:.0f}[/] bytes to the server, {redis.bytes_received:.0f} back",
        highlight=False,
    )
    console.print(
        f"[dim]{profile.count:,} tasks; traced {profile.traced:.1f} µs, of which the tracer's "
        f"{profile.tracer:.2f} a call are taken off where they fall",
        highlight=False,
    )
    console.print(_rooms(profile))
    console.print(_functions(profile, top))
    console.print(_commands("Redis, sent by clients, by the server's clock", redis.sent))
    console.print(_commands("Redis, executed, also inside scripts", redis.executed))


def _rooms(profile: Profile) -> Table:
    table = Table("room", title="Python, room by room", title_justify="left")
    for heading in ("µs", "%", "calls"):
        table.add_column(heading, justify="right")
    for room in profile.rooms:
        share = room.microseconds / profile.microseconds * 100
        table.add_row(room.name, f"{room.microseconds:.2f}", f"{share:.0f}", f"{room.calls:.1f}")
    return table


def _functions(profile: Profile, top: int) -> Table:
    table = Table("function", title="Python, function by function", title_justify="left")
    for heading in ("µs", "calls"):
        table.add_column(heading, justify="right")
    table.add_column("room", no_wrap=True)
    table.add_column("where", no_wrap=True)
    for cost in profile.functions[:top]:
        table.add_row(
            cost.name, f"{cost.microseconds:.2f}", f"{cost.calls:.2f}", cost.room, cost.place
        )
    rest = profile.functions[top:]
    table.add_row(
        f"{len(rest)} others",
        f"{sum(cost.microseconds for cost in rest):.2f}",
        f"{sum(cost.calls for cost in rest):.2f}",
    )
    return table


def _commands(title: str, commands: list[Command]) -> Table:
    table = Table("command", title=title, title_justify="left")
    for heading in ("µs a task", "calls a task", "µs a call"):
        table.add_column(heading, justify="right")
    for command in commands:
        each = command.microseconds / command.calls if command.calls else 0.0
        table.add_row(
            command.name, f"{command.microseconds:.2f}", f"{command.calls:.3f}", f"{each:.1f}"
        )
    return table
