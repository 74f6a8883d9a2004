from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asynq.logs import set_up
from asynq.logs.handlers import LineHandler

OUTSIDE = "%(levelname)s %(message)s"
INSIDE = "%(levelname)s %(task_name)s[%(task_id)s] %(message)s"


@pytest.fixture
def logfile(tmp_path: Path) -> Iterator[Path]:
    """Where lines may go; all loggers are as before afterwards."""
    root, asynq = logging.getLogger(), logging.getLogger("asynq")
    kept = [(logger, logger.handlers[:], logger.level) for logger in (root, asynq)]
    yield tmp_path / "log"
    for logger, handlers, level in kept:
        for handler in set(logger.handlers) - set(handlers):
            handler.close()
        logger.handlers[:] = handlers
        logger.setLevel(level)


@pytest.fixture
def begin(logfile: Path) -> Callable[..., LineHandler]:
    """Sets logging up to go to the file."""

    def set_it_up(**options: object) -> LineHandler:
        options = {"log_format": OUTSIDE, "task_format": INSIDE} | options
        set_up("info", logfile=logfile, **options)  # type: ignore[arg-type]
        handler = logging.getLogger("asynq" if "hijack_root" in options else None).handlers[0]
        assert isinstance(handler, LineHandler)
        return handler

    return set_it_up
