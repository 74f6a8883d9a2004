"""Log records that know their task."""

import json
import logging

import pytest

from asynq.logs import JSON, get_task_logger, set_up
from asynq.request import Request, current
from tests.logs.conftest import INSIDE, OUTSIDE


@pytest.fixture
def in_a_task():
    token = current.set(Request(id="id-1", task="proj.add"))
    yield
    current.reset(token)


def set_up_to(logfile, **options):
    options = {"log_format": OUTSIDE, "task_format": INSIDE} | options
    set_up("info", logfile=logfile, **options)


def test_a_record_outside_a_task_is_plain(logfile):
    set_up_to(logfile)
    get_task_logger("somewhere").info("hello")
    assert logfile.read_text() == "INFO hello\n"


@pytest.mark.usefixtures("in_a_task")
def test_a_record_inside_a_task_names_it_whoever_wrote_it(logfile):
    set_up_to(logfile)
    logging.getLogger("some.library").warning("careful")
    assert logfile.read_text() == "WARNING proj.add[id-1] careful\n"


@pytest.mark.usefixtures("in_a_task")
def test_what_the_worker_says_of_a_task_names_it_once(logfile):
    set_up_to(logfile)
    logging.getLogger("asynq.worker.tasks").info("Task proj.add[id-1] succeeded")
    assert logfile.read_text() == "INFO Task proj.add[id-1] succeeded\n"


@pytest.mark.usefixtures("in_a_task")
def test_json_lines_carry_the_same_facts(logfile):
    set_up_to(logfile, log_format=JSON)
    try:
        raise ValueError("boom\nbang")
    except ValueError:
        logging.getLogger("x").exception("it failed")
    line = json.loads(logfile.read_text())
    assert line["level"] == "ERROR"
    assert line["message"] == "it failed"
    assert line["task_id"] == "id-1"
    assert line["task_name"] == "proj.add"
    assert "ValueError: boom" in line["traceback"]


def test_a_process_may_have_a_name_of_its_own(logfile):
    set_up_to(logfile, log_format="%(processName)s %(message)s", process_name="asynq-1")
    logging.getLogger("x").info("hello")
    forked = {"msg": "forked", "processName": "Pool-7", "levelno": logging.INFO}
    logging.getLogger("x").handle(logging.makeLogRecord(forked))
    assert logfile.read_text() == "asynq-1 hello\nPool-7 forked\n"


def test_records_below_the_level_are_left_out(logfile):
    set_up_to(logfile)
    logging.getLogger("x").debug("not this")
    assert logfile.read_text() == ""


def test_only_our_own_loggers_are_touched_when_asked(logfile):
    before = logging.getLogger().handlers[:]
    set_up_to(logfile, hijack_root=False)
    assert logging.getLogger().handlers == before
    assert logging.getLogger("asynq").handlers != []


def test_colour_goes_by_level(logfile):
    set_up_to(logfile, color=True)
    logging.getLogger("x").error("red")
    assert logfile.read_text() == "\x1b[31mERROR red\x1b[0m\n"


def test_an_unknown_level_is_refused(logfile):
    with pytest.raises(ValueError, match="DEBUG, INFO"):
        set_up("loud", log_format=OUTSIDE, task_format=INSIDE, logfile=logfile)


FORGED = "fine\nINFO Task proj.pay[9] succeeded\r\x1b[2K\x1b]0;title\x07\u202egnp.exe\ud800"


@pytest.mark.usefixtures("in_a_task")
def test_no_part_of_a_record_can_look_like_another(logfile):
    set_up_to(logfile)
    logging.getLogger("asynq.worker.tasks").error("Task raised: %s", FORGED)
    first, second = logfile.read_text().splitlines()
    assert first == "ERROR Task raised: fine"
    assert second.startswith("    INFO Task proj.pay[9] succeeded\\u000d\\u001b[2K\\u001b]0;")
    assert second.isprintable()


def test_a_name_or_an_id_from_a_message_can_not_act_on_the_terminal(logfile):
    token = current.set(Request(id="\x1b[31m1\n", task="a\nb"))
    try:
        set_up_to(logfile)
        logging.getLogger("some.library").info("careful")
    finally:
        current.reset(token)
    assert all(line.isprintable() for line in logfile.read_text().splitlines())


def test_json_lines_stay_one_line_each_and_readable(logfile):
    set_up_to(logfile, log_format=JSON)
    try:
        raise ValueError(FORGED)
    except ValueError:
        logging.getLogger("asynq").exception("%s", FORGED)
    (line,) = logfile.read_text().splitlines()
    assert line.isprintable()
    read = json.loads(line)
    assert read["message"] == FORGED.replace("\ud800", "\\ud800")
    assert "ValueError: fine" in read["traceback"]


def test_a_traceback_is_indented_below_its_line(logfile):
    set_up_to(logfile)
    try:
        raise ValueError("wrong")
    except ValueError:
        logging.getLogger("asynq").exception("it failed")
    first, *rest = logfile.read_text().splitlines()
    assert first == "ERROR it failed"
    assert rest[0] == "    Traceback (most recent call last):"
    assert rest[-1] == "    ValueError: wrong"
