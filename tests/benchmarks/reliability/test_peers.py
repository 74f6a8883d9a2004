"""Which peers are compared, and that each says how it is set up."""

import json
import platform
from dataclasses import replace

import pytest

from benchmarks.reliability.environments import interpreter, versions
from benchmarks.reliability.faults import FAULTS
from benchmarks.reliability.peers import PEERS


@pytest.mark.parametrize("peer", PEERS.values(), ids=PEERS)
def test_a_peer_says_how_it_is_set_up_and_who_advises_so(peer):
    first, _, rest = peer.configuration.partition("\n")
    assert first.endswith(".")
    assert "\n- " in rest
    assert "https://" in rest or peer.name == "asynq"


def test_asynq_is_measured_where_it_is_developed(tmp_path):
    python = interpreter(PEERS["asynq"], tmp_path)
    assert versions(PEERS["asynq"], python).keys() == {"asynq-tasks", "redis"}
    assert list(tmp_path.iterdir()) == []


def test_an_environment_that_is_there_is_taken_and_not_made_again(tmp_path):
    peer = replace(PEERS["arq"], install=("something that is nowhere",))
    python = tmp_path / "arq" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    (tmp_path / "arq" / ".installed").write_text(
        json.dumps([platform.python_version(), *peer.install])
    )
    assert interpreter(peer, tmp_path) == python


def test_each_fault_says_what_is_done():
    for fault in FAULTS.values():
        assert fault.meaning.endswith(".")
        assert "\n" not in fault.meaning
