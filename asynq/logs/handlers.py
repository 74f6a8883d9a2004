"""Where a worker's lines go: standard error or a file, those about tasks many at a time.

A write to the system costs more than the line itself. So what the worker says of tasks is gathered,
and written when the event loop gets round to it: with its next turn, which under load comes after
a batch, and before a task that has just come begins to run. Everything else, a task's own lines
above all, is written at once, and what has been gathered before it; so lines stay in order, and a
process that is killed loses none but what it said of tasks within one turn.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final, TextIO

from asynq._time import monotonic
from asynq.logs.formats import TASKS, JsonFormatter, TaskFields, TextFormatter

LOOK_SECONDS: Final = 1.0
"""How often it is looked whether a log file is still at its place."""


class LineHandler(logging.StreamHandler[TextIO]):
    """Writes lines to a stream, some of them together.

    Args:
        stream: Where to.
        form: How they look.
        fields: What names the task in a record.
        owned: Close the stream at the end.
    """

    def __init__(
        self,
        stream: TextIO,
        form: TextFormatter | JsonFormatter,
        fields: TaskFields,
        *,
        owned: bool = False,
    ) -> None:
        super().__init__(stream)
        self.form = form
        self.setFormatter(form)
        self._fields = fields
        self.addFilter(fields)
        self._owned = owned
        self._gathered: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def direct(self) -> bool:
        """`form` can write INFO lines without a record, and nobody has come between."""
        mine = self.formatter is self.form and self.filters == [self._fields]
        return mine and self.form.direct and self.level <= logging.INFO

    @property
    def waits(self) -> bool:
        """It has lines, or had some, that are written with the next turn of an event loop."""
        return self._loop is not None

    def gather(self, line: str) -> None:
        """Write a line, at the latest with the next turn of the event loop that runs here."""
        self._gathered.append(line)
        if self._loop is not None and not self._loop.is_closed():
            return
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            self._write_gathered()
        else:
            self._loop.call_soon(self._write_gathered)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or gather it."""
        if record.name == TASKS and record.levelno < logging.WARNING:
            try:
                self.gather(self.format(record))
            except Exception:
                self.handleError(record)
            return
        self._write_gathered()
        super().emit(record)

    def _write_gathered(self) -> None:
        self._loop = None
        if self._gathered:
            try:
                self.flush()
            except Exception:
                lines = {"name": TASKS, "msg": "what was gathered about tasks"}
                self.handleError(logging.makeLogRecord(lines))

    def flush(self) -> None:
        """Write what was gathered, through to the system."""
        self.acquire()
        try:
            lines = self._gathered
            if count := len(lines):
                # The list stays: another thread may put a line into it meanwhile.
                text = self.terminator.join((*lines[:count], ""))
                del lines[:count]
                self.stream.write(text)
            super().flush()
        finally:
            self.release()

    def close(self) -> None:
        """Write what was gathered, and be done."""
        self._write_gathered()
        super().close()
        if self._owned:
            self.stream.close()


class FileHandler(LineHandler):
    """Appends lines to a file, and to a new one when that was moved away, by logrotate say.

    No signal is needed for it. It is looked before something is written, at most once in
    `LOOK_SECONDS`. What this process prints follows, where it went to the same file.
    """

    def __init__(self, path: Path, form: TextFormatter | JsonFormatter, fields: TaskFields) -> None:
        super().__init__(_open(path), form, fields, owned=True)
        self._path = path.absolute()
        self._looked = monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or gather it."""
        self._look()
        super().emit(record)

    def flush(self) -> None:
        """Write what was gathered, through to the system."""
        self._look()
        super().flush()

    def _look(self) -> None:
        now = monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self.acquire()
        try:
            self._looked = now
            if not self.stream.closed and not _is_at(self._path, self.stream):
                with suppress(OSError):  # the old one will do, until there is a place for it again
                    self._change(_open(self._path))
        finally:
            self.release()

    def _change(self, stream: TextIO) -> None:
        old, self.stream = self.stream, stream
        point_output_to(stream, instead_of=os.fstat(old.fileno()))
        old.close()


def point_output_to(stream: TextIO, *, instead_of: os.stat_result) -> None:
    """Have what this process prints go to that file, where it went to the other one."""
    for printed, number in ((sys.stdout, 1), (sys.stderr, 2)):
        with suppress(OSError, ValueError, AttributeError):  # closed, or there is none
            if os.path.samestat(os.fstat(number), instead_of):
                printed.flush()
                os.dup2(stream.fileno(), number)


def _open(path: Path) -> TextIO:
    return path.open("a", errors="backslashreplace")


def _is_at(path: Path, stream: TextIO) -> bool:
    with suppress(OSError):
        return os.path.samestat(path.stat(), os.fstat(stream.fileno()))
    return False
