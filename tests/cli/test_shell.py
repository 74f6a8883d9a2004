"""`asynq shell`."""

import subprocess
import sys

import pytest

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
