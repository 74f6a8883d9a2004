"""Which runs are played, and which are given up."""

from benchmarks.canvas.__main__ import SYSTEMS, gave_up, rounds
from benchmarks.results import Results, Run


def failed(shape, system="peer"):
    return Results(runs=[Run(1, system, shape, problem="did not finish in 90 s")])


def test_what_failed_is_not_tried_in_later_rounds():
    assert gave_up(failed("chord"), "peer", "chord") == "not tried again"
    assert not gave_up(failed("chord"), "asynq", "chord")
    assert not gave_up(failed("chord"), "peer", "nested")


def test_nor_is_what_is_larger_of_the_same_kind():
    assert "chords-4" in gave_up(failed("chords-4"), "peer", "chords-5")
    assert not gave_up(failed("chords-4"), "peer", "chords-3")
    assert not gave_up(failed("chords-4"), "peer", "length-40")


def test_workers_are_started_with_the_tasks_of_workflows():
    for system in SYSTEMS.values():
        assert f"benchmarks.systems.{system.module}" in system.worker
        assert system.module.endswith("_canvas")
        assert system.configuration


def test_the_older_release_has_an_environment_of_its_own_and_plays_what_it_is_shown_for():
    older = SYSTEMS["celery-5.6.2"]
    assert older.home != SYSTEMS["celery-prefork"].home
    assert older.takes("chords-5")
    assert not older.takes("group")


def test_a_run_that_was_broken_off_says_of_how_many_rounds_its_medians_are():
    runs = [Run(1, "asynq", "chord"), Run(1, "asynq", "nested"), Run(2, "asynq", "chord")]
    assert rounds(Results(runs=runs[:2])) == "one round"
    assert rounds(Results(runs=runs)) == "medians of 1 to 2 rounds"
    assert rounds(Results(runs=[*runs, Run(2, "asynq", "nested")])) == "medians of 2 rounds"
