"""Records in memory, without a backend."""

from __future__ import annotations

from threading import RLock

from asynq._memory.records import Entry, Records

FINAL = Entry(b"8", True)
STARTED = Entry(b"0", False)


def test_a_listener_hears_what_is_there_and_what_comes():
    records, heard = Records(RLock()), []
    records.write("a", STARTED, ttl=None)
    records.listen("a", heard.append)
    records.write("b", FINAL, ttl=None)
    records.write("a", FINAL, ttl=None)
    records.write("a", STARTED, ttl=None)
    assert heard == [STARTED, FINAL]
    records.unlisten("a", heard.append)
    records.write("a", FINAL, ttl=None)
    assert len(heard) == 2


def test_a_record_with_no_time_to_live_left_is_not_there():
    records = Records(RLock())
    records.write("a", FINAL, ttl=0)
    assert records.read("a") is None
