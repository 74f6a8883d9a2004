"""How often the garbage collector walks through a worker."""

import gc

import pytest

from asynq.cli.collecting import ALLOCATED, collect_rarely


@pytest.fixture(autouse=True)
def _as_before():
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_is_loaded_is_left_out_and_the_rest_looked_at_less_often():
    gc.set_threshold(700, 10, 10)
    collect_rarely()
    assert gc.get_freeze_count() > 0
    assert gc.get_threshold()[0] == ALLOCATED


@pytest.mark.parametrize("own", [0, ALLOCATED + 1])
def test_what_an_app_has_set_itself_stays(own):
    gc.set_threshold(own, 10, 10)
    collect_rarely()
    assert gc.get_threshold()[0] == own
