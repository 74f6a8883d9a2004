"""A look at the server: is it fit to keep tasks? Asks; `fitness` judges.

Nothing is changed, and nothing is asked twice. What the user we are may not ask is left out, and
said so where it matters.
"""

from __future__ import annotations

import os
from typing import Any, Final

from asynq._redis.client import Server
from asynq._redis.errors import Refused, kind_of
from asynq._redis.keys import Keys
from asynq._redis.pipeline import Pipeline, Word
from asynq._redis.scripts import PROBE
from asynq._time import monotonic, time
from asynq.brokers.base import Finding
from asynq.brokers.redis import fitness
from asynq.exceptions import OperationalError

PINGS: Final = 5
SETTINGS: Final = ("appendfsync", "save", "protected-mode", "bind", "maxclients")


async def diagnose(pipe: Pipeline, keys: Keys, server: Server) -> list[Finding]:
    """Everything there is to say about the server, good or bad.

    Raises:
        OperationalError: it can't be reached.
    """
    facts = fitness.Facts(local=server.is_local)
    facts.info = _lines(await _ask(pipe, b"INFO"))
    facts.settings = {name: await _setting(pipe, name) for name in SETTINGS}
    facts.user, facts.full_rights, facts.has_password = await _user(pipe)
    facts.refused = await _refused(pipe, keys)
    facts.latency, facts.clock_ahead = await _clock(pipe)
    facts.dead = await _dead_letters(pipe, keys)
    return fitness.judge(facts)


async def _ask(pipe: Pipeline, *command: Word) -> Any:
    """The answer; None where we may not ask, or the server does not know."""
    try:
        return await pipe.execute(*command)
    except Refused as error:
        if kind_of(error) in ("NOPERM", "ERR"):
            return None
        raise OperationalError(f"{pipe.server.url}: {error}") from error


async def _setting(pipe: Pipeline, name: str) -> str | None:
    answer = await _ask(pipe, b"CONFIG", b"GET", name)
    return answer[1].decode(errors="replace") if answer else None


async def _user(pipe: Pipeline) -> tuple[str | None, bool, bool]:
    """Who we are, whether we may do everything, and whether that takes a password."""
    name = await _ask(pipe, b"ACL", b"WHOAMI")
    about = await _ask(pipe, b"ACL", b"GETUSER", name) if name else None
    if not about:
        return name.decode() if name else None, False, True
    told = dict(zip(about[::2], about[1::2], strict=False))
    commands, flags = bytes(told.get(b"commands", b"")), told.get(b"flags", ())
    return name.decode(), commands.startswith(b"+@all"), b"nopass" not in flags


async def _refused(pipe: Pipeline, keys: Keys) -> frozenset[str] | None:
    """The commands that we may not run; None: no script can be run at all."""
    probe = keys.prefix + b"probe:" + os.urandom(8).hex().encode()
    try:
        answer = await pipe.run(PROBE, (probe,))
    except Refused:
        return None
    return frozenset(name.decode() for name in answer)


async def _clock(pipe: Pipeline) -> tuple[float, float]:
    """How long an answer takes at best, and how far the server's clock is ahead of ours."""
    rounds = []
    for _ in range(PINGS):
        before, begun = time(), monotonic()
        answer = await _ask(pipe, b"TIME") or (str(int(before)).encode(), b"0")
        seconds = monotonic() - begun
        ahead = int(answer[0]) + int(answer[1]) / 1e6 - (before + seconds / 2)
        rounds.append((seconds, ahead))
    return min(rounds)


async def _dead_letters(pipe: Pipeline, keys: Keys) -> dict[str, int]:
    names = [name.decode() for name in await _ask(pipe, b"SMEMBERS", keys.queues) or ()]
    counts = {name: await _ask(pipe, b"XLEN", keys.buried(name)) for name in sorted(names)}
    return {name: count for name, count in counts.items() if count}


def _lines(text: bytes | None) -> dict[str, str]:
    lines = (text or b"").decode(errors="replace").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)
