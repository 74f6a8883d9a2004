"""What is known of a system that is compared, and how its worker is started."""

from dataclasses import replace

import pytest

from benchmarks.__main__ import SYSTEMS
from benchmarks.system import System
from benchmarks.workloads import WORKLOADS

PLAIN = System("plain", (), (), ("plain", "worker", "-c", "{slots}"))


def test_a_worker_is_told_its_slots_and_the_server():
    system = replace(
        PLAIN, worker=("plain", "--url", "{url}", "-c", "{slots}", "-p", "{processes}")
    )
    command = system.command(slots=5, processes=2, url="redis://here")
    assert command == ["-m", "plain", "--url", "redis://here", "-c", "5", "-p", "2"]


def test_a_worker_that_has_no_word_for_processes_is_started_that_often():
    assert PLAIN.starts(2) == 2
    assert replace(PLAIN, worker=("plain", "-p", "{processes}")).starts(2) == 1


def test_a_system_is_not_asked_for_what_it_cant_do():
    assert not replace(PLAIN, cannot=frozenset({"threads"})).takes("threads")
    assert replace(PLAIN, cannot=frozenset({"threads"})).takes("drain-1")
    assert not replace(PLAIN, only=frozenset({"drain-1"})).takes("threads")
    assert replace(PLAIN, only=frozenset({"drain-1"})).takes("drain-1")


def test_settings_of_one_system_share_its_module_and_its_environment():
    assert (PLAIN.module, PLAIN.home) == ("plain", "plain")
    fast = System("plain-fast", (), (), (), module="plain")
    assert (fast.module, fast.home) == ("plain", "plain")


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
def test_each_system_says_how_it_is_set_up(system):
    assert "\n- " in system.configuration
    assert system.cannot | system.only <= WORKLOADS.keys()
