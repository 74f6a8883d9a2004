"""The peers: each can be told its settings, and runs without anything of asynq."""

import ast
from itertools import combinations

import pytest

from benchmarks.peers import PEERS
from benchmarks.system import SYSTEMS as MODULES
from benchmarks.workloads import WORKLOADS

MODULE_NAMES = sorted({system.module for system in PEERS.values()})


def tree(module):
    return ast.parse((MODULES / f"{module}.py").read_text())


def imported(module):
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("module", MODULE_NAMES)
def test_a_peer_is_measured_without_anything_of_asynq(module):
    ours = {name for name in imported(module) if name.startswith(("asynq", "benchmarks"))}
    assert ours == {"benchmarks.tally"}


@pytest.mark.parametrize("module", MODULE_NAMES)
def test_each_task_of_a_peer_counts_itself_at_its_end(module):
    tasks = {"noop", "nap", "work", "plain_work"}
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in tree(module).body if isinstance(node, functions)]
    ends = {node.name: ast.unparse(node.body[-1]) for node in found if node.name in tasks}
    if "plain_work" in ends:  # whose `work` runs it in a thread
        assert "plain_work" in ends.pop("work")
    assert {"noop", "nap"} <= ends.keys()
    assert set(ends.values()) == {"tally.count()"}


@pytest.mark.parametrize("system", PEERS.values(), ids=PEERS)
def test_what_a_peer_is_told_besides_is_for_a_workload_that_it_takes(system):
    assert system.besides.keys() <= WORKLOADS.keys()
    assert [workload for workload in system.besides if not system.takes(workload)] == []


def test_a_peer_is_told_more_for_one_workload_only():
    arq = PEERS["arq"]
    assert arq.told("idle").environment == {**arq.environment, **arq.besides["idle"]}
    assert arq.told("drain-1") == arq


def test_settings_of_one_peer_are_installed_alike():
    # They share an environment, which would be made anew for each of them otherwise.
    pairs = combinations(PEERS.values(), 2)
    same = [(one, other) for one, other in pairs if one.home == other.home]
    assert same
    assert [one.name for one, other in same if one.install != other.install] == []
