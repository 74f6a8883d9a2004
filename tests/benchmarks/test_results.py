"""What is said of the figures of several rounds."""

import pytest

from benchmarks.results import Results, Run


def results(**rates):
    """`asynq=[1, 2]` → a run of asynq in each of two rounds; None: it failed."""
    return Results(
        runs=[
            Run(
                number, system, "drain", {} if rate is None else {"rate": rate}, "" if rate else "!"
            )
            for system, series in rates.items()
            for number, rate in enumerate(series, start=1)
        ]
    )


def test_a_figure_is_the_median_of_its_rounds():
    found = results(asynq=[10.0, 50.0, 20.0])
    assert found.middle("asynq", "drain", "rate") == 20.0
    assert found.spread("asynq", "drain", "rate") == (10.0, 50.0)


def test_a_ratio_is_the_median_of_the_rounds_ratios_and_not_the_ratio_of_medians():
    found = results(asynq=[10.0, 40.0, 30.0], floor_a=[10.0, 20.0, 10.0])
    assert found.ratio("asynq", "floor_a", "drain", "rate") == 2.0
    assert found.ratio("floor_a", "asynq", "drain", "rate") == 0.5


def test_a_round_that_one_of_them_failed_has_no_ratio():
    found = results(asynq=[10.0, 40.0], floor_a=[None, 10.0])
    assert found.ratio("asynq", "floor_a", "drain", "rate") == 4.0
    assert [run.round for run in found.problems("drain")] == [1]


@pytest.mark.parametrize("key", ["rate", "cpu"])
def test_what_was_not_measured_is_nothing(key):
    found = results(asynq=[None])
    assert found.middle("asynq", "drain", key) is None
    assert found.spread("asynq", "drain", key) is None
    assert found.ratio("asynq", "floor_a", "drain", key) is None


def test_a_figure_that_this_machine_cant_tell_is_nothing():
    found = Results(runs=[Run(1, "asynq", "drain", {"cpu": None})])
    assert found.middle("asynq", "drain", "cpu") is None


def test_who_was_asked_stands_in_the_order_given_also_who_failed():
    found = results(asynq=[1.0], celery=[None])
    assert found.systems("drain", ["celery", "arq", "asynq"]) == ["celery", "asynq"]


def test_figures_are_kept_and_read_back(tmp_path):
    found = results(asynq=[1.5, None])
    found.about["date"] = "2026-11-22"
    found.versions["asynq"] = {"asynq-tasks": "1"}
    found.save(tmp_path / "runs.json")
    assert Results.load(tmp_path / "runs.json") == found
