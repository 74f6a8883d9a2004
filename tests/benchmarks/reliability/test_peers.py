"""Which peers are compared, and that each says how it is set up."""

import pytest

from benchmarks.environments import interpreter, versions
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
    assert versions(PEERS["asynq"], python).keys() == {"asynq-tasks", "hiredis"}
    assert list(tmp_path.iterdir()) == []


def test_each_fault_says_what_is_done():
    for fault in FAULTS.values():
        assert fault.meaning.endswith(".")
        assert "\n" not in fault.meaning
