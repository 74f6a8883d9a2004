"""Where the embedded server of an app keeps its data, and where its socket is."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from asynq._places import is_plain, plain_socket, state_root
from asynq.exceptions import ImproperlyConfigured


def state_directory(name: str) -> Path:
    """The directory of the app of that name, the same wherever its processes are started.

    `$ASYNQ_STATE_DIR/<name>` when that is set; else `asynq/<name>` in the user's state directory:
    `$XDG_STATE_HOME` or `~/.local/state`, on macOS `~/Library/Application Support`. Nothing is
    made on disk. A name that would not do as the name of a directory is changed, and told apart
    from others that would become the same.

    Raises:
        ImproperlyConfigured: The user has no home directory.
    """
    root = state_root()
    if root is None:
        raise ImproperlyConfigured(
            "the embedded server keeps its data in the home directory, and this user has none. "
            "Name another place with $ASYNQ_STATE_DIR"
        )
    return Path(root) / _safe(name)


def socket_path(directory: Path) -> str:
    """The Unix socket of the server of that directory. Nothing is made on disk.

    It is in the directory itself. Where that makes the path too long for the kernel, it is in a
    private directory under `/tmp`: not in `$XDG_RUNTIME_DIR` or `$TMPDIR`, for a process started
    by cron, without these, must find the same place as one started in a terminal.
    """
    directory = resolve(directory)
    if path := plain_socket(str(directory)):
        return path
    digest = hashlib.sha256(os.fsencode(directory)).hexdigest()
    return f"/tmp/asynq-{os.getuid()}/{digest[:16]}.sock"


def resolve(directory: Path) -> Path:
    """The one spelling of a directory: absolute, no links, no `~`."""
    return Path(os.path.realpath(directory.expanduser()))


def make_private(directory: Path) -> None:
    """Make the directory, for us alone; one that is there must be ours.

    Raises:
        ImproperlyConfigured: It can't be made, or it is another user's.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = directory.stat().st_uid
    except OSError as error:
        raise ImproperlyConfigured(
            f"the embedded server can't keep its data in {directory}: {error.strerror}. "
            "Name another place with $ASYNQ_STATE_DIR or broker='embedded:///some/directory'"
        ) from None
    if owner != os.geteuid() != 0:
        raise ImproperlyConfigured(
            f"the embedded server can't keep its data in {directory}: it is another user's. "
            "Name another place with $ASYNQ_STATE_DIR or broker='embedded:///some/directory'"
        )


def make_private_for_socket(path: str) -> None:
    """Make the directory of a socket that is not in the data's own.

    Raises:
        ImproperlyConfigured: Others could reach in.
    """
    parent = Path(path).parent
    make_private(parent)
    if parent.stat().st_mode & 0o077:
        raise ImproperlyConfigured(f"{parent} must be its owner's alone: chmod 700 {parent}")


def _safe(name: str) -> str:
    if is_plain(name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{re.sub('[^A-Za-z0-9_]+', '-', name)[:48].strip('-') or 'app'}-{digest[:8]}"
