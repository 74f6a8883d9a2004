"""The tables of the benchmarks, from made-up figures."""

from rich.console import Console

from benchmarks import tables
from benchmarks.own import OWN
from benchmarks.results import Results, Run
from benchmarks.system import System
from benchmarks.workload import Column, Workload

RATE = Column("rate", "per second", more_is_better=True)
WORKLOADS = {
    "drain": Workload("Drain", lambda scene: {}, (RATE, Column("cpu", "CPU µs", 1))),
    "latency": Workload("Latency", lambda scene: {}, (Column("p50", "p50 ms", 2),)),
}
SYSTEMS = {
    **OWN,
    **{
        name: System(name, (), (), (), stores_results=name != "fleeting")
        for name in ("slow", "fast", "fleeting")
    },
}


def run(system, number=1, *, workload="drain", **figures):
    return Run(number, system, workload, figures)


def rows(table):
    return {row[0]: [*row[1:]] for row in table.rows}


def drains(*runs):
    return rows(tables.table(Results(runs=[*runs]), "drain", WORKLOADS["drain"], SYSTEMS))


def test_a_row_has_the_median_the_spread_and_the_ratios():
    found = drains(
        run("asynq", 1, rate=1_000.0, cpu=30.0),
        run("asynq", 2, rate=3_000.0, cpu=50.0),
        run("slow", 1, rate=100.0, cpu=500.0),
        run("slow", 2, rate=150.0, cpu=500.0),
        run("floor_a", 1, rate=2_000.0),
        run("floor_a", 2, rate=2_000.0),
    )
    assert found["asynq"] == ["2,000", "1,000 … 3,000", "1.000", "1.000", "40.0"]
    assert found["slow"] == ["125", "100 … 150", "0.075", "0.062", "500.0"]
    assert found["floor_a"][-1] == "—"


def test_a_system_that_failed_is_shown_as_a_dash_and_why():
    failed = Run(2, "slow", "drain", problem="10 of 20 tasks ran within 90 s: Traceback\n  more")
    table = tables.table(
        Results(runs=[run("asynq", rate=1.0, cpu=1.0), failed]),
        "drain",
        WORKLOADS["drain"],
        SYSTEMS,
    )
    assert rows(table)["slow"] == ["—"] * 5
    assert table.notes == ["slow, round 2: 10 of 20 tasks ran within 90 s: Traceback"]
    assert table.notes[0] in table.markdown()


def test_a_failed_round_is_told_though_the_others_have_figures():
    failed = Run(2, "slow", "drain", problem="lost")
    table = tables.table(
        Results(runs=[run("slow", rate=5.0), failed]), "drain", WORKLOADS["drain"], SYSTEMS
    )
    assert rows(table)["slow"][0] == "5"
    assert table.notes == ["slow, round 2: lost"]


def summary(*runs):
    return rows(tables.summary(Results(runs=[*runs]), WORKLOADS, SYSTEMS))


def test_the_best_peer_is_the_fastest_and_asynqs_ratio_to_it_is_told():
    found = summary(
        run("asynq", rate=1_000.0),
        run("floor_a", rate=2_000.0),
        run("slow", rate=10.0),
        run("fast", rate=100.0),
        run("fleeting", rate=500.0),
        run("asynq-signed", rate=900.0),
    )
    assert found["Drain, per second"] == [
        *("1,000", "1,000 … 1,000", "2,000", "0.50", "—"),
        *("fast 100", "10.00", "fleeting 500", "2.00"),
    ]


def test_of_times_the_best_is_the_least():
    found = summary(
        run("asynq", workload="latency", p50=0.5),
        run("slow", workload="latency", p50=10.0),
        run("fast", workload="latency", p50=1.0),
    )
    assert found["Latency, p50 ms"][-4:] == ["fast 1.00", "0.50", "—", "—"]


def test_what_was_not_asked_of_asynq_is_not_summed_up():
    assert summary(run("slow", rate=1.0)) == {}


def test_variants_are_told_beside_the_plain_figure():
    found = tables.variants(
        Results(runs=[run("asynq", rate=100.0), run("asynq-info", rate=70.0)]), WORKLOADS
    )
    assert rows(found) == {"Drain, per second": ["—", "0.70", "—"]}


def test_each_row_has_a_cell_for_each_heading():
    found = Results(
        runs=[run("asynq", rate=1.0), run("slow"), Run(1, "fast", "drain", problem="lost")]
    )
    for table in (
        tables.table(found, "drain", WORKLOADS["drain"], SYSTEMS),
        tables.summary(found, WORKLOADS, SYSTEMS),
        tables.variants(found, WORKLOADS),
    ):
        assert {len(row) for row in table.rows} <= {len(table.head)}
        lines = [line for line in table.markdown().splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in lines}) == 1


def test_a_table_can_be_printed():
    console = Console(record=True, width=120, quiet=True)
    console.quiet = False
    with console.capture() as shown:
        console.print(tables.Table("Drain", ("", "rate"), [("asynq", "5")], ["a note"]).rich())
    assert "asynq" in shown.get()
    assert "a note" in shown.get()
