"""What the facts about a server mean for tasks. No I/O: facts in, findings out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct, field

from asynq._amounts import size
from asynq._redis.acl import COMMANDS
from asynq.brokers.base import Finding

LATENCY: Final = 0.05
"""Seconds that an answer may take before it is worth a word."""
CLOCK: Final = 1.0
"""Seconds that two clocks may differ."""
ROOM: Final = 0.9
"""Of memory, or of connections: what may be used before it is worth a word."""

PATCHED: Final[dict[str, dict[tuple[int, ...], tuple[int, ...]]]] = {
    "redis": {
        (7, 2): (7, 2, 15),
        (7, 4): (7, 4, 10),
        (8, 0): (8, 0, 4),
        (8, 2): (8, 2, 3),
    },
    "valkey": {(8, 0): (8, 0, 6), (8, 1): (8, 1, 4)},
}
"""By series: the first release without the known holes that a script or a stream opens."""
UNPATCHED: Final = {"redis": ((7, 0),), "valkey": ((7, 2),)}
"""Series that get no fixes from their makers any more."""


class Facts(Struct, kw_only=True):
    """What was asked of the server."""

    local: bool = False
    """Nobody on the network can reach it: a Unix socket, or an embedded server."""
    info: dict[str, str] = field(default_factory=dict)
    """The lines of INFO; empty where we may not ask."""
    settings: dict[str, str | None] = field(default_factory=dict)
    """Of CONFIG GET; None where we may not ask."""
    user: str | None = None
    full_rights: bool = False
    has_password: bool = True
    refused: frozenset[str] | None = frozenset()
    """Commands that we may not run; None: no script can be run."""
    latency: float = 0.0
    clock_ahead: float = 0.0
    dead: dict[str, int] = field(default_factory=dict)
    """Queue to its dead letters."""

    def number(self, name: str) -> int:
        """A number of INFO; 0 where it is not there."""
        text = self.info.get(name, "")
        return int(text) if text.isdigit() else 0


def judge(facts: Facts) -> list[Finding]:
    """The findings, in the order of a look: what it is, what it keeps, who we are, how it is."""
    found = [*_access(facts)]
    if facts.info:
        parts = (_version, _role, _eviction, _persistence, _memory, _connections)
        found = [one for part in parts for one in part(facts)] + found
    else:
        found.insert(0, _warning("server", "INFO may not be asked: nothing is known of it"))
    return [*found, *_exposure(facts), *_clock(facts), *_dead(facts)]


def server_name(facts: Facts) -> tuple[str, str]:
    """Which server it is, and its version. Valkey calls itself Redis 7.2.4 as well."""
    info = facts.info
    if info.get("server_name") == "valkey" or "valkey_version" in info:
        return "valkey", info.get("valkey_version", "?")
    return "redis", info.get("redis_version", "?")


def _version(facts: Facts) -> Iterator[Finding]:
    kind, version = server_name(facts)
    shown = f"{kind.capitalize()} {version}"
    numbers = tuple(map(int, re.findall(r"\d+", version)[:3]))
    series = numbers[:2]
    advice = "run a current release, or one that your distribution patches"
    if not numbers:
        yield _warning("server", f"{shown}: not a version we know")
    elif numbers < (7, 0, 4):
        yield _error("server", f"{shown} has known holes (CVE-2022-31144)", advice)
    elif numbers < PATCHED[kind].get(series, ()):
        fixed = ".".join(map(str, PATCHED[kind][series]))
        text = f"{shown} has known holes that {fixed} closes (CVE-2025-49844 and later)"
        yield _warning("server", text, f"run {fixed} or later")
    else:
        yield _ok("server", shown)
    if series in UNPATCHED[kind]:
        yield _warning("support", f"the makers of {shown} mend this series no more", advice)


def _role(facts: Facts) -> Iterator[Finding]:
    if facts.info.get("role") == "slave":
        yield _error("role", "it is a replica, which stores nothing", "name the primary in the URL")
    if facts.info.get("loading") == "1":
        yield _warning("role", "it is loading its data")


def _eviction(facts: Facts) -> Iterator[Finding]:
    policy = facts.info.get("maxmemory_policy")
    if policy in (None, "noeviction"):
        yield _ok("eviction", "noeviction: what is stored stays")
        return
    advice = "CONFIG SET maxmemory-policy noeviction, and the same in its configuration file"
    text = f"maxmemory-policy is {policy}: when memory is short, tasks and results vanish silently"
    if facts.number("maxmemory"):
        yield _error("eviction", text, advice)
    else:
        yield _warning("eviction", f"{text} (there is no maxmemory as yet)", advice)


def _persistence(facts: Facts) -> Iterator[Finding]:
    info, advice = facts.info, "CONFIG SET appendonly yes, and the same in its configuration file"
    for name, what in (("aof_last_write_status", "its AOF"), ("rdb_last_bgsave_status", "a dump")):
        if info.get(name, "ok") != "ok":
            yield _error("persistence", f"it could not write {what}: is the disk full?")
    if info.get("aof_enabled") == "1":
        sync = facts.settings.get("appendfsync")
        told = {
            "always": "nothing that was acknowledged is lost",
            "everysec": "a crash may lose about two seconds",
            "no": "a crash may lose what the kernel had not written, half a minute maybe",
        }.get(sync or "", "")
        text = f"AOF, appendfsync {sync}: {told}" if told else "AOF"
        if sync == "no":
            yield _warning("persistence", text, "CONFIG SET appendfsync everysec")
        else:
            yield _ok("persistence", text)
    elif facts.settings.get("save"):
        text = "snapshots only: a crash loses what came since the last one, minutes maybe"
        yield _warning("persistence", text, advice)
    elif facts.settings.get("save") is None:
        yield _warning("persistence", "no AOF: a crash may lose everything", advice)
    else:
        yield _warning("persistence", "nothing is written to disk: a restart loses all", advice)


def _memory(facts: Facts) -> Iterator[Finding]:
    used, limit = facts.number("used_memory"), facts.number("maxmemory")
    if not limit:
        yield _ok("memory", f"{size(used)} used, no maxmemory")
    elif used > ROOM * limit:
        text = f"{size(used)} of {size(limit)} used: calls are refused when it is full"
        yield _warning("memory", text, "raise maxmemory, or find out why tasks pile up")
    else:
        yield _ok("memory", f"{size(used)} of {size(limit)} used")


def _connections(facts: Facts) -> Iterator[Finding]:
    count, most = facts.number("connected_clients"), facts.number("maxclients")
    if most and count > ROOM * most:
        yield _warning("connections", f"{count} of {most} are open", "raise maxclients")


def _access(facts: Facts) -> Iterator[Finding]:
    advice = "`asynq doctor --acl` prints the rules of a user"
    if facts.refused is None:
        text = "no script can be run: EVAL, or these keys, are not for this user"
        yield _error("permissions", text, advice)
        return
    lacking = {role: sorted(facts.refused & set(needed)) for role, needed in COMMANDS.items()}
    if not lacking["worker"]:
        yield _ok("permissions", "all that a worker needs")
    elif not lacking["producer"]:
        text = f"enough to send and wait, not to run a worker: lacks {_list(lacking['worker'])}"
        yield _ok("permissions", text)
    elif not lacking["monitor"]:
        text = f"enough to look, not to send: lacks {_list(lacking['producer'])}"
        yield _warning("permissions", text, advice)
    else:
        yield _error("permissions", f"lacks {_list(sorted(facts.refused))}", advice)


def _exposure(facts: Facts) -> Iterator[Finding]:
    if facts.local:
        return
    if facts.full_rights:
        text = f"connected as {facts.user!r}, who may do everything"
        if not facts.has_password:
            text += ", without a password"
        yield _warning("access", text, "make a user of few rights: asynq doctor --acl")
    bind = facts.settings.get("bind") or ""
    loopback = all(word.lstrip("-") in ("127.0.0.1", "::1") for word in bind.split())
    is_open = facts.settings.get("protected-mode") == "no" and not (bind and loopback)
    if is_open and not facts.has_password:
        text = "protected-mode is off and there is no password: whoever reaches it owns it"
        yield _error("access", text, "set a password, or bind it to 127.0.0.1")


def _clock(facts: Facts) -> Iterator[Finding]:
    milliseconds = facts.latency * 1000
    if facts.latency > LATENCY:
        text = f"an answer takes {milliseconds:.0f} ms: each call and each result waits for it"
        yield _warning("latency", text, "run it nearer")
    else:
        yield _ok("latency", f"{milliseconds:.1f} ms")
    ahead = facts.clock_ahead
    if abs(ahead) > CLOCK:
        way = "ahead of" if ahead > 0 else "behind"
        text = f"its clock is {abs(ahead):.1f} s {way} this machine's: `eta` and `expires` go by it"
        yield _warning("clock", text, "have both follow NTP")
    else:
        yield _ok("clock", "as this machine's")


def _dead(facts: Facts) -> Iterator[Finding]:
    total = sum(facts.dead.values())
    if total:
        text = ", ".join(f"{count} in {queue}" for queue, count in facts.dead.items())
        yield _warning("dead letters", f"{total}: {text}", "look at them: asynq dead list")
    else:
        yield _ok("dead letters", "none")


def _ok(topic: str, text: str) -> Finding:
    return Finding(level="ok", topic=topic, text=text)


def _warning(topic: str, text: str, advice: str = "") -> Finding:
    return Finding(level="warning", topic=topic, text=text, advice=advice)


def _error(topic: str, text: str, advice: str = "") -> Finding:
    return Finding(level="error", topic=topic, text=text, advice=advice)


def _list(commands: list[str]) -> str:
    shown = ", ".join(command.upper().replace("|", " ") for command in commands[:6])
    return f"{shown} and {len(commands) - 6} more" if len(commands) > 6 else shown
