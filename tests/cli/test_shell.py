"""`asynq shell`."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress

import pytest

from tests.waiting import until

pytestmark = pytest.mark.untidy  # the background loop of `run` stays until the process ends


def test_the_app_and_its_tasks_are_at_hand(project):
    with project.worker():
        ran = project.run(
            *("-A", "shop", "shell"),
            typed="print('sum', run(add.delay(2, 3).get()))\nprint(app.main, greet.name)\n",
        )
    assert ran.code == 0
    assert "sum 5\n" in ran.out
    assert "shop shop.greet\n" in ran.out
    assert "Here: add, app, elsewhere, fail, greet, run\n" in ran.err


def test_await_may_stand_anywhere_and_run_beside_it(project):
    lines = (
        "sent = add.delay(2, 3)",
        "print('sum', await sent.get())",
        "await add.delay(1, 1).get()",
        "for y in range(2):",
        "    print('y', await add.delay(y, 10).get())",
        "",
        "print('run', run(add.delay(4, 4).get()))",
        "value = await add.delay(5, 5).get(); print('kept', value)",
    )
    with project.worker():
        ran = project.run("-A", "shop", "shell", typed="\n".join(lines) + "\n")
    assert ran.code == 0
    assert "Traceback" not in ran.err
    for line in ("sum 5", "2", "y 10", "y 11", "run 8", "kept 10"):
        assert f"{line}\n" in ran.out


def test_all_of_it_awaits_on_one_loop(project):
    ran = project.run(
        *("-A", "shop", "shell"),
        typed="import asyncio\n"
        "async def loop(): return asyncio.get_running_loop()\n\n"
        "first = await loop()\n"
        "second = await loop()\nthird = run(loop())\n"
        "print('same', first is second is third)\n",
    )
    assert "same True\n" in ran.out


def test_what_is_awaited_may_fail_or_call_for_the_end(project):
    with project.worker():
        ran = project.run(
            *("-A", "shop", "shell"),
            typed="await fail.delay().get()\n"
            "print('still', 'here')\n"
            "exit(await add.delay(3, 4).get())\n"
            "print('not', 'here')\n",
        )
    assert "LookupError: nothing\nthere\n" in ran.err
    assert "still here\n" in ran.out
    assert "not here\n" not in ran.out
    assert ran.code == 7


@contextmanager
def on_a_terminal(project):
    """`asynq -A shop shell`, what types into it, and what tells whether it has said something."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "asynq", "-A", "shop", "shell"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=project.directory,
        env={**os.environ, "TERM": "dumb", "PYTHON_HISTORY": os.devnull},
    )
    os.close(theirs)
    os.set_blocking(ours, False)
    said = bytearray()

    def has_said(text):
        with suppress(BlockingIOError):
            said.extend(os.read(ours, 65536))
        return text in said

    try:
        yield process, lambda line: os.write(ours, line), has_said
    finally:
        process.kill()
        process.wait()
        os.close(ours)


async def test_on_a_terminal_names_are_completed_and_ctrl_c_ends_the_waiting_alone(project):
    with on_a_terminal(project) as (process, type_, has_said):
        await until(lambda: has_said(b">>> "))
        type_(b"import asyncio; print('waits'); await asyncio.sleep(600)\n")
        await until(lambda: has_said(b"waits\r\n"))
        process.send_signal(signal.SIGINT)
        await until(lambda: has_said(b"KeyboardInterrupt"))
        type_(b"print('called', ap\t.main)\n")
        await until(lambda: has_said(b"called shop\r\n"))
        type_(b"import sys; sys.exit(3)\n")
        await until(lambda: process.poll() is not None)
        assert process.returncode == 3


def test_an_error_at_the_prompt_does_not_end_it(project):
    ran = project.run("-A", "shop", "shell", typed="1 / 0\nprint('still', 'here')\n")
    assert ran.code == 0
    assert "ZeroDivisionError" in ran.err
    assert "still here\n" in ran.out


def test_names_that_two_tasks_share_are_left_out(project):
    project.write(
        "two.py",
        "from asynq import Asynq\napp = Asynq()\n"
        "for module in 'ab':\n"
        "    app.task(name=f'{module}.same')(lambda: None)\n"
        "app.task(name='x.app')(lambda: None)\n",
    )
    ran = project.run("-A", "two", "shell", typed="print(type(app).__name__)\n")
    assert "Here: app, run\n" in ran.err
    assert "Asynq\n" in ran.out


def test_it_leaves_no_thread_that_keeps_the_process(project):
    ran = subprocess.run(
        [sys.executable, "-m", "asynq", "-A", "shop", "shell"],
        input="print(run(add.delay(1, 2)).id)\n",
        capture_output=True,
        text=True,
        timeout=20,
        cwd=project.directory,
        check=False,
    )
    assert ran.returncode == 0
    assert "Traceback" not in ran.stderr
