"""The ledger of the reliability runs: what its lines say became of the tasks."""

import subprocess
import sys

import pytest

from benchmarks.reliability import ledger
from benchmarks.reliability.ledger import Line, Tally


def lines(text):
    """`S1a S2b E1a` → lines, one second after the other."""
    words = text.split()
    return [Line(word[0], int(word[1]), word[2:], at) for at, word in enumerate(words, start=1)]


def test_a_task_that_was_accepted_and_ended_is_in_order():
    assert ledger.tally(lines("P1 S1a E1a"), {1}) == Tally(1, 0, frozenset(), 0, 0)


def test_a_task_that_was_accepted_and_did_not_end_is_unfinished():
    assert ledger.tally(lines("P1 P2 S1a E1a S2b"), {1, 2}).unfinished == {2}


def test_a_task_that_was_refused_is_not_missed():
    tally = ledger.tally(lines("X1 P2 S2a E2a"), {1, 2})
    assert (tally.sent, tally.refused, tally.unfinished) == (1, 1, frozenset())


def test_a_body_begun_again_counts_each_time_beyond_the_first():
    assert ledger.tally(lines("P1 S1a S1b S1b E1b"), {1}).again == 2


def test_a_task_that_ended_on_two_workers_ended_twice_however_often():
    tally = ledger.tally(lines("P1 S1a S1b E1a E1b E1b"), {1})
    assert (tally.again, tally.twice) == (1, 1)


def test_other_tasks_are_not_counted():
    assert ledger.tally(lines("P1 S1a E1a P2 S2a"), {1}).unfinished == frozenset()


def test_all_have_ended_when_the_last_has_ended_for_the_first_time():
    assert ledger.all_ended(lines("P1 P2 S1a S2a E1a E2a S1b E1b"), {1, 2}) == 6.0


def test_all_have_not_ended_while_one_has_not():
    assert ledger.all_ended(lines("P1 P2 S1a E1a"), {1, 2}) is None


def test_the_first_line_of_a_kind_is_found_of_a_worker_and_after_a_time():
    written = lines("S1a S2b S1b S2a")
    assert ledger.first(written, "S", {1, 2}) == 1.0
    assert ledger.first(written, "S", {1, 2}, worker="b") == 2.0
    assert ledger.first(written, "S", {1}, since=2.0) == 3.0
    assert ledger.first(written, "E", {1}) is None


def test_what_runs_on_a_worker_has_begun_there_and_not_ended():
    assert ledger.running(lines("S1a S2a S3b E1a"), "a") == 1


def test_what_processes_note_is_read_back(tmp_path):
    path = tmp_path / "ledger"
    code = "from benchmarks.reliability.ledger import note; note('S', 7); note('E', 7)"
    environment = {"RELIABILITY_LEDGER": str(path), "RELIABILITY_WORKER": "A"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=30)
    begun, ended = ledger.read(path)
    assert (begun.kind, begun.number, begun.worker) == ("S", 7, "A")
    assert (ended.kind, ended.number, ended.worker) == ("E", 7, "A")
    assert begun.at <= ended.at


def test_a_line_that_is_being_written_is_not_read_yet(tmp_path):
    path = tmp_path / "ledger"
    path.write_text("P 1 - 1.0\nS 1 A 2")
    assert ledger.read(path) == [Line("P", 1, "-", 1.0)]


def test_a_ledger_that_nobody_has_written_to_is_empty(tmp_path):
    assert ledger.read(tmp_path / "ledger") == []


@pytest.mark.parametrize("text", ["", "S1a E1a"])
def test_nothing_that_was_not_accepted_can_be_lost(text):
    assert ledger.tally(lines(text), {1}).unfinished == frozenset()
