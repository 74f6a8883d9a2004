"""How the command line ends when something is wrong: one line, and a code as in sysexits.h.

Only the app's own code, failing while it is imported, gets its traceback shown as well: that is
where its author must look.
"""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from asynq._secrets import hide_password
from asynq.cli.render import complain, plain
from asynq.exceptions import AsynqError, ImproperlyConfigured, OperationalError, QueueNotFound


class Misused(AsynqError):  # noqa: N818 - never leaves the command line
    """What was said on the command line does not make sense."""


class Broken(AsynqError):  # noqa: N818
    """The app's own code raised while it was imported; its error is the cause."""


EXIT_CODES: Final = (
    (Misused, 2),
    (ImproperlyConfigured, 78),
    (QueueNotFound, 78),
    (NotImplementedError, 78),
    (Broken, 78),
    (OperationalError, 69),
    (AsynqError, 1),
)
"""2: usage; 69: EX_UNAVAILABLE; 78: EX_CONFIG, so a supervisor need not try again."""


def report(error: Exception) -> int:
    """Say what is wrong.

    Returns:
        The exit code.
    """
    if isinstance(error, Broken) and error.__cause__ is not None:
        complain_of(error.__cause__)
    complain(one_line(error))
    return next(code for kind, code in EXIT_CODES if isinstance(error, kind))


def one_line(error: BaseException) -> str:
    """The error's text without line breaks and passwords; its type where it has no text."""
    return hide_password(plain(str(error))) or type(error).__name__


def described(error: BaseException) -> str:
    """The error's type and text, on one line."""
    text = plain(str(error))
    return hide_password(f"{type(error).__name__}: {text}" if text else type(error).__name__)


@contextmanager
def importing(what: str) -> Iterator[None]:
    """Imports the app's own code.

    Args:
        what: What is imported, as in "can't import {what}".

    Raises:
        Broken: it raised. What asynq itself has against it comes out as it is.
    """
    try:
        yield
    except (AsynqError, NotImplementedError):
        raise
    except Exception as error:
        raise Broken(f"can't import {what}: {described(error)}") from error


def complain_of(error: BaseException) -> None:
    """Show a traceback, without the frames that only lead to the app's own code."""
    told = traceback.TracebackException.from_exception(error)
    frames = list(told.stack)
    own = [not _is_machinery(frame.filename) for frame in frames]
    told.stack = traceback.StackSummary.from_list(frames[own.index(True) :] if any(own) else [])
    complain("".join(told.format()).rstrip(), begin="")


def _is_machinery(filename: str) -> bool:
    return filename.startswith(("<frozen", _OURS)) or filename == importlib.__file__


_OURS: Final = __file__.removesuffix("cli/errors.py")
