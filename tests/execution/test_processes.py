"""Child processes for `pool="process"`: a run's outcome comes back, whatever happens there."""

import asyncio
import logging
import os
import re
import signal
import subprocess
import sys
import threading

import pytest

from asynq import Asynq, logs
from asynq.exceptions import (
    DecodeError,
    EncodeError,
    RemoteError,
    SoftTimeLimitExceeded,
    TaskError,
    WorkerLostError,
)
from asynq.execution.outcome import Failed, Ignored, Interrupted, Rejected, Retrying, Success
from asynq.execution.pools import Pools
from asynq.execution.processes import ANOTHER_TRY, ProcessPool, Wear, run_alone
from asynq.execution.run import run, run_here
from asynq.request import Request
from tests.execution import calls
from tests.waiting import until

LINUX = sys.platform == "linux"


@pytest.fixture
async def pool():
    pool = ProcessPool(1)
    yield pool
    await pool.aclose()


@pytest.fixture
def ours():
    """Our logger, which is put back as it was."""
    logger = logging.getLogger("asynq")
    before = logger.handlers[:], logger.level
    yield logger
    for handler in logger.handlers:
        handler.close()
    logger.handlers[:] = before[0]
    logger.setLevel(before[1])


def request_of(task, **known):
    return Request(id="id-1", task=task.name, **known)


async def go(pool, task, *args, **kwargs):
    return await pool.run(task, request_of(task), args, kwargs)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# What comes back


async def test_a_call_runs_in_another_process_with_its_request(pool):
    pid, id = (await go(pool, calls.who)).value
    assert pid != os.getpid()
    assert id == "id-1"
    assert (await go(pool, calls.who)).value[0] == pid  # which is kept


@pytest.mark.both_loops
async def test_all_kinds_of_tasks_give_their_value(pool):
    assert await go(pool, calls.add, 1, y=2) == Success(3)
    assert await go(pool, calls.add_async, 1, y=2) == Success(3)
    assert await go(pool, calls.custom, 3) == Success(("by the class", 3))
    calls.app.set_current()
    assert await go(pool, calls.shared, 3) == Success(3)


async def test_hooks_are_told_in_the_child_where_the_task_ran(pool, tmp_path):
    note = tmp_path / "told"
    pid = (await go(pool, calls.told, str(note))).value
    assert note.read_text() == f"{pid} {pid} id-1 MainThread\n"


async def test_a_child_says_once_that_it_begins_to_those_who_connect_with_their_tasks(pool):
    assert await go(pool, calls.beginnings) == Success(1)
    assert await go(pool, calls.beginnings) == Success(1)


async def test_an_error_comes_back_as_its_own_type(pool):
    outcome = await go(pool, calls.fail)
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, KeyError)
    assert not outcome.expected
    assert not outcome.lost
    assert "in fail" in outcome.failure.traceback
    assert outcome.failure.traceback.count("File ") == 1
    assert (await go(pool, calls.fail_as_expected)).expected


async def test_what_a_task_asks_for_by_raising_comes_back(pool):
    outcome = await go(pool, calls.fail_for_now)
    assert isinstance(outcome, Retrying)
    assert isinstance(outcome.error, KeyError)
    assert outcome.failure.traceback.count("File ") == 1
    outcome = await go(pool, calls.retry_later, throw=True)
    assert (type(outcome.error).__name__, outcome.delay) == ("OddError", 3.0)
    assert outcome.changes["kwargs"] == {"throw": False}
    outcome = await go(pool, calls.retry_later, throw=False)
    assert (outcome.value, outcome.again.delay) == ("and went on", 3.0)
    outcome = await go(pool, calls.reject)
    assert isinstance(outcome, Rejected)
    assert outcome.requeue
    assert await go(pool, calls.ignore) == Ignored("never mind")


async def test_an_error_that_can_not_be_pickled_comes_back_by_name(pool):
    outcome = await go(pool, calls.fail_oddly)
    assert outcome.failure.type == "tests.execution.calls.OddError"
    assert str(outcome.error) == "a"


@pytest.mark.parametrize(
    ("task", "error"),
    [
        (calls.leave, RemoteError),
        (calls.cancel_itself, TaskError),
        (calls.recurse, RecursionError),
        pytest.param(
            calls.use_all_memory, MemoryError, marks=pytest.mark.skipif(not LINUX, reason="Linux")
        ),
    ],
)
async def test_what_would_end_a_program_fails_the_task_alone(pool, task, error):
    pid = (await go(pool, calls.who)).value[0]
    outcome = await go(pool, task)
    assert isinstance(outcome.error, error)
    assert not outcome.lost
    assert (await go(pool, calls.who)).value[0] == pid


async def test_a_value_that_can_not_come_back_is_a_failure_that_says_why(pool):
    outcome = await go(pool, calls.give, "unwritable")
    assert isinstance(outcome.error, EncodeError)
    assert "not to be pickled" in str(outcome.error)
    outcome = await go(pool, calls.give, "unreadable")
    assert isinstance(outcome.error, DecodeError)
    assert "no number" in str(outcome.error)


async def test_what_can_not_be_sent_to_a_child_says_why(pool):
    app = Asynq("here", broker="memory://", set_as_current=False)

    @app.task(pool="process")
    def local():
        pass

    for task, args in [
        (local, ()),
        (calls.add, (1, lambda: None)),
        (calls.add, (1, calls.BadArgument())),
    ]:
        with pytest.raises(EncodeError, match="can't be handed to a child process"):
            await go(pool, task, *args)
    assert await go(pool, calls.add, 1, 1) == Success(2)


async def test_large_values_go_both_ways(pool):
    large = os.urandom(3_000_000)
    assert await go(pool, calls.add, large, large) == Success(large + large)


# Death


@pytest.mark.both_loops
async def test_a_child_that_dies_is_a_lost_worker_and_the_next_call_gets_a_new_one(pool):
    outcome = await go(pool, calls.die)
    assert isinstance(outcome.error, WorkerLostError)
    assert outcome.lost
    assert outcome.error.__cause__ is None
    assert str(outcome.error) == (
        f"the process that ran {calls.die.name}[id-1] died before the task ended: exit code 9"
    )
    assert outcome.failure.traceback.count("\n") == 1
    assert await go(pool, calls.add, 1, 1) == Success(2)


async def test_of_a_childs_death_the_hooks_are_told_in_a_thread_of_the_worker(tmp_path):
    pools = Pools(threads=1, processes=1)
    note = tmp_path / "told"
    await run(calls.told_of_death, request_of(calls.told_of_death), (str(note),), {}, pools)
    assert note.read_text() == f"{os.getpid()} WorkerLostError asynq-task-1\n"
    await pools.aclose()


@pytest.mark.both_loops
@pytest.mark.parametrize(
    ("task", "args", "how"),
    [
        (calls.signal_itself, (signal.SIGKILL,), "SIGKILL"),
        (calls.signal_itself, (signal.SIGRTMIN + 1,), f"signal {signal.SIGRTMIN + 1}"),
        (calls.crash, (), "SIGSEGV"),
        (calls.abort, (), "SIGABRT"),
        (calls.die_holding_the_line, (), "exit code 9"),
    ],
)
async def test_it_is_said_how_a_child_died(pool, task, args, how):
    outcome = await go(pool, task, *args)
    assert str(outcome.error).endswith(f"died before the task ended: {how}")


async def test_a_child_that_closes_its_line_is_lost_and_does_not_keep_us_waiting(pool):
    outcome = await go(pool, calls.close_everything)
    assert outcome.lost


async def test_a_child_that_died_idle_fails_no_task(pool):
    for number in (signal.SIGKILL, signal.SIGSTOP):
        pid = (await go(pool, calls.who)).value[0]
        os.kill(pid, number)
        if number == signal.SIGSTOP:  # it dies as it is asked, with the job in its hands
            asyncio.get_running_loop().call_later(0.1, os.kill, pid, signal.SIGKILL)
        assert (await go(pool, calls.who)).value[0] != pid


async def test_children_are_replaced_at_once_or_when_their_task_has_ended(tmp_path):
    pool = ProcessPool(2)
    idle = (await go(pool, calls.who)).value[0]
    assert pool.pids == [idle]
    assert pool.renew() == (1, 0)
    await until(lambda: not is_alive(idle))
    note = tmp_path / "note"
    running = asyncio.create_task(go(pool, calls.wait_for, str(note)))
    [busy] = await until(lambda: pool.pids)
    await until((tmp_path / "note.begun").exists)
    assert pool.renew() == (0, 1)
    assert is_alive(busy)
    note.touch()
    assert await running == Success(busy)
    await until(lambda: not is_alive(busy))
    assert (await go(pool, calls.who)).value[0] not in (idle, busy)
    await pool.aclose()


async def test_a_child_is_replaced_after_so_many_tasks(caplog):
    pool = ProcessPool(1, Wear(tasks=2))
    with caplog.at_level(logging.INFO, "asynq.worker"):
        pids = [(await go(pool, calls.who)).value[0] for _ in range(5)]
    first, second, third = pids[0], pids[2], pids[4]
    assert pids == [first, first, second, second, third]
    assert len({first, second, third}) == 3
    await until(lambda: not is_alive(first) and not is_alive(second))
    assert pool.pids == [third]
    assert (
        f"Child process {first} leaves: it has run 2 tasks (worker_max_tasks_per_child)"
        in caplog.messages
    )
    await pool.aclose()


async def test_a_task_that_can_not_be_had_there_wears_a_child_too():
    pool = ProcessPool(1, Wear(tasks=1, memory=1 << 30))
    with pytest.raises(EncodeError, match="read here alone"):
        await go(pool, calls.add, 1, calls.ReadHereAlone())
    assert pool.pids == []
    assert (await go(pool, calls.add, 1, y=2)) == Success(3)
    await pool.aclose()


async def test_a_child_that_has_grown_too_large_is_replaced(caplog):
    pool = ProcessPool(1, Wear(memory=150 * 1024))
    small = (await go(pool, calls.who)).value[0]
    assert (await go(pool, calls.who)).value[0] == small
    with caplog.at_level(logging.INFO, "asynq.worker"):
        assert await go(pool, calls.keep, 200 * 1024 * 1024) == Success(small)
    await until(lambda: not is_alive(small))
    assert (await go(pool, calls.who)).value[0] != small
    [said] = [each for each in caplog.messages if "leaves" in each]
    found = re.search(r"it has (\d+) KiB of memory \(worker_max_memory_per_child\)", said)
    assert found is not None
    assert int(found[1]) >= 200 * 1024
    await pool.aclose()


async def test_memory_that_was_given_back_wears_no_child():
    pool = ProcessPool(1, Wear(memory=150 * 1024))
    pid = await go(pool, calls.use, 200 * 1024 * 1024)
    assert (await go(pool, calls.who)).value[0] == pid.value
    await pool.aclose()


async def test_where_no_child_can_be_started_the_task_has_not_run_and_it_is_said_why(
    pool, monkeypatch
):
    monkeypatch.setattr(sys, "executable", "/nothing/here")
    outcome = await go(pool, calls.add, 1, 1)
    assert (type(outcome), outcome.lost, outcome.delay) == (Interrupted, False, ANOTHER_TRY)
    assert outcome.reason.startswith("no process could be had for it: it could not be started")
    assert "No such file" in outcome.reason
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert (await go(pool, calls.add, 1, 1)).reason.endswith("exit code 1")


async def test_without_a_worker_to_try_it_again_it_has_failed(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nothing/here")
    outcome = await run_here(calls.add, request_of(calls.add), (1, 1), {})
    assert isinstance(outcome.error, WorkerLostError)
    assert "no process could be had" in str(outcome.error)


@pytest.mark.both_loops
@pytest.mark.parametrize("task", [calls.hang, calls.hang_in_c])
async def test_cancelling_kills_the_child(pool, tmp_path, task):
    note = tmp_path / "pid"
    running = asyncio.create_task(go(pool, task, str(note)))
    await until(lambda: note.exists() and note.read_text())
    running.cancel()
    await asyncio.wait({running})
    assert running.cancelled()
    await until(lambda: not is_alive(int(note.read_text())))
    assert await go(pool, calls.add, 1, 1) == Success(2)


async def test_cancelling_while_a_child_starts_leaves_none(pool):
    before = children()
    running = asyncio.create_task(go(pool, calls.add, 1, 1))
    await until(lambda: len(children()) > len(before))
    running.cancel()
    await asyncio.wait({running})
    assert running.cancelled()
    await until(lambda: children() == before)


@pytest.mark.both_loops
async def test_closing_the_pool_ends_idle_children_and_kills_the_others(tmp_path):
    pool = ProcessPool(2)
    note = tmp_path / "pid"
    running = asyncio.create_task(go(pool, calls.hang, str(note)))
    idle = (await go(pool, calls.who)).value[0]
    await until(lambda: note.exists() and note.read_text())
    await pool.aclose()
    assert not is_alive(idle)
    assert not is_alive(int(note.read_text()))
    assert (await running).lost
    with pytest.raises(RuntimeError, match="closed"):
        await go(pool, calls.add, 1, 1)


def children():
    listed = subprocess.run(
        ["ps", "-o", "pid=,comm=", "--ppid", str(os.getpid())],
        capture_output=True,
        text=True,
        check=True,  # it finds itself at least
    )
    return {line for line in listed.stdout.splitlines() if not line.endswith("ps")}


@pytest.mark.skipif(not LINUX, reason="looks into /proc")
async def test_twenty_children_leave_nothing_behind():
    pool = ProcessPool(2)
    await go(pool, calls.add, 1, 1)
    await pool.aclose()
    before = len(os.listdir("/proc/self/fd")), children(), threading.active_count()
    pool = ProcessPool(2)
    await asyncio.gather(*(go(pool, calls.die) for _ in range(20)))
    await go(pool, calls.add, 1, 1)
    await pool.aclose()
    await until(
        lambda: (len(os.listdir("/proc/self/fd")), children(), threading.active_count()) == before
    )


@pytest.mark.skipif(not LINUX, reason="looks into /proc")
async def test_a_child_inherits_the_standard_streams_and_its_line_alone(pool):
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    outcome = await go(pool, calls.look_at_descriptors)
    os.close(reader)
    os.close(writer)
    assert outcome.value["stdin"] == "/dev/null"
    assert outcome.value["pipes"] == 0
    assert outcome.value["inheritable"] == [0, 1, 2]


# Limits


@pytest.mark.both_loops
async def test_a_soft_limit_is_raised_in_the_child_and_may_be_caught_there(pool):
    limits = {"timelimit": (None, 0.05)}
    outcome = await pool.run(calls.sleep_long, request_of(calls.sleep_long, **limits), (), {})
    assert outcome == Success("its soft_time_limit of 0.05 s is over")
    request = request_of(calls.sleep_long_async, **limits)
    outcome = await pool.run(calls.sleep_long_async, request, (), {})
    assert type(outcome.error) is SoftTimeLimitExceeded
    assert "in sleep_long_async" in outcome.failure.traceback


# What a task may do


async def test_a_def_may_run_an_event_loop_of_its_own_in_the_main_thread(pool):
    assert await go(pool, calls.run_a_loop) == Success(True)


async def test_what_a_task_prints_and_logs_goes_where_the_workers_does(pool, capfd, tmp_path, ours):
    logs.set_up(
        "INFO",
        log_format="%(message)s",
        task_format="%(levelname)s %(task_id)s %(message)s",
        logfile=tmp_path / "log",
        hijack_root=False,
    )
    await go(pool, calls.write_and_log)
    assert capfd.readouterr().out == "printed\nechoed\n"
    assert (tmp_path / "log").read_text() == "WARNING id-1 warned\n"


async def test_a_task_may_start_programs_that_read_write_and_complain(pool, capfd):
    async with asyncio.timeout(20):
        assert await go(pool, calls.start_programs) == Success(0)
        assert await go(pool, calls.add, 1, 1) == Success(2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP])
async def test_a_signal_to_all_processes_of_a_worker_leaves_the_task_alone(pool, number):
    assert await go(pool, calls.signal_itself, number) == Success("done")
    assert await go(pool, calls.signal_a_program, number) == Success(-number)


# Alone


@pytest.mark.both_loops
async def test_a_quarantined_task_has_a_process_to_itself_whatever_its_pool():
    before = children()
    pids = set()
    for task in (calls.on_the_loop, calls.in_a_thread, calls.who):
        pid, _ = (await run_alone(task, request_of(task), (), {})).value
        pids.add(pid)
        assert not is_alive(pid)
    assert len(pids | {os.getpid()}) == 4
    assert children() == before
    # Where a coroutine could wait for other tasks in the worker, it can here.
    assert (await run_alone(calls.on_the_loop, request_of(calls.on_the_loop), (), {})).value[1]


async def test_a_quarantined_task_kills_nobody_else():
    outcome = await run_alone(calls.crash, request_of(calls.crash), (), {})
    assert outcome.lost
    assert str(outcome.error).endswith("SIGSEGV")


async def test_cancelling_a_quarantined_task_kills_it(tmp_path):
    note = tmp_path / "pid"
    running = asyncio.create_task(run_alone(calls.hang, request_of(calls.hang), (str(note),), {}))
    await until(lambda: note.exists() and note.read_text())
    running.cancel()
    await asyncio.wait({running})
    await until(lambda: not is_alive(int(note.read_text())))
    assert running.cancelled()


async def test_a_task_that_can_not_be_quarantined_says_so():
    app = Asynq("here", broker="memory://", set_as_current=False)

    @app.task
    async def local():
        pass

    with pytest.raises(EncodeError):
        await run_alone(local, request_of(local), (), {})


def test_a_pool_without_processes_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        ProcessPool(0)
