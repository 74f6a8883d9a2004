"""The scene of a workload, and what it says when something goes wrong in it."""

import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as frame
from benchmarks import scene as module
from benchmarks.scene import Scene, SceneError
from benchmarks.system import System
from benchmarks.workload import Column, Workload

NOTHING_TO_RUN = System("asynq", ("pip",), (), ("benchmarks.nowhere",), drain=20)
WITHOUT_A_PRODUCER = System("nowhere", ("pip",), (), ("benchmarks.nowhere",))


@pytest.fixture
def play(tmp_path):
    def play(system):
        return Scene(system, Path(sys.executable), tmp_path)

    return play


def test_a_worker_that_does_not_start_is_told_with_its_own_words(play):
    told = pytest.raises(SceneError, match=r"0 of 5 tasks ran then the worker ended: .*No module")
    with play(NOTHING_TO_RUN) as scene, scene.worker() as workers, told:
        scene.wait(5, workers)


def test_a_driver_that_fails_is_told_with_its_own_words(play):
    told = pytest.raises(SceneError, match=r"fill: .*No module named")
    with play(WITHOUT_A_PRODUCER) as scene, told:
        scene.drive("fill", 5)


def test_tasks_that_do_not_run_in_time_are_told(play, monkeypatch):
    with play(NOTHING_TO_RUN) as scene:
        workers = scene.start(["-c", "import time; time.sleep(60)"], "worker")
        with pytest.raises(SceneError, match=r"0 of 5 tasks ran within 0\.1 s"):
            scene.wait(5, module.Workers([workers]), patience=0.1)


def test_nothing_of_a_scene_stays(play):
    with play(NOTHING_TO_RUN) as scene:
        started = scene.start(["-c", "import time; time.sleep(60)"], "worker")
        assert not started.has_ended
        server = scene.server
    assert started.has_ended
    assert not server.is_running


def test_a_quicker_run_has_fewer_of_all_but_never_too_few(play, tmp_path):
    quick = Scene(NOTHING_TO_RUN, Path(sys.executable), tmp_path, 0.1)
    assert (quick.count(1_000), quick.count(10), quick.count(10, 3)) == (100, 20, 3)


def test_what_fails_becomes_a_problem_and_the_run_goes_on(monkeypatch, tmp_path, capsys):
    def fail(scene):
        raise SceneError("10 of 20 tasks ran")

    def play(scene):
        return {"rate": 5.0}

    column = Column("rate", "per second", more_is_better=True)
    workloads = {
        "broken": Workload("Broken", fail, (column,)),
        "whole": Workload("Whole", play, (column,)),
    }
    monkeypatch.setattr(frame, "WORKLOADS", workloads)
    kept = tmp_path / "runs.json"
    page = tmp_path / "page.md"
    page.write_text("<!-- figures -->\n<!-- /figures -->\n")
    words = ["--systems", "asynq", "--rounds", "2", "--json", str(kept), "--page", str(page)]
    monkeypatch.setattr(sys, "argv", ["benchmarks", *words])
    frame.main()
    found = frame.Results.load(kept)
    assert [run.problem for run in found.runs] == [
        "10 of 20 tasks ran",
        "",
        "10 of 20 tasks ran",
        "",
    ]
    text = page.read_text()
    assert "| asynq | — | — | — | — |" in text
    assert "asynq, round 2: 10 of 20 tasks ran" in text
    assert "| asynq | 5 | 5 … 5 | 1.000 | — |" in text
    assert "whole · asynq: 5 per second" in capsys.readouterr().err

    monkeypatch.setattr(sys, "argv", ["benchmarks", "--show", str(kept)])
    monkeypatch.setattr(frame, "_play", None)
    frame.main()
    assert "asynq, round 2: 10 of 20 tasks ran" in capsys.readouterr().out


def test_other_names_than_those_there_are_are_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--workloads", "drain-1,sleep"])
    with pytest.raises(SystemExit):
        frame.main()
    assert "--workloads: no sleep" in capsys.readouterr().err
