from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from time import time
from uuid import RFC_4122, UUID

import pytest

from asynq.wire import ids
from asynq.wire.ids import new_block, new_id, nth, short_id


def test_an_id_is_a_uuid_of_version_7():
    parsed = UUID(new_id())
    assert (parsed.version, parsed.variant) == (7, RFC_4122)


def test_an_id_is_written_as_uuids_are():
    text = new_id()
    assert str(UUID(text)) == text


def test_an_id_begins_with_the_time():
    before = time()
    milliseconds = UUID(new_id()).int >> 80
    # The process may be some ids ahead of its clock, never behind it.
    assert int(before * 1000) <= milliseconds <= (before + 60) * 1000


def test_ids_ascend():
    made = [new_id() for _ in range(20_000)]
    assert made == sorted(set(made))


def test_ids_ascend_over_a_clock_that_is_set_back(monkeypatch: pytest.MonkeyPatch):
    first = new_id()
    monkeypatch.setattr(ids, "time_ns", lambda: 0)
    assert first < new_id() < new_id()


def test_a_millisecond_that_is_used_up_is_left_before_its_time(monkeypatch: pytest.MonkeyPatch):
    first = new_id()
    monkeypatch.setattr(ids._sequence, "_next", 1 << 63)
    monkeypatch.setattr(ids._sequence, "_tail", (1 << 48) - 1)
    made = [first, *(new_id() for _ in range(3))]
    assert made == sorted(set(made))
    assert UUID(made[1]).int >> 80 > UUID(first).int >> 80
    assert {(UUID(each).version, UUID(each).variant) for each in made} == {(7, RFC_4122)}


def test_threads_never_share_an_id():
    with ThreadPoolExecutor(4) as threads:
        rounds = threads.map(lambda _: [new_id() for _ in range(5_000)], range(4))
        made = [each for ids_of_one in rounds for each in ids_of_one]
    assert len(set(made)) == 20_000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_makes_ids_of_its_own():
    new_id()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, "".join(new_id() for _ in range(50)).encode())
        os._exit(0)
    ours = {new_id() for _ in range(50)}
    os.waitpid(child, 0)
    text = os.read(reader, 50 * 36).decode()
    theirs = {text[at : at + 36] for at in range(0, len(text), 36)}
    os.close(reader)
    os.close(writer)
    assert len(theirs) == 50
    # The last 48 bits are random and not carried over from the parent.
    assert not {each[24:] for each in ours} & {each[24:] for each in theirs}


def test_short_ids_are_short_and_differ():
    made = {short_id() for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(12 <= len(each) <= 16 for each in made)


def test_the_ids_of_a_block_are_nobody_elses():
    before = new_id()
    block = new_block(5000)
    numbered = [nth(block, number) for number in range(5001)]
    after = new_id()
    assert numbered[0] == block
    assert [before, *numbered, after] == sorted({before, *numbered, after})


def test_blocks_do_not_meet_however_large():
    first, second = new_block(1_000_000), new_block(1_000_000)
    assert nth(first, 1_000_000) < second
    for block in (first, second):
        parsed = UUID(nth(block, 1_000_000))
        assert (parsed.version, parsed.variant) == (7, RFC_4122)


def test_threads_get_blocks_of_their_own():
    with ThreadPoolExecutor(8) as threads:
        blocks = sorted(threads.map(new_block, [100] * 1000))
    assert all(nth(one, 100) < other for one, other in pairwise(blocks))
