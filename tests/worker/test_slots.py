"""A slot is given away once, however many wait in it, and comes back."""

import pytest

from asynq.worker.slots import Slot


class Count:
    """How many slots are free."""

    def __init__(self):
        self.free = 0
        self.slot = Slot(self.more, self.less)

    def more(self):
        self.free += 1

    def less(self):
        self.free -= 1


@pytest.fixture
def count():
    return Count()


def test_a_slot_is_free_when_its_run_is_over(count):
    count.slot.free()
    assert count.free == 1
    count.slot.free()
    assert count.free == 1


def test_it_is_lent_while_the_run_waits(count):
    with count.slot.lend():
        assert count.free == 1
    assert count.free == 0


def test_a_run_that_waits_for_many_results_lends_one_slot_until_the_last_is_there(count):
    waits = [count.slot.lend() for _ in range(3)]
    for wait in waits:
        wait.__enter__()
    assert count.free == 1
    for wait in waits[:2]:
        wait.__exit__(None, None, None)
        assert count.free == 1
    waits[2].__exit__(None, None, None)
    assert count.free == 0


def test_an_error_while_waiting_brings_the_slot_back(count):
    with pytest.raises(LookupError), count.slot.lend():
        raise LookupError
    assert count.free == 0


def test_who_goes_on_waiting_after_the_run_frees_nothing_twice(count):
    with count.slot.lend():
        count.slot.free()
        assert count.free == 1
    assert count.free == 1
    with count.slot.lend():
        assert count.free == 1
    assert count.free == 1
