"""The tally of the benchmarks: bodies counted by any thread of any process, in one file."""

import os
import subprocess
import sys
import threading

import pytest

from benchmarks import tally
from benchmarks.tally import Sheet, Total

COUNT = "from benchmarks import tally; [tally.count() for _ in range({})]"


@pytest.fixture
def sheet(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_TALLY", str(tmp_path / "tally"))
    tally._forget()  # as a process that has not counted yet
    yield Sheet.create(tmp_path / "tally")
    tally._forget()


def test_nothing_has_been_counted_at_first(sheet):
    assert sheet.read() == Total(0, 0.0, 0.0, 0)


def test_all_that_threads_count_adds_up(sheet):
    def count():
        for _ in range(1_000):
            tally.count()

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = sheet.read()
    assert (total.ended, total.processes) == (8_000, 1)
    assert 0 < total.first <= total.last


def test_all_that_processes_count_adds_up(sheet):
    children = [subprocess.Popen([sys.executable, "-c", COUNT.format(50)]) for _ in range(3)]
    assert [child.wait(30) for child in children] == [0, 0, 0]
    assert (sheet.read().ended, sheet.read().processes) == (150, 3)


def test_a_forked_child_does_not_count_in_its_parents_slot(sheet):
    code = (
        "import os; from benchmarks import tally; tally.count(); child = os.fork(); tally.count(); "
        "child and os.waitpid(child, 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
    assert (sheet.read().ended, sheet.read().processes) == (3, 2)


def test_a_sheet_that_is_made_anew_is_empty(sheet, tmp_path):
    tally.count()
    assert Sheet.create(tmp_path / "tally").read().ended == 0
    assert sheet.read().ended == 1


def test_more_threads_than_slots_are_refused(sheet, monkeypatch):
    monkeypatch.setattr(tally, "SLOTS", 1)
    sheet.claim()
    with pytest.raises(RuntimeError, match="threads"):
        sheet.claim()


def test_a_module_can_be_imported_where_nobody_counts():
    environment = {name: value for name, value in os.environ.items() if name != "BENCH_TALLY"}
    code = "from benchmarks import tally"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30, env=environment)
