"""What a child takes over: the way to modules, and where records go."""

import logging
import pickle
import sys

import pytest

from asynq import logs
from asynq.execution.inheritance import estate, load_script, take_over


@pytest.fixture
def ours(monkeypatch):
    """Our logger, alone: what is done to it and to the root is undone."""
    logger = logging.getLogger("asynq")
    root = logging.getLogger()
    before = [(each, each.handlers[:], each.level) for each in (logger, root)]
    logger.handlers[:], root.handlers[:] = [], []
    yield logger
    for each, handlers, level in before:
        for handler in each.handlers:
            handler.close()
        each.handlers[:] = handlers
        each.setLevel(level)


def test_modules_are_found_where_the_parent_finds_them(ours, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path, "/some/where"])
    written = estate()
    monkeypatch.setattr(sys, "path", sys.path[:-1])
    take_over(written)
    assert sys.path[-1] == "/some/where"


def test_records_go_where_the_parents_go(ours, tmp_path, capsys):
    opened = (tmp_path / "opened").open("a")
    streams = logging.StreamHandler(sys.stderr), logging.StreamHandler(opened)
    for handler in (*streams, logging.FileHandler(tmp_path / "log")):
        handler.setFormatter(logging.Formatter("<%(message)s>"))
        handler.addFilter(logging.Filter("asynq.tasks"))
        ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    written = estate()
    for handler in ours.handlers:
        handler.close()
    ours.handlers.clear()
    opened.close()
    ours.setLevel(logging.ERROR)

    take_over(written)
    logging.getLogger("asynq.tasks").info("shown")
    logging.getLogger("asynq.tasks").debug("too low")
    logging.getLogger("asynq.other").info("filtered out")
    assert capsys.readouterr().err == "<shown>\n"
    assert (tmp_path / "log").read_text() == "<shown>\n"
    assert (tmp_path / "opened").read_text() == "<shown>\n"


@pytest.mark.parametrize("form", [logs.JSON, "%(asctime)s %(levelname)s %(message)s"])
@pytest.mark.parametrize("to_file", [False, True])
def test_all_that_a_worker_sets_up_can_travel(ours, tmp_path, form, to_file):
    logfile = tmp_path / "log" if to_file else None
    logs.set_up("INFO", log_format=form, task_format=form, logfile=logfile, hijack_root=False)
    (handler,) = ours.handlers
    (output,) = map(pickle.loads, pickle.loads(estate()).outputs[1])
    assert output.path == (str(logfile) if to_file else None)
    assert type(output.formatter) is type(handler.formatter)


def test_what_can_not_travel_stays(ours):
    class Local(logging.Formatter):
        pass

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Local())
    ours.addHandler(handler)
    ours.addHandler(logging.NullHandler())
    written = estate()
    ours.handlers.clear()
    take_over(written)
    assert ours.handlers == []


def test_no_script_is_no_error(tmp_path):
    load_script(None)
    load_script(str(tmp_path / "not there"))
