"""A grace period for the embedded server: somebody who stays when the last user has left.

A process that leaves can't wait. It hands its lock to one started for that, which stays until
nobody has left for the length of the grace period, or the server is gone, and then leaves as
anybody does:

    python -m asynq._redis.linger <directory> <grace> <descriptor> <file>
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path

from asynq._redis import flocks, paths, process
from asynq._redis.embedded import Attachment
from asynq.exceptions import OperationalError

LONGEST_SLEEP = 0.5
"""Seconds after which it notices that the server was stopped."""


def main(directory: str, grace: str, descriptor: str, user_file: str) -> None:
    """Wait, then release what was handed over."""
    attachment = Attachment(
        directory=Path(directory),
        socket=paths.socket_path(Path(directory)),
        started_here=False,
        grace=float(grace),
        user=flocks.adopt(int(descriptor)),
        user_file=Path(user_file),
        process_id=os.getpid(),
    )
    with contextlib.suppress(OSError, OperationalError):  # the directory may be gone as well
        while (rest := _seconds_left(attachment)) > 0 and process.is_up(attachment.directory):
            time.sleep(min(rest, LONGEST_SLEEP))
        attachment.release(grace=0.0)


def _seconds_left(attachment: Attachment) -> float:
    last_left = (attachment.directory / "left").stat().st_mtime
    # No longer than the grace period at once, whatever was done to the clock.
    return min(last_left + attachment.grace - time.time(), attachment.grace)


if __name__ == "__main__":
    main(*sys.argv[1:5])
