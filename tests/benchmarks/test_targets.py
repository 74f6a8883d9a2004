"""What asynq is to reach, told from made-up figures."""

import pytest

from benchmarks import targets
from benchmarks.own import OWN
from benchmarks.results import Results, Run
from benchmarks.system import System
from benchmarks.targets import TARGETS
from benchmarks.workloads import WORKLOADS

SYSTEMS = {
    **OWN,
    "huey": System("huey", (), (), ()),
    "saq": System("saq", (), (), ()),
    "repid": System("repid", (), (), (), stores_results=False),
}


def found(*runs):
    results = Results(runs=[Run(1, system, name, figures) for system, name, figures in runs])
    return [(*row[1:4], *row[4:]) for row in targets.table(results, WORKLOADS, SYSTEMS).rows]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: f"{target.workload}-{target.base}")
def test_a_target_is_of_a_figure_that_a_table_shows(target):
    assert WORKLOADS[target.workload].column(target.key)
    assert target.system in OWN


def test_a_ratio_to_the_best_peer_is_the_one_hardest_to_reach():
    rows = found(
        ("asynq", "drain-1", {"rate": 800.0}),
        ("huey", "drain-1", {"rate": 50.0}),
        ("saq", "drain-1", {"rate": 160.0}),
        ("repid", "drain-1", {"rate": 200.0}),
        ("floor_a", "drain-1", {"rate": 1_000.0}),
    )
    assert rows == [
        ("asynq", "best peer that stores results", "≥ 8", "5.00", "no"),
        ("asynq", "repid", "≥ 2.5", "4.00", "yes"),
        ("asynq", "floor_a", "≥ 0.5", "0.80", "yes"),
    ]


def test_where_less_is_better_the_limit_is_the_most():
    rows = found(
        ("asynq", "latency", {"p50": 0.9}),
        ("floor_a", "latency", {"p50": 0.5}),
        ("huey", "latency", {"p50": 1.8}),
    )
    assert rows == [
        ("asynq", "floor_a", "≤ 1.5", "1.80", "no"),
        ("asynq", "best peer", "≤ 1", "0.50", "yes"),
    ]


def test_a_figure_of_its_own_is_compared_with_nobody():
    rows = found(("asynq", "commands", {"sent": 0.05}))
    assert rows == [("asynq", "", "≤ 0.2", "0.05", "yes")]


def test_two_processes_are_compared_with_one():
    rows = found(("asynq", "drain-1", {"rate": 100.0}), ("asynq", "drain-2", {"rate": 150.0}))
    assert rows == [("asynq", "drain-1", "≥ 1.6", "1.50", "no")]


def test_variants_are_compared_with_the_plain_figure():
    rows = found(
        ("asynq", "drain-1", {"rate": 100.0}),
        ("asynq-signed", "drain-1", {"rate": 85.0}),
        ("asynq-info", "drain-1", {"rate": 55.0}),
        ("asynq-events", "drain-1", {"rate": 90.0}),
    )
    assert rows == [
        ("asynq-signed", "asynq", "≥ 0.8", "0.85", "yes"),
        ("asynq-info", "asynq", "≥ 0.6", "0.55", "no"),
        ("asynq-events", "asynq", "≥ 0.85", "0.90", "yes"),
    ]


def test_what_was_not_measured_is_not_told():
    assert found(("floor_a", "drain-1", {"rate": 1.0})) == []
