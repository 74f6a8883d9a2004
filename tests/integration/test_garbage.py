"""What somebody else writes into a queue's stream stops no worker, and is not lost either."""

import re
from pathlib import Path

import pytest

from asynq._redis.keys import Keys
from asynq._time import monotonic
from tests.integration.garbage import KINDS, PAYLOAD, SECRET, TASK, garbage
from tests.waiting import until

HUGE = 100 * 1024 * 1024


@pytest.fixture(params=[None, {"k": SECRET}], ids=["without keys", "with keys"])
def keys(request, environment, producer):
    if request.param is not None:
        environment["ASYNQ_MESSAGE_KEYS"] = f"k:{SECRET}"
        producer.conf.message_keys = request.param
    return request.param


@pytest.fixture
def inject(server, namespace, url):
    """XADDs an entry, past every check of ours."""
    lane = Keys(namespace).lane("default", 0)
    return lambda fields: server.command("XADD", lane, "*", *fields)


@pytest.fixture
def count(server, namespace):
    """How many dead letters there are."""
    return lambda: server.command("XLEN", Keys(namespace).buried("default"))


async def buried(producer):
    return [letter async for letter in producer.dead.letters()]


async def seconds_for_a_good_task(producer):
    began = monotonic()
    assert await producer.send_task(TASK, (2, 3)).get(timeout=30) == 5
    return monotonic() - began


async def test_garbage_is_put_aside_once_and_the_worker_goes_on(
    workers, producer, keys, inject, count, namespace
):
    worker = await workers.start("-c", "10")
    kinds = garbage(namespace, keys=keys)
    for fields in kinds.values():
        inject(fields)
    await producer.send_task(TASK, (1, 1)).get(timeout=20)

    await until(lambda: count() >= KINDS)
    assert min([await seconds_for_a_good_task(producer) for _ in range(3)]) < 1
    assert await producer.broker.depth("default") == 0
    letters = await buried(producer)
    assert len(letters) == KINDS
    assert all(letter.reason.isprintable() and len(letter.reason) < 2000 for letter in letters)
    assert worker.process.poll() is None
    assert worker.said.count(" ready.") == 1
    assert "Traceback" not in worker.said
    assert PAYLOAD not in worker.said
    assert re.sub(r"[\n]", "", worker.said).isprintable()
    assert max(map(len, worker.said.splitlines())) < 2000


async def test_what_is_bad_in_a_signed_message_is_found_and_said(
    workers, producer, environment, inject, count, namespace
):
    environment["ASYNQ_MESSAGE_KEYS"] = f"k:{SECRET}"
    producer.conf.message_keys = {"k": SECRET}
    await workers.start("-c", "1")
    for name, fields in garbage(namespace).items():
        if name in ("a replay", "another queue", "another namespace", "another secret"):
            inject(fields)

    await until(lambda: count() == 4)
    for letter in await buried(producer):
        assert letter.reason.startswith("SecurityError: bad signature")
        assert letter.message is None


def resident(pid, what="VmRSS"):
    """Bytes of memory a process has, or has had at most (VmHWM)."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
async def test_huge_entries_are_put_aside_unread_and_their_memory_is_not_kept(
    workers, producer, inject, count, server, namespace
):
    worker = await workers.start("-c", "10")
    await seconds_for_a_good_task(producer)
    before = resident(worker.pid)
    # Decoded, each of these empty lists would take twenty times its three bytes.
    body = b'{"task":"a","args":[' + b"[]," * (HUGE // 3) + b"[]]}"
    for number in range(4):
        inject([b"i", b"huge-%d" % number, b"m", body])
        await until(lambda number=number: f"Task huge-{number} refused" in worker.said, within=30)
        await seconds_for_a_good_task(producer)
        await until(lambda: count() == 1, within=30)
        (entry,) = server.command("XRANGE", Keys(namespace).buried("default"), "-", "+")
        assert b"PayloadTooLarge: the message has 104,857," in b"".join(entry[1][4:])
        server.command("DEL", Keys(namespace).buried("default"))
    assert resident(worker.pid, "VmHWM") - before < 3.5 * HUGE
    assert worker.process.poll() is None
