"""What a child process takes over from its parent: where modules are found, and logging.

A child is a fresh interpreter, so that nothing of the parent's threads, locks and connections is in
it. What it prints goes where the parent's prints go; what it logs goes to the same places, in the
same form, as long as these are standard error and files.
"""

from __future__ import annotations

import logging
import os
import pickle
import runpy
import sys
from contextlib import suppress
from types import ModuleType
from typing import Any, Final

from msgspec import Struct

from asynq.execution.portable import STAND_IN

LOGGERS: Final = (None, "asynq")
"""Those that a worker sets up: the root, or its own where the root is the program's."""


class Output(Struct):
    """A log handler that can be had in another process too."""

    path: str | None
    """The file it appends to; None: standard error."""
    level: int
    formatter: logging.Formatter | None
    filters: list[logging.Filter]


class Inheritance(Struct):
    """What a child begins with."""

    path: list[str]
    """`sys.path`."""
    script: str | None
    """The file of the parent's main module."""
    tells_memory: bool
    """With each answer it says how much memory it has."""
    levels: list[int]
    outputs: list[list[bytes]]
    """Both in the order of `LOGGERS`. Bytes, for what is in them may be found by `path` alone."""


def estate(*, tells_memory: bool = False) -> bytes:
    """What a child of this process is to take over."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    return pickle.dumps(
        Inheritance(
            path=list(sys.path),
            script=getattr(sys.modules.get("__main__"), "__file__", None),
            tells_memory=tells_memory,
            levels=[logger.level for logger in loggers],
            outputs=[_outputs(logger) for logger in loggers],
        )
    )


def take_over(estate: bytes) -> Inheritance:
    """Make this process like the parent that wrote it."""
    inherited: Inheritance = pickle.loads(estate)
    sys.path[:] = inherited.path
    for name, level, outputs in zip(LOGGERS, inherited.levels, inherited.outputs, strict=True):
        logger = logging.getLogger(name)
        logger.setLevel(level)
        for output in outputs:
            # A formatter defined in the parent's script, which need not be run here, stays there.
            with suppress(Exception):
                logger.addHandler(_handler(pickle.loads(output)))
    return inherited


def load_script(path: str | None) -> None:
    """Run the parent's script as a module, for what it defines. Once.

    A program that is run as a script has its functions in ``__main__``, so that is what it is here;
    but its name is another, and what stands below ``if __name__ == "__main__":`` does not run.
    """
    if path is None or STAND_IN in sys.modules or not os.path.isfile(path):
        return
    module = ModuleType(STAND_IN)
    module.__dict__.update(runpy.run_path(path, run_name=STAND_IN))
    sys.modules[STAND_IN] = sys.modules["__main__"] = module


def _outputs(logger: logging.Logger) -> list[bytes]:
    found = []
    for handler in logger.handlers:
        if not isinstance(handler, logging.StreamHandler):
            continue
        path = _path(handler)
        if path is None and handler.stream is not sys.stderr:
            continue
        filters = [each for each in handler.filters if isinstance(each, logging.Filter)]
        with suppress(Exception):  # a formatter with a lock or a function in it stays here
            found.append(pickle.dumps(Output(path, handler.level, handler.formatter, filters)))
    return found


def _path(handler: logging.StreamHandler[Any]) -> str | None:
    """The file that it writes to, where it is one that has a name."""
    if isinstance(handler, logging.FileHandler):
        return handler.baseFilename
    name = getattr(handler.stream, "name", None)
    if isinstance(name, str | os.PathLike) and os.path.isfile(name):
        return os.path.abspath(name)
    return None


def _handler(output: Output) -> logging.Handler:
    handler: logging.Handler = (
        logging.StreamHandler(sys.stderr)
        if output.path is None
        else logging.FileHandler(output.path)
    )
    handler.setLevel(output.level)
    handler.setFormatter(output.formatter)
    for each in output.filters:
        handler.addFilter(each)
    return handler
