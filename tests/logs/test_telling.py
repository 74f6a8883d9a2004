"""A line about a task is written without a record, where nobody could tell."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asynq.logs import tell
from asynq.logs.handlers import LineHandler
from asynq.request import Request, current

CELERY = "[%(asctime)s: %(levelname)s/%(processName)s] %(message)s"
FULL = "%(asctime)s %(levelno)d %(name)-20s %(process)d %(processName)s 100%%: %(message)s"
REQUEST = Request(id="id-1", task="proj.add")
TASKS = logging.getLogger("asynq.worker.tasks")

Begin = Callable[..., LineHandler]


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    TASKS.filters.clear()
    TASKS.handlers.clear()
    TASKS.propagate = True
    logging.setLogRecordFactory(logging.LogRecord)


class Records(logging.Handler):
    """Keeps the records that come to it."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(record)


def no_records(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a record was made")

    monkeypatch.setattr(logging.LogRecord, "__init__", refuse)


@pytest.mark.parametrize("form", [CELERY, FULL, "json"])
@pytest.mark.parametrize(
    "words",
    ["Task %s received", "Task %s says\nINFO Task forged\x1b[2K", "Tâche %s\u2028\ud800 100%%\n"],
)
def test_it_looks_as_if_a_record_had_been_made(
    begin: Begin, logfile: Path, monkeypatch: pytest.MonkeyPatch, form: str, words: str
):
    handler = begin(log_format=form, process_name="crew-1")
    token = current.set(REQUEST)
    TASKS.info(words, "proj.add[id-1]")
    current.reset(token)
    handler.flush()
    by_record = _timeless(logfile)
    logfile.write_text("")
    no_records(monkeypatch)
    tell(REQUEST, words, "proj.add[id-1]")
    monkeypatch.undo()
    assert _timeless(logfile) == by_record != ""


def _timeless(logfile: Path) -> str:
    return re.sub(r"\d\d:\d\d:\d\d[.,]\d{3}", "now", logfile.read_text())


def change_formatter(handler: LineHandler) -> None:
    handler.setFormatter(logging.Formatter("mine: %(message)s"))


def add_filter_to_handler(handler: LineHandler) -> None:
    handler.addFilter(_rewrite)


def add_filter_to_logger(handler: LineHandler) -> None:
    TASKS.addFilter(_rewrite)


def set_factory(handler: LineHandler) -> None:
    class Mine(logging.LogRecord):
        def getMessage(self) -> str:  # noqa: N802
            return f"mine: {super().getMessage()}"

    logging.setLogRecordFactory(Mine)


def _rewrite(record: logging.LogRecord) -> bool:
    record.msg = f"mine: {record.msg}"
    return True


@pytest.mark.parametrize(
    "interfere", [change_formatter, add_filter_to_handler, add_filter_to_logger, set_factory]
)
def test_who_changes_records_is_asked(
    begin: Begin, logfile: Path, interfere: Callable[[LineHandler], None]
):
    handler = begin(log_format="%(message)s")
    tell(REQUEST, "before")
    interfere(handler)
    tell(REQUEST, "Task %s received", "x")
    handler.flush()
    assert logfile.read_text() == "before\nmine: Task x received\n"


@pytest.mark.parametrize("name", ["", "asynq", "asynq.worker.tasks"])
def test_another_handler_gets_a_record_with_its_parts(begin: Begin, logfile: Path, name: str):
    begin()
    records = Records()
    logging.getLogger(name).addHandler(records)
    try:
        tell(REQUEST, "Task %s received", "x")
    finally:
        logging.getLogger(name).removeHandler(records)
    (record,) = records.kept
    assert (record.msg, record.args, record.name) == ("Task %s received", ("x",), TASKS.name)
    assert logfile.read_text() == "INFO Task x received\n"


def test_a_logger_that_keeps_its_records_keeps_these_too(begin: Begin, logfile: Path):
    begin()
    TASKS.propagate = False
    TASKS.addHandler(records := Records())
    tell(REQUEST, "Task x received")
    assert len(records.kept) == 1
    assert logfile.read_text() == ""


def test_a_handler_that_wants_no_info_gets_none(begin: Begin, logfile: Path):
    begin().setLevel(logging.WARNING)
    tell(REQUEST, "Task x received")
    assert logfile.read_text() == ""


@pytest.mark.parametrize("function", ["makeRecord", "handle", "callHandlers"])
def test_a_function_put_into_logging_is_called(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, function: str
):
    begin()
    called = []
    real = getattr(logging.Logger, function)

    def put_in(*args: object, **kwargs: object) -> object:
        called.append(function)
        return real(*args, **kwargs)

    monkeypatch.setattr(logging.Logger, function, put_in)
    tell(REQUEST, "Task x received")
    assert called == [function]


def test_a_form_that_asks_for_the_place_gets_a_record(begin: Begin, logfile: Path):
    begin(log_format="%(filename)s %(message)s")
    tell(REQUEST, "Task x received")
    assert logfile.read_text() == "test_telling.py Task x received\n"


def test_a_form_that_shows_no_message_is_no_error(begin: Begin, logfile: Path):
    begin(log_format="%(levelname)s %%(message)s")
    tell(REQUEST, "Task x received")
    assert logfile.read_text() == "INFO %(message)s\n"


def test_a_record_knows_the_task_too(begin: Begin, logfile: Path):
    begin(log_format="%(threadName)s %(task_name)s[%(task_id)s] %(message)s")
    tell(REQUEST, "received")
    assert logfile.read_text() == "MainThread proj.add[id-1] received\n"
    assert current.get() is None


def test_what_is_not_ours_is_left_alone(begin: Begin, logfile: Path, caplog):
    with caplog.at_level(logging.INFO):
        tell(REQUEST, "Task %s received", "x")
    assert caplog.messages == ["Task x received"]
