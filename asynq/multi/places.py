"""Where pidfiles and logs are kept when nobody says where: with the app's state, so without root.

``$ASYNQ_STATE_DIR/<app>/multi``, or ``~/.local/state/asynq/<app>/multi``; the app by its name after
``-A``, which is known without importing it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from asynq._redis import paths
from asynq.exceptions import ImproperlyConfigured

PIDFILE: Final = "%n.pid"
LOGFILE: Final = "%n%I.log"


def default_place(app: str, *, make: bool = False) -> Path:
    """The directory for that app.

    Args:
        app: As in ``-A``.
        make: Have it be there.

    Raises:
        ImproperlyConfigured: there is no place for it.
    """
    try:
        place = paths.state_directory(app) / "multi"
        if make:
            paths.make_private(place.parent)
            paths.make_private(place)
    except ImproperlyConfigured:
        raise ImproperlyConfigured(
            f"no place for the pidfiles and logs of {app}: its state directory can't be used. Say "
            "--pidfile=PATH and --logfile=PATH, or name another one with $ASYNQ_STATE_DIR"
        ) from None
    return place


def as_pattern(path: Path) -> str:
    """A path for `--pidfile` or `--logfile` that means itself."""
    return str(path).replace("%", "%%")
