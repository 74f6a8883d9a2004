"""Every workload of the benchmarks on asynq and the floors, with a handful of tasks each."""

import sys
from pathlib import Path

import pytest

from benchmarks import growth, idle
from benchmarks.own import OWN
from benchmarks.scene import Scene
from benchmarks.workloads import WORKLOADS

HANDFUL = 0.002
UNKNOWN_ELSEWHERE = {"cpu", "stored", "result"}
"""Figures that only Linux tells, or that can't be told when tasks are few."""


@pytest.fixture(autouse=True)
def _without_long_waits(monkeypatch):
    monkeypatch.setattr(growth, "WAITING", (1_000, 100_000))
    monkeypatch.setattr(growth, "RUNNING", (1_000, 20_000))
    monkeypatch.setattr(growth, "NAP", 0.1)
    monkeypatch.setattr(idle, "CALM", 0.1)


def figures(system, workload, directory):
    with Scene(OWN[system], Path(sys.executable), directory, HANDFUL) as scene:
        return WORKLOADS[workload].run(scene)


def missing(workload, found):
    """What its table shows, and is not there."""
    shown = {column.key for column in WORKLOADS[workload].columns} - UNKNOWN_ELSEWHERE
    return {key: found.get(key) for key in shown if not (found.get(key) or 0) > 0}


@pytest.mark.parametrize("workload", WORKLOADS)
def test_asynq_plays_it(workload, tmp_path):
    assert missing(workload, figures("asynq", workload, tmp_path)) == {}


@pytest.mark.parametrize("workload", ["enqueue-many", "drain-1", "naps-500", "threads", "latency"])
@pytest.mark.parametrize("floor", ["floor_a", "floor_b"])
def test_a_floor_plays_it(floor, workload, tmp_path):
    assert missing(workload, figures(floor, workload, tmp_path)) == {}


@pytest.mark.parametrize("variant", ["asynq-signed", "asynq-info", "asynq-events"])
def test_asynq_with_more_to_do_plays_it(variant, tmp_path):
    assert missing("drain-1", figures(variant, "drain-1", tmp_path)) == {}
