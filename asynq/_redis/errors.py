"""What goes wrong with a connection, and what the server says when something is, in our words.

A lost connection shows in many ways, so there is one tuple of them, and one function that turns
an error into ours.
"""

from __future__ import annotations

from typing import Final

import hiredis

from asynq.exceptions import BrokerFull, BrokerRefused, ImproperlyConfigured, OperationalError

DISCONNECTED: Final = (
    OSError,  # ConnectionError and TimeoutError, TLS and DNS errors are among them
    EOFError,
    hiredis.ProtocolError,
)
"""The connection is of no further use; another one may be."""

BUSY: Final = ("LOADING", "BUSY", "MASTERDOWN", "TRYAGAIN", "CLUSTERDOWN", "READONLY")
"""Beginnings of refusals that pass: the same command is worth sending again a little later."""

CROWDED: Final = "max number of clients"
"""In what a server says that has no connection left for us."""

_IN_SCRIPT: Final = ("ERR ACL failure in script", "ERR The user executing the script can't")
"""Beginnings of what Valkey and Redis 7.0 say for NOPERM when it was a script that may not."""

REFUSALS: Final = frozenset({"NOAUTH", "WRONGPASS", "NOPERM"})
"""What a server says to whom it does not let in, or not this far."""

_HINTS: Final = {
    "NOAUTH": "it asks for a password; name it in the URL: redis://:password@host",
    "WRONGPASS": "it refuses the user name or the password",
    "NOPERM": "the user may not do this; `asynq doctor --acl` prints what it must be allowed",
    "MISCONF": "it can't write to its disk and refuses to store anything",
    "NOREPLICAS": "too few of its replicas are reachable, so it refuses to store anything",
    "READONLY": "it is a replica: the failover is not over, or the URL names the wrong server",
    "LOADING": "it is loading its data",
    "BUSY": "it is busy running somebody's script",
    "WRONGTYPE": "another program uses these keys; choose another namespace",
}


class Refused(Exception):  # noqa: N818 - said by a server
    """An error reply. The text is the server's, its first word says of which kind it is."""

    @property
    def kind(self) -> str:
        """`NOSCRIPT`, `OOM`, `NOGROUP`, `ERR` …"""
        return kind_of(self)


class FatalError(Exception):
    """Connecting again would end the same way: a wrong password, a server too old."""


class SilentError(TimeoutError):
    """Nothing came for too long on a connection that was made."""


class NotNowError(ConnectionError):
    """The server is there and does not let us in for now. The text is its answer."""


class CrowdedError(NotNowError):
    """The server has no connection left for us: its `maxclients` is reached."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text or "it has no connection left for us (its maxclients is reached)")


def kind_of(error: BaseException) -> str:
    """The first word of an error reply; empty for other errors."""
    if not isinstance(error, Refused | NotNowError):
        return ""
    text = str(error)
    if text.startswith(_IN_SCRIPT):
        return "NOPERM"
    word = text.partition(" ")[0]
    return word if word.isupper() else ""


def passes(error: BaseException) -> bool:
    """Is it a refusal that passes by itself?"""
    return str(error).startswith(BUSY)


def explain(
    error: BaseException | None, url: str, *, doing: str = "", seconds: float | None = None
) -> OperationalError | ImproperlyConfigured:
    """The error as ours, to be raised.

    Args:
        error: What came; None when nothing came in time.
        url: Where, without its password.
        doing: What was tried, as in "can't {doing}".
        seconds: For how long it was tried.

    Returns:
        A `BrokerFull` when the server is out of memory, a `BrokerRefused` when trying again would
        not help, else an `OperationalError`. What is ours already, as it is.
    """
    if isinstance(error, OperationalError | ImproperlyConfigured):
        return error
    kind = kind_of(error) if error is not None else ""
    if kind == "OOM":
        return BrokerFull(f"{url} is out of memory (its maxmemory) and stored nothing")
    tried = "" if seconds is None else f" (tried for {seconds:.1f} s)"
    what = f"can't {doing}: " if doing else ""
    if kind in REFUSALS:
        told = f" ({error})" if kind == "NOPERM" else ""
        return BrokerRefused(f"{what}{url}: {_HINTS[kind]}{told}")
    if isinstance(error, FatalError):
        return BrokerRefused(f"{what}{url}: {error}")
    if hint := _HINTS.get(kind):
        return OperationalError(f"{what}{url}: {hint}{tried}")
    if isinstance(error, Refused):
        return OperationalError(f"{what}{url} refused it: {error}{tried}")
    return OperationalError(f"{what}can't reach {url}: {_reason(error)}{tried}")


def _reason(error: BaseException | None) -> str:
    if error is None:
        return "no answer"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, TimeoutError):
        return "no answer"
    return str(error).rstrip(".") or type(error).__name__
