"""The program in a child process: it ends when it is told, and never outlives its parent."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from contextlib import contextmanager

import pytest

from asynq.execution.processes import ProcessPool
from asynq.request import Request
from tests.execution import calls
from tests.waiting import until

PARENT = """
import asyncio, sys
from asynq.execution.processes import ProcessPool
from asynq.request import Request
from tests.execution import calls

async def main():
    pool = ProcessPool(1)
    print((await pool.run(calls.who, Request(task=calls.who.name), (), {})).value[0], flush=True)
    task = getattr(calls, sys.argv[1])
    await pool.run(task, Request(task=task.name), sys.argv[2:], {})
    await asyncio.sleep(60)

asyncio.run(main())
"""

SCRIPT = """
import asyncio
from asynq import Asynq
from asynq.execution.processes import ProcessPool
from asynq.request import Request

app = Asynq(MAIN, broker="memory://", set_as_current=False)

class Kept(Exception):
    pass

class Pair:
    def __init__(self, value):
        self.value = value

@app.task(pool="process")
def add(x, y):
    return Pair(x + y)

@app.task(pool="process")
def fail():
    raise Kept("here")

async def main():
    pool = ProcessPool(1)
    outcome = await pool.run(add, Request(task=add.name), (1, 2), {})
    print(type(outcome.value) is Pair, outcome.value.value, add.name)
    outcome = await pool.run(fail, Request(task=fail.name), (), {})
    print(outcome.failure.text)
    await pool.aclose()

if __name__ == "__main__":
    asyncio.run(main())
"""


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("task", ["who", "hang", "hang_in_c"])
async def test_a_child_does_not_outlive_its_parent(tmp_path, task):
    note = tmp_path / "note"
    args = [] if task == "who" else [str(note)]
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, task, *args, stdout=subprocess.PIPE
    )
    pid = int(await parent.stdout.readline())
    if args:
        await until(lambda: note.exists() and note.read_text())
    assert is_running(pid)
    parent.kill()
    await parent.wait()
    await until(lambda: not is_running(pid), within=5)


@pytest.mark.parametrize("main", ["None", "'shop'"])
def test_a_script_finds_its_own_tasks_and_classes_in_its_children(tmp_path, main):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.replace("MAIN", main))
    ran = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, timeout=30, check=False
    )
    assert ran.stderr == ""
    name = "__main__.add" if main == "None" else "shop.add"
    assert ran.stdout == f"True 3 {name}\nhere\n"


def test_a_shared_task_finds_the_app_that_its_module_does_not_import(tmp_path):
    (tmp_path / "library.py").write_text(
        textwrap.dedent("""
        from asynq import shared_task, current_app

        @shared_task(pool="process")
        def which():
            return current_app.main
        """)
    )
    (tmp_path / "shop.py").write_text(
        textwrap.dedent("""
        import asyncio
        import library
        from asynq import Asynq
        from asynq.execution.processes import ProcessPool
        from asynq.request import Request

        app = Asynq("shop", broker="memory://")

        async def main():
            pool = ProcessPool(1)
            task = app.tasks[library.which.name]
            outcome = await pool.run(task, Request(task=task.name), (), {})
            print(outcome.value)
            await pool.aclose()
        """)
    )
    ran = subprocess.run(
        [sys.executable, "-c", "import asyncio, shop; asyncio.run(shop.main())"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=tmp_path,
    )
    assert (ran.stdout, ran.stderr) == ("shop\n", "")


@contextmanager
def standard_error_in(path):
    """Let the standard error of this process, and of its children, go there meanwhile.

    Not `capfd`: who reads from that moves the place where a child writes.
    """
    before = os.dup(2)
    with path.open("ab") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)


async def test_a_child_shows_where_it_is_when_it_is_asked(tmp_path):
    said, note = tmp_path / "stderr", tmp_path / "pid"
    pool = ProcessPool(1)
    with standard_error_in(said):
        running = asyncio.create_task(
            pool.run(calls.hang, Request(task=calls.hang.name), (str(note),), {})
        )
        pid = await until(lambda: note.exists() and note.read_text())
    os.kill(int(pid), signal.SIGUSR1)
    await until(lambda: "in hang" in said.read_text())
    await pool.aclose()
    await running
