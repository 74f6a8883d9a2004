"""The tables of the reliability runs, and the file that keeps their figures."""

from benchmarks.reliability import table
from benchmarks.reliability.run import Run
from benchmarks.reliability.table import Results

MEANINGS = {"T1": "A worker dies.", "T10": "The server dies.", "T30": "A poison."}


def results(*runs):
    return Results({}, {(run.peer, run.fault): run for run in runs}, {})


def rows(*runs):
    text = table.markdown(results(*runs), ["asynq", "celery"], MEANINGS)
    return [line for line in text.splitlines() if line.startswith("|") and "---" not in line]


def test_a_row_says_what_was_lost_and_how_long_the_rest_took():
    run = Run("asynq", "T10", sent=100, lost=2, stuck=1, again=4, twice=3, restarts=5, back=0.25)
    assert rows(run)[1] == "| asynq | 2 of 100 | 1 | 4 | 3 | 5 | never | 0.2 s |"


def test_new_work_is_not_told_where_another_worker_lived_on():
    head, row = rows(Run("asynq", "T1", sent=10, seconds=5.26))
    assert head.endswith("all done |")
    assert row == "| asynq | 0 of 10 | 0 | 0 | 0 | 0 | 5.3 s |"


def test_a_poison_that_is_still_being_run_is_called_so():
    over = Run("asynq", "T30", sent=40, seconds=1.0, poison_runs=3)
    on = Run("celery", "T30", sent=40, seconds=1.0, poison_runs=9, poison_over=False)
    _, first, second = rows(over, on)
    assert first.endswith("| 3 times |")
    assert second.endswith("| 9 times, goes on |")


def test_a_fault_that_could_not_be_played_shows_no_figures():
    row = rows(Run("asynq", "T10", problem="worker A ran no task"))[1]
    assert row == "| asynq | not played: worker A ran no task |  |  |  |  |  |  |"


def test_each_row_has_a_cell_for_each_column():
    for fault in MEANINGS:
        lines = rows(Run("asynq", fault, poison_runs=1), Run("celery", fault, problem="no"))
        assert len({line.count("|") for line in lines}) == 1


def test_peers_and_faults_stand_in_the_order_they_are_named():
    text = table.markdown(
        results(Run("celery", "T1"), Run("asynq", "T10"), Run("asynq", "T1")),
        ["asynq", "celery"],
        MEANINGS,
    )
    assert text.index("### T1\n") < text.index("| asynq") < text.index("| celery")
    assert text.index("| celery") < text.index("### T10")


def test_a_fault_that_nobody_was_given_has_no_table():
    assert "T30" not in table.markdown(results(Run("asynq", "T1")), ["asynq"], MEANINGS)


def test_versions_stand_in_the_order_the_peers_are_named():
    found = Results(
        {"celery": {"celery": "5", "redis": "8"}, "asynq": {"asynq-tasks": "1"}}, {}, {}
    )
    assert table.versions(found, ["asynq", "celery"]) == (
        "- **asynq**: asynq-tasks 1\n- **celery**: celery 5, redis 8\n"
    )


def test_figures_are_kept_and_read_back(tmp_path):
    path = tmp_path / "runs.json"
    kept = Results(
        {"asynq": {"asynq-tasks": "1"}},
        {("asynq", "T1"): Run("asynq", "T1", sent=3, seconds=1.5)},
        {"date": "2026-11-22"},
    )
    table.save(kept, path)
    assert table.load(path) == kept


def test_without_a_file_nothing_is_known_yet(tmp_path):
    assert table.load(tmp_path / "none.json") == Results({}, {}, {})
    assert table.load(None) == Results({}, {}, {})
