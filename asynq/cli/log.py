"""Logging of commands that run until they are told to stop, by their options and the settings."""

from __future__ import annotations

from pathlib import Path

from asynq.app import Asynq
from asynq.cli.errors import Misused
from asynq.logs import MAIN_PROCESS, set_up


def set_up_logging(
    app: Asynq,
    level: str,
    logfile: Path | None,
    log_format: str | None,
    *,
    process_name: str = MAIN_PROCESS,
) -> None:
    """Log as the options say, and else as the app's settings do.

    Args:
        app: It.
        level: As `--loglevel` has it.
        logfile: Where to; None: standard error.
        log_format: None: the settings'.
        process_name: What this process is called in the lines.

    Raises:
        Misused: an option is wrong.
    """
    conf = app.conf
    try:
        set_up(
            level,
            log_format=log_format or conf.worker_log_format,
            task_format=log_format or conf.worker_task_log_format,
            color=conf.worker_log_color,
            logfile=logfile,
            hijack_root=conf.worker_hijack_root_logger,
            process_name=process_name,
        )
    except ValueError as error:
        raise Misused(f"--loglevel or --log-format: {error}") from None
    except OSError as error:
        raise Misused(f"--logfile {logfile}: {error.strerror}") from None
