"""What the framework does about the advice that others only give."""

import pytest

from asynq.exceptions import AlreadyRegistered


async def test_a_task_named_after_a_script_warns(app):
    """No worker would know it: the worker imports the script by its real name."""
    with pytest.warns(RuntimeWarning, match="Name the app"):
        await app.send_task("__main__.add", (4, 4))


def test_results_do_not_pile_up(app):
    assert app.conf.result_expires == 24 * 3600


async def test_one_task_may_keep_its_results_shorter(app, worker, server):
    @app.task(result_expires=5)
    async def add(x: int, y: int) -> int:
        return x + y

    await add.delay(4, 4).get(timeout=10)
    (key,) = server.command("KEYS", "*res:*")
    assert 0 < server.command("PTTL", key) <= 5000


def test_two_functions_of_one_name_are_an_error(app):
    @app.task(name="sums.add")
    async def add(x, y): ...

    with pytest.raises(AlreadyRegistered, match=r"sums\.add"):

        @app.task(name="sums.add")
        async def another(x, y): ...


def test_the_same_function_again_replaces_itself(app):
    """After a reload, or in a notebook's cell that runs again."""

    def define():
        @app.task(name="sums.add")
        async def add(x, y): ...

        return add

    define()
    again = define()
    assert app.tasks["sums.add"] is again
