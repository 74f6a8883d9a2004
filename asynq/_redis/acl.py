"""What a user of the server must be allowed, by the part it plays.

`asynq doctor --acl` prints these rules, the documentation shows them, and tests run a producer, a
worker and a monitor on a server that has exactly these users: there is no second list.

Everybody may run scripts, which run with the rights of who calls them: a monitor's can't write.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from asynq._redis.keys import Keys

_CONNECTION: Final = ("acl|whoami", "client|setname", "ping", "select")
_SCRIPTS: Final = ("eval", "evalsha", "time")
_READING: Final = (
    *("exists", "get", "getrange", "hget", "hgetall", "hlen", "hmget", "hscan", "info", "mget"),
    *("pttl", "smembers", "xinfo|consumers", "xinfo|groups", "xinfo|stream", "xlen", "xpending"),
    *("xrange", "xread", "xrevrange"),
    *("zcard", "zcount", "zmscore", "zrange", "zrangebyscore", "zscore"),
)
_SENDING: Final = (
    *("exists", "get", "getrange", "hdel", "hexists", "hget", "hincrby", "hmget", "hscan", "hset"),
    *("hsetnx", "mget", "pexpire"),
    *("pexpireat", "pttl", "sadd", "set", "smembers", "unlink"),
    *("xadd", "xrange", "xread", "xrevrange"),
    *("zadd", "zcard", "zmscore", "zrange", "zrangebyscore", "zrem", "zremrangebyscore", "zscore"),
)
_RUNNING: Final = (
    *("srem", "xack", "xclaim", "xdel", "xgroup|create", "xgroup|delconsumer", "xreadgroup"),
    "xtrim",
)


def _all(*parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({command for part in parts for command in part}))


COMMANDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "monitor": _all(_CONNECTION, _SCRIPTS, _READING),
        "producer": _all(_CONNECTION, _SCRIPTS, _SENDING),
        "worker": _all(_CONNECTION, _SCRIPTS, _READING, _SENDING, _RUNNING),
    }
)
"""Role to the commands it needs. A producer also waits for results, revokes, reschedules, and asks
and commands workers; a worker may do all that, and tend dead letters; a monitor only looks."""


def rules(role: str, namespace: str) -> tuple[str, ...]:
    """The rules of `ACL SETUSER` for a role, without user and password.

    Raises:
        KeyError: there is no such role.
        ImproperlyConfigured: the namespace can't be part of a key.
    """
    pattern = "~" + _escaped(Keys(namespace).prefix.decode()) + "*"
    return ("resetkeys", "resetchannels", pattern, "-@all", *(f"+{one}" for one in COMMANDS[role]))


def line(role: str, namespace: str) -> str:
    """The whole command for redis-cli, with a user named after the role."""
    words = " ".join(rules(role, namespace))
    return f"ACL SETUSER asynq-{role} reset on >PASSWORD {words}"


def _escaped(text: str) -> str:
    """A key's beginning as a pattern that means just that."""
    return "".join(f"\\{sign}" if sign in "*?[]^\\" else sign for sign in text)
