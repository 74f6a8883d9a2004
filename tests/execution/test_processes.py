"""Child processes for `pool="process"`: a value or a failure comes back, whatever happens there."""

import asyncio
import os
import signal

import pytest

from asynq.exceptions import EncodeError, RemoteError, WorkerLostError
from asynq.execution.outcome import Failed, Success
from asynq.execution.processes import ProcessPool
from asynq.request import Request
from tests.execution import calls
from tests.waiting import until

pytestmark = pytest.mark.untidy  # anyio's children, and the task that ends them, live with the loop

REQUEST = Request(id="id-1", task="calls.task")


@pytest.fixture
def pool():
    return ProcessPool(1)


async def test_a_call_runs_in_another_process_with_its_request(pool):
    outcome = await pool.run(calls.who, (), {}, REQUEST)
    assert isinstance(outcome, Success)
    pid, id = outcome.value
    assert pid != os.getpid()
    assert id == "id-1"


@pytest.mark.parametrize("function", [calls.add, calls.add_async])
async def test_both_kinds_of_functions_give_their_value(pool, function):
    assert await pool.run(function, (1,), {"y": 2}, REQUEST) == Success(3)


async def test_an_error_comes_back_as_its_own_type(pool):
    outcome = await pool.run(calls.fail, (), {}, REQUEST)
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, KeyError)
    assert "in fail" in outcome.failure.traceback
    assert outcome.failure.traceback.count("File ") == 1


async def test_an_error_that_can_not_be_pickled_comes_back_by_name(pool):
    outcome = await pool.run(calls.fail_oddly, (), {}, REQUEST)
    assert isinstance(outcome.error, RemoteError)
    assert type(outcome.error).__name__ == "OddError"


async def test_system_exit_fails_the_task(pool):
    outcome = await pool.run(calls.leave, (), {}, REQUEST)
    assert outcome.failure.type == "builtins.SystemExit"


@pytest.mark.both_loops
async def test_a_child_that_dies_is_a_lost_worker_and_the_next_call_gets_a_new_one(pool):
    outcome = await pool.run(calls.die, (), {}, REQUEST)
    assert isinstance(outcome.error, WorkerLostError)
    assert outcome.error.__cause__ is None
    assert str(outcome.error).endswith("died before the task ended: exit code 9")
    assert outcome.failure.traceback.count("\n") == 1
    assert await pool.run(calls.add, (1, 1), {}, REQUEST) == Success(2)


@pytest.mark.both_loops
async def test_a_child_that_is_killed_says_by_which_signal(pool):
    outcome = await pool.run(calls.signal_itself, (signal.SIGKILL,), {}, REQUEST)
    assert str(outcome.error).endswith("died before the task ended: SIGKILL")
    outcome = await pool.run(calls.signal_itself, (signal.SIGRTMIN + 1,), {}, REQUEST)
    assert str(outcome.error).endswith(f"died before the task ended: signal {signal.SIGRTMIN + 1}")


async def test_cancelling_kills_the_child(pool, tmp_path):
    note = tmp_path / "pid"
    running = asyncio.create_task(pool.run(calls.hang, (str(note),), {}, REQUEST))
    await until(lambda: note.exists() and note.read_text())
    running.cancel()
    await asyncio.wait({running})
    await until(lambda: not _alive(int(note.read_text())))


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_what_can_not_be_sent_to_a_child_says_why(pool):
    with pytest.raises(EncodeError, match="top level of an importable module"):
        await pool.run(lambda: None, (), {}, REQUEST)


async def test_a_task_may_start_programs_that_read_write_and_complain(pool):
    async with asyncio.timeout(20):
        assert await pool.run(calls.start_programs, (), {}, REQUEST) == Success(0)
        assert await pool.run(calls.add, (1, 1), {}, REQUEST) == Success(2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT])
async def test_a_signal_to_all_processes_of_a_worker_leaves_the_task_alone(pool, number):
    assert await pool.run(calls.signal_itself, (number,), {}, REQUEST) == Success("done")
    outcome = await pool.run(calls.signal_a_program, (number,), {}, REQUEST)
    assert outcome == Success(-number)
