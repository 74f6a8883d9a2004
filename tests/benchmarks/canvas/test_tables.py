"""The tables of workflows, from made-up figures."""

from benchmarks.canvas import tables
from benchmarks.results import Results, Run

SYSTEMS = ("asynq", "peer")


def run(system, shape="chord", number=1, **figures):
    return Run(number, system, shape, {"tasks": 4_004, **figures})


def rows(table):
    return {row[0]: [*row[1:]] for row in table.rows}


def test_times_are_medians_in_milliseconds_with_spread_and_the_rounds_ratios():
    results = Results(
        runs=[
            run("asynq", number=1, seconds=0.1, rate=1_000.0),
            run("asynq", number=2, seconds=0.3, rate=3_000.0),
            run("peer", number=1, seconds=1.0, rate=100.0),
            run("peer", number=2, seconds=1.5, rate=50.0),
        ]
    )
    ((title, cells),) = rows(tables.times(results, SYSTEMS)).items()
    assert title == "Chords of 1,000, 4 at once, ms"
    assert cells[:3] == ["200.0", "100.0 … 300.0", "2,000"]
    assert cells[3:] == ["1,250.0", "1,000.0 … 1,500.0", "75", "7.5"]


def test_what_did_not_finish_is_a_dash_and_is_told_below():
    failed = Run(1, "peer", "chord", problem="did not finish in 90 s")
    table = tables.times(Results(runs=[run("asynq", seconds=0.1, rate=1.0), failed]), SYSTEMS)
    (cells,) = rows(table).values()
    assert cells[3:] == ["—"] * 4
    assert table.notes == ["peer, Chords of 1,000, round 1: did not finish in 90 s"]


def test_growth_has_a_row_for_each_size_that_was_tried():
    results = Results(
        runs=[
            run("asynq", "chords-2", bytes_in=700.0, bytes_all=15_400.0, each=90.0),
            run("asynq", "chords-1", bytes_in=710.0, bytes_all=7_810.0, each=95.0),
            run("peer", "chords-1", bytes_in=4_000.0, bytes_all=44_000.0, each=5_000.0),
            Run(1, "peer", "chords-2", problem="lost"),
        ]
    )
    table = tables.growth(results, SYSTEMS, "chords", "It grows")
    assert rows(table) == {
        "A chain of 1 chords of 10": ["710", "7.8", "95", "4,000", "44.0", "5,000"],
        "A chain of 2 chords of 10": ["700", "15.4", "90", "—", "—", "—"],
    }
    assert table.notes == ["peer, A chain of 2 chords of 10, round 1: lost"]


def test_a_growth_has_no_columns_of_a_system_that_was_not_asked_for_it():
    results = Results(runs=[run("asynq", "length-10", bytes_in=7.0, bytes_all=7.0, each=9.0)])
    assert len(tables.growth(results, SYSTEMS, "length", "It grows").head) == 4


def test_costs_have_a_row_for_each_system_that_played():
    results = Results(runs=[run("asynq", bytes_in=700.0, sent=0.05), run("peer", executed=20.0)])
    found = rows(tables.costs(results, SYSTEMS))
    assert found["Chords of 1,000: asynq"][:3] == ["0.050", "—", "700"]
    assert found["Chords of 1,000: peer"][:3] == ["—", "20.00", "—"]


def test_tables_with_nothing_in_them_are_not_shown():
    results = Results(runs=[run("asynq", "chain-10", seconds=0.1, rate=1.0)])
    assert [table.title for table in tables.every(results, SYSTEMS)] == [
        "Until the result is there",
        "What a task costs",
    ]
